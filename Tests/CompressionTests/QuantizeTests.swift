import Compression
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles
import Testing

@Suite("Quantization with settings")
struct QuantizeTests {
  private static let input = InputNormalization(low: 0, high: 1)!

  private func options() throws -> QuantizationOptions {
    let shape = TensorShape([1, 28, 28, 1])
    return QuantizationOptions(
      calibration: try loadCalibrationImages(
        example("calibration"), shape: shape, resize: false, limit: 20),
      inputNormalization: Self.input)
  }

  private func convolutions(_ graph: QuantizedGraph) -> [(String, QuantizedConvolution)] {
    graph.nodes.compactMap { node in
      if case .convolution(let layer) = node.operation { (node.name, layer) } else { nil }
    }
  }

  @Test("the default settings give the network that every command makes of a float model")
  func defaults() throws {
    let options = try options()
    let calibration = try Calibration(floatExample(), options: options)
    let network = try calibration.quantized(QuantizationSettings())
    #expect(network.graph == (try quantizedGraph(from: .float(floatExample()), options: options)))
    #expect(calibration.layers.count == 12)
  }

  @Test("weights and activations keep to their bits, a layer's own before the others'")
  func bits() throws {
    let calibration = try Calibration(floatExample(), options: options())
    var settings = QuantizationSettings()
    settings.bits = .init(weights: 4, activations: 5)
    settings.layerBits[calibration.layers[1]] = .init(weights: 2, activations: 8)
    let layers = convolutions(try calibration.quantized(settings).graph)
    #expect(layers[0].1.weights.allSatisfy { (-7...7).contains($0) })
    #expect(layers[0].1.clamp == -16...15)
    #expect(layers[1].1.weights.allSatisfy { (-1...1).contains($0) })
    #expect(layers[1].1.clamp == -128...127)
    #expect(layers[2].1.weights.contains(7) || layers[2].1.weights.contains(-7))
  }

  @Test("weights with a zero point span from the least to the greatest of a channel")
  func asymmetric() throws {
    let calibration = try Calibration(floatExample(), options: options())
    var settings = QuantizationSettings()
    settings.symmetricWeights = false
    settings.perChannel = false
    let layer = convolutions(try calibration.quantized(settings).graph)[2].1
    #expect(layer.weightScales.count == 1)
    let (low, high) = (layer.weights.min()!, layer.weights.max()!)
    #expect((253...255).contains(Int(high) - Int(low)))
  }

  @Test("activations without a zero point stand around zero")
  func symmetric() throws {
    let calibration = try Calibration(floatExample(), options: options())
    var settings = QuantizationSettings()
    settings.symmetricActivations = true
    let graph = try calibration.quantized(settings).graph
    for node in graph.nodes.dropFirst() {
      if case .convolution = node.operation { #expect(node.type.zeroPoint == 0) }
    }
  }

  @Test(
    "percentiles and least squares draw ranges in, and saturate what is outside",
    arguments: [
      QuantizationSettings.RangeMethod.percentile(0.98), .meanSquaredError,
    ])
  func ranges(method: QuantizationSettings.RangeMethod) throws {
    let calibration = try Calibration(floatExample(), options: options())
    var settings = QuantizationSettings()
    settings.bits.activations = 4
    let whole = try calibration.quantized(settings)
    settings.range = method
    let drawn = try calibration.quantized(settings)
    let (before, after) = (try whole.distortions(), try drawn.distortions())
    let last = whole.graph.nodes.firstIndex { $0.name == calibration.layers[8] }!
    #expect(after[last]!.range.upperBound < before[last]!.range.upperBound)
    #expect(after[last]!.saturated > before[last]!.saturated)
    #expect(before[last]!.saturated == 0)
  }

  @Test("the table's signal to noise falls with the bits of the weights")
  func signalToNoise() throws {
    let calibration = try Calibration(floatExample(), options: options())
    func decibels(_ bits: Int) throws -> Double {
      var settings = QuantizationSettings()
      settings.bits.weights = bits
      let network = try calibration.quantized(settings)
      return try network.distortions()[1]!.signalToNoise
    }
    let (eight, six, four) = (try decibels(8), try decibels(6), try decibels(4))
    #expect(eight > six + 4)
    #expect(six > four + 4)
  }

  @Test("equalization keeps the network and rescues one scale a layer")
  func equalization() throws {
    let options = try options()
    let plain = try Calibration(floatExample(), options: options)
    let equal = try Calibration(floatExample(), options: options, equalization: true)
    #expect(equal.graph != plain.graph)
    for image in options.calibration.prefix(5) {
      let x = plain.input.normalized(image, .int8)
      let (a, b) = (try plain.graph.evaluate([x])[0], try equal.graph.evaluate([x])[0])
      #expect(zip(a.values, b.values).allSatisfy { abs($0 - $1) < 1e-3 })
    }
    func noise(_ calibration: Calibration) throws -> Double {
      var settings = QuantizationSettings()
      settings.perChannel = false
      let network = try calibration.quantized(settings)
      let last = network.graph.nodes.firstIndex { $0.name == calibration.layers[11] }!
      return try network.distortions()[last]!.signalToNoise
    }
    #expect(try noise(equal) > noise(plain) + 3)
  }

  @Test("a layer that the network does not have is named, with those that it has")
  func unknownLayer() throws {
    let calibration = try Calibration(floatExample(), options: options())
    var settings = QuantizationSettings()
    settings.layerBits["stern"] = .init()
    let found = #expect(throws: Diagnostics.self) { _ = try calibration.quantized(settings) }
    #expect(found?.description.contains("no layer 'stern'") == true)
    #expect(found?.description.contains("'stem/Relu6'") == true)
  }

  @Test("a file of bits says them; bits out of range are refused")
  func bitsFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/bits.json"
      try writeFile(
        Array(#"{"default":{"weights":6},"layers":{"a":{"activations":5}}}"#.utf8), to: path)
      var settings = QuantizationSettings()
      try BitsFile(path: path).apply(to: &settings)
      #expect(settings.bits == .init(weights: 6, activations: 8))
      #expect(settings.layerBits == ["a": .init(weights: 6, activations: 5)])
      try writeFile(StableJSON.encode(BitsFile(settings)), to: path)
      var again = QuantizationSettings()
      try BitsFile(path: path).apply(to: &again)
      #expect(again == settings)
      try writeFile(
        Array(#"{"layers":{"a":{"weights":9,"activations":3},"b":{"weights":1}}}"#.utf8), to: path)
      let found = #expect(throws: Diagnostics.self) { _ = try BitsFile(path: path) }
      #expect(found?.all.count == 3)
      #expect(found?.description.contains("weights of 9 bits; 2 to 8") == true)
    }
  }

  @Test("a search saves adders within its budget; a budget that cannot be met names the nearest")
  func search() throws {
    let options = try options()
    let calibration = try Calibration(floatExample(), options: options)
    let images = try ImageSet(path: example("calibration"))
    let validation = try Validation(
      images: images, labels: nil,
      reference: Classifier(floatExample(), input: Self.input, name: "float"), limit: 30,
      resize: false, threads: 2)
    #expect(validation.imageCount == 30)
    #expect(validation.referenceCount == 30)
    let start = try calibration.quantized(QuantizationSettings())
    let type = start.graph.nodes[0].type
    let probes = try images.spread(shape: type.shape, resize: false, limit: 8).map {
      IntegerTensor(samples: $0, type: type)
    }
    let result = try searchBits(
      calibration, settings: QuantizationSettings(), probes: probes, validation: validation,
      budget: 10, threads: 2)
    #expect(result.count >= 27)
    let before = try hardwareCosts(of: start.graph, effort: 0).reduce(0) { $0 + $1.gates }
    let after = try hardwareCosts(of: result.network.graph, effort: 0).reduce(0) { $0 + $1.gates }
    #expect(after < before * 9 / 10)
    #expect(result.settings.layerBits.values.contains { $0.weights < 8 })
    #expect(result.settings.layerBits.values.contains { $0.activations < 8 })
    var coarse = QuantizationSettings()
    coarse.bits = .init(weights: 2, activations: 4)
    let found = #expect(throws: Diagnostics.self) {
      _ = try searchBits(
        calibration, settings: coarse, probes: probes, validation: validation, budget: 0, threads: 2
      )
    }
    #expect(found?.description.contains("cannot be met: the nearest is") == true)
  }
}
