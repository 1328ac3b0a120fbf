import NeuralGraph
import Testing

@Suite struct AdaptationTests {
  @Test("a multiplier is rounded to its register's bits, with a carry into the exponent")
  func rounding() {
    let registers = Adaptation(biasBits: 16, scaleBits: 8)
    let rounded = registers.rounded(.init(multiplier: 0x7fff_ffff, exponent: -3))
    #expect(rounded == FixedPointMultiplier(multiplier: 1 << 30, exponent: -2))
    #expect(registers.rounded(.init(multiplier: 0x7fff_ffff, exponent: 0)) == nil)
    #expect(
      registers.rounded(.init(multiplier: 0, exponent: 7))
        == FixedPointMultiplier(multiplier: 0, exponent: 0))
    #expect(!registers.holds(.init(multiplier: 0x4000_0001, exponent: 0)))
    #expect(!registers.holds(.init(multiplier: 1 << 30, exponent: 1)))
    #expect(!registers.holds(.init(multiplier: 1 << 29, exponent: 0)))
    #expect(!registers.holds(.init(multiplier: 1 << 30, exponent: 0, divisor: 3)))
  }

  @Test("behind an adaptive layer every code of its clamp can come")
  func intervals() throws {
    let graph = Self.graph(multiplier: 0.01, weights: [0, 0, 0, 0])
    #expect(graph.channelIntervals().codes[1] == [5...5, 5...5])
    let adaptive = try graph.adapting([ValueID(1)])
    #expect(adaptive.channelIntervals().codes[1] == [0...200, 0...200])
    #expect(adaptive.adaptiveLayers == [ValueID(1)])
    #expect(adaptive.verify().isEmpty)
  }

  @Test("a bias register holds the trained bias and one bit more, and never leaves int32")
  func biasBits() throws {
    var graph = Self.graph(multiplier: 0.01, weights: [1, 1, -1, 2], bias: [70_000, -5])
    graph = try graph.adapting([ValueID(1)])
    guard case .convolution(let layer) = graph[ValueID(1)].operation else { return }
    #expect(layer.adaptation?.biasBits == 19)
    let wide = Self.graph(
      multiplier: 1e-7, weights: [1, 1, -1, 2], bias: [.max - 1000, .min + 1000])
    #expect(throws: Diagnostics.self) { try wide.adapting([ValueID(1)]) }
  }

  @Test("what cannot be adaptive is refused by name", arguments: [0, 1, 2, 3])
  func refused(kind: Int) throws {
    var graph = Self.graph(
      multiplier: kind == 1 ? 1.5 : 0.01, weights: [1, 2, 3, 4],
      clamp: kind == 2 ? 7...7 : 0...200)
    if kind == 3, case .convolution(var layer) = graph[ValueID(1)].operation {
      layer.requantization[1] = FixedPointMultiplier(multiplier: 1, exponent: -5, divisor: 3)
      graph = QuantizedGraph(copying: graph, convolution: layer)
    }
    let error = #expect(throws: Diagnostics.self) {
      try graph.adapting([ValueID(kind == 0 ? 0 : 1)])
    }
    let message = try #require(error?.all.first)
    #expect(message.place.node == (kind == 0 ? "image" : "conv"))
  }

  @Test("a network file keeps what is adaptive")
  func file() throws {
    let graph = try Self.graph(multiplier: 0.01, weights: [1, 2, 3, 4]).adapting(
      [ValueID(1)], scaleBits: 12)
    let (json, binary) = NetworkFile(graph: graph).encode()
    #expect(try NetworkFile(json: json, binary: binary).graph == graph)
  }

  @Test("values that the registers cannot hold make a network unusable")
  func invalid() throws {
    let graph = try Self.graph(multiplier: 0.01, weights: [1, 2, 3, 4]).adapting(
      [ValueID(1)], scaleBits: 12)
    guard case .convolution(var layer) = graph[ValueID(1)].operation else { return }
    layer.requantization[0].multiplier |= 1
    #expect(!QuantizedGraph(copying: graph, convolution: layer).verify().isEmpty)
  }

  /// A 1x1 convolution of two channels to two.
  private static func graph(
    multiplier: Double, weights: [Int16], bias: [Int32] = [0, 0],
    clamp: ClosedRange<Int> = 0...200
  ) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "small")
    let type = QuantizedType(
      shape: TensorShape(height: 2, width: 2, channels: 2), element: .uint8, scale: 0.5,
      zeroPoint: 5)
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type))
    let value = graph.append(
      QuantizedNode(
        name: "conv",
        operation: .convolution(
          QuantizedConvolution(
            geometry: WindowGeometry(
              inputHeight: 2, inputWidth: 2, kernelHeight: 1, kernelWidth: 1, outputHeight: 2,
              outputWidth: 2), inputChannels: 2, outputChannels: 2, groups: 1, weights: weights,
            bias: bias,
            requantization: [.init(real: multiplier), .init(real: multiplier)], clamp: clamp,
            weightZeroPoints: [0], weightScales: [1])), operands: [input], type: type))
    graph.outputs = [value]
    return graph
  }
}

extension QuantizedGraph {
  /// The same network with another convolution as its only layer.
  fileprivate init(copying graph: QuantizedGraph, convolution: QuantizedConvolution) {
    self.init(name: graph.name)
    for id in graph.values {
      var node = graph[id]
      if id.index == 1 { node.operation = .convolution(convolution) }
      _ = append(node)
    }
    outputs = graph.outputs
  }
}
