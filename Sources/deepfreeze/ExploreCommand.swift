import ArgumentParser
import DesignReports
import Estimation
import Foundation
import NeuralGraph
import RTL
import Simulation
import Synthesis

/// `deepfreeze explore`: how many layers to fix, beside which programmable accelerator.
struct ExploreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Explores every number of fixed layers beside every NVDLA configuration.",
    discussion: """
      Area, frames a second, energy a frame and TOPS/W by a fitted model; nothing is synthesised but \
      with --confirm. With --weight-bits or --save variants of the network are explored beside it, made as \
      'tradeoff' makes them. Budgets are judged by the unfavourable end of a figure's interval. Exit code \
      1: no design keeps to the budgets, the nearest is printed; or the model's does, and synthesised does \
      not.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var images: ImageOptions
  @OptionGroup var sweep: SweepOptions
  @OptionGroup var output: OutputOptions

  @Option(parsing: .unconditional, help: "The most area in mm2.")
  var areaBudget: Double?

  @Option(parsing: .unconditional, help: "The least frames a second.")
  var fps: Double?

  @Option(parsing: .unconditional, help: "The most power in mW.")
  var power: Double?

  @Option(
    parsing: .unconditional,
    help: "The most points of top-1 (of agreement, without --labels) that a variant may lose.")
  var budget: Double?

  @Option(parsing: .unconditional, help: "The technology node in nm that figures are scaled to.")
  var node: Int = 16

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Technologies whose figures make the intervals: names, or JSON files.", valueName: "name"))
  var technology: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Energy of a byte to or from DRAM; 0 leaves DRAM out.", valueName: "pj"))
  var dramEnergy: Double = DesignSpace.usualDRAMEnergy

  @Flag(help: "Count clocks of registers only where they take a new value.")
  var clockGating = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most convolutions to fix, or 'all' that hardware exists for.", valueName: "n|all"))
  var fixedLayers: FixedLayers = FixedLayers(argument: "all")!

  @Option(help: "How long to search for fewer adders: 0 not at all, 1 a second, 2, 3 minutes.")
  var effort: Int = 0

  @Flag(help: "Print every design, not those alone that no other beats.")
  var all = false

  @Flag(
    help: ArgumentHelp(
      "Synthesise the best designs within the budgets, or without budgets those of least area, energy, "
        + "and time a frame, on --liberty."))
  var confirm = false

  @OptionGroup var cells: LibraryOptions

  @Option(
    name: .customLong("output"),
    help: ArgumentHelp("A folder to write explore.json and plots to.", valueName: "dir"))
  var folder: String?

  func validate() throws {
    if !(0...3).contains(effort) { throw ValidationError("--effort takes a number from 0 to 3") }
    if budget != nil && images.validationSet == nil {
      throw ValidationError("--budget is kept on the images of --validate")
    }
    if !confirm && !cells.liberty.isEmpty {
      throw ValidationError("--liberty is what --confirm synthesises on")
    }
  }

  func run() async throws {
    var missed = false
    try await reportingDiagnostics(output) {
      let budgets = Budgets(
        area: areaBudget, framesPerSecond: fps, power: power, accuracyLoss: budget)
      let technologies = try technologies(checking: budgets)
      if let folder { try FolderWriter.check(folder) }
      let library = confirm ? try chooseLibrary() : nil
      let networks = try networks(technologies)
      let space = try space(networks, technologies, dram: dramEnergy, gating: clockGating)
      var report = ExploreReport(
        model: model.model.lastPathComponent, space: space, budgets: budgets, networks: networks,
        papers: try papers(networks[0], technologies), all: all)
      if let (cells, technology) = library, !report.isMissed {
        report.confirmations = try await confirmations(
          report.chosen, networks, cells, technology)
      }
      if let folder {
        let plots = try await DesignSpacePlots(space, networks: networks, chosen: report.shown)
          .files()
        try FolderWriter.write(
          plots.map { EmittedFile($0.name, text: $0.svg) }
            + [EmittedFile("explore.json", StableJSON.encode(report))], to: folder)
      }
      if output.json { printJSON(report) } else { print(report.text) }
      missed = report.isMissed || report.isMissedBySynthesis
    }
    if missed { throw ExitCode.checkFailed }
  }

  /// The technologies that make the intervals; throws what is wrong with the numbers, all at once.
  private func technologies(checking budgets: Budgets) throws(Diagnostics) -> [Technology] {
    var problems = budgets.verify()
    var technologies = Technology.usualInterval
    do throws(Diagnostics) {
      _ = try ProcessNode(node).operation()
      if !technology.isEmpty {
        technologies = []
        for name in technology { technologies.append(try Technology.named(name)) }
      }
    } catch {
      problems += error.all
    }
    guard problems.isEmpty else { throw Diagnostics(problems) }
    return technologies
  }

  private func space(
    _ networks: [ExploredNetwork], _ technologies: [Technology], dram: Double, gating: Bool
  ) throws(Diagnostics) -> DesignSpace {
    try DesignSpace(
      networks,
      setting: .init(
        node: node, technologies: technologies.map(\.name), dramPicojoulesPerByte: dram,
        clockGating: gating))
  }

  /// The network as given beside FixyNN's, in three settings; none for other networks than MobileNetV1.
  private func papers(
    _ network: ExploredNetwork, _ technologies: [Technology]
  ) throws(Diagnostics) -> [PaperComparison] {
    let layers = LayerShape.layers(of: network.graph).map(\.shape)
    guard PaperComparison.isMobileNetV1(layers) else { return [] }
    var settings = [(dramEnergy, clockGating)]
    settings += [(0.0, false), (0.0, true)].filter { $0 != settings[0] }
    var papers: [PaperComparison] = []
    for (dram, gating) in settings {
      papers.append(PaperComparison(try space([network], technologies, dram: dram, gating: gating)))
    }
    return papers
  }

  /// The library to confirm on, and its technology, without which nothing can be scaled or compared.
  private func chooseLibrary() throws(Diagnostics) -> (CellLibrary, Technology) {
    let (library, technology) = try cells.choose(
      technology: technology.count == 1 ? technology[0] : nil)
    guard let technology else {
      throw Diagnostics(
        Diagnostic(
          "no technology is known for the library \(library.name): its areas cannot be scaled",
          remedy: "give --liberty files of "
            + Technology.builtIn.map(\.name).joined(separator: " or ")
            + ", or --technology FILE for others"))
    }
    return (library, technology)
  }

  /// The designs that have fixed layers, synthesised.
  private func confirmations(
    _ chosen: [DesignSpacePlots.Chosen], _ networks: [ExploredNetwork], _ library: CellLibrary,
    _ technology: Technology
  ) async throws(Diagnostics) -> [DesignConfirmation] {
    let cache = try SynthesisCache(folder: cells.cache)
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      let synthesiser = try await Synthesiser(library: library, cache: cache, scratch: scratch)
      var found: [DesignConfirmation] = []
      for choice in chosen where choice.point.fixedLayers > 0 {
        let progress = Progress()
        defer { progress.end() }
        let network = networks.first { $0.variant.name == choice.point.variant }!
        do throws(Diagnostics) {
          found.append(
            try await synthesiser.confirm(
              choice.point, of: network, technology: technology, node: try ProcessNode(node),
              jobs: cells.processes
            ) { progress.step(of: $0, "module of \(choice.point.name)") })
        } catch {
          throw error.inFile(model.model)
        }
      }
      return found
    }
  }
}
