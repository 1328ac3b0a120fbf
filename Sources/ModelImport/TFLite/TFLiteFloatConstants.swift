import NeuralGraph

// Constants of float networks: float32, float16, and 8-bit codes with scales.

extension TFLiteFloatLowering {
  /// The real numbers of a constant tensor.
  mutating func floats(
    _ tensor: TFLiteModel.Tensor, _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> FloatTensor {
    let dimensions = tensor.shape ?? []
    guard
      let count = TensorShape.checkedElementCount(dimensions, limit: model.buffer.bytes.count)
    else { throw failure("a constant of shape \(dimensions) is larger than the file", tensor) }
    constantBudget -= count
    guard constantBudget >= 0 else {
      throw failure("the layers share constants so often that they exceed four files", entry)
    }
    let shape = TensorShape(dimensions)
    switch tensor.type {
    case .float32:
      let bytes = Array(try constant(tensor, count: count, elementSize: 4))
      return FloatTensor(
        shape: shape,
        values: bytes.withUnsafeBytes { bytes in
          (0..<count).map {
            Float(
              bitPattern: UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
          }
        })
    case .float16:
      let bytes = Array(try constant(tensor, count: count, elementSize: 2))
      return FloatTensor(
        shape: shape,
        values: bytes.withUnsafeBytes { bytes in
          (0..<count).map {
            Float(
              binary16: UInt16(
                littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)))
          }
        })
    case .int8, .uint8: return try dequantized(tensor, shape, count: count)
    default:
      throw failure(
        "is a constant of type \(tensor.type); float32, float16, int8 and uint8 are supported",
        tensor)
    }
  }

  /// `scale * (code - zero point)` in binary32, as TFLite's DEQUANTIZE computes it; one scale, or
  /// one along the quantized dimension.
  private func dequantized(
    _ tensor: TFLiteModel.Tensor, _ shape: TensorShape, count: Int
  ) throws(TFLiteFailure) -> FloatTensor {
    guard let element = tensor.type.quantized, let vector = tensor.scales else {
      throw failure("has codes without scales", tensor)
    }
    var inner = 1
    if vector.count > 1 {
      guard shape.dimensions.indices.contains(tensor.quantizedDimension),
        shape.dimensions[tensor.quantizedDimension] == vector.count
      else {
        throw failure(
          "has \(vector.count) scales along dimension \(tensor.quantizedDimension) of \(shape)",
          tensor)
      }
      inner = shape.dimensions[(tensor.quantizedDimension + 1)...].reduce(1, *)
    }
    var scales: [Float] = []
    for index in 0..<vector.count {
      let scale = try read { () throws(Diagnostic) in try vector.float(index) }
      try check(scale: scale, of: tensor)
      scales.append(scale)
    }
    let zeros = try zeroPoints(of: tensor, count: scales.count)
    guard zeros.allSatisfy(element.range.contains) else {
      throw failure("has a zero point that is no \(element.rawValue)", tensor)
    }
    let bytes = try constant(tensor, count: count, elementSize: 1)
    let channels = scales.count
    return FloatTensor(
      shape: shape,
      values: bytes.enumerated().map { index, byte in
        let channel = channels == 1 ? 0 : index / inner % channels
        return scales[channel] * Float(element.code(of: byte) - zeros[channel])
      })
  }

  /// The constant that operand `position` is; nil when it is computed from the input.
  mutating func constantOperand(
    _ position: Int, of entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> FloatTensor? {
    // `operand` may append to the graph, so it comes first.
    let operand = try operand(position, of: entry)
    return graph.constant(operand)
  }
}
