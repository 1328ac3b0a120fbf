import NeuralGraph

// Shapes that operators give, from their operands, constants and options.

extension TFLiteReading {
  /// The reduced dimensions of a MEAN, ascending, and the shape that is left.
  func reduction(
    _ entry: TFLiteModel.Operator, _ input: TensorShape
  ) throws(TFLiteFailure) -> (axes: [Int], keeps: Bool, shape: [Int]) {
    let rank = input.rank
    guard entry.inputs.count > 1 else { throw failure("\(entry.kind) lacks its axes", entry) }
    let listed = try integers(entry.inputs[1], of: entry, limit: 16)
    guard !listed.isEmpty, listed.allSatisfy({ (-rank..<rank).contains($0) }) else {
      throw failure("\(entry.kind) over the axes \(listed) of \(input)", entry)
    }
    let axes = Set(listed.map { $0 < 0 ? $0 + rank : $0 }).sorted()
    let keeps = try flag(entry, field: 0)
    var shape: [Int] = []
    for (dimension, extent) in input.dimensions.enumerated() {
      if !axes.contains(dimension) { shape.append(extent) } else if keeps { shape.append(1) }
    }
    return (axes, keeps, shape)
  }

  /// The pads of a PAD or PADV2, and the padded shape.
  func pads(
    _ entry: TFLiteModel.Operator, _ input: TensorShape
  ) throws(TFLiteFailure) -> (before: [Int], after: [Int], shape: [Int]) {
    let rank = input.rank
    guard entry.inputs.count > 1 else { throw failure("\(entry.kind) lacks its pads", entry) }
    let pads = try integers(entry.inputs[1], of: entry, limit: 16)
    guard pads.count == 2 * rank,
      pads.allSatisfy({ (0...NetworkLimits.windowLength).contains($0) })
    else { throw failure("\(entry.kind) with the pads \(pads) on \(input)", entry) }
    let before = (0..<rank).map { pads[2 * $0] }
    let after = (0..<rank).map { pads[2 * $0 + 1] }
    return (before, after, (0..<rank).map { before[$0] + input.dimensions[$0] + after[$0] })
  }

  /// The target of a RESHAPE; one extent may be left to be found.
  func reshaped(
    _ entry: TFLiteModel.Operator, _ input: TensorShape
  ) throws(TFLiteFailure) -> [Int] {
    let count = input.elementCount
    var wanted: [Int]?
    if entry.inputs.count > 1, entry.inputs[1] >= 0 {
      wanted = try integers(entry.inputs[1], of: entry, limit: 8)
    } else if let options = entry.options {
      wanted = try extents(options)
    }
    guard var shape = wanted ?? model.tensors[entry.outputs[0]].shape else {
      throw failure("RESHAPE lacks its shape", entry)
    }
    if let open = shape.firstIndex(of: -1) {
      shape[open] = 1
      if let known = TensorShape.checkedElementCount(shape, limit: count), known > 0,
        count.isMultiple(of: known)
      {
        shape[open] = count / known
      }
    }
    guard TensorShape.checkedElementCount(shape, limit: count) == count else {
      throw failure("RESHAPE of \(input) to \(shape): the element counts differ", entry)
    }
    return shape
  }

  /// The shape that a SQUEEZE leaves.
  func squeezed(
    _ entry: TFLiteModel.Operator, _ input: TensorShape
  ) throws(TFLiteFailure) -> [Int] {
    let rank = input.rank
    var removed: [Int] = []
    if let options = entry.options { removed = try extents(options) ?? [] }
    guard
      removed.allSatisfy({
        (-rank..<rank).contains($0) && input.dimensions[$0 < 0 ? $0 + rank : $0] == 1
      })
    else { throw failure("SQUEEZE removes the dimensions \(removed) of \(input)", entry) }
    let dimensions = Set(removed.map { $0 < 0 ? $0 + rank : $0 })
    return input.dimensions.enumerated().filter { dimension, extent in
      removed.isEmpty ? extent != 1 : !dimensions.contains(dimension)
    }.map(\.element)
  }

  /// The shape that an EXPAND_DIMS gives.
  func expanded(
    _ entry: TFLiteModel.Operator, _ input: TensorShape
  ) throws(TFLiteFailure) -> [Int] {
    guard entry.inputs.count > 1,
      let axis = try integers(entry.inputs[1], of: entry, limit: 1).first,
      (-input.rank - 1...input.rank).contains(axis)
    else { throw failure("EXPAND_DIMS lacks its dimension", entry) }
    var shape = input.dimensions
    shape.insert(1, at: axis < 0 ? axis + input.rank + 1 : axis)
    return shape
  }

  /// The dimension that a CONCATENATION joins along, of tensors of this rank.
  func concatenationAxis(
    _ entry: TFLiteModel.Operator, rank: Int
  ) throws(TFLiteFailure) -> Int {
    let options = try options(entry)
    let axis = Int(try read { () throws(Diagnostic) in try options.number(0, default: Int32(0)) })
    guard (-rank..<rank).contains(axis) else {
      throw failure("CONCATENATION along dimension \(axis) of \(rank)", entry)
    }
    return axis < 0 ? axis + rank : axis
  }

  /// A list of at most 8 extents in field 0 of the options, or nil.
  private func extents(_ options: FlatTable) throws(TFLiteFailure) -> [Int]? {
    try read { () throws(Diagnostic) in
      guard let vector = try options.vector(0, elementSize: 4), vector.count <= 8 else {
        return nil
      }
      var shape: [Int] = []
      for index in 0..<vector.count { shape.append(Int(try vector.number(index, as: Int32.self))) }
      return shape
    }
  }
}
