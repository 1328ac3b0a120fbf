import ArgumentParser
import NeuralGraph
import Simulation
import TensorFiles

extension Simulator: ExpressibleByArgument {}

/// `deepfreeze verify`: the emitted Verilog in a simulator against the reference interpreter.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Simulates an emitted design and compares every layer's output with the interpreter.",
    discussion: """
      Reads nothing but the emitted folder and the inputs. Exit code 1: a value, a cycle or a
      latency is not as predicted.
      """)

  @Argument(help: "The folder that 'deepfreeze emit' has written.")
  var folder: String

  @OptionGroup var output: OutputOptions

  @Option(
    name: .customLong("input"), parsing: .upToNextOption,
    help: "Images (PNG, PPM, PGM, BMP) or input codes (.npy), one frame each.")
  var inputs: [String]

  @Option(help: "Frames in all; the inputs come again in turn (default: one for each input).")
  var frames: Int?

  @Option(help: "verilator or icarus.")
  var simulator: Simulator = .verilator

  @Option(help: "Let ready and valid fall at random, by this seed.")
  var stalls: UInt64?

  @Option(
    name: .customLong("batchnorm"), parsing: .upToNextOption,
    help:
      "Parameter files of adaptive batch norm ('deepfreeze batchnorm'), one for each frame in turn."
  )
  var batchNorm: [String] = []

  @Flag(
    help: "With --batchnorm: frames back to back, values written while others are on their way.")
  var overlap = false

  @Flag(help: "Scale images to the network's input size.")
  var resize = false

  @Flag(help: "An image's samples are the tensor's bytes, reinterpreted.")
  var rawBytes = false

  @Flag(help: "Keep the simulation's folder and say where it is.")
  var keep = false

  func validate() throws {
    if inputs.isEmpty { throw ValidationError("give --input at least one file") }
    if overlap, batchNorm.isEmpty { throw ValidationError("--overlap goes with --batchnorm") }
    if let frames, !(1...10_000).contains(frames) {
      throw ValidationError("--frames takes a number from 1 to 10000")
    }
  }

  func run() async throws {
    var passed = true
    try await reportingDiagnostics(output) {
      let emitted = try EmittedFolder(path: folder)
      let type = emitted.network.graph.nodes[0].type
      var images: [IntegerTensor] = []
      for path in inputs {
        images.append(try loadInput(path, for: type, resize: resize, rawBytes: rawBytes))
      }
      let sets = try emitted.batchNormValues(batchNorm)
      let count = frames ?? max(images.count, sets.count)
      let sequence = (0..<count).map { images[$0 % images.count] }
      let report = try await ScratchFolder.with(keep: keep) {
        scratch throws(Diagnostics) -> VerificationReport in
        if keep { printToStandardError("the simulation is in \(scratch.path)") }
        let progress = Progress()
        defer { progress.end() }
        progress.show("building the simulation with \(simulator.rawValue)")
        let verification = try await Verification(
          emitted, simulator: simulator, frames: count, scratch: scratch)
        progress.show("simulating \(counted(count, "frame"))")
        if !sets.isEmpty {
          return try await verification.run(
            frames: sequence, batchNorm: sets, overlapping: overlap, stalls: stalls)
        }
        return try await verification.run(frames: sequence, stalls: stalls)
      }
      if output.json { printJSON(report) } else { print(report, terminator: "") }
      passed = report.passed
    }
    if !passed { throw ExitCode.checkFailed }
  }
}
