import ModelImport
import NeuralGraph
import Testing

/// One test a diagnostic: a sound file with one thing broken.
@Suite("What is wrong with a TFLite file is said")
struct TFLiteDiagnosticTests {
  typealias Tensor = TFLiteNetworks.Tensor

  /// The diagnostics of a file; empty when it imports.
  private func diagnostics(_ bytes: [UInt8]) -> [Diagnostic] {
    do {
      _ = try importTFLite(bytes, name: "test")
      return []
    } catch {
      return error.all
    }
  }

  /// Expects one diagnostic about `node` with `words` in it, from `small` with something changed.
  private func expect(
    _ words: String, node: String?, location: SourceLocation = #_sourceLocation,
    _ change: (inout TFLiteWriter) -> Void
  ) {
    var writer = TFLiteNetworks.small()
    change(&writer)
    expect(words, node: node, in: writer, location: location)
  }

  private func expect(
    _ words: String, node: String?, in writer: TFLiteWriter,
    location: SourceLocation = #_sourceLocation
  ) {
    let found = diagnostics(writer.bytes)
    #expect(found.count == 1, "\(found)", sourceLocation: location)
    let text = found.first?.description ?? ""
    #expect(text.contains(words), "\(text)", sourceLocation: location)
    #expect(found.first?.place.node == node, sourceLocation: location)
  }

  @Test("an unknown operator, with its number and the supported ones")
  func unknownOperator() {
    expect("EXP (number 2)", node: "pooled") {
      $0.operators[2].code = TFLiteWriter.codes["EXP"]!
    }
    expect("supported: ADD, AVERAGE_POOL_2D", node: "pooled") { $0.operators[2].code = 250 }
  }

  @Test("a custom operator, by its own name")
  func customOperator() {
    expect("custom operator 'Detection' (number 2)", node: "pooled") {
      $0.operators[2].code = TFLiteWriter.codes["CUSTOM"]!
      $0.operators[2].customName = "Detection"
    }
  }

  @Test("all things at once")
  func several() {
    var writer = TFLiteNetworks.small()
    writer.operators[2].code = TFLiteWriter.codes["EXP"]!
    writer.tensors[Tensor.logits].scales = [0]
    writer.tensors[Tensor.depthwiseWeights].scales = [.nan]
    #expect(diagnostics(writer.bytes).map(\.place.node) == ["w2", "pooled", "logits"])
  }

  @Test("a scale that is zero, negative, NaN or infinite", arguments: [0, -1, .nan, .infinity])
  func scales(scale: Float) {
    expect("a scale is finite", node: "input") { $0.tensors[Tensor.input].scales = [scale] }
    expect("a scale is finite", node: "w1") {
      $0.tensors[Tensor.pointwiseWeights].scales[1] = scale
    }
    expect("a scale is finite", node: "pooled") { $0.tensors[Tensor.pooled].scales = [scale] }
  }

  @Test("missing quantization parameters")
  func missingQuantization() {
    expect("no quantization parameters", node: "depthwise") {
      $0.tensors[Tensor.depthwise].scales = []
    }
    expect("no quantization parameters", node: "w3") {
      $0.tensors[Tensor.denseWeights].scales = []
    }
  }

  @Test("a zero point outside the element type")
  func zeroPoints() {
    expect("no int8", node: "pointwise") { $0.tensors[Tensor.pointwise].zeroPoints = [128] }
    expect("zero point other than 0", node: "w3") {
      $0.tensors[Tensor.denseWeights].zeroPoints = [1]
    }
    expect("2 zero points", node: "w1") {
      $0.tensors[Tensor.pointwiseWeights].zeroPoints = [0, 0]
    }
  }

  @Test("scales along a dimension that is not the output channels")
  func dimension() {
    expect("along dimension 1", node: "w1") { $0.tensors[Tensor.pointwiseWeights].dimension = 1 }
    expect("2 scales for 3", node: "w1") {
      $0.tensors[Tensor.pointwiseWeights].scales = [1, 1]
    }
  }

  @Test("a quantized network with operators on real numbers inside")
  func mixedModel() {
    expect("float32 tensors; the rest is quantized", node: "logits") {
      $0.tensors[Tensor.logits].element = .float32
    }
  }

  @Test("a float network where a quantized one is asked for")
  func floatModel() {
    var writer = TFLiteWriter()
    writer.activation("x", [1, 2, 2, 3], .float32)
    writer.activation("y", [1, 2, 2, 3], .float32)
    writer.add("RELU", [0], [1])
    writer.outputs = [1]
    let error = #expect(throws: Diagnostics.self) { try importTFLite(writer.bytes, name: "f") }
    #expect(error?.description.contains("computes with real numbers") == true)
  }

  @Test("16-bit activations")
  func wideActivations() {
    expect("int16", node: "input") { $0.tensors[Tensor.input].element = .int16 }
  }

  @Test("a dynamic shape and a batch of several images")
  func dynamicShape() {
    expect("dynamic shape [1, -1, 4, 2]", node: "input") {
      $0.tensors[Tensor.input].signature = [1, -1, 4, 2]
    }
    expect("batch size 2", node: "input") { $0.tensors[Tensor.input].shape = [2, 4, 4, 2] }
  }

  @Test("several subgraphs, inputs or no output")
  func ends() {
    expect("2 subgraphs", node: nil) { $0.subgraphs = 2 }
    expect("0 subgraphs", node: nil) { $0.subgraphs = 0 }
    expect("2 inputs", node: nil) { $0.inputs = [Tensor.input, Tensor.denseWeights] }
    expect("no output", node: nil) { $0.outputs = [] }
    expect("no operator computes this output", node: "w1") { $0.outputs = [1] }
  }

  @Test("another schema version")
  func version() {
    expect("version 2", node: nil) { $0.version = 2 }
  }

  @Test("data that has the wrong size, or is missing")
  func data() {
    expect("5 bytes of data; 6 elements take 6", node: "w1") {
      $0.tensors[Tensor.pointwiseWeights].data!.removeLast()
    }
    expect("must be a constant", node: "w1") { $0.tensors[Tensor.pointwiseWeights].data = nil }
    expect("buffer 900", node: "w1") { $0.tensors[Tensor.pointwiseWeights].buffer = 900 }
    expect("16 bytes of data; 3 elements take 12", node: "b1") {
      $0.tensors[Tensor.pointwiseBias].data!.append(contentsOf: [0, 0, 0, 0])
    }
  }

  @Test("weights that claim 2^40 elements")
  func hugeWeights() {
    expect("larger than the file", node: "w1") {
      $0.tensors[Tensor.pointwiseWeights].shape = [1 << 20, 1 << 10, 1 << 10, 2]
      $0.tensors[Tensor.pointwise].shape = nil
    }
  }

  @Test("an activation of 2^40 elements")
  func hugeActivation() {
    expect("elements", node: "input") {
      $0.tensors[Tensor.input].shape = [1, 1 << 20, 1 << 20, 2]
    }
  }

  @Test("a tensor index that is none")
  func indices() {
    expect("reads tensor 77", node: nil) { $0.operators[1].inputs[0] = 77 }
    expect("reads tensor -2", node: nil) { $0.operators[1].inputs[2] = -2 }
    expect("writes tensor 77", node: nil) { $0.operators[5].outputs[0] = 77 }
    expect("output is tensor 77", node: nil) { $0.outputs = [77] }
  }

  @Test("a tensor that is read before it is computed, and a cycle")
  func order() {
    expect("no operator before it computes", node: "pointwise") {
      $0.operators[0].inputs[0] = Tensor.pooled
      $0.tensors[Tensor.pooled].shape = nil
    }
    expect("computed before", node: "pointwise") {
      $0.operators[1].outputs[0] = Tensor.pointwise
      $0.tensors[Tensor.depthwise].shape = [1, 2, 2, 3]
      $0.operators[2].inputs[0] = Tensor.pointwise
      $0.operators.removeLast(4)
      $0.outputs = [Tensor.pointwise]
    }
  }

  @Test("a shape that the operator does not give")
  func shapes() {
    expect("gives the shape [1, 4, 4, 3]", node: "pointwise") {
      $0.tensors[Tensor.pointwise].shape = [1, 5, 4, 3]
    }
    expect("element counts differ", node: "flat") {
      $0.tensors[Tensor.shape].data = [4, 0, 0, 0, 1, 0, 0, 0]
    }
  }

  @Test("strides, windows and activations that cannot be")
  func windows() {
    expect("strides 1x0", node: "pointwise") { $0.operators[0].options![1] = .int32(0) }
    expect("padding 3", node: "pointwise") { $0.operators[0].options![0] = .int8(3) }
    expect("TANH", node: "pointwise") { $0.operators[0].options![3] = .int8(4) }
    expect("larger than its input", node: "pooled") { $0.operators[2].options![4] = .int32(3) }
    expect("lacks its options", node: "pointwise") { $0.operators[0].options = nil }
  }

  @Test("quantizations that an operator cannot join")
  func quantizations() {
    expect("between two quantizations", node: "pooled") {
      $0.tensors[Tensor.depthwise].zeroPoints = [1]
    }
    expect("must be uint8, or all int8", node: "depthwise") {
      $0.tensors[Tensor.depthwiseWeights].element = .uint8
    }
    expect("scale 1/256", node: "classes") { $0.tensors[Tensor.classes].scales = [0.5] }
  }

  @Test("an accumulator that leaves 32 bits")
  func accumulator() {
    expect("leaves 32 bits", node: "pointwise") {
      $0.tensors[Tensor.pointwiseBias].data = [
        255, 255, 255, 127, 0, 0, 0, 0, 0, 0, 0, 0,
      ]
    }
  }

  @Test("a bias of another type or with a zero point")
  func bias() {
    expect("bias of type int64", node: "b1") {
      $0.tensors[Tensor.pointwiseBias].element = .int64
    }
    expect("zero point 1", node: "b1") {
      $0.tensors[Tensor.pointwiseBias].scales = [1]
      $0.tensors[Tensor.pointwiseBias].zeroPoints = [1]
    }
  }

  @Test("a variable")
  func variable() {
    expect("keeps state", node: "pooled") { $0.tensors[Tensor.pooled].isVariable = true }
  }

  @Test("a constant operand")
  func constantOperand() {
    expect("works on the constant 'w3'", node: "pointwise") {
      $0.operators[0].inputs[0] = Tensor.denseWeights
    }
  }

  @Test("a fill value that is no code of the tensor's type")
  func padValue() {
    var writer = TFLiteWriter()
    writer.activation("input", [1, 1, 1, 1], zeroPoint: 4)
    let pads = writer.integers("pads", [4, 2], [0, 0, 1, 1, 0, 0, 0, 0])
    let value = writer.codes("value", [], [5], .uint8)
    let result = writer.activation("output", [1, 3, 1, 1], zeroPoint: 4)
    writer.add("PADV2", [0, pads, value], [result])
    writer.outputs = [result]
    expect("fill value of type uint8", node: "value", in: writer)
  }

  /// ADD of the input and a second tensor, `change`d.
  private func sum(_ kind: String = "ADD", _ change: (inout TFLiteWriter) -> Void) -> TFLiteWriter {
    TFLiteNetworks.single(kind, input: [1, 2, 2, 2], output: [1, 2, 2, 2], change)
  }

  @Test("an addition of shapes that do not broadcast")
  func addition() {
    expect(
      "which do not broadcast", node: "output",
      in: sum {
        $0.activation("flat", [1, 8])
        let shape = $0.integers("shape", [2], [1, 8])
        $0.operators.insert(
          TFLiteWriter.Operator(
            code: TFLiteWriter.codes["RESHAPE"]!, inputs: [0, shape], outputs: [2]), at: 0)
        $0.operators[1].inputs = [0, 2]
      })
  }

  @Test("an addition of a constant that is neither one number nor one a channel")
  func constantAddition() {
    expect(
      "constant of shape 1x2x2x2", node: "output",
      in: sum {
        let constant = $0.codes("c", [1, 2, 2, 2], Array(0..<8))
        $0.operators[0].inputs = [0, constant]
      })
    expect(
      "mixes uint8 and int8", node: "output",
      in: sum {
        let constant = $0.codes("c", [1], [3], .uint8)
        $0.operators[0].inputs = [0, constant]
      })
    expect(
      "of two constants", node: "output",
      in: sum {
        let constant = $0.codes("c", [1], [3])
        $0.operators[0].inputs = [constant, constant]
      })
  }

  @Test("scales that let an accumulator of a sum or product with a constant leave 32 bits")
  func constantOverflow() {
    for kind in ["ADD", "MUL"] {
      expect(
        "leave 32 bits", node: "output",
        in: sum(kind) {
          let constant = $0.codes("c", [1], [3], scales: [1_048_576])
          $0.tensors[0].scales = [1024]
          $0.tensors[1].scales = kind == "ADD" ? [1e-6] : [16]
          $0.operators[0].inputs = [0, constant]
        })
    }
  }

  @Test("tables of so many channels that they ask for gigabytes")
  func tables() {
    let channels = 1 << 17
    let writer = TFLiteNetworks.single(
      "ADD", input: [1, 1, 1, channels], output: [1, 1, 1, channels]
    ) {
      let constant = $0.codes("c", [channels], Array(repeating: 1, count: channels))
      $0.operators[0].inputs = [0, constant]
      for index in 0..<2 {
        let last = $0.outputs[0]
        let next = $0.activation("sum\(index)", [1, 1, 1, channels])
        $0.add("ADD", [last, constant], [next])
        $0.outputs = [next]
      }
    }
    expect("the network's tables have more than 67108864 codes", node: "sum1", in: writer)
  }

  @Test("a maximum of two maps")
  func maximum() {
    expect(
      "one must be a constant", node: "output",
      in: sum("MAXIMUM") { $0.operators[0].inputs = [0, 0] })
  }

  @Test("slopes that are computed")
  func slopes() {
    expect("computed slopes", node: "output", in: sum("PRELU") { $0.operators[0].inputs = [0, 0] })
  }

  @Test("a hard swish to a scale without fixed-point form")
  func hardSwish() {
    expect(
      "no fixed-point form", node: "output", in: sum("HARD_SWISH") { $0.tensors[1].scales = [1e-5] }
    )
  }

  @Test("an L2 normalization to another scale than 1/128")
  func l2Normalization() {
    expect(
      "scale 1/128 with 0 in the middle", node: "output",
      in: TFLiteNetworks.single("L2_NORMALIZATION", input: [1, 4], output: [1, 4]))
  }

  @Test("a concatenation that LiteRT does not compute, or of shapes that do not fit")
  func concatenation() {
    func joined(_ change: (inout TFLiteWriter) -> Void) -> TFLiteWriter {
      TFLiteNetworks.single("CONCATENATION", input: [1, 2, 2, 2], output: [1, 2, 2, 4]) {
        $0.operators[0].inputs = [0, 0]
        $0.operators[0].options = [0: .int32(3)]
        change(&$0)
      }
    }
    #expect(diagnostics(joined { _ in }.bytes).isEmpty)
    expect(
      "int8 tensors of several scales", node: "output", in: joined { $0.tensors[1].scales = [2] })
    expect(
      "along dimension 4", node: "output", in: joined { $0.operators[0].options = [0: .int32(4)] })
    expect(
      "a fused activation", node: "output",
      in: joined { $0.operators[0].options = [0: .int32(3), 1: .int8(1)] })
    expect(
      "but the file declares", node: "output",
      in: joined { $0.operators[0].options = [0: .int32(1)] })
  }

  @Test("weights behind DEQUANTIZE that the file declares with more dimensions than they have")
  func dequantizedWeights() {
    var writer = TFLiteWriter()
    writer.activation("input", [1, 3, 3, 2], .float32)
    let codes = writer.codes("codes", [18], Array(0..<18))
    let weights = writer.activation("weights", [1, 3, 3, 2], .float32)
    writer.add("DEQUANTIZE", [codes], [weights])
    let output = writer.activation("output", [1, 3, 3, 2], .float32)
    writer.add(
      "DEPTHWISE_CONV_2D", [0, weights, -1], [output],
      [0: .int8(0), 1: .int32(1), 2: .int32(1), 3: .int32(1)])
    writer.outputs = [output]
    expect("but the file declares [1, 3, 3, 2]", node: "weights", in: writer)
  }

  @Test("a file that is something else", arguments: [[], Array("hello, this is text".utf8)])
  func otherFile(bytes: [UInt8]) {
    #expect(diagnostics(bytes).first?.message.contains("no TFLite file") == true)
  }

  @Test("a diagnostic names the byte in the file")
  func byteOffset() {
    var writer = TFLiteNetworks.small()
    writer.tensors[Tensor.pooled].scales = [0]
    let bytes = writer.bytes
    let offset = diagnostics(bytes).first?.place.byteOffset ?? -1
    #expect(bytes.indices.contains(offset))
  }
}
