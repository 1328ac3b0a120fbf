import Foundation
import NeuralGraph
import RTL
import Testing

@Suite("Stream control in simulation", .serialized)
struct ControlSimulationTests {
  /// Random windows over 1x1 ... 12x12 maps.
  static func singleWindows(_ count: Int, seed: UInt64) -> [ControlCase] {
    var g = SeededGenerator(seed)
    return (0..<count).map { number in
      let geometry = WindowGeometry.random(
        height: g.pick(1...12), width: g.pick(1...12), using: &g)
      var stage = StageTiming(.window(geometry), ranks: g.pick(1...4))
      if number % 4 == 3 { stage.fifoDepth = g.pick(1...stage.fullRateFIFODepth) }
      var one = ControlCase(StreamTiming(stages: [stage]))
      one.appendAll(using: &g)
      return one
    }
  }

  /// Random chains of three stages, some of them whole-frame accumulators or serial sums.
  static func chains(_ count: Int, seed: UInt64) -> [ControlCase] {
    var g = SeededGenerator(seed)
    return (0..<count).map { number in
      var height = g.pick(1...12)
      var width = g.pick(1...12)
      let frame = height * width
      var stages: [StageTiming] = []
      for position in 0..<3 {
        let kind: StageTiming.Kind
        if g.chance(25),
          let serial = StageTiming.Kind.randomSerial(
            height: height, width: width, cycles: frame / (height * width), using: &g)
        {
          kind = serial
        } else if g.chance(position == 2 ? 15 : 3) {
          kind = .frameAccumulator(height: height, width: width)
        } else {
          kind = .window(.random(height: height, width: width, kernels: 1...5, using: &g))
        }
        var stage = StageTiming(kind, ranks: g.pick(1...4))
        if number % 3 == 2 { stage.fifoDepth = g.pick(1...stage.fullRateFIFODepth) }
        stages.append(stage)
        height = stage.outputHeight
        width = stage.outputWidth
      }
      var one = ControlCase(StreamTiming(stages: stages))
      one.appendAll(using: &g)
      return one
    }
  }

  /// How many random cases a test simulates; by hand many more, with another seed.
  static let count = environment("DEEPFREEZE_CONTROL_CASES", 40)
  static let seed = UInt64(environment("DEEPFREEZE_CONTROL_SEED", 1))

  private static func environment(_ name: String, _ otherwise: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? otherwise
  }

  @Test(
    "A window of any geometry gives every beat in the predicted cycle, in Icarus",
    .enabled(if: ControlSimulator.icarus.runs))
  func windowsInIcarus() throws {
    for batch in stride(from: 0, to: Self.count, by: 100) {
      let cases = Self.singleWindows(
        min(100, Self.count - batch), seed: Self.seed &* 1000 &+ UInt64(batch))
      #expect(try ControlSimulator.icarus.failures(cases) == [])
    }
  }

  @Test(
    "A chain of three stages gives every beat in the predicted cycle, in Icarus",
    .enabled(if: ControlSimulator.icarus.runs))
  func chainsInIcarus() throws {
    for batch in stride(from: 0, to: Self.count / 2, by: 100) {
      let cases = Self.chains(
        min(100, Self.count / 2 - batch), seed: Self.seed &* 1000 &+ 500 &+ UInt64(batch))
      #expect(try ControlSimulator.icarus.failures(cases) == [])
    }
  }

  /// A stride, then a window whose flush is longer than the gap between its frames; and tiny frames.
  static let strided = StreamTimingTests.chain(6, 7, [(3, 2), (5, 1)], ranks: 2)
  static let tiny = StreamTimingTests.chain(1, 2, [(7, 1), (3, 1)], ranks: 1)

  @Test(
    "A reset in any cycle, also of a flush, leaves nothing behind",
    .enabled(if: ControlSimulator.icarus.runs), arguments: [strided, tiny])
  func resetAnywhere(_ timing: StreamTiming) throws {
    var g = SeededGenerator(21)
    var one = ControlCase(timing)
    let length = CycleModel(timing).run(.backToBack(2, timing, using: &g)).cycles
    for cycle in 2...length {
      // The frames that follow are offered from the middle of one on, then whole.
      var stimulus = StreamStimulus.backToBack(4, timing, using: &g)
      stimulus.beats[2 * timing.inputPixels].gap = length
      stimulus.resets = [cycle..<(cycle + 1)]
      one.append(stimulus, using: &g)
    }
    #expect(try ControlSimulator.icarus.failures([one]) == [])
  }

  @Test(
    "The next frame may begin in any cycle of a flush",
    .enabled(if: ControlSimulator.icarus.runs), arguments: [strided, tiny])
  func everyGap(_ timing: StreamTiming) throws {
    var g = SeededGenerator(22)
    var one = ControlCase(timing)
    let length = CycleModel(timing).run(.backToBack(1, timing, using: &g)).cycles
    for gap in 0...length {
      var stimulus = StreamStimulus.backToBack(3, timing, using: &g)
      for frame in 1...2 { stimulus.beats[frame * timing.inputPixels].gap = gap }
      one.append(stimulus, using: &g)
      #expect(one.traces.last?.notReady == [])
    }
    #expect(try ControlSimulator.icarus.failures([one]) == [])
  }

  @Test(
    "Windows and chains give every beat in the predicted cycle, in Verilator",
    .enabled(if: ControlSimulator.verilator.runs))
  func chainsInVerilator() throws {
    let cases = Self.singleWindows(4, seed: 3) + Self.chains(4, seed: 4)
    #expect(try ControlSimulator.verilator.failures(cases) == [])
  }
}
