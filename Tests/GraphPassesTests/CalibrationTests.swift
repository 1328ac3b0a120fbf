import GraphPasses
import NeuralGraph
import Testing

@Suite("Quantization after training") struct CalibrationTests {
  private let pixels = FloatTensor(
    shape: TensorShape([1, 2, 2, 1]), values: [0, 128, 192, 255])

  /// Bytes divided by 255.
  private let unit = InputNormalization(low: 0, high: 1)

  private func quantized(
    _ graph: Graph, _ images: [FloatTensor]? = nil, input: InputNormalization? = nil
  ) throws -> QuantizedGraph {
    try quantizedGraph(
      from: .float(graph),
      options: QuantizationOptions(
        calibration: images ?? [pixels], inputNormalization: input ?? unit))
  }

  private func convolution(_ node: QuantizedNode) throws -> QuantizedConvolution {
    guard case .convolution(let convolution) = node.operation else {
      throw Diagnostic("'\(node.name)' is no convolution")
    }
    return convolution
  }

  private func layer(
    _ weights: [Float], _ bias: [Float], activation: FusedActivation = .none
  ) throws -> Graph {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 1)
    let filter = try b.constant("w", [1, 1, 1, weights.count], weights)
    let conv = try b.convolution("conv", x, filter)
    let y = try b.add("bias", .binary(.add), conv, try b.vector(bias))
    let out = try b.add("out", .activation(activation), y)
    return b.network(out)
  }

  @Test("Weights are symmetric with one scale a channel; the largest is 127")
  func weights() throws {
    let network = try quantized(try layer([0.5, -2], [0, 0]))
    let layer = try convolution(network.nodes[1])
    #expect(layer.weights == [127, -127])
    #expect(layer.weightScales == [0.5 / 127, 2.0 / 127])
    #expect(layer.weightZeroPoints == [0, 0])
    #expect(network.nodes[1].type.element == .int8)
  }

  @Test("An activation's range contains 0.0, which is exact")
  func ranges() throws {
    // 0 ... 1 times 2 plus 1 is 1 ... 3; with zero, 0 ... 3.
    let above = try quantized(try layer([2], [1])).nodes[1].type
    #expect(above.scale == Float(3.0 / 255))
    #expect(above.zeroPoint == -128)
    // 1 - 4 x is -3 ... 1.
    let both = try quantized(try layer([-4], [1])).nodes[1].type
    #expect(both.scale == Float(4.0 / 255))
    #expect(both.zeroPoint == 63)
  }

  @Test("ReLU6 cuts at the zero point and at six")
  func activation() throws {
    let network = try quantized(try layer([20], [-4], activation: .relu6))
    #expect(network.nodes[1].type.scale == Float(6.0 / 255))
    #expect(try convolution(network.nodes[1]).clamp == -128...127)
  }

  @Test("Int8 codes are pixels minus 128 in the stated range")
  func inputCodes() throws {
    let type = try quantized(try layer([1], [0])).nodes[0].type
    #expect(type.scale == Float(1.0 / 255))
    #expect(type.zeroPoint == -128)
    #expect(type.element == .int8)
  }

  @Test("A channel whose weights are all zero keeps its bias")
  func deadChannel() throws {
    let network = try quantized(try layer([0, 1], [0.5, 0]))
    let layer = try convolution(network.nodes[1])
    let output = layer.requantization[0].apply(Int(layer.bias[0]))
    let type = network.nodes[1].type
    #expect(abs(Float(output) * type.scale - 0.5) <= type.scale / 2)
    #expect(layer.bias[0].magnitude < 1 << 30)
  }

  @Test("A layer that is always zero has a scale all the same")
  func alwaysZero() throws {
    let type = try quantized(try layer([-1], [0], activation: .relu)).nodes[1].type
    #expect(type.scale == 1)
    #expect(type.zeroPoint == -128)
  }

  @Test("A bias gives back what rounding its weights takes away on average")
  func biasCorrection() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 1)
    // The window's second row lies below the image for the lower output row.
    let filter = try b.constant("w", [2, 1, 1, 1], [1, 0.3])
    let conv = try b.convolution("conv", x, filter)
    let network = try quantized(b.network(conv))
    let layer = try convolution(network.nodes[1])
    #expect(layer.weights == [127, 38])
    let scale = Double(layer.weightScales[0])
    let inputScale = Double(network.nodes[0].type.scale)
    // Mean of the second tap: pixels 192 and 255 over four windows.
    let lost = (Double(Float(0.3)) - 38 * scale) * (192 + 255) / 4 * inputScale
    let lostFirst = (1 - 127 * scale) * (0 + 128 + 192 + 255) / 4 * inputScale
    let units = ((lost + lostFirst) / (inputScale * scale)).rounded()
    #expect(layer.bias == [Int32(units)])
    #expect(units > 0)
  }

  @Test("A float network without images says how to calibrate it")
  func noImages() throws {
    let error = #expect(throws: Diagnostics.self) {
      try quantized(try layer([1], [0]), [])
    }
    #expect(error?.description.contains("--calibrate DIR") == true)
  }

  @Test("An image of another size is refused")
  func wrongSize() throws {
    let wrong = FloatTensor(shape: TensorShape([1, 1, 1, 1]), values: [1])
    #expect(throws: Diagnostics.self) { try quantized(try layer([1], [0]), [wrong]) }
  }

  @Test("Numbers that leave binary32 are a diagnostic, not a range")
  func overflow() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 1)
    let first = try b.convolution("first", x, try b.constant("w", [1, 1, 1, 1], [3e38]))
    let second = try b.convolution("second", first, try b.constant("w", [1, 1, 1, 1], [3e38]))
    let error = #expect(throws: Diagnostics.self) { try quantized(b.network(second)) }
    #expect(error?.all.first?.place.node == "second")
  }

  @Test("A fully connected layer behind a mean, with softmax: int8 throughout")
  func classifier() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 1)
    let mean = try b.add("mean", .mean(axes: [1, 2], keepsDimensions: false), x)
    let matrix = try b.constant("w", [1, 3], [1, -2, 0.5])
    let product = try b.add("product", .matrixMultiplication, mean, matrix)
    let logits = try b.add("logits", .binary(.add), product, try b.vector([0, 1, 2]))
    let softmax = try b.add("softmax", .softmax, logits)
    let network = try quantized(b.network(softmax))
    #expect(network.nodes.map(\.name) == ["input", "mean", "logits", "softmax"])
    guard case .fullyConnected(let layer) = network.nodes[2].operation else {
      Issue.record("no fully connected layer")
      return
    }
    #expect(layer.weights == [127, -127, 127])
    #expect(network.nodes[3].type.zeroPoint == -128)
    #expect(network.nodes[3].type.scale == 1.0 / 256)
  }

  @Test("A residual network runs in integers close to its real numbers")
  func residual() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(6, 6, 3)
    let stem = try b.constant("w1", [3, 3, 3, 8], (0..<216).map { Float($0 * 37 % 41 - 20) / 60 })
    let relu = try b.add("relu", .activation(.relu), try b.convolution("stem", x, stem, stride: 2))
    let inner = try b.constant("w2", [3, 3, 8, 8], (0..<576).map { Float($0 * 29 % 31 - 15) / 90 })
    let branch = try b.convolution("branch", relu, inner)
    let sum = try b.add("sum", .binary(.add), branch, relu)
    let result = try b.add("result", .activation(.relu), sum)
    let graph = b.network(result)
    let image = FloatTensor(
      shape: TensorShape([1, 6, 6, 3]), values: (0..<108).map { Float($0 * 53 % 256) })
    let network = try quantized(graph, [image])
    #expect(network.nodes.map(\.name) == ["input", "relu", "branch", "result"])
    let codes = IntegerTensor(
      shape: image.shape, element: .int8, codes: image.values.map { Int($0) - 128 })
    let outputs = try Interpreter(network).outputs(for: codes)
    let real = try graph.evaluate([
      FloatTensor(shape: image.shape, values: image.values.map { $0 / 255 })
    ])[0]
    let type = network.nodes[3].type
    for (code, real) in zip(outputs[0].codes, real.values) {
      #expect(abs(type.scale * Float(code - type.zeroPoint) - real) < 3 * type.scale)
    }
  }
}

@Suite("The input's range") struct InputRangeTests {
  /// `factor * x + summand` before a layer that looks at nothing else.
  private func graph(
    _ steps: [(BinaryOperation, [Float])], stated: ClosedRange<Float>? = nil
  ) throws -> Graph {
    var b = FloatNetworkBuilder()
    var x = try b.input(2, 2, 2)
    for (index, step) in steps.enumerated() {
      x = try b.add("step\(index)", .binary(step.0), x, try b.vector(step.1))
    }
    let filter = try b.constant("w", [1, 1, 2, 1], [1, 1])
    let conv = try b.convolution("conv", x, filter)
    var graph = b.network(conv)
    graph.statedInputRange = stated
    return graph
  }

  private func quantized(
    _ graph: Graph, input: InputNormalization? = nil
  ) throws -> QuantizedGraph {
    let image = FloatTensor(
      shape: TensorShape([1, 2, 2, 2]), values: [0, 255, 1, 2, 3, 4, 5, 100])
    return try quantizedGraph(
      from: .float(graph),
      options: QuantizationOptions(calibration: [image], inputNormalization: input))
  }

  @Test("x / 127.5 - 1 is taken into the input: bytes to -1...1")
  func bytes() throws {
    let network = try quantized(
      try graph([(.divide, [127.5]), (.subtract, [1, 1])]))
    #expect(network.nodes.map(\.name) == ["input", "conv"])
    #expect(network.nodes[0].type.scale == Float(1 / 127.5))
    // 127.5 lies between two pixels; halves go away from zero.
    #expect(network.nodes[0].type.zeroPoint == 0)
  }

  @Test("x * 2 - 1 expects numbers of 0 to 1")
  func unit() throws {
    let network = try quantized(try graph([(.multiply, [2]), (.add, [-1])]))
    #expect(network.nodes[0].type.scale == Float(2.0 / 255))
  }

  @Test("A stated range is that of the file's input, before its arithmetic")
  func statedRange() throws {
    let network = try quantized(
      try graph([(.multiply, [2])]), input: InputNormalization(low: -1, high: 1))
    #expect(network.nodes[0].type.scale == Float(4.0 / 255))
  }

  @Test("A mean a channel stays a layer, on an input of bytes")
  func meanPerChannel() throws {
    let network = try quantized(try graph([(.subtract, [123.5, 104])]))
    #expect(network.nodes.map(\.name) == ["input", "step0", "conv"])
    #expect(network.nodes[0].type.scale == 1)
    #expect(network.nodes[0].type.zeroPoint == -128)
  }

  @Test("An input of bytes in the file says 0 to 255")
  func byteInput() throws {
    let network = try quantized(try graph([], stated: 0...255))
    #expect(network.nodes[0].type.scale == 1)
  }

  @Test("A range must contain 0.0 and be in order")
  func invalidRanges() {
    #expect(InputNormalization(low: 0.5, high: 1) == nil)
    #expect(InputNormalization(low: 1, high: -1) == nil)
    #expect(InputNormalization(low: .nan, high: 1) == nil)
    #expect(InputNormalization(low: 0, high: 0) == nil)
  }
}
