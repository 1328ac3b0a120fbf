import ArgumentParser
import Foundation
import NeuralGraph
import RTL
import Simulation
import TensorFiles

/// `deepfreeze bench`: the figures of docs/performance.md on this machine. Nothing is asserted.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures the tool on a model.", shouldDisplay: false)

  @OptionGroup var model: ModelOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .upToNextOption, help: "Numbers of fixed layers to emit, fewest first.")
  var fixedLayers: [Int] = [11, 27]

  @Option(help: "An input, to run the interpreter on and to verify the first of the designs with.")
  var input: String

  @Option(help: "Images for the interpreter's rate.")
  var images: Int = 40

  func run() async throws {
    try await reportingDiagnostics(output) {
      let base = FileManager.default.temporaryDirectory
        .appendingPathComponent("deepfreeze-bench-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: base) }
      let clock = ContinuousClock()
      var folders: [String] = []
      var rows = [["measured", "time", "memory so far", ""]]
      for layers in fixedLayers {
        let folder = "\(base)-\(layers)"
        folders.append(folder)
        var note = ""
        let time = try clock.measure { note = try emit(layers, to: folder) }
        rows.append([
          "emit, \(counted(layers, "layer"))", seconds(time), "\(peakMemory() >> 20) MB", note,
        ])
      }
      defer { for folder in folders { try? FileManager.default.removeItem(atPath: folder) } }
      rows.append(try requantizers())
      let graph = try model.load().graph
      let image = try loadInput(
        input, for: graph.nodes[0].type, resize: true, rawBytes: false)
      let interpreter = try Interpreter(graph)
      _ = try interpreter.evaluate(image)
      let time = try clock.measure {
        for _ in 0..<images { _ = try interpreter.evaluate(image) }
      }
      let rate = Double(images) / (time / .seconds(1))
      rows.append([
        "interpreter, \(images) images", seconds(time), "\(peakMemory() >> 20) MB",
        String(format: "%.1f images a second", rate),
      ])
      let emitted = try EmittedFolder(path: folders[0])
      var passed = ""
      let start = clock.now
      let report = try await ScratchFolder.with(keep: false) {
        scratch throws(Diagnostics) -> VerificationReport in
        let verification = try await Verification(
          emitted, simulator: .verilator, frames: 1, scratch: scratch)
        return try await verification.run(frames: [image])
      }
      passed = report.passed ? "passed" : "FAILED"
      rows.append([
        "verify, \(fixedLayers[0]) layers, 1 frame, Verilator, build included",
        seconds(clock.now - start), "\(peakMemory() >> 20) MB", passed,
      ])
      print(table(rows, left: [0, 3]))
    }
  }

  /// Emits from the model's file on, as `deepfreeze emit` does; returns what came out.
  private func emit(_ layers: Int, to folder: String) throws -> String {
    let loaded = try model.loadForHardware()
    let design = try Freeze.design(loaded.graph, options: FreezeOptions(fixedLayers: layers))
    let network = NetworkFile(
      graph: loaded.graph,
      origin: .init(
        file: model.model.lastPathComponent, sha256: sha256Hex(loaded.file.bytes),
        until: loaded.file.until))
    let files = design.emittedFiles(network: network)
    try FolderWriter.write(files, to: folder)
    let bytes = files.filter { $0.path.hasPrefix("rtl/") }.reduce(0) { $0 + $1.bytes.count }
    let weights = design.layers.reduce(0) { $0 + $1.cost.weights }
    let adders = design.layers.reduce(0) { $0 + $1.cost.sumAdders + $1.cost.requantizerAdders }
    return "\(grouped(weights)) weights, \(grouped(adders)) adders, "
      + String(format: "%.1f bytes of Verilog a weight", Double(bytes) / Double(weights))
  }

  /// How the requantizers of the most layers are fitted, proved, and what they multiply with.
  private func requantizers() throws -> [String] {
    let graph = try model.loadForHardware().graph
    let layers = fixedLayers.max() ?? 0
    var surveys: [RequantizerSurvey] = []
    let time = try ContinuousClock().measure {
      surveys = try Freeze.surveyRequantizers(graph, options: FreezeOptions(fixedLayers: layers))
    }
    func mean(_ part: ArraySlice<RequantizerSurvey>, _ count: (RequantizerSurvey) -> Int) -> Double
    {
      Double(part.reduce(0) { $0 + count($1) })
        / Double(max(1, part.reduce(0) { $0 + $1.channels }))
    }
    let note = String(
      format:
        "%.3f adders a channel (first 11: %.3f), c of at most %d bits, window %.1f of %.1f bits",
      mean(surveys[...], \.multiplierAdders), mean(surveys.prefix(11), \.multiplierAdders),
      surveys.map(\.multiplierBits).max() ?? 0, mean(surveys[...], \.windowBits),
      mean(surveys[...], \.accumulatorBits))
    return [
      "requantizers of \(surveys.count) convolutions", seconds(time), "\(peakMemory() >> 20) MB",
      note,
    ]
  }

  private func seconds(_ time: Duration) -> String {
    String(format: "%.2f s", time / .seconds(1))
  }
}
