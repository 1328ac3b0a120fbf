import NeuralGraph
import RTL
import Testing

/// Streams that fork and join: the cycle model, and how deep skip FIFOs must be.
@Suite("Branch timing")
struct BranchTimingTests {
  static func join(_ height: Int, _ width: Int, ranks: Int = 2) -> StageTiming {
    StageTiming(
      .window(
        WindowGeometry(
          inputHeight: height, inputWidth: width, kernelHeight: 1, kernelWidth: 1,
          outputHeight: height, outputWidth: width)), ranks: ranks)
  }

  /// An identity around SAME windows of stride 1.
  static func residual(_ height: Int, _ width: Int, kernels: [Int], ranks: Int) -> StreamTiming {
    var stages = kernels.map {
      StreamTimingTests.same(height, width, kernel: $0, ranks: ranks)
    }
    var inputs = StreamTiming.chain(stages.count)
    stages.append(join(height, width))
    inputs.append([StageInput(stage: stages.count - 2), StageInput(stage: nil)])
    return StreamTiming(
      stages: stages, inputs: inputs, inputHeight: height, inputWidth: width
    ).withSafeFIFOs()
  }

  /// Two ways of random windows that end in maps of one size, behind a random window.
  static func random(using g: inout SeededGenerator) -> StreamTiming? {
    let (height, width) = (g.pick(1...12), g.pick(1...12))
    var stages = [
      StageTiming(.window(.random(height: height, width: width, using: &g)), ranks: g.pick(1...5))
    ]
    var inputs = [[StageInput(stage: nil)]]
    func way(_ count: Int) -> (Int, Int, Int) {
      var last = 0
      var (height, width) = (stages[0].outputHeight, stages[0].outputWidth)
      for _ in 0..<count {
        let stage = StageTiming(
          .window(.random(height: height, width: width, using: &g)), ranks: g.pick(1...5))
        inputs.append([StageInput(stage: last)])
        last = stages.count
        stages.append(stage)
        (height, width) = (stage.outputHeight, stage.outputWidth)
      }
      return (last, height, width)
    }
    let (a, ha, wa) = way(g.pick(1...2))
    let (b, hb, wb) = way(g.pick(0...2))
    guard ha == hb, wa == wb else { return nil }
    stages.append(join(ha, wa, ranks: g.pick(1...3)))
    inputs.append(
      g.chance(2)
        ? [StageInput(stage: a), StageInput(stage: b)]
        : [StageInput(stage: b), StageInput(stage: a)])
    return StreamTiming(
      stages: stages, inputs: inputs, inputHeight: height, inputWidth: width
    ).withSafeFIFOs()
  }

  private static func stimulus(_ stream: StreamTiming, using g: inout SeededGenerator)
    -> StreamStimulus
  {
    var stimulus = StreamStimulus.frames(
      4, height: stream.inputHeight, width: stream.inputWidth, gapBetweenFrames: g.pick(0...40))
    let isGappy = g.chance(2)
    for beat in stimulus.beats.indices where isGappy && g.chance(4) {
      stimulus.beats[beat].gap = g.pick(1...9)
    }
    return stimulus
  }

  @Test("Around SAME windows the needed words are D + 1, the safe ones D + 1 and the latency")
  func closedFormula() {
    for (height, width, kernels, ranks) in [
      (8, 8, [3], 1), (8, 8, [3, 3], 2), (9, 5, [5], 4), (6, 11, [3, 1, 5], 3),
    ] {
      let stream = Self.residual(height, width, kernels: kernels, ranks: ranks)
      let delay = kernels.reduce(0) { $0 + ($1 / 2) * (width + 1) }
      let capacity = stream.skipCapacities[1]
      #expect(capacity.needed == delay + 1)
      let skip = stream.inputs[kernels.count][1].skipDepth
      #expect(skip == delay + 1 + kernels.count * (ranks + 3))
      #expect(stream.inputs[kernels.count][0].skipDepth == 0)
    }
  }

  @Test("A word less than needed stops the stream for ever, without any stall")
  func deadlock() {
    for (height, width, kernels) in [(8, 8, [3]), (8, 6, [3, 3]), (5, 9, [5, 3]), (12, 3, [3])] {
      var stream = Self.residual(height, width, kernels: kernels, ranks: 2)
      let join = kernels.count
      let needed = stream.skipCapacities[1].needed!
      let frames = StreamStimulus.frames(3, height: height, width: width)
      for (depth, isDeadlocked) in [(needed, false), (needed - 1, true)] {
        stream.inputs[join][1].skipDepth = depth
        let trace = CycleModel(stream).run(frames, recordStages: true)
        #expect(trace.isDeadlocked == isDeadlocked, "\(kernels) \(depth)")
        #expect((trace.outputs.count == 3 * height * width) == !isDeadlocked)
        #expect(stream.verifySkips(names: []).isEmpty == !isDeadlocked)
        #expect(trace.skipOccupancy[join][1] == depth)
      }
    }
  }

  @Test("A word less than the safe depth makes the input wait, back to back already")
  func exactlySafe() {
    for (height, width, kernels) in [(8, 8, [3]), (8, 6, [3, 3]), (9, 9, [5, 3])] {
      var stream = Self.residual(height, width, kernels: kernels, ranks: 3)
      #expect(stream.staysReady(frames: 3))
      stream.inputs[kernels.count][1].skipDepth -= 1
      #expect(!stream.staysReady(frames: 3))
      #expect(stream.verifySkips(names: []) == [])
    }
  }

  @Test("With safe FIFOs the input of random branches never waits, whatever the gaps")
  func randomSafe() {
    var g = SeededGenerator(3)
    var count = 0
    while count < 300 {
      guard let stream = Self.random(using: &g) else { continue }
      count += 1
      #expect(stream.verifySkips(names: []) == [])
      for _ in 0..<3 {
        let trace = CycleModel(stream).run(Self.stimulus(stream, using: &g), recordStages: true)
        #expect(trace.notReady == [] && !trace.isDeadlocked)
        #expect(trace.outputs.count == 4 * stream.outputPixels)
      }
    }
  }

  @Test("With the needed words random branches come to their end under any stalls")
  func randomNeeded() {
    var g = SeededGenerator(4)
    var count = 0
    while count < 200 {
      guard var stream = Self.random(using: &g) else { continue }
      count += 1
      // All FIFOs as shallow as they may be.
      for stage in stream.stages.indices { stream.stages[stage].fifoDepth = 1 }
      for capacity in stream.skipCapacities {
        let own = capacity.present - stream.inputs[capacity.join][capacity.input].skipDepth
        let isForked =
          stream.readers(of: stream.inputs[capacity.join][capacity.input].stage).count > 1
        stream.inputs[capacity.join][capacity.input].skipDepth = max(
          isForked ? 1 : 0, capacity.needed! - own)
      }
      #expect(stream.verifySkips(names: []) == [])
      var stimulus = Self.stimulus(stream, using: &g)
      stimulus.ready = (0..<g.pick(1...40)).map { _ in g.chance(3) } + [true]
      let trace = CycleModel(stream).run(stimulus)
      #expect(!trace.isDeadlocked && trace.outputs.count == 4 * stream.outputPixels)
    }
  }

  @Test("Around random windows of stride 1 both depths are exact: a word less stops, or delays")
  func randomIdentity() {
    var g = SeededGenerator(5)
    var count = 0
    while count < 100 {
      let (height, width) = (g.pick(4...12), g.pick(4...12))
      let kernels = (0..<g.pick(1...2)).map { _ in g.pick(2...5) }
      var stream = Self.residual(height, width, kernels: kernels, ranks: g.pick(1...6))
      let join = kernels.count
      let needed = stream.skipCapacities[1].needed!
      // Where an image is smaller than the reach, bubbles of its own flush help.
      guard needed <= height * width else { continue }
      count += 1
      let frames = StreamStimulus.frames(3, height: height, width: width)
      let safe = stream.inputs[join][1].skipDepth
      #expect(stream.staysReady(frames: 3))
      stream.inputs[join][1].skipDepth = safe - 1
      if safe > needed { #expect(!stream.staysReady(frames: 3)) }
      stream.inputs[join][1].skipDepth = needed - 1
      #expect(CycleModel(stream).run(frames).isDeadlocked)
    }
  }

  @Test("Forty branches inside a branch are sized as one, without following every way")
  func nested() {
    let (height, width) = (4, 4)
    var stages: [StageTiming] = [Self.join(height, width)]
    var inputs: [[StageInput]] = [[StageInput(stage: nil)]]
    var last = 0
    for _ in 0..<40 {
      // last -> window -> sum with last.
      stages.append(StreamTimingTests.same(height, width, kernel: 3, ranks: 2))
      inputs.append([StageInput(stage: last)])
      stages.append(Self.join(height, width))
      inputs.append([StageInput(stage: stages.count - 2), StageInput(stage: last)])
      last = stages.count - 1
    }
    stages.append(Self.join(height, width))
    inputs.append([StageInput(stage: last), StageInput(stage: 0)])
    let stream = StreamTiming(
      stages: stages, inputs: inputs, inputHeight: height, inputWidth: width
    ).withSafeFIFOs()
    #expect(stream.skipCapacities.allSatisfy { $0.isEnough })
    // Each of the inner skips waits for one window; the outer one for all of them.
    let depths = stream.inputs.map { $0.last!.skipDepth }
    #expect(Set(stride(from: 2, to: 80, by: 2).map { depths[$0] }).count == 1)
    #expect(depths.last! > 10 * depths[2])
  }

  @Test("A stage that is not there is said to be missing", arguments: [-1, 3, Int.min])
  func missing(_ stage: Int) {
    let stream = StreamTiming(
      stages: [Self.join(2, 2), Self.join(2, 2)],
      inputs: [[StageInput(stage: nil)], [StageInput(stage: stage)]], inputHeight: 2, inputWidth: 2)
    #expect(stream.connectionProblem == "a stage is missing")
  }
}
