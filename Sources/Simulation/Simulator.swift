import NeuralGraph
import RTL
import SimulatorSources

/// The two simulators that run a design with its recorders.
public enum Simulator: String, Hashable, Sendable, Codable, CaseIterable {
  case verilator, icarus
}

/// A simulation that was compiled: it runs any number of stimuli, one at a time.
public struct CompiledSimulation: Sendable {
  public let simulator: Simulator
  let scratch: ScratchFolder
  /// What of the design it is; simulations of several share a folder.
  let subject: SimulationSubject
  let budget: SimulationBudget

  /// Plays `stimulus` for `cycles` and returns the path of the record, which lives until the next
  /// run or the scratch folder's end.
  func run(_ stimulus: Stimulus, cycles: Int) async throws(Diagnostics) -> String {
    try await run(stimulus, cycles: cycles, more: [])
  }

  /// Plays `stimulus` for `cycles` and returns the transitions of all signals, counted from cycle `from`
  /// on. Only what was compiled for it can.
  func transitions(_ stimulus: Stimulus, cycles: Int, from: Int) async throws(Diagnostics)
    -> [UInt8]
  {
    _ = try await run(
      stimulus, cycles: cycles, more: ["+activity=activity.txt", "+activity-from=\(from)"])
    return try readFile(scratch.path + "/activity.txt")
  }

  /// Plays `stimulus` and, on the AXI4-Lite port, `script`; returns the record's path and the answers.
  func run(_ stimulus: Stimulus, _ script: BatchNormScript, cycles: Int) async throws(Diagnostics)
    -> (record: String, answers: [BatchNormAnswer])
  {
    try scratch.write("writes.txt", script.writesText)
    try scratch.write("reads.txt", script.readsText)
    scratch.remove("answers.txt")
    let record = try await run(
      stimulus, cycles: cycles,
      more: [
        "+batchnorm_writes=writes.txt", "+batchnorm_reads=reads.txt",
        "+batchnorm_record=answers.txt",
      ])
    return (record, try BatchNormAnswer.read(readFile(scratch.path + "/answers.txt")))
  }

  private func run(
    _ stimulus: Stimulus, cycles: Int, more arguments: [String]
  ) async throws(Diagnostics) -> String {
    try scratch.write("stimulus.txt", stimulus.text(cycles: cycles))
    scratch.remove("record.txt")
    let timeout = budget.duration(cycles: cycles)
    let outcome: Program.Outcome
    switch simulator {
    case .verilator:
      let program = Program(
        path: scratch.path + "/build-\(subject.rawValue)/Vtaps", name: "the Verilator simulation")
      outcome = try await program.require(
        ["stimulus.txt", "+record=record.txt"] + arguments, in: scratch.path, timeout: timeout)
    case .icarus:
      outcome = try await Program(.vvp).require(
        ["-n", "\(subject.rawValue).vvp", "+stimulus=stimulus.txt", "+record=record.txt"]
          + arguments,
        in: scratch.path,
        timeout: timeout)
    }
    // Simulators and test benches write only when something is wrong.
    guard outcome.output.allSatisfy(\.isWhitespace) else {
      throw Diagnostics(Diagnostic("the simulation says: \(outcome.lastLines)"))
    }
    return scratch.path + "/record.txt"
  }
}

/// What of an emitted design a simulation plays.
public enum SimulationSubject: String, Hashable, Sendable {
  /// The design, all layers recorded.
  case pixels
  /// The design with its output packed, of which alone is recorded.
  case packed

  /// The Verilog files, and the bits of `m_axis_tdata`.
  func sources(_ design: DesignDescription) -> (files: [String], outputBits: Int) {
    guard self == .packed, let packed = design.packedOutput else {
      return (design.rtlFiles + design.simulationFiles, design.output.dataBits)
    }
    return (
      design.rtlFiles + packed.rtlFiles + packed.simulationFiles, 8 * FeatureCube.atom
    )
  }
}

/// How much time a simulation may take before it is taken to hang. Both simulators always come to
/// an end by themselves: the stimulus says after how many cycles.
struct SimulationBudget: Hashable, Sendable {
  /// Adders and register bits of the design, at most 2^30: the work of a cycle.
  let work: Int

  init(_ design: DesignDescription) {
    let units = design.layers.reduce(1000) { work, layer in
      work + layer.cost.sumAdders + layer.cost.requantizerAdders + layer.cost.registerBits
        + layer.cost.windowRegisterBits
    }
    work = min(units, 1 << 30)
  }

  /// Ten minutes, and a microsecond for every unit of work and cycle: far more than Icarus needs, for
  /// heaps of full adders on a busy machine too.
  func duration(cycles: Int) -> Duration {
    .seconds(600) + .microseconds(min(work * cycles, 1 << 40))
  }
}

extension Simulator {
  /// Compiles the design in the emitted folder `source`. `cycles` says about how long the runs will
  /// be: long ones are worth an optimising compiler. With `countsTransitions` Verilator's runs can count
  /// how often bits change; Icarus' never do.
  public func compile(
    _ design: DesignDescription, _ subject: SimulationSubject = .pixels, source: String,
    cycles: Int, scratch: ScratchFolder, countsTransitions: Bool = false
  ) async throws(Diagnostics) -> CompiledSimulation {
    let work = SimulationBudget(design).work
    let timeout = Duration.seconds(600) + .milliseconds(min(work, 1 << 24))
    // The link keeps white space in the folder's name out of makefiles.
    scratch.remove("design")
    try scratch.link("design", to: source)
    let sources = subject.sources(design)
    let files = sources.files.map { "design/" + $0 }
    let folder = "build-\(subject.rawValue)"
    switch self {
    case .verilator:
      try await Self.compileVerilator(
        files + ["../design/sim/" + SimulatorSources.driver], isLong: work * cycles > 1 << 31,
        countsTransitions, folder, scratch, timeout: timeout)
    case .icarus:
      try await Program(.iverilog).require(
        [
          "-g2005", "-o", "\(subject.rawValue).vvp", "-s", "bench",
          "-Pbench.INPUT_BITS=\(design.input.dataBits)",
          "-Pbench.OUTPUT_BITS=\(sources.outputBits)",
          "-Pbench.USER_BITS=\(design.userBits)",
        ] + files + ["design/sim/" + SimulatorSources.bench], in: scratch.path, timeout: timeout)
    }
    return CompiledSimulation(
      simulator: self, scratch: scratch, subject: subject, budget: SimulationBudget(design))
  }

  /// Wide signals and FIFOs are seen, line memories are not.
  private static let tracing = [
    "--trace", "--trace-max-width", "1048576", "--trace-max-array", "64",
  ]

  /// `--x-initial fast` makes unknown values zero; that nothing depends on them is what Icarus
  /// shows. -O0 compiles three times faster and runs ten times slower than -O1.
  private static func compileVerilator(
    _ files: [String], isLong: Bool, _ countsTransitions: Bool, _ folder: String,
    _ scratch: ScratchFolder, timeout: Duration
  ) async throws(Diagnostics) {
    try await Program(.verilator).require(
      [
        "--cc", "--exe", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert",
        "--output-split", "20000", "-Wno-fatal", "--top-module", "taps", "-Mdir", folder,
      ] + (countsTransitions ? Self.tracing : []) + files, in: scratch.path, timeout: timeout)
    let outcome = try await Program(.make).run(
      [
        "-C", folder, "-f", "Vtaps.mk", "-j", "2", "OPT_FAST=\(isLong ? "-O1" : "-O0")",
        "OPT_SLOW=-O0", "OPT_GLOBAL=-O1", "Vtaps",
      ], in: scratch.path, timeout: timeout)
    guard outcome.succeeded else {
      // make reports a missing compiler as a failure of its own.
      try await Program(.compiler).require(
        ["--version"], in: scratch.path, timeout: .seconds(20))
      throw Diagnostics(
        Diagnostic("the Verilator simulation could not be compiled:\n\(outcome.lastLines)"))
    }
  }
}
