import ArgumentParser
import Estimation
import Foundation
import NeuralGraph
import Simulation
import Synthesis

/// The library that modules are mapped onto, and how.
struct LibraryOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Liberty files of one library, packed by gzip or not, or a folder of them.",
      valueName: "file"))
  var liberty: [String] = []

  @Option(help: "Modules that are mapped at once; as many as there are cores unless given.")
  var jobs: Int?

  @Option(help: "The folder of the cache.")
  var cache: String = SynthesisCache.usualFolder

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024")
    }
  }

  /// Modules that are mapped at once.
  var processes: Int { jobs ?? ProcessInfo.processInfo.activeProcessorCount }

  /// The library and technology that the options and a technology's name mean; a note when heaps have no
  /// cell in it.
  func choose(technology: String?) throws(Diagnostics) -> (
    library: CellLibrary, technology: Technology?
  ) {
    let chosen = try CellLibrary.choose(liberty: liberty, technology: technology)
    if !chosen.library.hasFullAdder {
      printToStandardError(
        Diagnostic(
          "\(chosen.library.name) has no full adder: heaps of full adders become gates",
          severity: .note
        ).description)
    }
    return chosen
  }
}

/// The options of commands that map an emitted folder onto a cell library.
struct SynthesisOptions: ParsableArguments {
  @OptionGroup var cells: LibraryOptions

  @Option(help: "The technology: its memories, its files in a folder. A name, or a JSON file.")
  var technology: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The clock period that is to be met.", valueName: "ns"))
  var clock: Double?

  func validate() throws {
    if let clock, !(clock >= 1e-3 && clock <= 1e6) {
      throw ValidationError("--clock takes nanoseconds from 0.001")
    }
  }

  /// The library and technology that the options mean.
  func choose() throws(Diagnostics) -> (library: CellLibrary, technology: Technology?) {
    try cells.choose(technology: technology)
  }

  /// Maps and times the folder, with progress. With `frames` they are simulated and power is found.
  func synthesise(
    _ folder: EmittedFolder, _ library: CellLibrary, _ technology: Technology?,
    frames: [IntegerTensor] = []
  ) async throws(Diagnostics) -> (synthesis: DesignSynthesis, power: DesignPower?) {
    let cache = try SynthesisCache(folder: cells.cache)
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      let synthesiser = try await Synthesiser(library: library, cache: cache, scratch: scratch)
      let progress = Progress()
      defer { progress.end() }
      let period =
        clock ?? technology?.clockPeriod(levels: folder.design.options.pipelineLevels).high ?? 10
      let synthesis = try await synthesiser.synthesise(
        folder, clock: period, mustMeet: clock != nil, sram: technology?.sram,
        jobs: cells.processes
      ) { progress.step(of: $0, "module") }
      guard !frames.isEmpty else { return (synthesis, nil) }
      progress.show("simulating \(counted(frames.count, "frame")) to count transitions")
      let activity = try await ScratchFolder.with { scratch throws(Diagnostics) in
        try await Activity.measure(folder, frames: frames, scratch: scratch)
      }
      let power = try await synthesiser.power(
        folder, synthesis, sram: technology?.sram, activity: activity)
      return (synthesis, power)
    }
  }
}
