import ArgumentParser
import Estimation
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL

/// `deepfreeze explore`: how many layers to fix, beside which programmable accelerator.
struct ExploreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Explores every number of fixed layers beside every NVDLA configuration.",
    discussion: """
      Area, frames a second, energy a frame and TOPS/W by a fitted model; nothing is synthesised. \
      Budgets are judged by the unfavourable end of a figure's interval. Exit code 1: no design keeps \
      to the budgets; the nearest is printed.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var output: OutputOptions

  @Option(parsing: .unconditional, help: "The most area in mm2.")
  var areaBudget: Double?

  @Option(parsing: .unconditional, help: "The least frames a second.")
  var fps: Double?

  @Option(parsing: .unconditional, help: "The most power in mW.")
  var power: Double?

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

  func validate() throws {
    if !(0...3).contains(effort) { throw ValidationError("--effort takes a number from 0 to 3") }
  }

  func run() async throws {
    var missed = false
    try await reportingDiagnostics(output) {
      let budgets = Budgets(area: areaBudget, framesPerSecond: fps, power: power)
      var problems = budgets.verify()
      var technologies = Technology.builtIn
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
      let graph = try model.loadForHardware().graph
      let design = try frozen(graph)
      let costs =
        try design.map {
          try FixedLayerModel.costs(
            of: $0, technologies: technologies, at: try ProcessNode(node))
        } ?? []
      func space(dram: Double, gating: Bool) throws -> DesignSpace {
        try DesignSpace(
          graph, design: design, fixed: costs,
          setting: .init(
            node: node, technologies: technologies.map(\.name), dramPicojoulesPerByte: dram,
            clockGating: gating))
      }
      let result = try space(dram: dramEnergy, gating: clockGating)
      var papers: [PaperComparison] = []
      if PaperComparison.isMobileNetV1(LayerShape.layers(of: graph).map(\.shape)) {
        papers = [PaperComparison(result)]
        for (dram, gating) in [(0.0, false), (0.0, true)]
        where (dram, gating) != (dramEnergy, clockGating) {
          papers.append(PaperComparison(try space(dram: dram, gating: gating)))
        }
      }
      let report = ExploreReport(
        model: model.model.lastPathComponent, space: result, budgets: budgets, fixed: costs,
        papers: papers, all: all)
      if output.json { printJSON(report) } else { print(report.text) }
      missed = report.isMissed
    }
    if missed { throw ExitCode.checkFailed }
  }

  /// The design of the layers to fix; nil, with a note, for a network that none can be fixed of.
  private func frozen(_ graph: QuantizedGraph) throws(Diagnostics) -> Design? {
    let options = FreezeOptions(fixedLayers: fixedLayers.count, effort: effort)
    do throws(Diagnostics) {
      let progress = Progress()
      defer { progress.end() }
      return try Freeze.design(graph, options: options) { progress.step(of: $0, "layer") }
    } catch {
      guard fixedLayers.count == nil else { throw error.inFile(model.model) }
      for var diagnostic in error.all {
        diagnostic.severity = .note
        printToStandardError(Diagnostics(diagnostic).inFile(model.model).description)
      }
      return nil
    }
  }
}
