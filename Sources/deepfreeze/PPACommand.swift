import ArgumentParser
import Estimation
import Foundation
import NeuralGraph
import Simulation
import Synthesis

/// `deepfreeze ppa`: what an emitted design takes on a cell library.
struct PPACommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ppa",
    abstract: "Maps an emitted design onto a cell library: area by part, and the longest paths.",
    discussion: """
      Yosys maps each module by itself, OpenSTA times it, without wires. Memories stay macros and are \
      priced by the technology's model. Results are cached by content. Exit code 1: a path between \
      registers is longer than --clock.
      """)

  @Argument(help: "The folder that 'deepfreeze emit' has written.")
  var folder: String

  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Liberty files of one library, packed by gzip or not, or a folder of them.",
      valueName: "file"))
  var liberty: [String] = []

  @Option(help: "The technology: its memories, its files in a folder. A name, or a JSON file.")
  var technology: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The clock period that is to be met.", valueName: "ns"))
  var clock: Double?

  @Option(help: "Modules that are mapped at once; as many as there are cores unless given.")
  var jobs: Int?

  @Option(help: "The folder of the cache.")
  var cache: String = SynthesisCache.usualFolder

  func validate() throws {
    if let clock, !(clock >= 1e-3 && clock <= 1e6) {
      throw ValidationError("--clock takes nanoseconds from 0.001")
    }
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024")
    }
  }

  func run() async throws {
    var missed = false
    try await reportingDiagnostics(output) {
      let emitted = try EmittedFolder(path: folder)
      let (library, technology) = try CellLibrary.choose(
        liberty: liberty, technology: technology)
      if !library.hasFullAdder {
        printToStandardError(
          Diagnostic(
            "\(library.name) has no full adder: heaps of full adders become gates",
            severity: .note
          ).description)
      }
      let cache = try SynthesisCache(folder: cache)
      let result = try await ScratchFolder.with { scratch throws(Diagnostics) in
        let synthesiser = try await Synthesiser(library: library, cache: cache, scratch: scratch)
        let progress = Progress()
        defer { progress.end() }
        return try await synthesiser.synthesise(
          emitted, clock: clock ?? technology?.clockPeriod.high ?? 10, sram: technology?.sram,
          jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount
        ) { progress.step(of: $0, "module") }
      }
      let report = PPAReport(result, technology: technology, clock: clock)
      if output.json { printJSON(report) } else { print(report.text, terminator: "") }
      missed = report.isMissed
    }
    if missed { throw ExitCode.checkFailed }
  }
}
