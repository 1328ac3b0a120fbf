import NeuralGraph

// Exporters with an unknown batch compute the shape of a RESHAPE inside the network: SHAPE,
// STRIDED_SLICE, PACK. All extents are known here, so these are constants.

extension TFLiteReading {
  /// Computes an operator on shapes. Returns false for an operator that is none.
  mutating func foldShapeOperator(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> Bool {
    let output = entry.outputs[0]
    guard [.int32, .int64].contains(model.tensors[output].type) else { return false }
    switch entry.kind {
    case "SHAPE":
      foldedIntegers[output] = try shape(0, of: entry).dimensions
    case "STRIDED_SLICE":
      foldedIntegers[output] = try stridedSlice(entry)
    case "PACK":
      var values: [Int] = []
      for input in entry.inputs.prefix(9) {
        values += try integers(input, of: entry, limit: 1)
      }
      guard values.count <= 8 else {
        throw failure("PACK of \(entry.inputs.count) tensors; a shape has at most 8", entry)
      }
      foldedIntegers[output] = values
    default: return false
    }
    return true
  }

  /// STRIDED_SLICE of a vector: options begin_mask 0, end_mask 1, ellipsis_mask 2, new_axis_mask 3,
  /// shrink_axis_mask 4.
  private func stridedSlice(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> [Int] {
    guard entry.inputs.count == 4 else {
      throw failure("STRIDED_SLICE has \(entry.inputs.count) operands", entry)
    }
    let values = try integers(entry.inputs[0], of: entry, limit: 8)
    let begin = try integers(entry.inputs[1], of: entry, limit: 8)
    let end = try integers(entry.inputs[2], of: entry, limit: 8)
    let strides = try integers(entry.inputs[3], of: entry, limit: 8)
    let options = try options(entry)
    var masks: [Int] = []
    for field in 0..<5 {
      masks.append(
        Int(try read { () throws(Diagnostic) in try options.number(field, default: Int32(0)) }))
    }
    guard begin.count == 1, end.count == 1, strides == [1], masks[2] == 0, masks[3] == 0 else {
      throw failure("STRIDED_SLICE of a shape with several dimensions or a stride", entry)
    }
    func position(_ index: Int) -> Int {
      max(0, min(values.count, index < 0 ? index + values.count : index))
    }
    let first = masks[0] & 1 == 1 ? 0 : position(begin[0])
    if masks[4] & 1 == 1 {
      guard values.indices.contains(first) else {
        throw failure("STRIDED_SLICE takes element \(begin[0]) of \(values)", entry)
      }
      return [values[first]]
    }
    let last = masks[1] & 1 == 1 ? values.count : position(end[0])
    return first < last ? Array(values[first..<last]) : []
  }
}
