import NeuralGraph

/// All that the control of one stage depends on: what it does with a frame's pixels, the ranks of
/// its datapath, and the depth of its FIFO.
public struct StageTiming: Hashable, Sendable {
  /// How the stage takes its pixels: by which control template.
  public enum Kind: Hashable, Sendable {
    /// A sliding window (`df_window_control`).
    case window(WindowGeometry)
    /// An accumulator over a whole frame with one result (`df_frame_accumulator_control`).
    case frameAccumulator(height: Int, width: Int)
    /// Weighted sums over a whole frame, `steps` clocks a pixel, known `drain` clocks after the last
    /// (`df_serial_control`).
    case serial(height: Int, width: Int, steps: Int, drain: Int)
  }

  public var kind: Kind
  /// L: ranks of registers behind the window registers or accumulators; at least 1.
  public var ranks: Int
  /// Words of the FIFO at the stage's end, and the credits of its control; at least 1.
  public var fifoDepth: Int

  public init(_ kind: Kind, ranks: Int, fifoDepth: Int) {
    self.kind = kind
    self.ranks = ranks
    self.fifoDepth = fifoDepth
  }

  /// A stage with the depth that never delays it, wherever it stands: `safeFIFODepth`.
  public init(_ kind: Kind, ranks: Int) {
    self.init(kind, ranks: ranks, fifoDepth: 1)
    fifoDepth = safeFIFODepth
  }

  /// What adds whole frames up as a window: D = H W - 1 and E = 0.
  public var geometry: WindowGeometry {
    switch kind {
    case .window(let geometry): geometry
    case .frameAccumulator(let height, let width), .serial(let height, let width, _, _):
      .whole(height: height, width: width)
    }
  }

  /// H of the map that enters.
  public var inputHeight: Int { geometry.inputHeight }
  /// W of the map that enters.
  public var inputWidth: Int { geometry.inputWidth }
  /// Pixels that enter a frame.
  public var inputPixels: Int { inputHeight * inputWidth }
  /// H of the map that leaves.
  public var outputHeight: Int { geometry.outputHeight }
  /// W of the map that leaves.
  public var outputWidth: Int { geometry.outputWidth }
  /// Pixels that leave a frame.
  public var outputPixels: Int { outputHeight * outputWidth }

  /// Clocks for which a pixel keeps the stage from taking the next one, its own aside: 1 for a stage that
  /// takes one a clock.
  public var cyclesPerStep: Int {
    if case .serial(_, _, let steps, _) = kind { steps } else { 1 }
  }

  /// Cycles from a step to what the datapath reads: line memory and window registers, or the steps of
  /// serial sums.
  public var frontLatency: Int {
    if case .serial(_, _, let steps, let drain) = kind { steps + drain } else { 2 }
  }

  /// Cycles from a step to the earliest handshake of the output it emits: `frontLatency`, `ranks`,
  /// FIFO.
  public var latency: Int { frontLatency + ranks + 1 }

  /// Cycles for which an output holds a credit when its reader is ready: `latency`, and one in which
  /// the credit is on its way back.
  public var creditLoop: Int { latency + 1 }

  /// Everything that keeps the stage from being built; empty when it can be.
  public func verify(node: String? = nil) -> [Diagnostic] {
    var found: [Diagnostic] = []
    switch kind {
    case .window(let geometry):
      found = WindowTiming.verify(geometry, node: node)
    case .frameAccumulator(let height, let width), .serial(let height, let width, _, _):
      let limit = WindowTiming.extentLimit
      if !(1...limit).contains(height) || !(1...limit).contains(width)
        || height * width > WindowTiming.productLimit
      {
        found.append(
          Diagnostic("a sum over a whole map of \(height)x\(width) pixels", node: node))
      } else if case .serial(_, _, let steps, let drain) = kind,
        !(1...limit).contains(steps) || !(2...limit).contains(drain)
          || height * width * steps > WindowTiming.productLimit || height * width * steps < drain
      {
        found.append(
          Diagnostic(
            "serial sums of \(steps) steps a pixel of \(height)x\(width), known \(drain) clocks later",
            node: node))
      }
    }
    precondition(ranks >= 1, "a stage has at least one rank of registers")
    precondition(fifoDepth >= 1, "a FIFO has at least one word")
    return found
  }
}
