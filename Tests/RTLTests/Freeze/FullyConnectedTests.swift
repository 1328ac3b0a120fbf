import NeuralGraph
import RTL
import Testing

/// Fully connected layers on maps of several pixels.
@Suite struct FullyConnectedTests {
  /// A map of 3x2x2 through `reshapes`, and a fully connected layer of `rows` rows on it.
  private static func network(
    height: Int = 3, width: Int = 2, channels: Int = 2, outputs: Int = 3, rows: Int = 1,
    reshapes: [[Int]] = [], endsAtReshape: Bool = false
  ) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "dense")
    func type(_ dimensions: [Int]) -> QuantizedType {
      QuantizedType(shape: TensorShape(dimensions), element: .int8, scale: 0.5, zeroPoint: -3)
    }
    var value = graph.append(
      QuantizedNode(
        name: "image", operation: .input, operands: [], type: type([1, height, width, channels])))
    for (index, shape) in reshapes.enumerated() {
      value = graph.append(
        QuantizedNode(
          name: "reshape\(index)", operation: .reshape, operands: [value], type: type(shape)))
    }
    let size = height * width * channels / rows
    let weights = (0..<size * outputs).map { (index: Int) -> Int16 in
      Int16((index * 37) % 101 - 50)
    }
    let layer = QuantizedFullyConnected(
      inputSize: size, outputSize: outputs, weights: weights,
      bias: (0..<outputs).map { Int32($0 * 70 - 100) },
      requantization: (0..<outputs).map { _ in RealMultiplier(mantissa: 1 << 52, shift: 57) },
      clamp: -128...127, weightZeroPoints: [0], weightScales: [1])
    let dense = graph.append(
      QuantizedNode(
        name: "dense", operation: .fullyConnected(layer), operands: [value],
        type: type([rows, outputs])))
    graph.outputs = endsAtReshape ? [dense, value] : [dense]
    return graph
  }

  @Test(
    "the layer is a window of the map's size, whatever reshapes stand between",
    arguments: [[], [[1, 12]], [[1, 2, 6, 1], [1, 12]], [[1, 1, 3, 4]]] as [[[Int]]])
  func window(reshapes: [[Int]]) throws {
    let graph = Self.network(reshapes: reshapes)
    #expect(graph.verify() == [])
    let design = try Freeze.design(graph, options: FreezeOptions())
    #expect(design.layers.count == 1)
    #expect(design.layers[0].form == .window(.whole(height: 3, width: 2)))
    #expect(design.layers[0].kind == "fully connected 3x2")
    let interpreter = try Interpreter(graph)
    for seed in 0..<5 {
      let codes = (0..<12).map { (index: Int) -> Int in (index * 83 + seed * 57) % 256 - 128 }
      let image = IntegerTensor(
        shape: graph.nodes[0].type.shape, element: .int8,
        bytes: codes.map { UInt8(truncatingIfNeeded: $0) })
      let wanted = try interpreter.evaluate(image)[graph.nodes.count - 1]
      let found = design.evaluate(codes)[0]
      #expect(found == wanted.bytes.map { Int(Int8(bitPattern: $0)) })
    }
  }

  private func reason(_ graph: QuantizedGraph) -> String {
    do {
      return try FixedPrefix(graph, fixedLayers: nil).reason?.message ?? ""
    } catch {
      return error.all.map(\.message).joined()
    }
  }

  @Test("several rows are refused, and so is a flattened map that something else reads")
  func refused() {
    #expect(
      reason(Self.network(rows: 3)) == "a fully connected layer on several rows of a map of "
        + "1x3x2x2 is not streamed")
    #expect(
      reason(Self.network(reshapes: [[1, 12]], endsAtReshape: true))
        == "a reshape of a map of 1x3x2x2 is not streamed")
  }

  @Test("a chain of thousands of reshapes is no work of hours")
  func chain() throws {
    let shapes = (0..<20_000).map { $0 % 2 == 0 ? [1, 2, 3, 2] : [1, 3, 2, 2] }
    let graph = Self.network(reshapes: shapes + [[1, 12]])
    #expect(try FixedPrefix(graph, fixedLayers: nil).layers.count == 1)
  }

  @Test("a map less a reshape of itself is refused as a map less itself is")
  func lessItself() throws {
    var graph = QuantizedGraph(name: "difference")
    let type = QuantizedType(
      shape: TensorShape(height: 1, width: 1, channels: 3), element: .int8, scale: 0.5,
      zeroPoint: 0)
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type))
    var flat = type
    flat.shape = TensorShape([1, 3])
    let a = graph.append(
      QuantizedNode(name: "a", operation: .reshape, operands: [input], type: flat))
    let b = graph.append(
      QuantizedNode(name: "b", operation: .reshape, operands: [input], type: flat))
    var add = try #require(
      QuantizedAdd(first: 0.5, second: 0.5, output: 0.5, clamp: -128...127))
    add.second.multiplier.negate()
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "sum", operation: .add(add), operands: [a, b], type: flat))
    ]
    #expect(reason(graph) == "a difference of a map and itself is not supported in hardware")
  }

  @Test("more weights than can sensibly be adders are refused where there is no time for a ROM")
  func tooMany() {
    let graph = Self.network(height: 64, width: 64, channels: 16, outputs: 17)
    #expect(
      reason(graph) == "a fully connected layer on a map of 1x64x64x16 has 1114112 weights, which "
        + "would all be adders; hardware takes 131072")
  }
}
