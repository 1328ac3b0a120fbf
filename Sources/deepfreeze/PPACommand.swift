import ArgumentParser
import Estimation
import Foundation
import NeuralGraph
import RTL
import Simulation
import Synthesis

/// `deepfreeze ppa`: what an emitted design takes on a cell library.
struct PPACommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ppa",
    abstract: "Maps an emitted design onto a cell library: area by part, and the longest paths.",
    discussion: """
      Yosys maps each module by itself, OpenSTA times it, without wires. Memories stay macros and are \
      priced by the technology's model. Results are cached by content. With --input Verilator counts \
      how often bits change on your images: power and energy. Exit code 1: a path between \
      registers is longer than --clock.
      """)

  @Argument(help: "The folder that 'deepfreeze emit' has written.")
  var folder: String

  @OptionGroup var output: OutputOptions

  @OptionGroup var synthesis: SynthesisOptions

  @OptionGroup var activity: ActivityOptions

  @Flag(help: "Print the technology's model of the areas; nothing is synthesised.")
  var model = false

  func run() async throws {
    var missed = false
    try await reportingDiagnostics(output) {
      let emitted = try EmittedFolder(path: folder)
      if model {
        try printModel(emitted)
        return
      }
      let (library, technology) = try synthesis.choose()
      let frames = try activity.frames(for: emitted)
      let (result, power) = try await synthesis.synthesise(
        emitted, library, technology, frames: frames)
      let report = PPAReport(
        result, power: power, technology: technology, clock: synthesis.clock)
      if output.json { printJSON(report) } else { print(report.text, terminator: "") }
      missed = report.isMissed
    }
    if missed { throw ExitCode.checkFailed }
  }

  /// Areas by the technology's fitted coefficients.
  private func printModel(_ folder: EmittedFolder) throws(Diagnostics) {
    let technology = try Technology.named(synthesis.technology ?? Technology.builtIn[0].name)
    // The same network and options give the same design.
    let design = try Freeze.design(folder.network.graph, options: folder.design.options)
    let report = ModelledPPAReport(
      technology: technology, modules: FixedLayerModel(technology).modules(of: design))
    if output.json { printJSON(report) } else { print(report.text, terminator: "") }
  }
}
