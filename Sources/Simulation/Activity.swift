import NeuralGraph
import RTL

/// How often the bits of a design's signals change while it computes frames.
public struct Activity: Hashable, Sendable {
  /// A signal: all registers, wires and ports of one name in one instance.
  public struct Signal: Hashable, Sendable {
    public var bits: Int
    /// Changes of all bits together.
    public var transitions: Int
  }

  /// Clock cycles that were counted: whole frames, with frames before them.
  public var cycles: Int
  /// By name below the top, `stage1.layer1.sum3`; words of a memory together.
  public var signals: [String: Signal]

  /// Mean transitions a bit and clock of a signal; nil for one that the simulation does not show.
  public func rate(_ name: String) -> Double? {
    guard let signal = signals[name], signal.bits > 0, cycles > 0 else { return nil }
    return Double(signal.transitions) / Double(signal.bits * cycles)
  }

  /// Runs `frames` in Verilator, back to back behind one more of them, and counts from the second on: the
  /// pipeline is full. What packs the output is counted in a run of its own: a packer that holds the design up
  /// makes frames longer, and its transitions are taken as of frames without. Throws when the output differs
  /// from the interpreter's.
  public static func measure(
    _ folder: EmittedFolder, frames: [IntegerTensor], scratch: ScratchFolder
  ) async throws(Diagnostics) -> Activity {
    let interpreter = try Interpreter(folder.network.graph)
    let type = interpreter.graph.nodes[0].type
    guard !frames.isEmpty, frames.allSatisfy({ $0.shape == type.shape }) else {
      throw Diagnostics(Diagnostic("the design takes frames of \(type.shape), at least one"))
    }
    let played = [frames[frames.count - 1]] + frames
    let period = folder.design.latency.period
    let stimulus = Stimulus(frames: played, sidebandBits: folder.design.options.sidebandBits)
    let expectation = try Expectation(folder.design, interpreter, stimulus)
    let simulation = try await Simulator.verilator.compile(
      folder.design, source: folder.path, cycles: 4 * expectation.cycles, scratch: scratch,
      countsTransitions: true)
    // From the second frame on, until its like comes: the last frames' ends are not in it.
    let first = stimulus.stream.resetCycles + period
    let cycles = period * frames.count
    let text = try await simulation.transitions(stimulus, cycles: first + cycles, from: first)
    var signals = try parse(text)
    let record = try await simulation.run(stimulus, cycles: expectation.cycles)
    let result = try Comparison.compare(folder.design, expectation, record: record)
    guard result.passed else { throw differs(folder) }
    if let packed = try await packerSignals(folder, interpreter, frames: frames, scratch) {
      signals.merge(packed) { own, _ in own }
    }
    return Activity(cycles: cycles, signals: signals)
  }

  /// The transitions of the packer, all of `frames` together; nil without one.
  private static func packerSignals(
    _ folder: EmittedFolder, _ interpreter: Interpreter, frames: [IntegerTensor],
    _ scratch: ScratchFolder
  ) async throws(Diagnostics) -> [String: Signal]? {
    guard let output = folder.design.packedOutput else { return nil }
    let stimulus = Stimulus(frames: frames, sidebandBits: folder.design.options.sidebandBits)
    let expectation = try Expectation(folder.design, interpreter, stimulus)
    guard var atoms = PackedComparison(folder.design, output, expectation) else { return nil }
    let simulation = try await Simulator.verilator.compile(
      folder.design, .packed, source: folder.path, cycles: 2 * atoms.cycles, scratch: scratch,
      countsTransitions: true)
    let text = try await simulation.transitions(
      stimulus, cycles: atoms.cycles, from: stimulus.stream.resetCycles)
    let row = try atoms.compare(record: try await simulation.run(stimulus, cycles: atoms.cycles))
    guard row.problems.isEmpty, row.mismatches == 0 else { throw differs(folder) }
    return try parse(text).filter { $0.key.hasPrefix(PackedOutput.packer + ".") }
  }

  private static func differs(_ folder: EmittedFolder) -> Diagnostics {
    Diagnostics(
      Diagnostic(
        "the simulation differs from the interpreter: its activity means nothing",
        file: folder.path, remedy: "see 'deepfreeze verify'"))
  }

  /// Reads lines "BITS TRANSITIONS TOP.taps.dut.NAME".
  private static func parse(_ bytes: [UInt8]) throws(Diagnostics) -> [String: Signal] {
    var signals: [String: Signal] = [:]
    for line in bytes.split(separator: 10) {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 2)
      guard words.count == 3, let bits = Int(words[0]), let transitions = Int(words[1]) else {
        throw Diagnostics(Diagnostic("the simulation wrote no activity"))
      }
      let path = words[2].split(separator: ".", omittingEmptySubsequences: false)
      guard let dut = path.firstIndex(of: "dut"), dut + 1 < path.count else { continue }
      let name = String(path[(dut + 1)...].joined(separator: ".").prefix { $0 != "[" })
      let known = signals[name] ?? Signal(bits: 0, transitions: 0)
      signals[name] = Signal(
        bits: known.bits + bits, transitions: known.transitions + transitions)
    }
    guard !signals.isEmpty else {
      throw Diagnostics(Diagnostic("the simulation wrote no activity"))
    }
    return signals
  }
}
