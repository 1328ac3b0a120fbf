import ArgumentParser
import DesignReports
import Estimation
import Foundation
import NeuralGraph
import RTL
import Simulation
import Synthesis

/// `deepfreeze report`: one page about an emitted design.
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes report.html and report.json: pipeline, areas, paths, power, design space.",
    discussion: """
      With --liberty areas and paths are synthesised (as by 'ppa', from its cache); without, areas are \
      modelled alone. With --input also power, at the activity of your images. The page needs no network.
      """)

  @Argument(help: "The folder that 'deepfreeze emit' has written.")
  var folder: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var synthesis: SynthesisOptions
  @OptionGroup var activity: ActivityOptions

  @Option(
    name: .customLong("output"),
    help: "The folder for report.html and report.json; the emitted folder unless given.")
  var target: String?

  @Option(parsing: .unconditional, help: "The technology node in nm of the design space.")
  var node: Int = 16

  func validate() throws {
    if !activity.inputs.isEmpty && synthesis.cells.liberty.isEmpty {
      throw ValidationError("--input measures power on a cell library: give --liberty")
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      let emitted = try EmittedFolder(path: folder)
      _ = try ProcessNode(node).operation()
      let technologies: [Technology]
      var found: (synthesis: DesignSynthesis, power: DesignPower?)?
      if synthesis.cells.liberty.isEmpty {
        technologies =
          try synthesis.technology.map { name throws(Diagnostics) in [try Technology.named(name)] }
          ?? Technology.usualInterval
      } else {
        let (library, technology) = try synthesis.choose()
        found = try await synthesis.synthesise(
          emitted, library, technology, frames: try activity.frames(for: emitted))
        technologies = technology.map { [$0] } ?? []
      }
      // The same network and options give the same design.
      let design = try Freeze.design(emitted.network.graph, options: emitted.design.options)
      let report = DesignReport(
        design: emitted.design, synthesis: found?.synthesis, power: found?.power,
        modelled: technologies.map {
          .init(technology: $0.title, modules: FixedLayerModel($0).modules(of: design))
        }, space: try space(emitted.network.graph, design))
      let html = try await report.html()
      let target = target ?? folder
      try makeFolder(target)
      try writeFile(Array(html.utf8), to: target + "/report.html")
      try writeFile(StableJSON.encode(report), to: target + "/report.json")
      if output.json {
        printJSON(["html": target + "/report.html", "json": target + "/report.json"])
      } else {
        print("\(target)/report.html, \(target)/report.json")
      }
    }
  }

  /// All cuts of the emitted layers beside every accelerator, from both technologies.
  private func space(_ graph: QuantizedGraph, _ design: Design) throws(Diagnostics) -> DesignSpace {
    let technologies = Technology.usualInterval
    let costs = try FixedLayerModel.costs(
      of: design, technologies: technologies, at: try ProcessNode(node))
    return try DesignSpace(
      graph, design: design, fixed: costs,
      setting: .init(
        node: node, technologies: technologies.map(\.name),
        dramPicojoulesPerByte: DesignSpace.usualDRAMEnergy, clockGating: false))
  }
}
