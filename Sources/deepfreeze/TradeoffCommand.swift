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
      script that makes it again. A quantized model is only pruned.
      """)

  @Argument(help: "A float or quantized model.")
  var model: String

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

  @Option(help: "Weight bits to try on a float model, 2 to 8.")
  var weightBits: NumberList = .init([8, 6, 5, 4])

  @Option(help: "Percents of the adders that pruning is to save.")
  var save: NumberList = .init([0, 15, 30, 45, 60])

  func validate() throws {
    try images.check()
    let bits = weightBits.values
    if !bits.allSatisfy({ (2...8).contains($0) && $0 == $0.rounded() }) {
      throw ValidationError("--weight-bits takes whole numbers from 2 to 8")
    }
    if !save.values.allSatisfy({ (0..<100).contains($0) }) {
      throw ValidationError("--save takes numbers from 0 to below 100")
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      try FolderWriter.check(folder, force: false)
      let source = try ModelFile(path: model)
      let sweep: Sweep
      do throws(Diagnostics) {
        sweep = try self.sweep(source)
      } catch {
        throw error.inFile(model)
      }
      let tradeOff = TradeOff(sweep.points, isLabelled: images.labels != nil)
      var files = sweep.files
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
  private struct Sweep {
    var points: [TradeOffPoint] = []
    var files: [EmittedFile] = []
  }

  private func sweep(_ source: ModelFile) throws(Diagnostics) -> Sweep {
    let note = { (diagnostic: Diagnostic) in
      printToStandardError(Diagnostics(diagnostic).inFile(model).description)
    }
    let progress = Progress()
    defer { progress.end() }
    var sweep = Sweep()
    switch try source.imported(note: note) {
    case .float(let graph) where !graph.isFakeQuantized:
      let shape = graph[graph.inputs[0]].shape
      let samples = try images.samples(for: shape)
      let options = QuantizationOptions(
        calibration: samples.map { FloatTensor(shape: shape, values: $0.map(Float.init)) },
        inputNormalization: inputRange)
      let reference = try Classifier(
        graph, input: graph.pixelNormalization(stated: inputRange).input, name: source.name)
      let validation = try images.validation(reference: reference)
      let calibration = try Calibration(graph, options: options, note: note)
      for bits in Set(weightBits.values).sorted(by: >) {
        var settings = QuantizationSettings()
        settings.bits.weights = Int(bits)
        let network = try calibration.quantized(settings).graph
        try prune(
          network, weightBits: Int(bits), source, samples, validation, progress, into: &sweep)
      }
    case let imported:
      let graph = try quantizedGraph(
        from: imported, options: QuantizationOptions(inputNormalization: inputRange), note: note)
      let samples = try images.samples(for: graph.nodes[0].type.shape)
      let validation = try images.validation(
        reference: Classifier(graph, name: source.name))
      try prune(graph, weightBits: nil, source, samples, validation, progress, into: &sweep)
    }
    return sweep
  }

  private func prune(
    _ graph: QuantizedGraph, weightBits: Int?, _ source: ModelFile, _ samples: [[UInt8]],
    _ validation: Validation, _ progress: Progress, into sweep: inout Sweep
  ) throws(Diagnostics) {
    let limit = fixedLayers.count
    let base = weightBits.map { "w\($0)" } ?? "int8"
    let type = graph.nodes[0].type
    var pruning: DigitPruning?
    for share in Set(save.values).sorted() {
      let name = base + "_p" + (share == share.rounded() ? "\(Int(share))" : "\(share)")
      progress.show("point \(sweep.points.count + 1): \(name)")
      var result = DigitPruningResult(network: graph, prices: [:])
      if share > 0 {
        if pruning == nil {
          let pruner = try LayerPruner(
            graph, fixedLayers: limit,
            images: samples.map { IntegerTensor(samples: $0, type: type) },
            threads: images.threads)
          pruning = try DigitPruning(pruner)
        }
        result = try pruning!.reach(.adders(share: share / 100), validation: nil) {
          network throws(Diagnostics) in
          try hardwareCosts(of: network, fixedLayers: limit, effort: 0).reduce(0) { $0 + $1.adders }
        }
      }
      let costs = try hardwareCosts(of: result.network, fixedLayers: limit, effort: 0)
      sweep.points.append(
        TradeOffPoint(
          name: name, weightBits: weightBits, saved: share,
          adders: costs.reduce(0) { $0 + $1.adders }, gates: costs.reduce(0) { $0 + $1.gates },
          right: try validation.count(result.network), images: validation.imageCount))
      let bytes = networkBytes(result.network, from: source, name: name)
      sweep.files.append(EmittedFile("points/\(name).json", bytes.json))
      sweep.files.append(EmittedFile("points/\(name).bin", bytes.binary))
      sweep.files.append(
        EmittedFile("points/\(name).prices.json", StableJSON.encode(result.prices)))
      sweep.files.append(
        EmittedFile("points/\(name).sh", text: recipe(name, weightBits: weightBits)))
    }
  }

  /// The commands that make a point's network again, in the folder that they are run in.
  private func recipe(_ name: String, weightBits: Int?) -> String {
    func path(_ path: String) -> String {
      quoted(URL(filePath: path).standardizedFileURL.path)
    }
    var common =
      "--calibrate \(path(images.calibrate)) --calibration-images \(images.calibrationImages)"
    if images.resize { common += " --resize" }
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

/// Numbers with commas between.
struct NumberList: ExpressibleByArgument {
  var values: [Double]

  init(_ values: [Double]) { self.values = values }

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map {
      Double($0)
    }
    guard !numbers.isEmpty, !numbers.contains(nil) else { return nil }
    values = numbers.map { $0! }
  }

  var defaultValueDescription: String {
    values.map { "\(Int($0))" }.joined(separator: ",")
  }
}
