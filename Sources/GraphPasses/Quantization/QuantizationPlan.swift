import NeuralGraph

/// The integer weights of a layer and how they came about.
struct QuantizedWeights {
  /// `w - z_w`, in the order of the float tensor.
  var values: [Int16]
  /// One, or one an output channel.
  var scales: [Float]
  var zeroPoints: [Int]
  /// What the rounding of the weights takes away from each output on average, and the bias gives
  /// back; empty for nothing.
  var biasCorrection: [Double] = []

  func scale(_ channel: Int) -> Float { scales[scales.count == 1 ? 0 : channel] }
}

/// What the two quantizers decide; the lowering to integers is the same for both.
protocol QuantizationPlan {
  var element: QuantizedElement { get }

  /// The parameters of an activation tensor; `last` is the node whose tensor is kept of a layer
  /// and the activation and grid that are fused into it. Throws when its range is unknown.
  func parameters(of last: NodeID) throws(Diagnostic) -> QuantizationParameters

  /// As `parameters`, or nil when the tensor keeps its operand's parameters.
  func ownParameters(of last: NodeID) -> QuantizationParameters?

  /// The codes that an activation may use, within the element type's.
  func codes(of last: NodeID) -> ClosedRange<Int>

  /// Weights of a layer; `channels` is the extent of the innermost index, the output channel.
  func weights(
    of layer: NodeID, channels: Int, bias: [Float], inputScale: Float
  ) throws(Diagnostic) -> QuantizedWeights

  /// A bias in units of the accumulator, halves away from zero.
  func bias(_ bias: Double, inputScale: Float, weightScale: Float) -> Double
}

extension QuantizationPlan {
  func codes(of last: NodeID) -> ClosedRange<Int> { element.range }
}

extension QuantizationParameters {
  /// The type of a tensor of this shape.
  func type(_ shape: TensorShape, _ element: QuantizedElement) -> QuantizedType {
    QuantizedType(shape: shape, element: element, scale: scale, zeroPoint: zeroPoint)
  }

  init(_ type: QuantizedType) { self.init(scale: type.scale, zeroPoint: type.zeroPoint) }
}
