import ModelImport
import NeuralGraph
import Testing

@Suite("Import of GraphDef") struct GraphDefImportTests {
  /// A 4x4 image of two channels through one 3x3 convolution and ReLU6.
  static func small() -> GraphDefWriter {
    var file = GraphDefWriter()
    file.placeholder([-1, 4, 4, 2])
    file.constant("weights", [3, 3, 2, 3], (0..<54).map { Float($0) / 54 - 0.5 })
    file.node("weights/read", "Identity", ["weights"], ["T": .type(.float)])
    file.convolution("conv", "input", "weights/read", stride: 2)
    file.constant("bias", [3], [0.5, -0.25, 1])
    file.node("biased", "BiasAdd", ["conv", "bias"], ["T": .type(.float)])
    file.node("relu6", "Relu6", ["biased"], ["T": .type(.float)])
    return file
  }

  static func graph(_ file: GraphDefWriter, imageSize: ImageSize? = nil) throws -> Graph {
    try importGraphDef(file.bytes, name: "test", imageSize: imageSize)
  }

  static func names(_ graph: Graph) -> [String] { graph.nodes.map(\.name) }

  @Test("A batch of -1 is one image, and SAME at stride 2 halves it")
  func smallNetwork() throws {
    let graph = try Self.graph(Self.small())
    #expect(
      graph.description == """
        graph "test"
        %0 = input [1x4x4x2] "input"
        %1 = constant [3x3x2x3] "weights"
        %2 = convolution(%0, %1) [1x2x2x3] "conv"
        %3 = constant [3] "bias"
        %4 = add(%2, %3) [1x2x2x3] "biased"
        %5 = relu6(%4) [1x2x2x3] "relu6"
        outputs %5

        """)
    #expect(graph.verify() == [])
  }

  @Test("Nodes may stand in any order; control operands and ':0' are understood")
  func anyOrder() throws {
    var file = GraphDefWriter()
    file.node("second", "Relu", ["^setup", "first:0"])
    file.node("first", "Relu6", ["input:0"])
    file.placeholder([1, 2, 2, 1])
    file.node("setup", "NoOp", ["^input"])
    let graph = try Self.graph(file)
    #expect(Self.names(graph) == ["input", "first", "second"])
    #expect(graph.outputs == [NodeID(2)])
  }

  @Test("Nodes that neither depend on the input nor feed the network are left out")
  func deadNodes() throws {
    var file = GraphDefWriter()
    file.constant("unused", [1], [1])
    file.node("save", "SaveV2", ["unused"])
    file.placeholder([1, 2, 2, 1])
    file.node("relu", "Relu", ["input"])
    #expect(Self.names(try Self.graph(file)) == ["input", "relu"])
  }

  @Test("An output behind Identity keeps the name that the file's user knows")
  func outputName() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 2, 2, 1])
    file.node("relu", "Relu", ["input"])
    file.node("Output", "Identity", ["relu"])
    #expect(Self.names(try Self.graph(file)) == ["input", "Output"])
  }

  @Test("A branch is computed before the join that reads it, main branch first")
  func branchOrder() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 2, 2, 1])
    file.node("shortcut", "Relu", ["input"])
    file.node("main1", "Relu6", ["input"])
    file.node("main2", "Relu", ["main1"])
    file.node("join", "AddV2", ["main2", "shortcut"])
    #expect(
      Self.names(try Self.graph(file)) == ["input", "main1", "main2", "shortcut", "join"])
  }

  @Test("Explicit paddings, dilations and strides give the window's geometry")
  func explicitPadding() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 9, 7, 1])
    file.constant("w", [3, 2, 1, 1], [Float](repeating: 1, count: 6))
    file.node(
      "conv", "Conv2D", ["input", "w"],
      [
        "strides": .integers([1, 2, 1, 1]), "dilations": .integers([1, 2, 3, 1]),
        "padding": .string("EXPLICIT"), "explicit_paddings": .integers([0, 0, 1, 2, 3, 0, 0, 0]),
      ])
    let graph = try Self.graph(file)
    guard case .convolution(let convolution) = graph.nodes[2].operation else {
      Issue.record("no convolution")
      return
    }
    #expect(
      convolution.geometry
        == WindowGeometry(
          inputHeight: 9, inputWidth: 7, kernelHeight: 3, kernelWidth: 2, strideY: 2, strideX: 1,
          dilationY: 2, dilationX: 3, padTop: 1, padLeft: 3, outputHeight: 4, outputWidth: 7))
  }

  @Test("SpaceToBatchND, a VALID convolution and BatchToSpaceND are one dilated convolution")
  func dilation() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 5, 6, 1])
    file.integers("block", [2], [2, 2])
    // SAME for a 3x3 kernel at dilation 2: two pads on each side, one more row to be even.
    file.integers("pads", [2, 2], [2, 3, 2, 2])
    file.integers("crops", [2, 2], [0, 1, 0, 0])
    file.constant("w", [3, 3, 1, 1], (0..<9).map { Float($0) })
    file.node("phases", "SpaceToBatchND", ["input", "block", "pads"])
    file.convolution("conv", "phases", "w", padding: "VALID")
    file.node("whole", "BatchToSpaceND", ["conv", "block", "crops"])
    let graph = try Self.graph(file)
    #expect(graph.nodes.map(\.name) == ["input", "w", "whole"])
    guard case .convolution(let convolution) = graph.nodes[2].operation else {
      Issue.record("no convolution")
      return
    }
    #expect(
      convolution.geometry
        == WindowGeometry(
          inputHeight: 5, inputWidth: 6, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
          dilationY: 2, dilationX: 2, padding: .same))
  }

  @Test("A fused convolution is a layer, its bias and its activation")
  func fusedConvolution() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 2, 2, 1])
    file.constant("w", [1, 1, 1, 1], [2])
    file.constant("b", [1], [-1])
    file.node(
      "layer", "_FusedConv2D", ["input", "w", "b"],
      [
        "strides": .integers([1, 1, 1, 1]), "padding": .string("SAME"),
        "fused_ops": .strings(["BiasAdd", "Relu6"]),
      ])
    let graph = try Self.graph(file)
    #expect(
      graph.nodes.map(\.operation.name)
        == ["input", "constant", "constant", "convolution", "add", "relu6"])
    #expect(graph.nodes.last?.name == "layer")
  }

  @Test("A depthwise filter [3, 3, C, M] gives C * M channels in C groups")
  func depthwise() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 4, 4, 3])
    file.constant("w", [3, 3, 3, 2], [Float](repeating: 1, count: 54))
    file.convolution("dw", "input", "w", operation: "DepthwiseConv2dNative")
    let graph = try Self.graph(file)
    #expect(graph.nodes[2].shape == TensorShape([1, 4, 4, 6]))
    guard case .convolution(let convolution) = graph.nodes[2].operation else {
      Issue.record("no convolution")
      return
    }
    #expect(convolution.groups == 3)
  }

  @Test("A filter that is shallower than the image is a grouped convolution")
  func grouped() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 2, 2, 6])
    file.constant("w", [1, 1, 2, 9], [Float](repeating: 1, count: 18))
    file.convolution("conv", "input", "w")
    let graph = try Self.graph(file)
    guard case .convolution(let convolution) = graph.nodes[2].operation else {
      Issue.record("no convolution")
      return
    }
    #expect(convolution.groups == 3)
  }

  @Test("Keras's flattening by Shape, StridedSlice and Pack is computed at import")
  func kerasFlatten() throws {
    var file = GraphDefWriter()
    file.placeholder([-1, 2, 3, 4])
    file.node("shape", "Shape", ["input"])
    file.integers("begin", [1], [0])
    file.integers("end", [1], [1])
    file.integers("step", [1], [1])
    file.node(
      "batch", "StridedSlice", ["shape", "begin", "end", "step"],
      ["shrink_axis_mask": .integer(1)])
    file.integers("rest", [], [-1])
    file.node("target", "Pack", ["batch", "rest"], ["axis": .integer(0), "N": .integer(2)])
    file.node("flat", "Reshape", ["input", "target"])
    file.node("soft", "Softmax", ["flat"])
    let graph = try Self.graph(file)
    #expect(Self.names(graph) == ["input", "flat", "soft"])
    #expect(graph.nodes[2].shape == TensorShape([1, 24]))
  }

  @Test("Mean over spatial dimensions takes negative axes and may keep them")
  func mean() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 4, 4, 3])
    file.integers("axes", [2], [-3, 2])
    file.node("mean", "Mean", ["input", "axes"], ["keep_dims": .bool(true)])
    #expect(try Self.graph(file).nodes[1].shape == TensorShape([1, 1, 1, 3]))
  }

  @Test("MatMul with transpose_b multiplies by the transposed weights")
  func transposedMatMul() throws {
    var file = GraphDefWriter()
    file.placeholder([-1, 3])
    file.constant("w", [2, 3], [1, 2, 3, 4, 5, 6])
    file.node("product", "MatMul", ["input", "w"], ["transpose_b": .bool(true)])
    let graph = try Self.graph(file)
    let input = FloatTensor(shape: TensorShape([1, 3]), values: [1, 10, 100])
    #expect(try graph.evaluate([input]).map(\.values) == [[321, 654]])
  }

  @Test("An open height and width is filled from the image size")
  func imageSize() throws {
    var file = GraphDefWriter()
    file.placeholder([-1, -1, -1, 3])
    file.node("relu", "Relu", ["input"])
    let graph = try Self.graph(file, imageSize: ImageSize(height: 5, width: 6))
    #expect(graph.nodes[1].shape == TensorShape([1, 5, 6, 3]))
  }

  @Test("A stated height and width is not changed by the image size")
  func statedSize() throws {
    let graph = try Self.graph(Self.small(), imageSize: ImageSize(height: 64, width: 64))
    #expect(graph.nodes[0].shape == TensorShape([1, 4, 4, 2]))
  }
}

@Suite("Constants of a GraphDef") struct GraphDefConstantTests {
  /// The values of the constant that the input is multiplied with.
  private func values(_ attribute: GraphDefWriter.Attribute) throws -> [Float]? {
    var file = GraphDefWriter()
    file.placeholder([1, 1, 1, 1])
    file.node("constant", "Const", [], ["value": attribute])
    file.node("product", "Mul", ["input", "constant"])
    let graph = try importGraphDef(file.bytes, name: "test")
    return graph.constant(NodeID(1))?.values
  }

  @Test("The last listed value stands for all that follow")
  func repetition() throws {
    #expect(try values(.floats([2, 2], [1, 2])) == [1, 2, 2, 2])
  }

  @Test("No listed value means zeros")
  func zeros() throws {
    #expect(try values(.floats([3], [])) == [0, 0, 0])
  }

  @Test("Doubles are rounded to binary32")
  func doubles() throws {
    #expect(try values(.doubles([1], [0.1])) == [0.1])
  }

  @Test("Half precision is exact: normal, subnormal and negative")
  func halves() throws {
    #expect(
      try values(.halves([4], [0x3C00, 0xC500, 0x0001, 0x7BFF])) == [1, -5, 0x1p-24, 65504])
    #expect(try values(.content(.half, [2], [0x00, 0x3C, 0x00, 0xC5])) == [1, -5])
  }

  @Test("Integers of 64 bits are shapes too")
  func int64Shapes() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 2, 2, 1])
    file.node("target", "Const", [], ["value": .int64s([2], [1, -1])])
    file.node("flat", "Reshape", ["input", "target"])
    let graph = try importGraphDef(file.bytes, name: "test")
    #expect(graph.nodes[1].shape == TensorShape([1, 4]))
  }

  @Test("Integers cast to real numbers are a real constant")
  func cast() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 1, 1, 2])
    file.integers("i", [2], [3, -4])
    file.node("f", "Cast", ["i"], ["DstT": .type(.float)])
    file.node("product", "Mul", ["input", "f"])
    let graph = try importGraphDef(file.bytes, name: "test")
    #expect(graph.constant(NodeID(1))?.values == [3, -4])
  }
}
