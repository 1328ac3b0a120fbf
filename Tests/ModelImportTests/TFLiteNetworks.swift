import ModelImport
import NeuralGraph

/// Small networks that tests build and break.
enum TFLiteNetworks {
  /// Input 4x4x2, pointwise to 3 channels with ReLU, depthwise 3x3 at stride 2, global average,
  /// reshape, fully connected to 2, softmax. Tensors: see `Tensor`.
  static func small() -> TFLiteWriter {
    var writer = TFLiteWriter()
    writer.activation("input", [1, 4, 4, 2], zeroPoint: -5)
    let weights = writer.codes(
      "w1", [3, 1, 1, 2], [1, -2, 3, -4, 5, -6], scales: [0.25, 0.5, 1], zeroPoints: [0, 0, 0])
    let bias = writer.integers("b1", [3], [100, -200, 300])
    let pointwise = writer.activation("pointwise", [1, 4, 4, 3], scale: 0.75, zeroPoint: -20)
    writer.add(
      "CONV_2D", [0, weights, bias], [pointwise],
      [0: .int8(0), 1: .int32(1), 2: .int32(1), 3: .int8(1)])
    let taps = writer.codes(
      "w2", [1, 3, 3, 3], (0..<27).map { $0 * 9 - 120 }, dimension: 3)
    let depthwise = writer.activation("depthwise", [1, 2, 2, 3], scale: 9)
    writer.add(
      "DEPTHWISE_CONV_2D", [pointwise, taps, -1], [depthwise],
      [0: .int8(0), 1: .int32(2), 2: .int32(2), 3: .int32(1)])
    let pooled = writer.activation("pooled", [1, 1, 1, 3], scale: 9)
    writer.add(
      "AVERAGE_POOL_2D", [depthwise], [pooled],
      [0: .int8(1), 1: .int32(1), 2: .int32(1), 3: .int32(2), 4: .int32(2)])
    let flat = writer.activation("flat", [1, 3], scale: 9)
    let shape = writer.integers("shape", [2], [1, -1])
    writer.add("RESHAPE", [pooled, shape], [flat])
    let dense = writer.codes("w3", [2, 3], [10, 20, 30, -10, -20, -30])
    let logits = writer.activation("logits", [1, 2], scale: 4)
    writer.add("FULLY_CONNECTED", [flat, dense, -1], [logits], [0: .int8(0)])
    let classes = writer.activation("classes", [1, 2], scale: 1 / 256, zeroPoint: -128)
    writer.add("SOFTMAX", [logits], [classes], [0: .float(1)])
    writer.outputs = [classes]
    return writer
  }

  /// Indices of `small`'s tensors.
  enum Tensor {
    static let input = 0
    static let pointwiseWeights = 1
    static let pointwiseBias = 2
    static let pointwise = 3
    static let depthwiseWeights = 4
    static let depthwise = 5
    static let pooled = 6
    static let flat = 7
    static let shape = 8
    static let denseWeights = 9
    static let logits = 10
    static let classes = 11
  }

  /// Input 1x3x2x2 through every operator that is a table, a sum or product of two tensors, or a
  /// concatenation.
  static func elementwise() -> TFLiteWriter {
    var writer = TFLiteWriter()
    let shape = [1, 3, 2, 2]
    writer.activation("input", shape, .uint8, scale: 0.05, zeroPoint: 120)
    func activation(_ name: String, _ shape: [Int], _ scale: Float, _ zero: Int) -> Int {
      writer.activation(name, shape, .uint8, scale: scale, zeroPoint: zero)
    }
    let swish = activation("swish", shape, 0.03, 10)
    writer.add("HARD_SWISH", [0], [swish])
    let gate = activation("gate", shape, 1 / 256, 0)
    writer.add("LOGISTIC", [0], [gate])
    let product = activation("product", shape, 0.03, 30)
    writer.add("MUL", [swish, gate], [product], [0: .int8(0)])
    let leaky = activation("leaky", shape, 0.04, 50)
    writer.add("LEAKY_RELU", [product], [leaky], [0: .float(0.2)])
    let slopes = writer.codes("slopes", [1, 1, 2], [3, 200], .uint8, zeroPoints: [9])
    let prelu = activation("prelu", shape, 0.04, 60)
    writer.add("PRELU", [leaky, slopes], [prelu])
    let summands = writer.codes("summands", [2], [7, 250], .uint8, zeroPoints: [100])
    let sum = activation("sum", shape, 0.2, 70)
    writer.add("ADD", [prelu, summands], [sum], [0: .int8(1)])
    let difference = activation("difference", shape, 0.2, 99)
    writer.add("SUB", [sum, gate], [difference], [0: .int8(0)])
    let bound = writer.codes("bound", [1], [110], .uint8, scales: [0.2], zeroPoints: [99])
    let maximum = activation("maximum", shape, 0.2, 99)
    writer.add("MAXIMUM", [difference, bound], [maximum])
    let axes = writer.integers("axes", [2], [1, 2])
    let pixel = activation("pixel", [1, 1, 1, 2], 0.2, 90)
    writer.add("MEAN", [maximum, axes], [pixel], [0: .int8(1)])
    let scaled = activation("scaled", shape, 0.9, 40)
    writer.add("MUL", [maximum, pixel], [scaled], [0: .int8(3)])
    let joined = activation("joined", [1, 3, 2, 6], 0.5, 44)
    writer.add("CONCATENATION", [scaled, gate, swish], [joined], [0: .int32(-1)])
    let pads = writer.integers("pads", [4, 2], [0, 0, 1, 0, 0, 1, 0, 0])
    let fill = writer.codes("fill", [1], [3], .uint8, scales: [0.5], zeroPoints: [44])
    let padded = activation("padded", [1, 4, 3, 6], 0.5, 44)
    writer.add("PADV2", [joined, pads, fill], [padded])
    writer.outputs = [padded]
    return writer
  }

  /// A network of real numbers: a convolution with 8-bit weights and ReLU6, a product with a
  /// sigmoid, a concatenation, a fully connected layer.
  static func float() -> TFLiteWriter {
    var writer = TFLiteWriter()
    writer.activation("input", [1, 3, 3, 2], .float32)
    let weights = writer.codes(
      "weights", [2, 1, 1, 2], [5, -6, 7, 8], scales: [0.5, 0.25], zeroPoints: [0, 0])
    let conv = writer.activation("conv", [1, 3, 3, 2], .float32)
    writer.add(
      "CONV_2D", [0, weights, -1], [conv],
      [0: .int8(0), 1: .int32(1), 2: .int32(1), 3: .int8(3)])
    let gate = writer.activation("gate", [1, 3, 3, 2], .float32)
    writer.add("LOGISTIC", [conv], [gate])
    let product = writer.activation("product", [1, 3, 3, 2], .float32)
    writer.add("MUL", [conv, gate], [product], [0: .int8(0)])
    let joined = writer.activation("joined", [1, 3, 3, 4], .float32)
    writer.add("CONCATENATION", [product, conv], [joined], [0: .int32(3)])
    let dense = writer.codes("dense", [2, 36], (0..<72).map { $0 - 36 })
    let result = writer.activation("result", [1, 2], .float32)
    writer.add("FULLY_CONNECTED", [joined, dense, -1], [result], [0: .int8(0)])
    writer.outputs = [result]
    return writer
  }

  /// One operator from an input to an output.
  static func single(
    _ kind: String, input: [Int], output: [Int], options: [Int: FlatNode]? = nil,
    _ change: (inout TFLiteWriter) -> Void = { _ in }
  ) -> TFLiteWriter {
    var writer = TFLiteWriter()
    writer.activation("input", input)
    let result = writer.activation("output", output)
    writer.add(kind, [0], [result], options)
    writer.outputs = [result]
    change(&writer)
    return writer
  }
}
