import ModelImport
import NeuralGraph
import Testing

/// Idioms of older graphs: weights behind Dequantize, images behind a decoder, branches.
@Suite("GraphDef idioms") struct GraphDefIdiomTests {
  private typealias Import = GraphDefImportTests

  /// Codes behind Dequantize with the range -1.7...3.1.
  private func dequantized(_ mode: String, isSigned: Bool) throws -> [UInt32] {
    var file = GraphDefWriter()
    file.placeholder([1, 1, 1, 5])
    let codes: [UInt8] = isSigned ? [128, 255, 0, 1, 127] : [0, 1, 127, 128, 255]
    let type: GraphDefWriter.DataType = isSigned ? .qint8 : .quint8
    file.node("codes", "Const", [], ["dtype": .type(type), "value": .content(type, [5], codes)])
    file.constant("low", [], [-1.7])
    file.constant("high", [], [3.1])
    file.node(
      "weights", "Dequantize", ["codes", "low", "high"],
      ["T": .type(type), "mode": .string(mode)])
    file.node("sum", "Add", ["input", "weights"])
    let graph = try Import.graph(file)
    let id = try #require(graph.ids.first { graph[$0].name == "weights" })
    return try #require(graph.constant(id)).values.map(\.bitPattern)
  }

  @Test("Weights behind Dequantize are the numbers that TensorFlow computes, bit for bit")
  func dequantize() throws {
    // tf.quantization.dequantize of TensorFlow 2.21.
    let recorded: [(String, Bool, [UInt32])] = [
      ("MIN_COMBINED", false, [0xbfd9_999a, 0xbfd7_30cb, 0x3f30_ca64, 0x3f35_9c04, 0x4046_6667]),
      ("MIN_FIRST", false, [0xbfd8_d8da, 0xbfd6_700b, 0x3f32_4be4, 0x3f37_1d84, 0x4046_c6c7]),
      ("SCALED", false, [0x0, 0x3c47_2d94, 0x3fc5_9f39, 0x3fc7_2d94, 0x4046_6666]),
      ("MIN_COMBINED", true, [0xbfd9_999a, 0x3f30_ca64, 0x3f35_9c04, 0x3f3a_6da4, 0x4046_6667]),
      ("MIN_FIRST", true, [0xbfd8_d8da, 0x3f32_4be6, 0x3f37_1d84, 0x3f3b_ef22, 0x4046_c6c7]),
      ("SCALED", true, [0xc047_f653, 0xbcc7_f653, 0x0, 0x3cc7_f653, 0x4046_6666]),
    ]
    for (mode, isSigned, wanted) in recorded {
      #expect(try dequantized(mode, isSigned: isSigned) == wanted, "\(mode) \(isSigned)")
    }
  }

  @Test("An image behind a decoder and a resize is the network's input, of bytes")
  func decoder() throws {
    var file = GraphDefWriter()
    file.node("contents", "Placeholder", [], ["dtype": .integer(7), "shape": .shape([])])
    file.node("decode", "DecodeJpeg", ["contents"], ["channels": .integer(3)])
    file.node("cast", "Cast", ["decode"], ["DstT": .type(.float)])
    file.integers("first", [], [0])
    file.node("batch", "ExpandDims", ["cast", "first"])
    file.integers("size", [2], [5, 7])
    file.node("resize", "ResizeBilinear", ["batch", "size"])
    file.constant("mean", [], [128])
    file.node("centred", "Sub", ["resize", "mean"])
    let graph = try Import.graph(file)
    #expect(Import.names(graph) == ["resize", "mean", "centred"])
    #expect(graph[graph.inputs[0]].shape == TensorShape([1, 5, 7, 3]))
    #expect(graph.statedInputRange == 0...255)
    // A map inside the network cannot be resized.
    file.integers("larger", [2], [10, 14])
    file.node("again", "ResizeBilinear", ["centred", "larger"])
    let error = #expect(throws: Diagnostics.self) { try Import.graph(file) }
    #expect(error?.all.map(\.place.node) == ["again"])
  }

  @Test("Concat, ConcatV2, functions and the old batch normalization")
  func branches() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 2, 2, 2])
    file.constant("mean", [2], [1, 2])
    file.constant("variance", [2], [3.75, 15.75])
    file.constant("beta", [2], [0.5, -0.5])
    file.constant("gamma", [2], [100, 100])
    file.node(
      "norm", "BatchNormWithGlobalNormalization", ["input", "mean", "variance", "beta", "gamma"],
      ["variance_epsilon": .float(0.25), "scale_after_normalization": .bool(false)])
    file.node("leaky", "LeakyRelu", ["norm"], ["alpha": .float(0.5)])
    file.node("sigmoid", "Sigmoid", ["norm"])
    file.node("gated", "Mul", ["leaky", "sigmoid"])
    file.integers("axis", [], [3])
    file.node("old", "Concat", ["axis", "gated", "input"])
    file.integers("last", [], [-1])
    file.node("new", "ConcatV2", ["old", "leaky", "last"])
    let graph = try Import.graph(file)
    #expect(graph[graph.outputs[0]].shape == TensorShape([1, 2, 2, 6]))
    let image = FloatTensor(
      shape: TensorShape([1, 2, 2, 2]), values: [1, 2, -3, 6, 5, -10, 0.5, 0])
    let result = try graph.evaluate([image])[0].values
    // First pixel: (1 - 1) / 2 + 1/2 and (2 - 2) / 4 - 1/2.
    let sigmoid: (Float) -> Float = { Float(Nonlinearity.sigmoid.apply(Double($0), channel: 0)) }
    #expect(result[0..<6] == [0.5 * sigmoid(0.5), -0.25 * sigmoid(-0.5), 1, 2, 0.5, -0.25])
  }

  @Test(
    "What cannot be taken says what to do",
    arguments: [
      ("QuantizedConv2D", "eight bits"),
      ("StatefulPartitionedCall", "a function that is not in its library"),
    ])
  func refusals(operation: String, words: String) {
    var file = GraphDefWriter()
    file.placeholder([1, 2, 2, 2])
    file.node("odd", operation, ["input"])
    let error = #expect(throws: Diagnostics.self) { try Import.graph(file) }
    #expect(error?.description.contains(words) == true)
  }
}
