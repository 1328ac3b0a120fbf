import ArgumentParser
import DesignReports
import Estimation
import Foundation
import NeuralGraph
import Simulation
import Synthesis

/// `deepfreeze characterize`: fits a technology's model to what synthesis finds.
struct CharacterizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "characterize",
    abstract: "Fits the area and energy model of a technology to synthesised layers.",
    discussion: """
      Yosys maps the layers of emitted folders onto the library, as 'ppa' does and with its cache; areas \
      by part are fitted by least squares of relative errors. A technology that the program carries \
      for the liberty's files, or that --technology names, is fitted anew: its memories and clock \
      periods stay. Any other takes --name, --node and --periods, and its memories are those of \
      --memories, scaled to the node.
      """)

  @Argument(
    help: ArgumentHelp(
      "Folders that 'deepfreeze emit' has written; =N-M takes layers N to M alone.",
      valueName: "folder[=n-m]"))
  var folders: [String]

  @OptionGroup var output: OutputOptions
  @OptionGroup var synthesis: SynthesisOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Layers that are compared with the fit and have no part in it.", valueName: "folder[=n-m]"))
  var holdOut: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Layers of designs with one adder level a register, with two, and so on: how fast they can be "
        + "are the technology's clock periods.", valueName: "folder[=n-m]"))
  var periods: [String] = []

  @Option(help: "What --technology will call a new technology.")
  var name: String?

  @Option(help: "What reports call it; the library's name unless given.")
  var title: String?

  @Option(parsing: .unconditional, help: "The node of a new technology, in nm.")
  var node: Int?

  @Option(help: "The technology whose memories a new one gets: a name, or a JSON file.")
  var memories: String = Technology.builtIn[0].name

  @Option(name: .customLong("output"), help: "The JSON file of the technology that is written.")
  var target: String

  @Option(help: "An SVG file: modelled against synthesised areas.")
  var plot: String?

  func run() async throws {
    try await reportingDiagnostics(output) {
      for file in [target, plot].compactMap(\.self) { try Self.checkWritable(file) }
      let (library, known) = try synthesis.choose()
      let draft = try TechnologyDraft(
        known, library, name: name, title: title, node: node, memories: memories)
      var sources: [CharacterizationSource] = []
      for (texts, isFitted) in [(folders, true), (holdOut, false)] {
        for text in texts {
          sources.append(
            try CharacterizationSource(text, isFitted: isFitted, sram: draft.sram))
        }
      }
      try CharacterizationSource.checkHeldOut(sources)
      try AreaFit.checkCounts(sources.filter(\.isFitted).flatMap(\.modules))
      let fastest = try self.fastest(draft)
      let cache = try SynthesisCache(folder: synthesis.cells.cache)
      let work = Work(sources: sources, fastest: fastest, draft: draft, options: synthesis)
      let found = try await ScratchFolder.with { scratch throws(Diagnostics) in
        try await work.run(
          Synthesiser(library: library, cache: cache, scratch: scratch))
      }
      let fit = try AreaFit(found.measured.modules)
      let report = CharacterizationReport(found.measured.modules, fit)
      let source = report.source(tool: found.tool)
      let technology = try draft.technology(
        areas: fit.areas(source: source),
        energies: EnergyFit.energies(
          found.measured.energies, activity: draft.activity,
          source: source + "; energies of liberty at \(draft.activity) transitions a net and clock"),
        clockPeriods: found.clockPeriods)
      if let plot {
        let svg = try await AreaFitPlot.svg(
          found.measured.modules, fit, title: "\(technology.title), \(found.tool)")
        try writeFile(Array(svg.utf8), to: plot)
      }
      try writeFile(StableJSON.encode(technology), to: target)
      if output.json {
        printJSON(report)
      } else {
        print(report.text + "\n\(target): \(technology.title)")
      }
    }
  }

  /// The folders of `periods`, checked to be of one level, of two, and so on.
  private func fastest(_ draft: TechnologyDraft) throws(Diagnostics) -> [CharacterizationSource] {
    guard !periods.isEmpty else {
      if draft.clockPeriods.isEmpty {
        throw Diagnostics(
          Diagnostic(
            "the clock periods of '\(draft.name)' are not known",
            remedy: "give --periods folders of one adder level a register, of two, and so on"))
      }
      return []
    }
    var sources: [CharacterizationSource] = []
    for text in periods {
      sources.append(try CharacterizationSource(text, isFitted: false, sram: draft.sram))
    }
    sources.sort {
      $0.folder.design.options.pipelineLevels < $1.folder.design.options.pipelineLevels
    }
    let levels = sources.map(\.folder.design.options.pipelineLevels)
    guard levels == Array(1...levels.count) else {
      throw Diagnostics(
        Diagnostic(
          "--periods has folders of \(levels.map(String.init).joined(separator: ", ")) adder levels a "
            + "register", remedy: "give one of each number from 1"))
    }
    return sources
  }

  /// Hours of work should not end at a file that cannot be written.
  private static func checkWritable(_ file: String) throws(Diagnostics) {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    let exists = manager.fileExists(atPath: file, isDirectory: &isFolder)
    let folder = URL(filePath: file).deletingLastPathComponent().path
    if exists, isFolder.boolValue {
      throw Diagnostics(Diagnostic("it is a folder", file: file, remedy: "give a file"))
    }
    guard manager.isWritableFile(atPath: folder) else {
      throw Diagnostics(Diagnostic("no file can be written into its folder", file: file))
    }
  }

  /// What takes hours.
  private struct Work: Sendable {
    var sources: [CharacterizationSource]
    var fastest: [CharacterizationSource]
    var draft: TechnologyDraft
    var options: SynthesisOptions

    func run(_ synthesiser: Synthesiser) async throws(Diagnostics) -> (
      clockPeriods: [Quantity], measured: Characterization, tool: String
    ) {
      let jobs = options.cells.processes
      var clockPeriods = draft.clockPeriods
      if !fastest.isEmpty { clockPeriods = [] }
      for source in fastest {
        let progress = Progress()
        defer { progress.end() }
        let period = try await synthesiser.shortestPeriod(source, sram: draft.sram, jobs: jobs) {
          progress.step(of: $0, "module")
        }
        // More levels take no less.
        clockPeriods.append(
          clockPeriods.last.map { $0.high > period.high ? $0 : period } ?? period)
      }
      var measured = Characterization()
      for source in sources {
        let progress = Progress()
        defer { progress.end() }
        let levels = source.folder.design.options.pipelineLevels
        let period =
          options.clock ?? Technology.clockPeriod(levels: levels, of: clockPeriods).high
        let found = try await synthesiser.characterize(
          source, period: period, sram: draft.sram, jobs: jobs
        ) { progress.step(of: $0, "module of \(source.name)") }
        measured.modules += found.modules
        measured.energies += found.energies
      }
      return (clockPeriods, measured, synthesiser.yosysVersion)
    }
  }
}
