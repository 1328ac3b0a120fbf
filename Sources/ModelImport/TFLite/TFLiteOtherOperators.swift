import NeuralGraph

// Operators without weights and windows.

extension TFLiteLowering {
  mutating func mean(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let (axes, _, shape) = try reduction(entry, input.shape)
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

  /// QUANTIZE between integers, and RELU and its kin that stand alone: the same with a clamp.
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
    let (before, after, shape) = try pads(entry, input.shape)
    let type = try result(of: entry, shape: shape)
    try requireSameQuantization(entry, input, type)
    let pad = QuantizedPad(
      before: before, after: after, code: entry.kind == "PADV2" ? try padCode(entry, type) : nil)
    return Lowered(operation: .pad(pad), operands: [entry.inputs[0]], type: type)
  }

  /// PADV2 names the code that it fills with; nil for the zero point.
  private func padCode(
    _ entry: TFLiteModel.Operator, _ type: QuantizedType
  ) throws(Failure) -> Int? {
    guard entry.inputs.count > 2, entry.inputs[2] >= 0 else {
      throw failure("PADV2 lacks its fill value", entry)
    }
    let tensor = model.tensors[entry.inputs[2]]
    guard tensor.type.quantized == type.element else {
      throw failure("is a fill value of type \(tensor.type)", tensor)
    }
    let code = type.element.code(of: try constant(tensor, count: 1, elementSize: 1).first ?? 0)
    return code == type.zeroPoint ? nil : code
  }

  mutating func reshape(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    return try copy(entry, input, shape: reshaped(entry, input.shape))
  }

  mutating func squeeze(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    return try copy(entry, input, shape: squeezed(entry, input.shape))
  }

  mutating func expandDimensions(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    return try copy(entry, input, shape: expanded(entry, input.shape))
  }

  private mutating func copy(
    _ entry: TFLiteModel.Operator, _ input: QuantizedType, shape: [Int]
  ) throws(Failure) -> Lowered {
    let type = try result(of: entry, shape: shape)
    try requireSameQuantization(entry, input, type)
    return Lowered(operation: .reshape, operands: [entry.inputs[0]], type: type)
  }

  mutating func l2Normalization(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let type = try result(of: entry, shape: input.shape.dimensions)
    if let options = entry.options,
      try fusedActivation(entry, field: 0, options) != .none
    {
      throw failure("L2_NORMALIZATION has a fused activation, which LiteRT does not compute", entry)
    }
    guard input.element == type.element, type.scale == 1 / 128,
      type.zeroPoint == type.element.range.lowerBound + 128
    else {
      throw failure(
        "L2_NORMALIZATION gives scale \(type.scale) zero \(type.zeroPoint); LiteRT computes scale "
          + "1/128 with 0 in the middle", entry)
    }
    return Lowered(operation: .l2Normalization, operands: [entry.inputs[0]], type: type)
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
