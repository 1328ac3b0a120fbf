import ArgumentParser
import Compression
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import Simulation
import TensorFiles

/// `deepfreeze tradeoff`: accuracy against adders.
struct TradeoffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tradeoff",
    abstract: "Sweeps weight bits and digit pruning, and plots accuracy against adders.",
    discussion: """
      Writes a folder: tradeoff.csv, tradeoff.svg (by gnuplot), and of every point the network and the \
      script that makes it again. --weight-bits is 8,6,5,4 and --save 0,15,30,45,60 unless given. A \
      quantized model is only pruned.
      """)

  @Argument(help: "A float or quantized model.")
  var model: String

  @OptionGroup var end: EndOptions
  @OptionGroup var images: CalibrationOptions
  @OptionGroup var output: OutputOptions

  @Option(name: .customLong("output"), help: "The folder to write.")
  var folder: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "A float model's input for pixels 0 and 255; -1,0.9921875 if the file does not say.",
      valueName: "low,high"))
  var inputRange: InputNormalization?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Count and prune the convolutions up to this number, or 'all'.", valueName: "n|all"))
  var fixedLayers: FixedLayers = .all

  @OptionGroup var sweep: SweepOptions

  func run() async throws {
    try await reportingDiagnostics(output) {
      try FolderWriter.check(folder)
      let source = try ModelFile(path: model, until: end.until)
      let swept: Swept
      do throws(Diagnostics) {
        swept = try self.swept(source)
      } catch {
        throw error.inFile(model)
      }
      let tradeOff = TradeOff(swept.points, isLabelled: images.labels != nil)
      var files = swept.files
      files.append(EmittedFile("tradeoff.csv", text: tradeOff.csv))
      let script = tradeOff.gnuplot(csv: "tradeoff.csv", title: source.name)
      files.append(EmittedFile("tradeoff.gp", text: script))
      files.append(EmittedFile("tradeoff.svg", try await Self.plot(files)))
      try FolderWriter.write(files, to: folder)
      if output.json { printJSON(["points": tradeOff.points]) } else { print(text(tradeOff)) }
    }
  }

  private static func plot(_ files: [EmittedFile]) async throws(Diagnostics) -> [UInt8] {
    try await ScratchFolder.with { scratch throws(Diagnostics) in
      for file in files where file.path.hasPrefix("tradeoff.") {
        try writeFile(file.bytes, to: scratch.path + "/" + file.path)
      }
      let outcome = try await Program(.gnuplot).require(
        ["tradeoff.gp"], in: scratch.path, timeout: .seconds(60))
      return Array(outcome.output.utf8)
    }
  }

  /// The points and their files.
  private struct Swept {
    var points: [TradeOffPoint] = []
    var files: [EmittedFile] = []
  }

  private func swept(_ source: ModelFile) throws(Diagnostics) -> Swept {
    let note = { (diagnostic: Diagnostic) in
      printToStandardError(Diagnostics(diagnostic).inFile(model).description)
    }
    let progress = Progress()
    defer { progress.end() }
    var swept = Swept()
    let imported = try source.imported(note: note)
    let options = QuantizationOptions(inputNormalization: inputRange)
    let reference: Classifier
    var bits: Set<Int> = []
    if case .float(let graph) = imported, !graph.isFakeQuantized {
      bits = [8, 6, 5, 4]
      reference = try Classifier(
        graph, input: graph.pixelNormalization(stated: inputRange).input, name: source.name)
    } else {
      reference = try Classifier(
        quantizedGraph(from: imported, options: options), name: source.name)
    }
    let validation = try images.validation(reference: reference)
    try sweep.sweep(
      bits: bits, saved: [0, 15, 30, 45, 60], fixedLayers: fixedLayers, threads: images.threads
    ).run(
      imported, options: options,
      samples: { shape throws(Diagnostics) in try images.samples(for: shape) }, note: note,
      starting: { progress.show("point \(swept.points.count + 1): \($0)") },
      body: { network throws(Diagnostics) in
        try add(network, source, validation, to: &swept)
      })
    return swept
  }

  private func add(
    _ point: SweptNetwork, _ source: ModelFile, _ validation: Validation, to swept: inout Swept
  ) throws(Diagnostics) {
    let name = point.name
    let costs = try hardwareCosts(of: point.network, fixedLayers: fixedLayers.count, effort: 0)
    swept.points.append(
      TradeOffPoint(
        name: name, weightBits: point.weightBits, saved: point.saved,
        adders: costs.reduce(0) { $0 + $1.adders }, gates: costs.reduce(0) { $0 + $1.gates },
        right: try validation.count(point.network), images: validation.imageCount))
    let bytes = networkBytes(point.network, from: source, name: name)
    swept.files.append(EmittedFile("points/\(name).json", bytes.json))
    swept.files.append(EmittedFile("points/\(name).bin", bytes.binary))
    swept.files.append(
      EmittedFile("points/\(name).prices.json", StableJSON.encode(point.prices)))
    swept.files.append(
      EmittedFile("points/\(name).sh", text: recipe(name, weightBits: point.weightBits)))
  }

  /// The commands that make a point's network again, in the folder that they are run in.
  private func recipe(_ name: String, weightBits: Int?) -> String {
    func path(_ path: String) -> String {
      quoted(URL(filePath: path).standardizedFileURL.path)
    }
    var common =
      "--calibrate \(path(images.calibrate)) --calibration-images \(images.images.calibrationImages)"
    if images.images.resize { common += " --resize" }
    var range = ""
    if let inputRange {
      range = " --input-range=\(inputRange.range.low),\(inputRange.range.high)"
    }
    var lines = [
      "#!/bin/sh", "# Makes \(name).json and \(name).bin again in the folder it is run in.",
      "set -e",
      "here=$(cd \"$(dirname \"$0\")\" && pwd)",
    ]
    var start = path(model)
    if let weightBits {
      start = "\(name).json"
      lines.append(
        "deepfreeze quantize \(path(model)) \(common)\(range) --weight-bits \(weightBits) "
          + "--output \(name).json")
      range = ""
    }
    let layers = fixedLayers.count.map(String.init) ?? "all"
    lines.append(
      "deepfreeze prune \(start) \(common)\(range) --fixed-layers \(layers) "
        + "--prices \"$here/\(name).prices.json\" --output \(name).json")
    return lines.joined(separator: "\n") + "\n"
  }

  private func quoted(_ text: String) -> String {
    "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }

  private func text(_ tradeOff: TradeOff) -> String {
    var rows = [
      [
        "point", "weight bits", "to save", "adders", "gates",
        tradeOff.isLabelled ? "top-1" : "agreement", "Pareto",
      ]
    ]
    for point in tradeOff.points {
      rows.append([
        point.name, point.weightBits.map(String.init) ?? "", "\(decimal(point.saved, 0)) %",
        grouped(point.adders), grouped(point.gates), point.percent + " %",
        point.isPareto ? "*" : "",
      ])
    }
    return table(rows, left: [0, 6])
  }
}
