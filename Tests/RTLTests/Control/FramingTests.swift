import NeuralGraph
import RTL
import Testing

@Suite("Framing and sideband of the input", .serialized)
struct FramingTests {
  /// A 3x3 window over 4x3 pixels.
  static let timing = StreamTimingTests.chain(4, 3, [(3, 1)], ranks: 2)
  static let pixels = 12

  /// `count` good frames.
  static func frames(_ count: Int, user: (Int) -> UInt64 = { UInt64($0) }) -> StreamStimulus {
    .frames(count, height: 4, width: 3, user: user)
  }

  /// The trace of a stimulus, which the templates follow in Icarus when it is there.
  private func trace(_ stimulus: StreamStimulus, of timing: StreamTiming = timing) throws
    -> CycleTrace
  {
    var g = SeededGenerator(31)
    var one = ControlCase(timing)
    one.append(stimulus, using: &g)
    if ControlSimulator.icarus.runs {
      #expect(try ControlSimulator.icarus.failures([one]) == [])
    }
    return one.traces[0]
  }

  @Test("Beats before the first start of frame are dropped, and are no error")
  func beforeFirstFrame() throws {
    var stimulus = Self.frames(1)
    stimulus.beats = Self.frames(1).beats[5...8] + stimulus.beats
    let trace = try trace(stimulus)
    #expect(trace.inputs == Array(2..<18))
    #expect(trace.frames.map(\.firstBeat) == [4])
    #expect(trace.framingErrors == [])
    #expect(trace.outputs.count == Self.pixels)
  }

  @Test("An early start of frame waits while its forerunner is completed with padding")
  func earlyStart() throws {
    var stimulus = Self.frames(2)
    stimulus.beats.removeSubrange(7..<Self.pixels)
    let trace = try trace(stimulus)
    // Seven pixels, five cycles of padding, twelve pixels.
    #expect(trace.inputs == Array(2..<9) + Array(14..<26))
    #expect(trace.held == Array(9..<14))
    #expect(trace.framingErrors == [10])
    #expect(trace.frames.map(\.receivedPixels) == [7, 12])
    #expect(trace.frames.map(\.isComplete) == [true, true])
    #expect(trace.outputs.map(\.frame) == (0..<24).map { $0 / 12 })
  }

  @Test("An early start of frame waits for a design that is not ready, too")
  func earlyStartAndStalls() throws {
    var stimulus = Self.frames(3)
    stimulus.beats.removeSubrange(13..<24)
    stimulus.ready = [false, false, false, true]
    let trace = try trace(stimulus)
    #expect(trace.frames.map(\.receivedPixels) == [12, 1, 12])
    #expect(trace.held.count > 11)
    #expect(trace.outputs.count == 36)
  }

  @Test("Without a start of frame beats are dropped until one comes")
  func missingStart() throws {
    var stimulus = Self.frames(3)
    stimulus.beats[Self.pixels].startOfFrame = false
    let trace = try trace(stimulus)
    #expect(trace.inputs == Array(2..<38))
    #expect(trace.frames.map(\.firstBeat) == [0, 24])
    #expect(trace.frames.map(\.user) == [0, 2])
    #expect(trace.framingErrors == [15])
    #expect(trace.outputs.count == 24)
  }

  @Test("A wrong tlast sets the error and steers nothing", arguments: [4, 5])
  func wrongLast(beat: Int) throws {
    var stimulus = Self.frames(2)
    stimulus.beats[beat].lastOfLine.toggle()
    let trace = try trace(stimulus)
    var good = CycleModel(Self.timing).run(Self.frames(2), recordStages: true)
    #expect(trace.framingErrors == [beat + 3])
    good.framingErrors = trace.framingErrors
    #expect(trace == good)
  }

  @Test("A reset clears the error and drops the rest of a frame")
  func resetClearsError() throws {
    var stimulus = Self.frames(3)
    stimulus.beats[4].lastOfLine.toggle()
    stimulus.resets = [16..<17]
    let trace = try trace(stimulus)
    #expect(trace.framingErrors == [7])
    #expect(trace.frames.map(\.isComplete) == [true, false, true])
    #expect(trace.frames[1].receivedPixels == 2)
    #expect(trace.outputs.suffix(12).allSatisfy { $0.frame == 2 })
  }

  @Test("Frames of one pixel are each a start of frame")
  func onePixel() throws {
    let geometry = WindowGeometry(
      inputHeight: 1, inputWidth: 1, kernelHeight: 5, kernelWidth: 5, strideY: 1, strideX: 1,
      padding: .same)
    let timing = StreamTiming(stages: [StageTiming(.window(geometry!), ranks: 1)])
    let trace = try trace(.frames(9, height: 1, width: 1, user: { UInt64(15 - $0) }), of: timing)
    #expect(trace.framingErrors == [])
    #expect(trace.outputs.map(\.user) == (0..<9).map { UInt64(15 - $0) })
    #expect(trace.outputs.allSatisfy { $0.first && $0.last })
  }

  @Test("The sideband stays with its frame when several frames are in one stage")
  func sideband() throws {
    let timing = StreamTimingTests.chain(1, 2, [(7, 1), (5, 1)], ranks: 3)
    let trace = try trace(.frames(12, height: 1, width: 2, user: { UInt64($0) }), of: timing)
    #expect(trace.outputs.map(\.user) == (0..<24).map { UInt64($0 / 2) })
    #expect(trace.outputs.map(\.last) == (0..<24).map { $0 % 2 == 1 })
  }
}
