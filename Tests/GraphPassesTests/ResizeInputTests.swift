import GraphPasses
import NeuralGraph
import Testing

@Suite("Another image size") struct ResizeInputTests {
  /// A network on a 16x16 image: two convolutions, a global pool and a classifier, calibrated.
  private func network(
    padding: WindowGeometry.Padding = .same,
    _ tail: (inout FloatNetworkBuilder, NodeID) throws -> NodeID = { $1 }
  ) throws -> QuantizedGraph {
    var b = FloatNetworkBuilder()
    let x = try b.input(16, 16, 1)
    let w = try b.constant("w", [3, 3, 1, 2], (0..<18).map { Float($0) / 18 - 0.4 })
    let first = try b.convolution("first", x, w, stride: 2, padding: padding)
    let end = try tail(&b, first)
    let graph = b.network(end)
    let image = FloatTensor(
      shape: TensorShape([1, 16, 16, 1]), values: (0..<256).map { Float($0) })
    return try quantizedGraph(
      from: .float(graph),
      options: QuantizationOptions(
        calibration: [image], inputNormalization: InputNormalization(low: 0, high: 1)))
  }

  private func geometry(_ node: QuantizedNode) -> WindowGeometry? {
    switch node.operation {
    case .convolution(let convolution): convolution.geometry
    case .averagePool(let pool), .maxPool(let pool): pool.geometry
    default: nil
    }
  }

  @Test("SAME stays SAME: its pads follow the new size")
  func same() throws {
    let resized = try resizeInput(try network(), to: ImageSize(height: 9, width: 30))
    let window = try #require(geometry(resized.nodes[1]))
    // 9 rows at stride 2: 5 outputs, one pad above and below; 30 columns: 15, none before.
    #expect((window.outputHeight, window.outputWidth) == (5, 15))
    #expect((window.padTop, window.padBottom) == (1, 1))
    #expect((window.padLeft, window.padRight) == (0, 1))
  }

  @Test("VALID stays VALID")
  func valid() throws {
    let resized = try resizeInput(
      try network(padding: .valid), to: ImageSize(height: 10, width: 11))
    let window = try #require(geometry(resized.nodes[1]))
    #expect((window.outputHeight, window.outputWidth) == (4, 5))
    #expect((window.padTop, window.padLeft) == (0, 0))
  }

  @Test("Pads of a code stay, though SAME would give the same windows at the network's own size")
  func padsOfACode() throws {
    var graph = QuantizedGraph(name: "test")
    func type(_ size: Int) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(height: size, width: size, channels: 1), element: .uint8, scale: 1,
        zeroPoint: 9)
    }
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type(5)))
    let window = try #require(
      WindowGeometry(
        inputHeight: 5, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideY: 2, strideX: 2,
        padding: .same))
    let pool = QuantizedPool(geometry: window, clamp: 0...255, padCode: 150)
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "pool", operation: .maxPool(pool), operands: [input], type: type(3)))
    ]
    let resized = try resizeInput(graph, to: ImageSize(height: 6, width: 6))
    let found = try #require(geometry(resized.nodes[1]))
    #expect((found.padTop, found.padLeft) == (1, 1))
  }

  @Test("Pads of one on every side stay, where SAME would have none above")
  func explicit() throws {
    let resized = try resizeInput(
      try network(padding: .explicit(top: 1, bottom: 1, left: 1, right: 1)),
      to: ImageSize(height: 9, width: 10))
    let window = try #require(geometry(resized.nodes[1]))
    #expect((window.padTop, window.padLeft) == (1, 1))
    #expect((window.outputHeight, window.outputWidth) == (5, 5))
  }

  @Test("A pool over the whole map, and what follows it, holds at any size")
  func globalPool() throws {
    let original = try network { b, x in
      let pool = try b.add(
        "pool",
        .averagePool(
          WindowGeometry(
            inputHeight: 8, inputWidth: 8, kernelHeight: 8, kernelWidth: 8, outputHeight: 1,
            outputWidth: 1)), x)
      let flat = try b.add("flat", .reshape(TensorShape([1, 2])), pool)
      let w = try b.constant("classes", [2, 3], [1, 2, 3, 4, 5, 6])
      return try b.add("logits", .matrixMultiplication, flat, w)
    }
    var notes: [Diagnostic] = []
    let resized = try resizeInput(original, to: ImageSize(height: 6, width: 4)) {
      notes.append($0)
    }
    #expect(notes == [])
    #expect(resized.nodes.map(\.name) == original.nodes.map(\.name))
    let window = try #require(geometry(resized.nodes[2]))
    #expect((window.kernelHeight, window.kernelWidth) == (3, 2))
    #expect(resized.nodes.last?.operation == original.nodes.last?.operation)
  }

  @Test("A mean over the map divides by the new number of cells")
  func mean() throws {
    let original = try network { b, x in
      try b.add("mean", .mean(axes: [1, 2], keepsDimensions: false), x)
    }
    let resized = try resizeInput(original, to: ImageSize(height: 4, width: 4))
    guard case .mean(let mean) = resized.nodes[2].operation else {
      Issue.record("no mean")
      return
    }
    #expect(
      mean.requantization
        == FixedPointMultiplier.mean(
          input: resized.nodes[1].type.scale, output: resized.nodes[2].type.scale, count: 4))
  }

  @Test("A matrix product over the flattened map is left out with what follows, and said so")
  func flattened() throws {
    let original = try network { b, x in
      let flat = try b.add("flat", .reshape(TensorShape([1, 128])), x)
      let w = try b.constant("classes", [128, 2], (0..<256).map { Float($0) / 256 - 0.5 })
      return try b.add("softmax", .softmax, try b.add("logits", .matrixMultiplication, flat, w))
    }
    var notes: [Diagnostic] = []
    let resized = try resizeInput(original, to: ImageSize(height: 8, width: 8)) {
      notes.append($0)
    }
    #expect(resized.nodes.map(\.name) == ["input", "first", "flat"])
    #expect(resized.outputs == [ValueID(2)])
    #expect(notes.map(\.place.node) == ["logits"])
    #expect(notes.first?.severity == .note)
  }

  @Test("An image that no window fits into is refused")
  func tooSmall() throws {
    let error = #expect(throws: Diagnostics.self) {
      try resizeInput(try network(padding: .valid), to: ImageSize(height: 2, width: 9))
    }
    #expect(error?.description.contains("no layer holds") == true)
  }

  @Test("The network's own size changes nothing")
  func ownSize() throws {
    let original = try network()
    #expect(try resizeInput(original, to: ImageSize(height: 16, width: 16)) == original)
  }
}
