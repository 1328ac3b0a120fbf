import NeuralGraph
import RTL
import Testing

@Suite("ONNX's rounding in hardware") struct ExactRoundingTests {
  private func multiplier(_ scales: [Float], _ output: Float) throws -> FixedPointMultiplier {
    FixedPointMultiplier(try #require(ExactMultiplier(scales, dividedBy: output)))
  }

  @Test("Requantizers that meet no ties become lines that equal the interpreter")
  func lines() throws {
    var network = SmallNetwork(height: 7, width: 6, channels: 3, element: .int8, zeroPoint: -7)
    let scale = try multiplier([0.013, 0.0071], 0.0123)
    network.convolve("a", kernel: 3, stride: 2, channels: 5, zeroPoint: 11, multiplier: scale)
    network.convolve("b", kernel: 3, channels: 5, groups: 5, zeroPoint: -20, multiplier: scale)
    network.convolve("c", kernel: 1, channels: 4, zeroPoint: 3, multiplier: scale)
    let graph = network.graph
    #expect(graph.verify() == [])
    let design = try Freeze.design(graph, options: FreezeOptions())
    #expect(design.layers.count == 3)
    for frame in 0..<4 as Range<UInt64> {
      let pixels = network.frame(seed: frame)
      let type = graph[ValueID(0)].type
      let values = try graph.evaluate(
        IntegerTensor(shape: type.shape, element: type.element, codes: pixels))
      for (layer, map) in zip(design.layers, design.evaluate(pixels)) {
        #expect(map == values[layer.value.index].codes, "\(layer.name), frame \(frame)")
      }
    }
  }

  @Test("Where ties round to even the fixed part ends before the layer, with the reason")
  func ties() throws {
    var network = SmallNetwork(height: 5, width: 5, channels: 2, element: .int8)
    network.convolve("a", kernel: 1, channels: 3, multiplier: try multiplier([0.01, 0.3], 0.7))
    network.convolve("b", kernel: 1, channels: 3, multiplier: try multiplier([0x1p-4, 0x1p-4], 2))
    let prefix = try FixedPrefix(network.graph, fixedLayers: nil)
    #expect(prefix.layers.count == 1)
    #expect(prefix.reason?.message.contains("meets ties") == true)
    #expect(prefix.reason?.place.node == "b")
  }

  @Test("What is taken has a line for every channel, windows that leave the image included")
  func takenIsLowered() throws {
    var random = SeededGenerator(5)
    let scales: [Float] = [0x1p-4, 0.0078125, 0.03, 0.0123, 0.75, 0x1p-7, 1, 0.05]
    var layers = 0
    var refused = 0
    for seed in 0..<150 as Range<UInt64> {
      var network = SmallNetwork(
        height: random.pick(1...4), width: random.pick(1...4), channels: 2, element: .int8,
        zeroPoint: random.pick(-128...127), seed: seed)
      var count = 0
      for name in ["a", "b", "c"] {
        let scale = ExactMultiplier(
          [scales[random.pick(0...7)], scales[random.pick(0...7)]],
          dividedBy: scales[random.pick(0...7)] * Float(1 << random.pick(0...8)))
        guard let scale else { continue }
        network.convolve(
          name, kernel: random.pick(1...3), stride: random.pick(1...2), channels: 3,
          zeroPoint: random.pick(-128...127), multiplier: FixedPointMultiplier(scale))
        count += 1
      }
      let graph = network.graph
      guard graph.verify().isEmpty,
        let design = try? Freeze.design(graph, options: FreezeOptions(effort: 0))
      else { continue }
      layers += design.layers.count
      refused += count - design.layers.count
      let pixels = network.frame(seed: seed)
      let type = graph[ValueID(0)].type
      let values = try graph.evaluate(
        IntegerTensor(shape: type.shape, element: type.element, codes: pixels))
      for (layer, map) in zip(design.layers, design.evaluate(pixels)) {
        #expect(map == values[layer.value.index].codes, "\(layer.name), seed \(seed)")
      }
    }
    #expect(layers > 100)
    #expect(refused > 10)
  }
}
