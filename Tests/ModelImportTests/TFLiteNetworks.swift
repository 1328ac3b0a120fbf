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
