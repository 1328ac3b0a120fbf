import Compression
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles
import Testing

@Suite("Pruning")
struct PruneTests {
  private func images(_ count: Int = 20) throws -> [IntegerTensor] {
    let type = try quantizedExample().nodes[0].type
    return try ImageSet(path: example("calibration"))
      .spread(shape: type.shape, resize: false, limit: count)
      .map { IntegerTensor(samples: $0, type: type) }
  }

  private func adders(_ graph: QuantizedGraph, fixedLayers: Int? = nil) throws -> Int {
    try hardwareCosts(of: graph, fixedLayers: fixedLayers, effort: 0).reduce(0) { $0 + $1.adders }
  }

  private func layers(_ graph: QuantizedGraph) -> [QuantizedConvolution] {
    graph.nodes.compactMap { if case .convolution(let layer) = $0.operation { layer } else { nil } }
  }

  /// How far the scores are from those of the example as it is.
  private func noise(_ graph: QuantizedGraph) throws -> Int {
    let (a, b) = (try Interpreter(graph), try Interpreter(quantizedExample()))
    let type = graph.nodes[0].type
    let set = try ImageSet(path: example("images"))
    var sum = 0
    for index in 0..<set.count {
      let image = IntegerTensor(
        samples: try set.samples(index, for: type.shape, resize: false), type: type)
      // What the softmax reads.
      let place = graph.nodes.count - 2
      let (x, y) = (try a.evaluate(image)[place], try b.evaluate(image)[place])
      for code in 0..<x.shape.elementCount { sum += (x[code] - y[code]) * (x[code] - y[code]) }
    }
    return sum
  }

  @Test("digit pruning saves the wanted share of adders, in the fixed layers alone")
  func share() throws {
    let graph = try quantizedExample()
    let pruner = try LayerPruner(graph, fixedLayers: 5, images: images(), threads: 2)
    var pruning = try DigitPruning(pruner)
    let result = try pruning.reach(.adders(share: 0.2), validation: nil) {
      network throws(Diagnostics) in
      try hardwareCosts(of: network, fixedLayers: 5, effort: 0).reduce(0) { $0 + $1.adders }
    }
    let (before, after) = (
      try adders(graph, fixedLayers: 5), try adders(result.network, fixedLayers: 5)
    )
    #expect(Double(after) <= Double(before) * 0.8)
    #expect(Double(after) > Double(before) * 0.7)
    #expect(layers(graph)[5...] == layers(result.network)[5...])
    #expect(result.prices.count == 5)
  }

  @Test("the prices of a result lead to it again, on any number of threads")
  func prices() throws {
    let graph = try quantizedExample()
    let pruner = try LayerPruner(graph, fixedLayers: 3, images: images(), threads: 2)
    var pruning = try DigitPruning(pruner)
    let result = try pruning.reach(.adders(share: 0.15), validation: nil) {
      network throws(Diagnostics) in
      try hardwareCosts(of: network, fixedLayers: 3, effort: 0).reduce(0) { $0 + $1.adders }
    }
    let again = try LayerPruner(graph, fixedLayers: 3, images: images(), threads: 1)
      .prunedDigits(prices: result.prices)
    #expect(again == result.network)
  }

  @Test("error feedback loses less than rounding to the same digits without it")
  func feedback() throws {
    let graph = try quantizedExample()
    let pruner = try LayerPruner(graph, images: images(50), threads: 2)
    let pruned = try pruner.prunedMagnitudes(share: 0.4, isGlobal: false)
    // The same share of zeros in every layer, the other weights and the biases as they were.
    var plain = QuantizedGraph(name: graph.name)
    for value in graph.values {
      var node = graph[value]
      if case .convolution(var layer) = node.operation {
        let order = layer.weights.indices.sorted {
          let (a, b) = (abs(Int(layer.weights[$0])), abs(Int(layer.weights[$1])))
          return a != b ? a < b : $0 < $1
        }
        for index in order.prefix(Int((Double(order.count) * 0.4).rounded())) {
          layer.weights[index] = 0
        }
        node.operation = .convolution(layer)
      }
      _ = plain.append(node)
    }
    plain.outputs = graph.outputs
    for (a, b) in zip(layers(pruned), layers(plain)) {
      #expect(a.weights.count { $0 == 0 } >= b.weights.count { $0 == 0 } - 2)
    }
    #expect(try noise(pruned) * 2 < noise(plain))
  }

  @Test("a global share takes more from the layers that matter less")
  func global() throws {
    let pruner = try LayerPruner(quantizedExample(), images: images(), threads: 2)
    let each = layers(try pruner.prunedMagnitudes(share: 0.3, isGlobal: false))
    let all = layers(try pruner.prunedMagnitudes(share: 0.3, isGlobal: true))
    func zeros(_ layers: [QuantizedConvolution]) -> [Int] {
      layers.map { $0.weights.count { $0 == 0 } }
    }
    let shares = zip(zeros(all), all).map { Double($0) / Double($1.weights.count) }
    #expect(shares.max()! > shares.min()! + 0.1)
    #expect(abs(zeros(all).reduce(0, +) - zeros(each).reduce(0, +)) < 400)
  }

  @Test("a budget of accuracy is kept; a share that no weights reach is refused")
  func budgets() throws {
    let graph = try quantizedExample()
    let validation = try Validation(
      images: ImageSet(path: example("calibration")), labels: nil,
      reference: Classifier(graph, name: "int8"), limit: 50, resize: false, threads: 2)
    let pruner = try LayerPruner(graph, fixedLayers: 5, images: images(8), threads: 2)
    let count = { (network: QuantizedGraph) throws(Diagnostics) -> Int in
      try hardwareCosts(of: network, fixedLayers: 5, effort: 0).reduce(0) { $0 + $1.adders }
    }
    var pruning = try DigitPruning(pruner)
    let result = try pruning.reach(.accuracy(points: 4), validation: validation, cost: count)
    #expect(try validation.count(result.network) >= 48)
    #expect(try count(result.network) * 10 < count(graph) * 9)
    let found = #expect(throws: Diagnostics.self) {
      var pruning = try DigitPruning(pruner)
      _ = try pruning.reach(.adders(share: 0.2), validation: nil) {
        _ throws(Diagnostics) in 100
      }
    }
    #expect(found?.description.contains("comes to 80 adders: the nearest has 100") == true)
  }

  @Test("prices of unknown layers, prices of nothing, and too many layers are refused")
  func diagnostics() throws {
    let pruner = try LayerPruner(quantizedExample(), images: images(5), threads: 2)
    func message(_ prices: [String: Double]) -> String {
      do {
        _ = try pruner.prunedDigits(prices: prices)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(message(["stern": 1]).contains("no layer 'stern' to prune"))
    let name = try quantizedExample().nodes[1].name
    #expect(message([name: -1]).contains("the price of an adder is -1.0"))
    #expect(throws: Diagnostics.self) {
      _ = try LayerPruner(quantizedExample(), fixedLayers: 40, images: images(5), threads: 2)
    }
    #expect(throws: Diagnostics.self) {
      _ = try LayerPruner(quantizedExample(), images: [], threads: 2)
    }
  }

}
