import ArgumentParser
import GraphPasses
import ModelImport
import NeuralGraph
import Proof
import Simulation

/// `deepfreeze prove`: the emitted text against the weights of the model file.
struct ProveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Proves that an emitted design's Verilog computes the model's layers.",
    discussion: """
      Yosys reads the Verilog; every output is then compared with the weights of the model file, for \
      all inputs: nothing is simulated, nothing sampled. Exit code 1: something is not proved.
      """)

  @Argument(help: "The folder that 'deepfreeze emit' has written.")
  var folder: String

  @OptionGroup var model: NamedModelOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Scale calibration images to the network's input size.")
  var resize = false

  func run() async throws {
    var passed = true
    try await reportingDiagnostics(output) {
      let emitted = try EmittedFolder(path: folder)
      let loaded = try model.options.loadForHardware(resize: resize)
      let progress = Progress()
      let proof: DesignProof
      do {
        defer { progress.end() }
        proof = try await DesignProof.prove(emitted, loaded.graph) {
          progress.step(of: $0, "step")
        }
      }
      if output.json { printJSON(proof) } else { print(proof, terminator: "") }
      passed = proof.isProved
      if !passed, let origin = emitted.network.origin,
        origin.sha256 != sha256Hex(loaded.file.bytes)
      {
        printToStandardError(
          Diagnostic(
            "the design was emitted from another file, \(origin.file)", severity: .note,
            file: folder
          ).description)
      } else if !passed, let origin = emitted.network.origin,
        origin.until ?? [] != loaded.file.until
      {
        printToStandardError(
          Diagnostic(
            "the design was emitted with "
              + (origin.until.map { $0.map { "--until '\($0)'" }.joined(separator: " ") }
                ?? "the whole model"),
            severity: .note, file: folder
          ).description)
      }
    }
    if !passed { throw ExitCode.checkFailed }
  }
}
