import Compression
import GraphPasses
import ModelImport
import NeuralGraph
import RTL
import TensorFiles
import Testing

@Suite("Weight grids")
struct WeightGridTests {
  /// Factors that one adder multiplies by, at most.
  private let odds: Set = [1, 3, 5, 7, 9, 15, 17, 31, 33, 63, 65]

  private func images(of graph: QuantizedGraph) throws -> [IntegerTensor] {
    let type = graph.nodes[0].type
    return try ImageSet(path: example("calibration"))
      .spread(shape: type.shape, resize: false, limit: 20)
      .map { IntegerTensor(samples: $0, type: type) }
  }

  private func layers(_ graph: QuantizedGraph) -> [QuantizedConvolution] {
    graph.nodes.compactMap { if case .convolution(let layer) = $0.operation { layer } else { nil } }
  }

  /// The first three layers pruned at one price.
  private func pruned(
    _ graph: QuantizedGraph, price: Double, keepsScales: Bool = false
  ) throws -> QuantizedGraph {
    let pruner = try LayerPruner(
      graph, fixedLayers: 3, images: images(of: graph), keepsScales: keepsScales, threads: 2)
    return try pruner.prunedDigits(
      prices: Dictionary(uniqueKeysWithValues: graph.nodes[1...3].map { ($0.name, price) }))
  }

  private func odd(_ value: Int) -> Int { value >> value.trailingZeroBitCount }

  @Test("where adders have a price, a multiplier is cheap or as it was")
  func multipliers() throws {
    let graph = try quantizedExample()
    let network = try pruned(graph, price: 0.05)
    var changed = 0
    for (old, new) in zip(layers(graph)[..<3], layers(network)[..<3]) {
      for (a, b) in zip(old.requantization, new.requantization) where a != b {
        changed += 1
        #expect(odds.contains(odd(b.multiplier)))
      }
    }
    #expect(changed > layers(graph)[..<3].reduce(0) { $0 + $1.outputChannels } / 2)
  }

  @Test("requantizers take less than half of the adders that they took")
  func adders() throws {
    let graph = try quantizedExample()
    func adders(_ graph: QuantizedGraph) throws -> Int {
      try Freeze.design(graph, options: FreezeOptions(fixedLayers: 3, effort: 0)).layers
        .reduce(0) { $0 + $1.cost.requantizerAdders }
    }
    #expect(try adders(pruned(graph, price: 0.05)) * 2 < adders(graph))
  }

  @Test("a new weight scale is the old one by what the multiplier changed")
  func scales() throws {
    let graph = try quantizedExample()
    for (old, new) in zip(layers(graph), layers(try pruned(graph, price: 0.05))) {
      for output in 0..<old.outputChannels {
        func quotient(_ layer: QuantizedConvolution) -> Double {
          let multiplier = layer.requantization[output]
          let scale = layer.weightScales[layer.weightScales.count == 1 ? 0 : output]
          return Double(multiplier.multiplier)
            * Double(sign: .plus, exponent: multiplier.exponent, significand: 1)
            / Double(scale)
        }
        #expect(abs(quotient(new) / quotient(old) - 1) < 1e-6)
      }
    }
  }

  @Test("for as many adders saved, weights on any grid change less than on their own")
  func benefit() throws {
    let graph = try quantizedExample()
    func pruned(keepsScales: Bool) throws -> QuantizedGraph {
      var pruning = try DigitPruning(
        LayerPruner(
          graph, fixedLayers: 3, images: images(of: graph), keepsScales: keepsScales, threads: 2))
      return try pruning.reach(.adders(share: 0.25), validation: nil) {
        network throws(Diagnostics) in
        try hardwareCosts(of: network, fixedLayers: 3, effort: 0).reduce(0) { $0 + $1.adders }
      }.network
    }
    let own = try noise(pruned(keepsScales: true), from: graph)
    #expect(try noise(pruned(keepsScales: false), from: graph) * 2 < own)
  }

  /// The squared difference of the third layer's codes on images that calibration did not see.
  private func noise(_ network: QuantizedGraph, from graph: QuantizedGraph) throws -> Int {
    let type = graph.nodes[0].type
    let set = try ImageSet(path: example("images"))
    let (a, b) = (try Interpreter(network), try Interpreter(graph))
    var sum = 0
    for index in 0..<set.count {
      let image = IntegerTensor(
        samples: try set.samples(index, for: type.shape, resize: false), type: type)
      let (x, y) = (try a.evaluate(image)[3], try b.evaluate(image)[3])
      for code in 0..<x.shape.elementCount { sum += (x[code] - y[code]) * (x[code] - y[code]) }
    }
    return sum
  }

  @Test("scales that are to be kept are kept, and so is every multiplier")
  func kept() throws {
    let graph = try quantizedExample()
    let network = try pruned(graph, price: 0.05, keepsScales: true)
    #expect(network != graph)
    for (old, new) in zip(layers(graph), layers(network)) {
      #expect(old.requantization == new.requantization)
      #expect(old.weightScales == new.weightScales)
      #expect(new.weights.allSatisfy { (-127...127).contains($0) })
    }
  }

  @Test("multipliers in registers stay as they are")
  func adaptive() throws {
    let graph = try quantizedExample().adapting([ValueID(2)])
    let network = try pruned(graph, price: 0.05)
    #expect(layers(graph)[1].requantization == layers(network)[1].requantization)
    #expect(layers(graph)[2].requantization != layers(network)[2].requantization)
  }

  @Test("ONNX's multipliers become cheap ones without ties, bit-exact in Icarus")
  func exact() async throws {
    var graph = QuantizedGraph(name: "exact")
    let source = try quantizedExample()
    for value in source.values {
      var node = source[value]
      if case .convolution(var layer) = node.operation {
        layer.requantization = layer.weightScales.map { scale in
          FixedPointMultiplier(
            ExactMultiplier(
              [source[node.operands[0]].type.scale, scale], dividedBy: node.type.scale)!)
        }
        node.operation = .convolution(layer)
      }
      _ = graph.append(node)
    }
    graph.outputs = source.outputs
    let network = try pruned(graph, price: 0.05)
    let changed = zip(layers(graph)[..<3], layers(network)[..<3]).flatMap { old, new in
      zip(old.requantization, new.requantization).filter { $0 != $1 }.map(\.1)
    }
    #expect(changed.count > 10)
    #expect(changed.allSatisfy { odds.contains(odd($0.multiplier - 1)) && $0.divisor == 1 })
    let report = try await verifyInIcarus(network, fixedLayers: 3)
    #expect(report.problems == [])
    #expect(report.layers.allSatisfy { $0.valuesCompared > 0 })
  }

  /// A uint8 image of 4 x 4 pixels through a layer of one weight scale with a zero point, and a fully
  /// connected one behind it.
  private let small: QuantizedGraph = {
    var graph = QuantizedGraph(name: "small")
    func type(_ shape: [Int]) -> QuantizedType {
      QuantizedType(shape: TensorShape(shape), element: .uint8, scale: 0.5, zeroPoint: 3)
    }
    let pixel = WindowGeometry(
      inputHeight: 4, inputWidth: 4, kernelHeight: 1, kernelWidth: 1, strideY: 1, strideX: 1,
      padding: .valid)!
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type([1, 4, 4, 2])))
    let convolution = graph.append(
      QuantizedNode(
        name: "conv",
        operation: .convolution(
          QuantizedConvolution(
            geometry: pixel, inputChannels: 2, outputChannels: 3,
            groups: 1, weights: [70, -33, 19, 45, -58, 27], bias: [100, 2000, 5000],
            requantization: Array(repeating: FixedPointMultiplier(real: 0.0117), count: 3),
            clamp: 3...255, weightZeroPoints: [120], weightScales: [0.01])),
        operands: [input], type: type([1, 4, 4, 3])))
    let flat = graph.append(
      QuantizedNode(
        name: "flat", operation: .reshape, operands: [convolution], type: type([1, 48])))
    let connected = graph.append(
      QuantizedNode(
        name: "scores",
        operation: .fullyConnected(
          QuantizedFullyConnected(
            inputSize: 48, outputSize: 2,
            weights: (0..<96).map { Int16(($0 * 37) % 101 - 50) }, bias: [-300, 400],
            requantization: Array(
              repeating: RealMultiplier(mantissa: 5_864_062_014_805_811, shift: 60), count: 2),
            clamp: 0...255, weightZeroPoints: [100], weightScales: [0.01])),
        operands: [flat], type: type([1, 2])))
    graph.outputs = [connected]
    return graph
  }()

  /// Patterns of bytes for `small`.
  private var patterns: [IntegerTensor] {
    (0..<40).map { image in
      var state = UInt32(image + 1)
      var samples: [UInt8] = []
      for _ in 0..<32 {
        state = state &* 1_664_525 &+ 1_013_904_223
        samples.append(UInt8(state >> 24))
      }
      return IntegerTensor(samples: samples, type: small.nodes[0].type)
    }
  }

  @Test("a uint8 layer of one scale gets one a channel; fully connected layers change too")
  func unsigned() throws {
    #expect(small.verify() == [])
    let network = try LayerPruner(small, images: patterns, threads: 1)
      .prunedDigits(prices: ["conv": 0.05, "scores": 0.05])
    guard case .convolution(let layer) = network.nodes[1].operation,
      case .fullyConnected(let connected) = network.nodes[3].operation
    else { return #expect(Bool(false)) }
    #expect(layer.weightScales.count == 3)
    #expect(layer.requantization.allSatisfy { odds.contains(odd($0.multiplier)) })
    #expect(connected.requantization.allSatisfy { odds.contains(odd($0.mantissa)) })
    #expect(network.verify() == [])
  }
}
