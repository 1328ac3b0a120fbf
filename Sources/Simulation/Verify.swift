import NeuralGraph
import RTL

/// The proof by simulation of an emitted folder: its Verilog, in a simulator, against the reference
/// interpreter and the cycle model. One simulator is compiled once and runs any number of stimuli.
public struct Verification: Sendable {
  public let folder: EmittedFolder
  let interpreter: Interpreter
  let simulation: CompiledSimulation
  /// The design with its output packed; nil when it has none.
  private let packed: CompiledSimulation?

  /// Compiles the folder's Verilog for `simulator` in `scratch`, for runs of about `frames` frames
  /// each. Throws when a tool is missing or fails.
  public init(
    _ folder: EmittedFolder, simulator: Simulator, frames: Int, scratch: ScratchFolder
  ) async throws(Diagnostics) {
    self.folder = folder
    interpreter = try Interpreter(folder.network.graph)
    let cycles = (frames + 1) * folder.design.input.pixels + folder.design.latency.lastOutput
    simulation = try await simulator.compile(
      folder.design, source: folder.path, cycles: cycles, scratch: scratch)
    if folder.design.packedOutput != nil {
      packed = try await simulator.compile(
        folder.design, .packed, source: folder.path, cycles: cycles, scratch: scratch)
    } else {
      packed = nil
    }
  }

  /// Runs well-formed frames back to back, or with random stalls on both sides, and compares.
  public func run(
    frames: [IntegerTensor], stalls: UInt64? = nil
  ) async throws(Diagnostics) -> VerificationReport {
    let type = interpreter.graph.nodes[0].type
    guard !frames.isEmpty, frames.allSatisfy({ $0.shape == type.shape }) else {
      throw Diagnostics(Diagnostic("the design takes frames of \(type.shape), at least one"))
    }
    var stimulus = Stimulus(frames: frames, sidebandBits: folder.design.options.sidebandBits)
    if let stalls { stimulus = stimulus.stalled(seed: stalls) }
    return try await run(stimulus, stalls: stalls)
  }

  /// Runs any stimulus and compares. `stalls` is only reported; without it the latencies of
  /// `design.json` are checked.
  public func run(
    _ stimulus: Stimulus, stalls: UInt64?
  ) async throws(Diagnostics) -> VerificationReport {
    let expectation = try Expectation(folder.design, interpreter, stimulus)
    let record = try await simulation.run(stimulus, cycles: expectation.cycles)
    var result = try Comparison.compare(folder.design, expectation, record: record)
    if let packed, let output = folder.design.packedOutput,
      var atoms = PackedComparison(folder.design, output, expectation)
    {
      let record = try await packed.run(stimulus, cycles: atoms.cycles)
      result.streams.append(try atoms.compare(record: record))
    }
    return VerificationReport(
      folder.design, simulation.simulator, expectation, result, stalls: stalls)
  }
}
