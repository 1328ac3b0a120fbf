import NeuralGraph

// Windows and fused activations, which convolutions and pools share; the pools themselves.

extension TFLiteLowering {
  /// The first operand, which must be [1, H, W, C].
  func imageOperand(_ entry: TFLiteModel.Operator) throws(Failure) -> QuantizedType {
    let type = try operand(0, of: entry)
    guard type.shape.isImage else {
      throw failure(
        "\(entry.kind) works on the shape \(type.shape); 1xHxWxC is needed", entry,
        remedy: "export the network with batch size 1")
    }
    return type
  }

  /// The range that a fused activation lets through.
  func clamp(
    _ entry: TFLiteModel.Operator, _ type: QuantizedType, field: Int, _ options: FlatTable
  ) throws(Failure) -> ClosedRange<Int> {
    let activation = try fusedActivation(entry, field: field, options)
    return activation.clamp(
      element: type.element,
      parameters: QuantizationParameters(scale: type.scale, zeroPoint: type.zeroPoint))
  }

  mutating func pool(_ entry: TFLiteModel.Operator, average: Bool) throws(Failure) -> Lowered {
    let input = try imageOperand(entry)
    let options = try options(entry)
    let geometry = try poolGeometry(entry, input.shape, options)
    let type = try result(
      of: entry,
      shape: [1, geometry.outputHeight, geometry.outputWidth, input.shape.channels])
    try requireSameQuantization(entry, input, type)
    let pool = QuantizedPool(
      geometry: geometry, clamp: try clamp(entry, type, field: 5, options))
    return Lowered(
      operation: average ? .averagePool(pool) : .maxPool(pool), operands: [entry.inputs[0]],
      type: type)
  }

  /// Operators that pass codes on need one quantization on both sides.
  func requireSameQuantization(
    _ entry: TFLiteModel.Operator, _ input: QuantizedType, _ output: QuantizedType
  ) throws(Failure) {
    guard input.element == output.element, input.zeroPoint == output.zeroPoint,
      abs(input.scale - output.scale) <= 1e-6
    else {
      throw failure(
        "\(entry.kind) passes codes on between two quantizations (scale \(input.scale) zero "
          + "\(input.zeroPoint), scale \(output.scale) zero \(output.zeroPoint))", entry)
    }
  }
}
