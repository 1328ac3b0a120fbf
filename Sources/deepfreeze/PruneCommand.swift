import ArgumentParser
import Compression
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles

/// `deepfreeze prune`: fewer adders for a little accuracy.
struct PruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Changes a network's integer weights so that they cost fewer adders.",
    discussion: """
      Errors are fed back to the weights that follow, as calibration images weigh them; biases give back \
      what remains on average. Weight scales change where a requantizer then multiplies by a power of two, \
      the scales between layers stay. The written network is a model for every other command.
      """)

  enum Method: String, ExpressibleByArgument, CaseIterable {
    case digits, magnitude
  }

  @Argument(
    help: "A model: a quantized .tflite or .onnx, a frozen graph (.pb), a network (.json).")
  var model: String

  @OptionGroup var end: EndOptions
  @OptionGroup var images: CalibrationOptions
  @OptionGroup var output: OutputOptions

  @Option(name: .customLong("output"), help: "The file to write (.json; a .bin goes beside it).")
  var file: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "A float model's input for pixels 0 and 255; -1,0.9921875 if the file does not say.",
      valueName: "low,high"))
  var inputRange: InputNormalization?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Prune the convolutions up to this number, or 'all' layers with weights.",
      valueName: "n|all"))
  var fixedLayers: FixedLayers = .all

  @Option(help: "digits (weights of few signed digits) or magnitude (small weights become 0).")
  var method: Method = .digits

  @Option(help: "digits: save at least this share of the adders, in percent.")
  var save: Double?

  @Option(
    help: "digits: save what so many points of top-1 (of agreement, without --labels) allow.")
  var budget: Double?

  @Option(help: "digits: the price of an adder in each layer, from a file of --write-prices.")
  var prices: String?

  @Option(help: "A file to write the price of an adder in each layer to.")
  var writePrices: String?

  @Flag(help: "digits: leave every weight scale, and so every requantizer, as it is.")
  var keepScales = false

  @Option(help: "magnitude: the share of weights that become 0, in percent.")
  var share: Double?

  @Flag(help: "magnitude: the share is of all layers together, not of each.")
  var global = false

  @Option(help: "The adder optimiser's effort for the table: 0 to 3.")
  var effort = 0

  func validate() throws {
    try checkNetworkPath(file)
    if !(0...3).contains(effort) { throw ValidationError("--effort takes a number from 0 to 3") }
    func percentage(_ value: Double?, _ name: String) throws {
      if let value, !(0...100).contains(value) {
        throw ValidationError("\(name) takes a number from 0 to 100")
      }
    }
    try percentage(save, "--save")
    try percentage(budget, "--budget")
    try percentage(share, "--share")
    let goals = [save != nil, budget != nil, prices != nil].count { $0 }
    switch method {
    case .digits:
      if goals != 1 { throw ValidationError("give one of --save, --budget and --prices") }
      if share != nil || global { throw ValidationError("--share is of --method magnitude") }
    case .magnitude:
      if share == nil { throw ValidationError("--method magnitude takes --share") }
      if goals > 0 || writePrices != nil || keepScales {
        throw ValidationError("--save, --budget, prices and --keep-scales are of --method digits")
      }
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      let source = try ModelFile(path: model, until: end.until)
      do throws(Diagnostics) {
        try prune(source)
      } catch {
        throw error.inFile(model)
      }
    }
  }

  private func prune(_ source: ModelFile) throws(Diagnostics) {
    let note = { (diagnostic: Diagnostic) in
      printToStandardError(Diagnostics(diagnostic).inFile(model).description)
    }
    let imported = try source.imported(note: note)
    let shape =
      switch imported {
      case .quantized(let graph): graph.nodes[0].type.shape
      case .float(let graph): graph[graph.inputs[0]].shape
      }
    let samples = try images.samples(for: shape)
    let options = QuantizationOptions(
      calibration: samples.map { FloatTensor(shape: shape, values: $0.map(Float.init)) },
      inputNormalization: inputRange)
    let graph = try quantizedGraph(from: imported, options: options, note: note)
    let type = graph.nodes[0].type
    let inputs = samples.map { IntegerTensor(samples: $0, type: type) }
    let progress = Progress()
    defer { progress.end() }
    let pruner = try LayerPruner(
      graph, fixedLayers: fixedLayers.count, images: inputs,
      keepsScales: keepScales || method == .magnitude, threads: images.threads)
    let validation = try images.validation(
      reference: Classifier(graph, name: model.lastPathComponent))
    let pruned = try pruned(pruner, validation, progress)
    let report = try PruneReport(
      graph, pruned, fixedLayers: fixedLayers.count, effort: effort, validation: validation)
    try writeNetwork(pruned, from: source, to: file)
    progress.end()
    if output.json { printJSON(report) } else { print(report.text) }
  }

  private func pruned(
    _ pruner: LayerPruner, _ validation: Validation, _ progress: Progress
  ) throws(Diagnostics) -> QuantizedGraph {
    if let share {
      return try pruner.prunedMagnitudes(share: share / 100, isGlobal: global)
    }
    if let prices {
      let known = try StableJSON.decode(
        [String: Double].self, readFile(prices), file: prices)
      do throws(Diagnostics) {
        return try pruner.prunedDigits(prices: known)
      } catch {
        throw error.inFile(prices)
      }
    }
    let goal: PruningGoal =
      save.map { .adders(share: $0 / 100) } ?? .accuracy(points: budget ?? 0)
    let limit = fixedLayers.count
    let adders = { (network: QuantizedGraph) throws(Diagnostics) -> Int in
      try hardwareCosts(of: network, fixedLayers: limit, effort: 0).reduce(0) { $0 + $1.adders }
    }
    var pruning = try DigitPruning(pruner) { progress.step(of: $0, "layer") }
    let result = try pruning.reach(goal, validation: validation, cost: adders)
    if let writePrices { try writeFile(StableJSON.encode(result.prices), to: writePrices) }
    return result.network
  }
}

extension FixedLayers {
  /// Every layer.
  static var all: FixedLayers { FixedLayers(argument: "all")! }

  var defaultValueDescription: String { "all" }
}

/// What pruning did to each layer, for people and machines.
private struct PruneReport: Encodable {
  struct Row: Encodable {
    var layer: String
    var weights: Int
    var zerosBefore: Int
    var zeros: Int
    var addersBefore: Int
    var adders: Int
    var gatesBefore: Int
    var gates: Int
  }

  var layers: [Row]
  var total: Row
  /// Of the validation images: agreement with the network as it was, or, with labels, right ones.
  var right: Int
  var referenceRight: Int
  var images: Int

  init(
    _ before: QuantizedGraph, _ after: QuantizedGraph, fixedLayers: Int?, effort: Int,
    validation: Validation
  ) throws(Diagnostics) {
    let old = try hardwareCosts(of: before, fixedLayers: fixedLayers, effort: effort)
    let new = try hardwareCosts(of: after, fixedLayers: fixedLayers, effort: effort)
    layers = zip(old, new).map { old, new in
      Row(
        layer: old.layer, weights: old.weights, zerosBefore: old.zeroWeights,
        zeros: new.zeroWeights, addersBefore: old.adders, adders: new.adders,
        gatesBefore: old.gates, gates: new.gates)
    }
    total = layers.reduce(
      Row(
        layer: "all", weights: 0, zerosBefore: 0, zeros: 0, addersBefore: 0, adders: 0,
        gatesBefore: 0, gates: 0)
    ) { sum, row in
      Row(
        layer: "all", weights: sum.weights + row.weights,
        zerosBefore: sum.zerosBefore + row.zerosBefore, zeros: sum.zeros + row.zeros,
        addersBefore: sum.addersBefore + row.addersBefore, adders: sum.adders + row.adders,
        gatesBefore: sum.gatesBefore + row.gatesBefore, gates: sum.gates + row.gates)
    }
    right = try validation.count(after)
    referenceRight = validation.referenceCount
    images = validation.imageCount
  }

  var text: String {
    var rows = [
      ["layer", "weights", "zeros", "now", "adders", "now", "saved", "gates", "now", "saved"]
    ]
    for row in layers + [total] {
      func saved(_ before: Int, _ after: Int) -> String {
        before > 0 ? decimal(Double(before - after) / Double(before) * 100, 1) + " %" : ""
      }
      rows.append([
        shortened(row.layer, to: 40), grouped(row.weights), grouped(row.zerosBefore),
        grouped(row.zeros), grouped(row.addersBefore), grouped(row.adders),
        saved(row.addersBefore, row.adders), grouped(row.gatesBefore), grouped(row.gates),
        saved(row.gatesBefore, row.gates),
      ])
    }
    return table(rows, left: [0])
      + "\nright: \(percent(right, of: images)) of \(counted(images, "image")), before "
      + percent(referenceRight, of: images)
  }
}
