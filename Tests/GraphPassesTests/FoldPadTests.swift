import GraphPasses
import NeuralGraph
import Testing

@Suite("Folding PAD into convolutions")
struct FoldPadTests {
  private let zeroPoint = 7

  private func image(_ height: Int, _ width: Int, _ channels: Int) -> QuantizedType {
    QuantizedType(
      shape: TensorShape(height: height, width: width, channels: channels), element: .uint8,
      scale: 0.5, zeroPoint: zeroPoint)
  }

  private func pad(
    _ graph: inout QuantizedGraph, _ value: ValueID, _ before: [Int], _ after: [Int],
    code: Int? = nil
  ) -> ValueID {
    let shape = graph[value].type.shape.dimensions.indices.map {
      before[$0] + graph[value].type.shape.dimensions[$0] + after[$0]
    }
    var type = graph[value].type
    type.shape = TensorShape(shape)
    return graph.append(
      QuantizedNode(
        name: "pad\(value.index)",
        operation: .pad(QuantizedPad(before: before, after: after, code: code)), operands: [value],
        type: type))
  }

  /// A 3x3 depthwise convolution at stride 2 with uneven weights.
  private func convolution(_ graph: inout QuantizedGraph, _ value: ValueID) -> ValueID {
    let shape = graph[value].type.shape
    let geometry = WindowGeometry(
      inputHeight: shape.height, inputWidth: shape.width, kernelHeight: 3, kernelWidth: 3,
      strideY: 2, strideX: 2, padding: .valid)!
    let channels = shape.channels
    let convolution = QuantizedConvolution(
      geometry: geometry, inputChannels: channels, outputChannels: channels, groups: channels,
      weights: (0..<9 * channels).map { Int16($0 * 29 % 41 - 20) },
      bias: (0..<channels).map { Int32($0 * 100) },
      requantization: Array(
        repeating: FixedPointMultiplier(multiplier: 1 << 30, exponent: -3), count: channels),
      clamp: 0...255, weightZeroPoints: [0], weightScales: [1])
    return graph.append(
      QuantizedNode(
        name: "convolution\(value.index)", operation: .convolution(convolution),
        operands: [value], type: image(geometry.outputHeight, geometry.outputWidth, channels)))
  }

  private func input(_ graph: inout QuantizedGraph) -> ValueID {
    graph.append(
      QuantizedNode(name: "input", operation: .input, operands: [], type: image(6, 5, 2)))
  }

  /// Outputs for one image that touches every code.
  private func outputs(_ graph: QuantizedGraph) throws -> [IntegerTensor] {
    let type = graph.nodes[0].type
    let codes = (0..<type.shape.elementCount).map { $0 * 83 % 256 }
    return try Interpreter(graph).outputs(
      for: IntegerTensor(shape: type.shape, element: .uint8, codes: codes))
  }

  @Test("A pad before a convolution becomes the convolution's own pads")
  func single() throws {
    var graph = QuantizedGraph(name: "test")
    let padded = pad(&graph, input(&graph), [0, 0, 1, 0], [0, 1, 1, 0])
    graph.outputs = [convolution(&graph, padded)]
    let folded = foldPad(graph)
    #expect(folded.nodes.count == 2)
    guard case .convolution(let convolution) = folded.nodes[1].operation else {
      Issue.record("the convolution is gone")
      return
    }
    #expect(convolution.geometry.padTop == 0)
    #expect(convolution.geometry.padLeft == 1)
    #expect(convolution.geometry.inputHeight == 6)
    #expect(folded.verify().isEmpty)
    #expect(try outputs(folded) == outputs(graph))
  }

  @Test("Pads of pads add up")
  func chain() throws {
    var graph = QuantizedGraph(name: "test")
    let once = pad(&graph, input(&graph), [0, 2, 0, 0], [0, 0, 3, 0])
    let twice = pad(&graph, once, [0, 1, 1, 0], [0, 0, 0, 0])
    graph.outputs = [convolution(&graph, twice)]
    let folded = foldPad(graph)
    #expect(folded.nodes.count == 2)
    #expect(try outputs(folded) == outputs(graph))
  }

  @Test("A pad that another operator or the outside reads stays beside the folded convolution")
  func sharedPad() throws {
    var graph = QuantizedGraph(name: "test")
    let padded = pad(&graph, input(&graph), [0, 1, 1, 0], [0, 1, 1, 0])
    let result = convolution(&graph, padded)
    graph.outputs = [result, padded]
    let folded = foldPad(graph)
    #expect(folded.nodes.count == 3)
    #expect(folded[folded.outputs[0]].operands == [ValueID(0)])
    #expect(try outputs(folded) == outputs(graph))
  }

  /// A padded map behind an optional clamp at the zero point, and a 3x3 pool at stride 2 over it.
  private func pooled(average: Bool, clamped: Bool, padding: WindowGeometry.Padding = .valid)
    -> QuantizedGraph
  {
    var graph = QuantizedGraph(name: "test")
    var map = input(&graph)
    if clamped {
      let relu = QuantizedRescale(
        requantization: FixedPointMultiplier(real: 1), clamp: zeroPoint...255)
      map = graph.append(
        QuantizedNode(
          name: "relu", operation: .rescale(relu), operands: [map], type: graph[map].type))
    }
    let padded = pad(&graph, map, [0, 1, 1, 0], [0, 1, 1, 0])
    let geometry = WindowGeometry(
      inputHeight: 8, inputWidth: 7, kernelHeight: 3, kernelWidth: 3, strideY: 2, strideX: 2,
      padding: padding)!
    let pool = QuantizedPool(geometry: geometry, clamp: 0...255)
    graph.outputs = [
      graph.append(
        QuantizedNode(
          name: "pool", operation: average ? .averagePool(pool) : .maxPool(pool),
          operands: [padded],
          type: image(geometry.outputHeight, geometry.outputWidth, 2)))
    ]
    return graph
  }

  @Test("An average pool keeps its pad: the cells count as image")
  func averagePool() {
    let graph = pooled(average: true, clamped: true)
    #expect(foldPad(graph) == graph)
  }

  @Test("A max pool takes up the pad of a map that has no code below the zero point")
  func maxPool() throws {
    let graph = pooled(average: false, clamped: true)
    let folded = foldPad(graph)
    #expect(folded.nodes.count == graph.nodes.count - 1)
    #expect(folded.verify().isEmpty)
    #expect(try outputs(folded) == outputs(graph))
  }

  @Test("A max pool takes the zero point outside a map that may be below it")
  func maxPoolOfAnything() throws {
    let graph = pooled(average: false, clamped: false)
    let folded = foldPad(graph)
    guard folded.nodes.count == 2, case .maxPool(let pool) = folded.nodes[1].operation else {
      Issue.record("the pad is still there")
      return
    }
    #expect(pool.padCode == zeroPoint)
    #expect(folded.verify().isEmpty)
    #expect(foldPad(folded) == folded)
    let type = graph.nodes[0].type
    for codes in [[0, 1, 2], [3, 6, 8, 9], [5]] {
      let image = IntegerTensor(
        shape: type.shape, element: .uint8,
        codes: (0..<type.shape.elementCount).map { codes[$0 * $0 % codes.count] })
      #expect(try Interpreter(folded).outputs(for: image) == Interpreter(graph).outputs(for: image))
    }
  }

  @Test("A max pool's pad still counts when a layer gets other biases after folding")
  func maxPoolBehindOtherBiases() throws {
    var graph = QuantizedGraph(name: "test")
    let map = convolution(&graph, input(&graph))
    guard case .convolution(var layer) = graph[map].operation else { return }
    func with(bias: Int32, _ graph: QuantizedGraph) -> QuantizedGraph {
      layer.bias = [bias, bias]
      return graph.replacing([map: .convolution(layer)])
    }
    // No code is below the zero point with these biases, all are with the others.
    graph = with(bias: 1 << 20, graph)
    let padded = pad(&graph, map, [0, 1, 1, 0], [0, 1, 1, 0])
    let geometry = WindowGeometry(
      inputHeight: 4, inputWidth: 4, kernelHeight: 2, kernelWidth: 2, strideY: 2, strideX: 2,
      padding: .valid)!
    graph.outputs = [
      graph.append(
        QuantizedNode(
          name: "pool", operation: .maxPool(QuantizedPool(geometry: geometry, clamp: 0...255)),
          operands: [padded], type: image(2, 2, 2)))
    ]
    #expect(graph.channelIntervals().codes[map.index].allSatisfy { $0.lowerBound >= zeroPoint })
    let folded = foldPad(graph)
    #expect(folded.nodes.count == graph.nodes.count - 1)
    #expect(try outputs(folded) == outputs(graph))
    for bias in [-(1 << 20), 0] as [Int32] {
      #expect(try outputs(with(bias: bias, folded)) == outputs(with(bias: bias, graph)), "\(bias)")
    }
  }

  @Test("Pads of other codes before a max pool are taken up while their codes are one")
  func padsOfTwoCodes() throws {
    for (inner, outer) in [(0, 9), (9, 0), (0, 0), (200, 200), (3, 255)] {
      var graph = QuantizedGraph(name: "test")
      let once = pad(&graph, input(&graph), [0, 1, 1, 0], [0, 1, 1, 0], code: inner)
      let twice = pad(&graph, once, [0, 1, 1, 0], [0, 1, 1, 0], code: outer)
      let geometry = WindowGeometry(
        inputHeight: 10, inputWidth: 9, kernelHeight: 4, kernelWidth: 4, strideY: 2, strideX: 1,
        padding: .valid)!
      graph.outputs = [
        graph.append(
          QuantizedNode(
            name: "pool", operation: .maxPool(QuantizedPool(geometry: geometry, clamp: 0...255)),
            operands: [twice], type: image(geometry.outputHeight, geometry.outputWidth, 2)))
      ]
      #expect(graph.verify().isEmpty)
      let folded = foldPad(foldPad(graph))
      #expect(folded.nodes.count == (inner == outer ? 2 : 3), "\(inner) \(outer)")
      #expect(folded.verify().isEmpty)
      #expect(try outputs(folded) == outputs(graph), "\(inner) \(outer)")
    }
  }

  @Test("A max pool with pads of its own keeps the pad of a map that may be below the zero point")
  func maxPoolWithPads() {
    let graph = pooled(average: false, clamped: false, padding: .same)
    #expect(foldPad(graph) == graph)
  }

  @Test("A pad of channels is left alone")
  func channels() throws {
    var graph = QuantizedGraph(name: "test")
    let padded = pad(&graph, input(&graph), [0, 1, 1, 1], [0, 1, 1, 0])
    graph.outputs = [convolution(&graph, padded)]
    #expect(foldPad(graph) == graph)
  }
}
