import NeuralGraph

/// One stream that a stage reads: the design's input or an earlier stage's output, straight or through
/// a skip FIFO.
public struct StageInput: Hashable, Sendable, Codable {
  /// The stage whose output it is; nil for the design's input.
  public var stage: Int?
  /// Words of the skip FIFO in between; 0 for none.
  public var skipDepth: Int

  public init(stage: Int?, skipDepth: Int = 0) {
    self.stage = stage
    self.skipDepth = skipDepth
  }
}

/// The control of a whole design: `df_stream_in` and its stages in topological order. A stage reads one
/// stream, or several of one size (a join: a pixel of each at a time); a stream that several stages read
/// forks: a pixel is taken by all in one cycle.
public struct StreamTiming: Hashable, Sendable {
  public var stages: [StageTiming]
  /// What each stage reads, by stage: earlier stages only. The last stage makes the output.
  public var inputs: [[StageInput]]
  public var inputHeight: Int
  public var inputWidth: Int

  public init(
    stages: [StageTiming], inputs: [[StageInput]], inputHeight: Int, inputWidth: Int
  ) {
    precondition(inputs.count == stages.count, "every stage has its inputs")
    self.stages = stages
    self.inputs = inputs
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
  }

  /// A chain: each stage reads the one before.
  public init(stages: [StageTiming], inputHeight: Int, inputWidth: Int) {
    self.init(
      stages: stages, inputs: Self.chain(stages.count), inputHeight: inputHeight,
      inputWidth: inputWidth)
  }

  /// A chain of at least one stage, whose first stage's map is the input's.
  public init(stages: [StageTiming]) {
    precondition(!stages.isEmpty, "a stream has at least one stage")
    self.init(
      stages: stages, inputHeight: stages[0].inputHeight, inputWidth: stages[0].inputWidth)
  }

  /// The inputs of a chain.
  public static func chain(_ count: Int) -> [[StageInput]] {
    (0..<count).map { [StageInput(stage: $0 == 0 ? nil : $0 - 1)] }
  }

  /// Who reads a stream, as (stage, position among its inputs), in order; `source` is nil for the
  /// design's input.
  public func readers(of source: Int?) -> [(stage: Int, input: Int)] {
    inputs.indices.flatMap { stage in
      inputs[stage].indices.filter { inputs[stage][$0].stage == source }.map { (stage, $0) }
    }
  }

  /// Beats a frame at the input: also the cycles that a frame costs.
  public var inputPixels: Int { inputHeight * inputWidth }
  /// Beats a frame at the output.
  public var outputPixels: Int { stages.last?.outputPixels ?? inputPixels }

  /// Every stage's diagnostics. Traps when the streams do not fit: `connectionProblem`.
  public func verify() -> [Diagnostic] {
    let problem = connectionProblem
    precondition(problem == nil, problem ?? "")
    return stages.flatMap { $0.verify() }
  }

  /// What is wrong with who reads whom; nil when it is a stream from the input to the last stage.
  public var connectionProblem: String? {
    var readers = [Int](repeating: 0, count: stages.count + 1)
    for input in inputs.joined() {
      if let stage = input.stage, !stages.indices.contains(stage) { return "a stage is missing" }
      readers[(input.stage ?? -1) + 1] += 1
    }
    for (index, stage) in stages.enumerated() {
      guard !inputs[index].isEmpty else { return "a stage reads nothing" }
      for input in inputs[index] {
        let source = input.stage ?? -1
        guard source < index else { return "a stage reads a later one" }
        guard input.skipDepth >= 0 else { return "a skip FIFO has a negative depth" }
        let height = source < 0 ? inputHeight : stages[source].outputHeight
        let width = source < 0 ? inputWidth : stages[source].outputWidth
        guard stage.inputHeight == height, stage.inputWidth == width else {
          return "a stage's input map differs from what enters it"
        }
        if inputs[index].count > 1, input.skipDepth == 0, readers[source + 1] > 1 {
          return "a join reads a forked stream without a FIFO"
        }
      }
    }
    for source in 0..<stages.count where source != stages.count - 1 {
      if readers[source + 1] == 0 { return "nobody reads a stage" }
    }
    if readers[0] == 0 { return "nobody reads the input" }
    for (index, stage) in stages.enumerated() {
      guard case .serial(_, _, let steps, _) = stage.kind else { continue }
      if inputs[index].count > 1 || !isCut(before: index) {
        return "a stage of serial sums lies between a fork and a join"
      }
      if steps > inputPixels / stage.inputPixels {
        return "a stage of serial sums takes longer than a frame"
      }
    }
    return readers[stages.count] > 0 ? "a stage reads the output" : nil
  }

  /// True when all that this stage and later ones read, its own input aside, comes from it or from later
  /// ones.
  private func isCut(before stage: Int) -> Bool {
    inputs[(stage + 1)...].joined().allSatisfy { ($0.stage ?? -1) >= stage }
  }

  /// Cycles that each stage has for one of its input pixels: floor(H W of the top / pixels entering
  /// it a frame).
  public var cyclesPerPixel: [Int] { stages.map { inputPixels / $0.inputPixels } }

  /// Cycles that the last stage has for one of its output pixels.
  public var cyclesPerOutputPixel: Int { inputPixels / outputPixels }

  /// The latencies of `design.json` in cycles, without stalls on either side, each counted from the
  /// frame's first accepted input beat.
  public struct Latency: Hashable, Sendable, Codable {
    /// To the frame's first output beat.
    public var firstOutput: Int
    /// To the last output beat of a frame that nothing follows.
    public var lastOutput: Int
    /// To the last output beat of a frame in an endless stream, back to back.
    public var lastOutputFollowed: Int
    /// From the first output beat of a frame to that of the next, back to back.
    public var period: Int

    public init(firstOutput: Int, lastOutput: Int, lastOutputFollowed: Int, period: Int) {
      self.firstOutput = firstOutput
      self.lastOutput = lastOutput
      self.lastOutputFollowed = lastOutputFollowed
      self.period = period
    }
  }

  /// Measured with the cycle model, with the FIFOs as they are.
  public func latency() -> Latency {
    let model = CycleModel(self)
    let alone = model.run(.frames(1, height: inputHeight, width: inputWidth))
    precondition(!alone.isDeadlocked, "a stream that can stop for ever was not refused")
    let first = alone.outputs[0].cycle - alone.inputs[0]
    let last = alone.outputs[outputPixels - 1].cycle - alone.inputs[0]
    // Frames that are under way at once. Enough frames that the end of the input, after which
    // flushes hurry the rest, changes nothing that is measured.
    let depth = (first + inputPixels - 1) / inputPixels
    let frames = max(2 * depth + 2, 2 + (last + inputPixels - 1) / inputPixels)
    let stream = model.run(.frames(frames, height: inputHeight, width: inputWidth))
    let followed = stream.outputs[outputPixels - 1].cycle - stream.inputs[0]
    let begin = stream.outputs[depth * outputPixels].cycle
    let next = stream.outputs[(depth + 1) * outputPixels].cycle
    return Latency(
      firstOutput: first, lastOutput: last, lastOutputFollowed: followed, period: next - begin)
  }
}
