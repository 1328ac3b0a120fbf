import ArgumentParser
import Compression
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles

/// `deepfreeze quantize`: a float network in, a network in integers out.
struct QuantizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Quantizes a float model after training, and says what each layer loses and costs.",
    discussion: """
      The written network is a model for every other command. Without options it is what they make of \
      the float model with --calibrate.
      """)

  @Argument(help: "A float model: a TensorFlow frozen graph (.pb) or an .onnx.")
  var model: String

  @OptionGroup var end: EndOptions
  @OptionGroup var images: CalibrationOptions
  @OptionGroup var output: OutputOptions

  @Option(name: .customLong("output"), help: "The file to write (.json; a .bin goes beside it).")
  var file: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The model's input for pixels 0 and 255; -1,0.9921875 if the file does not say.",
      valueName: "low,high"))
  var inputRange: InputNormalization?

  @Option(help: "Activation ranges: minmax, mse (for weights too), or a percentile such as 99.99.")
  var range: RangeArgument = .init(method: .minMax)

  @Flag(help: "Activations have zero point 0.")
  var symmetricActivations = false

  @Flag(help: "Weights have a zero point.")
  var asymmetricWeights = false

  @Flag(help: "One weight scale a layer, not one an output channel.")
  var perTensor = false

  @Flag(help: "Leave biases as they are.")
  var noBiasCorrection = false

  @Flag(help: "Scale channels between layers to equal ranges first (cross-layer equalization).")
  var equalize = false

  @Option(help: "A JSON file with bits a layer: docs/compression.md.")
  var bits: String?

  @Option(help: "Bits of weights, 2 to 8, where --bits says nothing.")
  var weightBits: Int = 8

  @Option(help: "Bits of activations, 4 to 8, where --bits says nothing.")
  var activationBits: Int = 8

  @Flag(
    help:
      "Seek fewer bits a layer, of weights and activations, fewest adder bits first, within --budget."
  )
  var search = false

  @Option(help: "Points of top-1 (of agreement, without --labels) that --search may lose.")
  var budget: Double = 1

  @Option(help: "A file to write the bits to, as --bits reads them.")
  var writeBits: String?

  @Option(help: "The adder optimiser's effort for the table: 0 to 3.")
  var effort = 0

  func validate() throws {
    try checkNetworkPath(file)
    if !QuantizationSettings.Bits.weightRange.contains(weightBits) {
      throw ValidationError("--weight-bits takes a number from 2 to 8")
    }
    if !QuantizationSettings.Bits.activationRange.contains(activationBits) {
      throw ValidationError("--activation-bits takes a number from 4 to 8")
    }
    if !(0...3).contains(effort) { throw ValidationError("--effort takes a number from 0 to 3") }
    if !(0...100).contains(budget) { throw ValidationError("--budget takes 0 to 100 points") }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      let source = try ModelFile(path: model, until: end.until)
      do throws(Diagnostics) {
        try quantize(source)
      } catch {
        throw error.inFile(model)
      }
    }
  }

  private var settings: QuantizationSettings {
    get throws(Diagnostics) {
      var settings = QuantizationSettings()
      settings.range = range.method
      settings.symmetricActivations = symmetricActivations
      settings.symmetricWeights = !asymmetricWeights
      settings.perChannel = !perTensor
      settings.biasCorrection = !noBiasCorrection
      settings.equalization = equalize
      settings.bits = .init(weights: weightBits, activations: activationBits)
      if let bits { try BitsFile(path: bits).apply(to: &settings) }
      return settings
    }
  }

  private func quantize(_ source: ModelFile) throws(Diagnostics) {
    let note = { (diagnostic: Diagnostic) in
      printToStandardError(Diagnostics(diagnostic).inFile(model).description)
    }
    guard case .float(let graph) = try source.imported(note: note) else {
      throw Diagnostics(
        Diagnostic(
          "the model is quantized already",
          remedy: "prune it, or quantize the float model that it came from"))
    }
    var settings = try self.settings
    let samples = try images.samples(for: graph[graph.inputs[0]].shape)
    let options = QuantizationOptions(
      calibration: samples.map {
        FloatTensor(shape: graph[graph.inputs[0]].shape, values: $0.map(Float.init))
      }, inputNormalization: inputRange)
    let calibration = try Calibration(
      graph, options: options, equalization: settings.equalization, note: note)
    var network: CalibratedNetwork
    var found: (validation: Validation, count: Int)?
    if search {
      let reference = try Classifier(
        graph, input: graph.pixelNormalization(stated: inputRange).input,
        name: model.lastPathComponent)
      let validation = try images.validation(reference: reference)
      network = try calibration.quantized(settings)
      let type = network.graph.nodes[0].type
      let progress = Progress()
      defer { progress.end() }
      let result = try searchBits(
        calibration, settings: settings,
        probes: samples.prefix(64).map { IntegerTensor(samples: $0, type: type) },
        validation: validation, budget: budget, threads: images.threads
      ) { progress.step(of: $0, "step") }
      (settings, network) = (result.settings, result.network)
      found = (validation, result.count)
    } else {
      network = try calibration.quantized(settings)
    }
    let report = try QuantizeReport(
      network, settings, effort: effort, found: found, layers: calibration.layers)
    if let writeBits { try writeFile(StableJSON.encode(BitsFile(settings)), to: writeBits) }
    try writeNetwork(network.graph, from: source, to: file)
    if output.json { printJSON(report) } else { print(report.text) }
  }
}

/// The argument of `--range`.
struct RangeArgument: ExpressibleByArgument {
  var method: QuantizationSettings.RangeMethod

  init(method: QuantizationSettings.RangeMethod) { self.method = method }

  init?(argument: String) {
    switch argument {
    case "minmax": method = .minMax
    case "mse": method = .meanSquaredError
    default:
      guard let percent = Double(argument), (50...100).contains(percent) else { return nil }
      method = .percentile(percent / 100)
    }
  }

  var defaultValueDescription: String { "minmax" }
}

/// What quantization did to each layer, for people and machines.
private struct QuantizeReport: Encodable {
  struct Row: Encodable {
    var layer: String
    var weightBits: Int?
    var activationBits: Int
    var low: Double
    var high: Double
    var saturated: Double
    /// In dB; null where nothing differs.
    var signalToNoise: Double?
    /// Null where the layer is no hardware.
    var adders: Int?
    var gates: Int?
  }

  var layers: [Row]
  var adders: Int
  var gates: Int
  /// Of the validation images.
  var right: Int?
  var referenceRight: Int?
  var images: Int?

  init(
    _ network: CalibratedNetwork, _ settings: QuantizationSettings, effort: Int,
    found: (validation: Validation, count: Int)?, layers names: [String]
  ) throws(Diagnostics) {
    let distortions = try network.distortions()
    var costs: [String: HardwareCost] = [:]
    do throws(Diagnostics) {
      for cost in try hardwareCosts(of: network.graph, effort: effort) { costs[cost.layer] = cost }
    } catch {
      for diagnostic in error.all {
        var note = diagnostic
        note.severity = .note
        printToStandardError(note.description + "; no adders are counted")
      }
    }
    layers = []
    for value in network.graph.values {
      let node = network.graph[value]
      guard let distortion = distortions[value.index] else { continue }
      if case .softmax = node.operation { continue }
      let cost = costs[node.name]
      let isInput = node.operation == .input
      layers.append(
        Row(
          layer: node.name,
          weightBits: names.contains(node.name) ? settings.bits(for: node.name).weights : nil,
          activationBits: isInput ? 8 : settings.bits(for: node.name).activations,
          low: distortion.range.lowerBound, high: distortion.range.upperBound,
          saturated: distortion.saturated,
          signalToNoise: distortion.signalToNoise.isFinite ? distortion.signalToNoise : nil,
          adders: cost?.adders, gates: cost?.gates))
    }
    adders = costs.values.reduce(0) { $0 + $1.adders }
    gates = costs.values.reduce(0) { $0 + $1.gates }
    right = found?.count
    referenceRight = found?.validation.referenceCount
    images = found?.validation.imageCount
  }

  var text: String {
    var rows = [
      [
        "layer", "weight bits", "activation bits", "range", "saturated", "SQNR dB", "adders",
        "gates",
      ]
    ]
    for row in layers {
      rows.append([
        shortened(row.layer, to: 40), row.weightBits.map(String.init) ?? "",
        String(row.activationBits), "\(decimal(row.low, 3))...\(decimal(row.high, 3))",
        "\(decimal(row.saturated * 100, 2)) %", row.signalToNoise.map { decimal($0, 1) } ?? "",
        row.adders.map(grouped) ?? "", row.gates.map(grouped) ?? "",
      ])
    }
    rows.append(["all", "", "", "", "", "", grouped(adders), grouped(gates)])
    var lines = [table(rows, left: [0])]
    if let right, let referenceRight, let images {
      lines.append(
        "right: \(percent(right, of: images)) of \(counted(images, "image")), the float model "
          + percent(referenceRight, of: images))
    }
    return lines.joined(separator: "\n")
  }
}

/// A number with so many decimals.
func decimal(_ value: Double, _ digits: Int) -> String {
  String(format: "%.\(digits)f", value)
}
