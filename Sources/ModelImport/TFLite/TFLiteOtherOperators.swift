import NeuralGraph

// Operators without weights and windows.

extension TFLiteLowering {
  mutating func add(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let (first, second) = (try operand(0, of: entry), try operand(1, of: entry))
    guard first.shape == second.shape else {
      throw failure(
        "ADD of \(first.shape) and \(second.shape): both operands must have one shape", entry)
    }
    let type = try result(of: entry, shape: first.shape.dimensions)
    guard first.element == type.element, second.element == type.element else {
      throw failure("ADD mixes uint8 and int8", entry)
    }
    var range = type.element.range
    if let options = entry.options { range = try clamp(entry, type, field: 0, options) }
    guard
      let add = QuantizedAdd(
        first: first.scale, second: second.scale, output: type.scale, clamp: range)
    else { throw failure("its scales give no finite multiplier", entry) }
    return Lowered(operation: .add(add), operands: Array(entry.inputs[0..<2]), type: type)
  }

  mutating func mean(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let rank = input.shape.rank
    guard entry.inputs.count > 1 else { throw failure("MEAN lacks its axes", entry) }
    let listed = try integers(entry.inputs[1], of: entry, limit: 16)
    guard !listed.isEmpty, listed.allSatisfy({ (-rank..<rank).contains($0) }) else {
      throw failure("MEAN over the axes \(listed) of \(input.shape)", entry)
    }
    let axes = Set(listed.map { $0 < 0 ? $0 + rank : $0 }).sorted()
    var keeps = false
    if let options = entry.options {
      keeps = try read { () throws(Diagnostic) in try options.number(0, default: UInt8(0)) } != 0
    }
    var shape: [Int] = []
    for (dimension, extent) in input.shape.dimensions.enumerated() {
      if !axes.contains(dimension) { shape.append(extent) } else if keeps { shape.append(1) }
    }
    let type = try result(of: entry, shape: shape)
    guard input.element == type.element else { throw failure("MEAN mixes uint8 and int8", entry) }
    let count = axes.reduce(1) { $0 * input.shape.dimensions[$1] }
    guard
      let multiplier = FixedPointMultiplier.mean(
        input: input.scale, output: type.scale, count: count)
    else { throw failure("its scales give no finite multiplier", entry) }
    let mean = QuantizedMean(
      axes: axes, requantization: multiplier, clamp: type.element.range)
    return Lowered(operation: .mean(mean), operands: [entry.inputs[0]], type: type)
  }

  /// QUANTIZE between integers, and RELU and RELU6 that stand alone: the same with a clamp.
  mutating func rescale(
    _ entry: TFLiteModel.Operator, activation: FusedActivation
  ) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let type = try result(of: entry, shape: input.shape.dimensions)
    guard activation == .none || input.element == type.element else {
      throw failure("\(entry.kind) mixes uint8 and int8", entry)
    }
    guard
      let multiplier = FixedPointMultiplier.rescale(
        input: input.scale, output: type.scale)
    else { throw failure("its scales give no finite multiplier", entry) }
    let range = activation.clamp(
      element: type.element,
      parameters: QuantizationParameters(scale: type.scale, zeroPoint: type.zeroPoint))
    let rescale = QuantizedRescale(requantization: multiplier, clamp: range)
    return Lowered(operation: .rescale(rescale), operands: [entry.inputs[0]], type: type)
  }

  mutating func pad(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let rank = input.shape.rank
    guard entry.inputs.count > 1 else { throw failure("\(entry.kind) lacks its pads", entry) }
    let pads = try integers(entry.inputs[1], of: entry, limit: 16)
    guard pads.count == 2 * rank,
      pads.allSatisfy({ (0...NetworkLimits.windowLength).contains($0) })
    else { throw failure("\(entry.kind) with the pads \(pads) on \(input.shape)", entry) }
    let before = (0..<rank).map { pads[2 * $0] }
    let after = (0..<rank).map { pads[2 * $0 + 1] }
    let shape = (0..<rank).map { before[$0] + input.shape.dimensions[$0] + after[$0] }
    let type = try result(of: entry, shape: shape)
    try requireSameQuantization(entry, input, type)
    if entry.kind == "PADV2" { try checkPadValue(entry, type) }
    return Lowered(
      operation: .pad(QuantizedPad(before: before, after: after)), operands: [entry.inputs[0]],
      type: type)
  }

  /// PADV2 names the code that it fills with; it must be the zero point.
  private func checkPadValue(
    _ entry: TFLiteModel.Operator, _ type: QuantizedType
  ) throws(Failure) {
    guard entry.inputs.count > 2, entry.inputs[2] >= 0 else {
      throw failure("PADV2 lacks its fill value", entry)
    }
    let tensor = model.tensors[entry.inputs[2]]
    guard tensor.type.quantized == type.element else {
      throw failure("is a fill value of type \(tensor.type)", tensor)
    }
    let code = type.element.code(of: try constant(tensor, count: 1, elementSize: 1).first ?? 0)
    guard code == type.zeroPoint else {
      throw failure(
        "PADV2 fills with the code \(code); only the zero point \(type.zeroPoint) is supported",
        entry)
    }
  }

  mutating func reshape(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let count = input.shape.elementCount
    var wanted: [Int]?
    if entry.inputs.count > 1, entry.inputs[1] >= 0 {
      wanted = try integers(entry.inputs[1], of: entry, limit: 8)
    } else if let options = entry.options {
      wanted = try newShape(options)
    }
    guard var shape = wanted ?? model.tensors[entry.outputs[0]].shape else {
      throw failure("RESHAPE lacks its shape", entry)
    }
    // One extent may be left to be found.
    if let open = shape.firstIndex(of: -1) {
      shape[open] = 1
      if let known = TensorShape.checkedElementCount(shape, limit: count), known > 0,
        count.isMultiple(of: known)
      {
        shape[open] = count / known
      }
    }
    guard TensorShape.checkedElementCount(shape, limit: count) == count else {
      throw failure("RESHAPE of \(input.shape) to \(shape): the element counts differ", entry)
    }
    return try copy(entry, input, shape: shape)
  }

  /// `ReshapeOptions.new_shape`, at most 8 extents, or nil.
  private func newShape(_ options: FlatTable) throws(Failure) -> [Int]? {
    try read { () throws(Diagnostic) in
      guard let vector = try options.vector(0, elementSize: 4), vector.count <= 8 else {
        return nil
      }
      var shape: [Int] = []
      for index in 0..<vector.count { shape.append(Int(try vector.number(index, as: Int32.self))) }
      return shape
    }
  }

  mutating func squeeze(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let rank = input.shape.rank
    var removed: [Int] = []
    if let options = entry.options {
      removed = try newShape(options) ?? []
    }
    guard
      removed.allSatisfy({
        (-rank..<rank).contains($0) && input.shape.dimensions[$0 < 0 ? $0 + rank : $0] == 1
      })
    else { throw failure("SQUEEZE removes the dimensions \(removed) of \(input.shape)", entry) }
    let dimensions = Set(removed.map { $0 < 0 ? $0 + rank : $0 })
    let shape = input.shape.dimensions.enumerated().filter { dimension, extent in
      removed.isEmpty ? extent != 1 : !dimensions.contains(dimension)
    }.map(\.element)
    return try copy(entry, input, shape: shape)
  }

  private mutating func copy(
    _ entry: TFLiteModel.Operator, _ input: QuantizedType, shape: [Int]
  ) throws(Failure) -> Lowered {
    let type = try result(of: entry, shape: shape)
    try requireSameQuantization(entry, input, type)
    return Lowered(operation: .reshape, operands: [entry.inputs[0]], type: type)
  }

  mutating func softmax(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let type = try result(of: entry, shape: input.shape.dimensions)
    let options = try options(entry)
    let beta = try read { () throws(Diagnostic) in try options.float(0) }
    guard abs(type.scale - 1 / 256) <= 0.001 / 256, input.element == type.element,
      type.zeroPoint == type.element.range.lowerBound
    else {
      throw failure(
        "SOFTMAX gives scale \(type.scale) zero \(type.zeroPoint); scale 1/256 and the lowest code "
          + "are supported", entry)
    }
    guard let softmax = QuantizedSoftmax(inputScale: input.scale, beta: beta) else {
      throw failure(
        "SOFTMAX with beta \(beta) on the scale \(input.scale) has no fixed-point form", entry)
    }
    return Lowered(operation: .softmax(softmax), operands: [entry.inputs[0]], type: type)
  }
}
