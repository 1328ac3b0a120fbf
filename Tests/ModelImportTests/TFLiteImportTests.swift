import ModelImport
import NeuralGraph
import Testing

@Suite("Reading TFLite files")
struct TFLiteImportTests {
  private func read(_ writer: TFLiteWriter) throws -> QuantizedGraph {
    try importTFLite(writer.bytes, name: "test")
  }

  @Test("Every operator becomes one node, named after its output")
  func nodes() throws {
    let graph = try read(TFLiteNetworks.small())
    #expect(
      graph.nodes.map(\.name) == [
        "input", "pointwise", "depthwise", "pooled", "flat", "logits", "classes",
      ])
    #expect(graph.outputs == [ValueID(6)])
    #expect(graph.nodes[0].type.zeroPoint == -5)
    #expect(graph.verify().isEmpty)
  }

  @Test("A convolution's weights, scales, bias and activation are read")
  func convolution() throws {
    let graph = try read(TFLiteNetworks.small())
    guard case .convolution(let layer) = graph.nodes[1].operation else {
      Issue.record("no convolution")
      return
    }
    #expect(layer.weights == [1, -2, 3, -4, 5, -6])
    #expect(layer.bias == [100, -200, 300])
    #expect(layer.weightScales == [0.25, 0.5, 1])
    #expect(layer.clamp == -20...127)
    #expect(layer.groups == 1)
    #expect(
      layer.requantization
        == [0.25, 0.5, 1].map { FixedPointMultiplier(real: 0.5 * $0 / 0.75) })
  }

  @Test("Depthwise weights are brought to channels first, and SAME puts the odd pad after")
  func depthwise() throws {
    let graph = try read(TFLiteNetworks.small())
    guard case .convolution(let layer) = graph.nodes[2].operation else {
      Issue.record("no convolution")
      return
    }
    #expect(layer.isDepthwise)
    #expect(layer.bias == [0, 0, 0])
    for channel in 0..<3 {
      for tap in 0..<9 {
        let weight = layer.weight(output: channel, y: tap / 3, x: tap % 3, inputChannel: 0)
        #expect(weight == (tap * 3 + channel) * 9 - 120)
      }
    }
    #expect(layer.geometry.padTop == 0)
    #expect(layer.geometry.padBottom == 1)
  }

  @Test("uint8 weights have their zero point taken off")
  func zeroPoint() throws {
    var writer = TFLiteWriter()
    writer.activation("input", [1, 1, 1, 2], .uint8, zeroPoint: 128)
    let weights = writer.codes(
      "w", [1, 1, 1, 2], [0, 255], .uint8, zeroPoints: [200])
    let result = writer.activation("output", [1, 1, 1, 1], .uint8, scale: 100)
    writer.add("CONV_2D", [0, weights, -1], [result], [1: .int32(1), 2: .int32(1)])
    writer.outputs = [result]
    guard case .convolution(let layer) = try read(writer).nodes[1].operation else { return }
    #expect(layer.weights == [-200, 55])
    #expect(layer.weightZeroPoints == [200])
  }

  @Test("Fewer weight channels than input channels make groups")
  func groups() throws {
    var writer = TFLiteWriter()
    writer.activation("input", [1, 1, 1, 4])
    let weights = writer.codes("w", [6, 1, 1, 2], Array(0..<12))
    let result = writer.activation("output", [1, 1, 1, 6])
    writer.add("CONV_2D", [0, weights, -1], [result], [1: .int32(1), 2: .int32(1)])
    writer.outputs = [result]
    guard case .convolution(let layer) = try read(writer).nodes[1].operation else { return }
    #expect(layer.groups == 2)
    #expect(layer.outputChannelsPerGroup == 3)
  }

  @Test("A bias's quantized dimension means nothing: a vector has one dimension")
  func biasDimension() throws {
    var writer = TFLiteNetworks.small()
    writer.tensors[TFLiteNetworks.Tensor.pointwiseBias].scales = [0.125, 0.25, 0.5]
    writer.tensors[TFLiteNetworks.Tensor.pointwiseBias].zeroPoints = [0, 0, 0]
    writer.tensors[TFLiteNetworks.Tensor.pointwiseBias].dimension = 3
    #expect(try read(writer) == read(TFLiteNetworks.small()))
  }

  @Test("An unknown batch is one image")
  func unknownBatch() throws {
    var writer = TFLiteNetworks.small()
    for tensor in [TFLiteNetworks.Tensor.input, TFLiteNetworks.Tensor.pointwise] {
      writer.tensors[tensor].signature = [-1] + writer.tensors[tensor].shape!.dropFirst()
    }
    #expect(try read(writer) == read(TFLiteNetworks.small()))
  }

  @Test("Shapes that the file leaves out are computed")
  func missingShapes() throws {
    var writer = TFLiteNetworks.small()
    writer.tensors[TFLiteNetworks.Tensor.depthwise].shape = nil
    writer.tensors[TFLiteNetworks.Tensor.logits].shape = []
    #expect(try read(writer) == read(TFLiteNetworks.small()))
  }

  @Test("A float input before QUANTIZE and a float output after DEQUANTIZE are left out")
  func floatEnds() throws {
    var writer = TFLiteNetworks.small()
    writer.tensors.append(
      TFLiteWriter.Tensor(name: "image", shape: [1, 4, 4, 2], element: .float32))
    writer.tensors.append(
      TFLiteWriter.Tensor(name: "probabilities", shape: [1, 2], element: .float32))
    let image = writer.tensors.count - 2
    writer.operators.insert(
      TFLiteWriter.Operator(
        code: TFLiteWriter.codes["QUANTIZE"]!, inputs: [image],
        outputs: [TFLiteNetworks.Tensor.input]), at: 0)
    writer.add("DEQUANTIZE", [TFLiteNetworks.Tensor.classes], [image + 1])
    writer.inputs = [image]
    writer.outputs = [image + 1]
    #expect(try read(writer) == read(TFLiteNetworks.small()))
  }

  @Test("A reshape whose shape is computed by SHAPE, STRIDED_SLICE and PACK is folded")
  func computedShape() throws {
    var writer = TFLiteNetworks.small()
    let shape = TFLiteNetworks.Tensor.shape
    writer.tensors[shape].data = nil
    for name in ["whole", "batch"] {
      writer.tensors.append(
        TFLiteWriter.Tensor(name: name, shape: name == "whole" ? [4] : [], element: .int32))
    }
    let whole = writer.tensors.count - 2
    let zero = writer.integers("zero", [1], [0])
    let one = writer.integers("one", [1], [1])
    let three = writer.integers("three", [], [3])
    let reshape = writer.operators.firstIndex { $0.code == TFLiteWriter.codes["RESHAPE"] }!
    writer.operators.insert(
      contentsOf: [
        TFLiteWriter.Operator(
          code: TFLiteWriter.codes["SHAPE"]!, inputs: [TFLiteNetworks.Tensor.pooled],
          outputs: [whole]),
        TFLiteWriter.Operator(
          code: TFLiteWriter.codes["STRIDED_SLICE"]!, inputs: [whole, zero, one, one],
          outputs: [whole + 1], options: [4: .int32(1)]),
        TFLiteWriter.Operator(
          code: TFLiteWriter.codes["PACK"]!, inputs: [whole + 1, three], outputs: [shape],
          options: [0: .int32(2)]),
      ], at: reshape)
    #expect(try read(writer) == read(TFLiteNetworks.small()))
  }

  @Test("A softmax of real numbers at the end is left out, with a note")
  func realTail() throws {
    var writer = TFLiteNetworks.small()
    let real = writer.activation("real", [1, 2], .float32)
    let classes = writer.activation("probabilities", [1, 2], .float32)
    writer.operators.removeLast()
    writer.add("DEQUANTIZE", [TFLiteNetworks.Tensor.logits], [real])
    writer.add("SOFTMAX", [real], [classes], [0: .float(1)])
    writer.outputs = [classes]
    var notes: [Diagnostic] = []
    guard
      case .quantized(let graph) = try importTFLiteModel(
        writer.bytes, name: "test", note: { notes.append($0) })
    else {
      Issue.record("not quantized")
      return
    }
    #expect(graph[graph.outputs[0]].name == "logits")
    #expect(notes.map(\.place.node) == ["probabilities"])
    // What computes with the real numbers keeps the network out.
    writer.operators[writer.operators.count - 1].code = TFLiteWriter.codes["EXP"]!
    #expect(throws: Diagnostics.self) { try importTFLite(writer.bytes, name: "test") }
  }

  @Test("Detections and classes made of the result are left out, and what they read are outputs")
  func postprocessing() throws {
    var writer = TFLiteNetworks.small()
    let real = writer.activation("real", [1, 2], .float32)
    writer.add("DEQUANTIZE", [TFLiteNetworks.Tensor.logits], [real])
    let axis = writer.integers("axis", [1], [1])
    let best = writer.activation("best", [1], .int32)
    writer.add("ARG_MAX", [TFLiteNetworks.Tensor.logits, axis], [best])
    let (boxes, scores) = (
      writer.activation("boxes", [1, 4], .float32), writer.activation("scores", [1, 1], .float32)
    )
    writer.add("CUSTOM", [TFLiteNetworks.Tensor.flat, real], [boxes, scores])
    writer.operators[writer.operators.count - 1].customName = "TFLite_Detection_PostProcess"
    writer.outputs = [best, boxes, scores]
    var notes: [Diagnostic] = []
    guard
      case .quantized(let graph) = try importTFLiteModel(
        writer.bytes, name: "test", note: { notes.append($0) })
    else {
      Issue.record("not quantized")
      return
    }
    #expect(graph.outputs.map { graph[$0].name } == ["logits", "flat"])
    #expect(notes.map(\.place.node) == ["best", "boxes"])
    let listing = try listTFLite(writer.bytes, name: "test")
    #expect(listing.diagnostics.isEmpty && listing.entries.allSatisfy(\.isSupported))
  }

  @Test("The listing has every operator, its weights and its convolution number")
  func listing() throws {
    let listing = try listTFLite(TFLiteNetworks.small().bytes, name: "test")
    #expect(listing.diagnostics.isEmpty)
    #expect(listing.entries.map(\.convolutionNumber) == [1, 2, nil, nil, nil, nil])
    #expect(listing.entries.map(\.weights) == [6, 27, 0, 0, 6, 0])
    #expect(listing.entries.map(\.multiplyAccumulates) == [96, 108, 0, 0, 6, 0])
    #expect(listing.entries.map(\.value) == (1...6).map { ValueID($0) })
    #expect(listing.input == "int8 1x4x4x2")
  }

  @Test("The listing marks what is not supported and goes on")
  func listingOfUnsupported() throws {
    var writer = TFLiteNetworks.small()
    writer.operators[2].code = TFLiteWriter.codes["EXP"]!
    let listing = try listTFLite(writer.bytes, name: "test")
    #expect(listing.entries.map(\.isSupported) == [true, true, false, true, true, true])
    #expect(listing.diagnostics.count == 1)
  }

  @Test("A file's format is told by its content")
  func format() throws {
    let file = try ModelFile(
      path: "/tmp/some.network.pb", bytes: TFLiteNetworks.small().bytes)
    #expect(file.format == .tflite)
    #expect(file.name == "some.network")
    #expect(throws: Diagnostics.self) { try ModelFile(path: "x.tflite", bytes: []) }
  }
}
