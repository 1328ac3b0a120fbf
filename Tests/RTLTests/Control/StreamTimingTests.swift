import NeuralGraph
import RTL
import Testing

@Suite("Stream timing")
struct StreamTimingTests {
  static func same(
    _ height: Int, _ width: Int, kernel: Int, stride: Int = 1, ranks: Int, depth: Int? = nil
  ) -> StageTiming {
    let geometry = WindowGeometry(
      inputHeight: height, inputWidth: width, kernelHeight: kernel, kernelWidth: kernel,
      strideY: stride, strideX: stride, padding: .same)
    let stage = StageTiming(.window(geometry!), ranks: ranks)
    return depth.map { StageTiming(stage.kind, ranks: ranks, fifoDepth: $0) } ?? stage
  }

  /// SAME windows one behind the other.
  static func chain(
    _ height: Int, _ width: Int, _ windows: [(kernel: Int, stride: Int)], ranks: Int,
    depths: [Int?] = []
  ) -> StreamTiming {
    var stages: [StageTiming] = []
    for (number, window) in windows.enumerated() {
      let last = stages.last
      stages.append(
        same(
          last?.outputHeight ?? height, last?.outputWidth ?? width, kernel: window.kernel,
          stride: window.stride, ranks: ranks,
          depth: number < depths.count ? depths[number] : nil))
    }
    return StreamTiming(stages: stages)
  }

  /// Random chains with safe FIFOs.
  static func randomChains(_ count: Int, seed: UInt64) -> [StreamTiming] {
    var g = SeededGenerator(seed)
    return (0..<count).map { _ in
      var height = g.pick(1...12)
      var width = g.pick(1...12)
      let frame = height * width
      var stages: [StageTiming] = []
      for _ in 0..<g.pick(1...4) {
        let kind: StageTiming.Kind
        if g.chance(25),
          let serial = StageTiming.Kind.randomSerial(
            height: height, width: width, cycles: frame / (height * width), using: &g)
        {
          kind = serial
        } else if g.chance(8) {
          kind = .frameAccumulator(height: height, width: width)
        } else {
          kind = .window(.random(height: height, width: width, using: &g))
        }
        let stage = StageTiming(kind, ranks: g.pick(1...6))
        stages.append(stage)
        height = stage.outputHeight
        width = stage.outputWidth
      }
      return StreamTiming(stages: stages).withSafeFIFOs()
    }
  }

  @Test("One stage has the latencies of the closed formula")
  func closedFormula() {
    var g = SeededGenerator(5)
    for _ in 0..<300 {
      let geometry = WindowGeometry.random(height: g.pick(1...12), width: g.pick(1...12), using: &g)
      let window = WindowTiming(geometry)
      let ranks = g.pick(1...5)
      let stream = StreamTiming(stages: [StageTiming(.window(geometry), ranks: ranks)])
      let latency = stream.latency()
      #expect(latency.firstOutput == window.firstOutputDelay + 3 + ranks)
      let last: Int = window.pixels - 1 + window.lastOutputDelay
      #expect(latency.lastOutput == last + 3 + ranks)
      #expect(latency.lastOutputFollowed == latency.lastOutput)
      #expect(latency.period == window.pixels)
    }
  }

  @Test("An accumulator gives its frame's result 3 + L cycles after the last pixel")
  func accumulatorLatency() {
    let stream = StreamTiming(stages: [
      StageTiming(.frameAccumulator(height: 5, width: 4), ranks: 2)
    ])
    #expect(
      stream.latency()
        == .init(firstOutput: 24, lastOutput: 24, lastOutputFollowed: 24, period: 20))
  }

  @Test("A chain of strided windows has the latency known from an independent simulation")
  func chainLatency() {
    let latency = Self.chain(12, 10, [(3, 2), (3, 1), (3, 2)], ranks: 3).latency()
    #expect(latency.firstOutput == 104)
    #expect(latency.period == 120)
  }

  @Test(
    "A FIFO for half the rate slows the flush by the known cycles",
    arguments: [(4, 164), (5, 162), (6, 161), (7, 160)])
  func flushWithShallowFIFO(depth: Int, lastOutput: Int) {
    let stream = Self.chain(
      12, 10, [(3, 2), (3, 1), (3, 2)], ranks: 3, depths: [depth, depth, depth])
    let latency = stream.latency()
    #expect(latency.firstOutput == 104)
    #expect(latency.lastOutput == lastOutput)
    #expect(latency.period == 120)
  }

  @Test("The last output waits for the next frame's pixels when they displace flush bubbles")
  func followedFrame() {
    let latency = Self.chain(32, 64, [(3, 2), (7, 1)], ranks: 3).latency()
    #expect(latency.lastOutputFollowed - latency.lastOutput == 97)
  }

  @Test("Full rate needs L + 4 words; one fewer lowers ready", arguments: 1...6)
  func fullRateDepth(ranks: Int) {
    let stage = Self.same(8, 8, kernel: 3, ranks: ranks)
    #expect(stage.safeFIFODepth == ranks + 4)
    #expect(stage.fullRateFIFODepth == ranks + 4)
    #expect(StreamTiming(stages: [stage]).staysReady(frames: 3))
    let shallow = StageTiming(stage.kind, ranks: ranks, fifoDepth: ranks + 3)
    #expect(!StreamTiming(stages: [shallow]).staysReady(frames: 3))
  }

  @Test("A stage alone needs exactly its safe depth to stay ready")
  func safeDepthIsLeast() {
    var g = SeededGenerator(6)
    for _ in 0..<200 {
      let geometry = WindowGeometry.random(height: g.pick(1...12), width: g.pick(1...12), using: &g)
      var stage = StageTiming(.window(geometry), ranks: g.pick(1...5))
      #expect(StreamTiming(stages: [stage]).staysReady(frames: 40))
      if stage.fifoDepth > 1 {
        stage.fifoDepth -= 1
        #expect(!StreamTiming(stages: [stage]).staysReady(frames: 40), "\(stage)")
      }
    }
  }

  @Test("With safe FIFOs ready never falls, whatever the gaps of the input")
  func safeDepthsWithGaps() {
    var g = SeededGenerator(7)
    for stream in Self.randomChains(300, seed: 8) {
      var stimulus = StreamStimulus.backToBack(6, stream, using: &g)
      #expect(CycleModel(stream).run(stimulus).notReady.isEmpty)
      stimulus.addGaps(stream, using: &g)
      let trace = CycleModel(stream).run(stimulus, recordStages: true)
      #expect(trace.notReady.isEmpty)
      // Words wait in front of serial sums only.
      let next = stream.stages.dropFirst().map(\.cyclesPerStep) + [1]
      #expect(zip(trace.fifoOccupancy, next).allSatisfy { $0 <= 1 || $1 > 1 })
    }
  }

  @Test("Frames back to back cost H W cycles each and come out whole and in order")
  func throughput() {
    for stream in Self.randomChains(100, seed: 9) {
      let stimulus = StreamStimulus.frames(
        4, height: stream.inputHeight, width: stream.inputWidth, user: { UInt64($0) + 3 })
      let trace = CycleModel(stream).run(stimulus)
      let cycles = Array(2..<(2 + 4 * stream.inputPixels))
      #expect(trace.inputs == cycles)
      let frames: [Int] = trace.outputs.map { $0.frame }
      #expect(frames == (0..<(4 * stream.outputPixels)).map { $0 / stream.outputPixels })
      #expect(trace.outputs.allSatisfy { $0.user == UInt64($0.frame) + 3 })
      #expect(trace.outputs.filter { $0.first }.count == 4)
      #expect(stream.latency().period == stream.inputPixels)
    }
  }

  @Test("FIFOs of one word are slow, and never stop")
  func depthOne() {
    for var stream in Self.randomChains(100, seed: 10) {
      for stage in stream.stages.indices { stream.stages[stage].fifoDepth = 1 }
      let trace = CycleModel(stream).run(
        .frames(3, height: stream.inputHeight, width: stream.inputWidth))
      #expect(trace.outputs.count == 3 * stream.outputPixels)
    }
  }

  @Test("Depths found for back-to-back frames keep ready high and are no larger than safe ones")
  func backToBackDepths() {
    var stream = Self.chain(32, 32, [(3, 2), (3, 1), (3, 2), (3, 1)], ranks: 5)
    let depths = stream.backToBackFIFODepths(wordBits: [64, 128, 256, 256])
    #expect(zip(depths, stream.safeFIFODepths).allSatisfy { $0 <= $1 })
    #expect(depths.reduce(0, +) < stream.safeFIFODepths.reduce(0, +))
    for (stage, depth) in depths.enumerated() { stream.stages[stage].fifoDepth = depth }
    #expect(stream.staysReady(frames: 5))
  }

  @Test("A stage that never flushes needs no deeper FIFO than its input's rate")
  func depthBehindStride() {
    let strided = Self.same(16, 16, kernel: 3, stride: 2, ranks: 4)
    let valid = WindowGeometry(
      inputHeight: 8, inputWidth: 8, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .valid)
    let stream = StreamTiming(stages: [strided, StageTiming(.window(valid!), ranks: 4)])
    #expect(stream.safeFIFODepths == [4, 4])
    #expect(stream.withSafeFIFOs().staysReady(frames: 3))
  }

  @Test("Cycles a pixel are rounded down")
  func rates() {
    let stream = Self.chain(13, 33, [(3, 2), (3, 1)], ranks: 2)
    #expect(stream.cyclesPerPixel == [1, 3])
    #expect(stream.cyclesPerOutputPixel == 3)
  }

  @Test("The start queue holds the frames tinier than the window's reach")
  func startQueue() {
    let tiny = Self.same(1, 2, kernel: 7, ranks: 1).geometry
    #expect(WindowTiming(tiny).firstOutputDelay == 9)
    #expect(WindowTiming(tiny).startQueueCapacity == 4)
    #expect(WindowTiming(Self.same(9, 9, kernel: 3, ranks: 1).geometry).startQueueCapacity == 1)
    #expect(WindowTiming(Self.same(9, 9, kernel: 1, ranks: 1).geometry).startQueueCapacity == 0)
  }

  @Test("Dilated and oblong windows have the delays and rows of their reach")
  func dilation() {
    let geometry = WindowGeometry(
      inputHeight: 10, inputWidth: 9, kernelHeight: 3, kernelWidth: 2, strideY: 1, strideX: 2,
      dilationY: 2, dilationX: 3, padding: .explicit(top: 2, bottom: 2, left: 1, right: 0))
    let timing = WindowTiming(geometry!)
    #expect(timing.firstOutputDelay == (5 - 1 - 2) * 9 + (4 - 1 - 1))
    #expect(timing.storedRows == 4)
    #expect(timing.memoryWords == 9)
    // The last of four outputs a row covers columns 5 ... 8, rows 7 ... 11.
    #expect(timing.lastOutputDelay == 2 * 9 + 0)
    #expect(timing.step(row: 1, column: 2) == 9 + 4 + timing.firstOutputDelay)
  }

  @Test("A large design is simulated in moments")
  func speed() {
    let stream = Self.chain(
      224, 224, (0..<11).map { (3, $0 % 2 == 0 && $0 < 8 ? 2 : 1) }, ranks: 12)
    let clock = ContinuousClock()
    let time = clock.measure {
      let trace = CycleModel(stream).run(.frames(3, height: 224, width: 224))
      #expect(trace.outputs.count == 3 * stream.outputPixels)
    }
    #expect(time < .seconds(3))
  }
}
