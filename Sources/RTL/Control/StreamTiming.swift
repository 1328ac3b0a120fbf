import NeuralGraph

/// The control of a whole design: `df_stream_in` and its stages, first to last.
public struct StreamTiming: Hashable, Sendable {
  public var stages: [StageTiming]
  public var inputHeight: Int
  public var inputWidth: Int

  public init(stages: [StageTiming], inputHeight: Int, inputWidth: Int) {
    self.stages = stages
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
  }

  /// A chain of at least one stage, whose first stage's map is the input's.
  public init(stages: [StageTiming]) {
    precondition(!stages.isEmpty, "a stream has at least one stage")
    self.init(
      stages: stages, inputHeight: stages[0].inputHeight, inputWidth: stages[0].inputWidth)
  }

  /// Beats a frame at the input: also the cycles that a frame costs.
  public var inputPixels: Int { inputHeight * inputWidth }
  /// Beats a frame at the output.
  public var outputPixels: Int { stages.last?.outputPixels ?? inputPixels }

  /// Every stage's diagnostics. Traps when a stage's map is not what the stage before it makes.
  public func verify() -> [Diagnostic] {
    var height = inputHeight
    var width = inputWidth
    var found: [Diagnostic] = []
    for stage in stages {
      precondition(
        stage.inputHeight == height && stage.inputWidth == width,
        "a stage's input map differs from what enters it")
      found += stage.verify()
      height = stage.outputHeight
      width = stage.outputWidth
    }
    return found
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
