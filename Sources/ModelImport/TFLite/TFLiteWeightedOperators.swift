import NeuralGraph

// CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: operators with weights and a bias.

extension TFLiteLowering {
  /// The weights of a layer as the file stores them, minus their zero points.
  struct Weights {
    /// In the file's order.
    var values: [Int16]
    /// One, or one an output channel.
    var scales: [Float]
    var zeroPoints: [Int]

    func scale(_ channel: Int) -> Float { scales[scales.count == 1 ? 0 : channel] }
  }

  mutating func convolution(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try imageOperand(entry)
    let filter = try filterShape(entry, rank: 4)
    let options = try options(entry)
    let outputs = filter[0]
    let groups = try groups(entry, input.shape, filter)
    let geometry = try geometry(
      entry, input.shape, kernel: (filter[1], filter[2]), strides: (2, 1), dilations: (5, 4),
      options)
    let type = try result(
      of: entry, shape: [1, geometry.outputHeight, geometry.outputWidth, outputs])
    let weights = try weights(entry, channels: outputs, dimension: 0, input: input, output: type)
    return try finish(
      entry, weights, weights.values, geometry, input, type,
      groups: groups, activation: 3, options)
  }

  mutating func depthwiseConvolution(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try imageOperand(entry)
    let filter = try filterShape(entry, rank: 4)
    let options = try options(entry)
    let channels = filter[3]
    try checkDepthwise(entry, input.shape, filter)
    let geometry = try geometry(
      entry, input.shape, kernel: (filter[1], filter[2]), strides: (2, 1), dilations: (6, 5),
      options)
    let type = try result(
      of: entry, shape: [1, geometry.outputHeight, geometry.outputWidth, channels])
    let weights = try weights(entry, channels: channels, dimension: 3, input: input, output: type)
    // From [kernelHeight][kernelWidth][channels] to [channels][kernelHeight][kernelWidth].
    let taps = filter[1] * filter[2]
    var transposed = [Int16](repeating: 0, count: weights.values.count)
    for tap in 0..<taps {
      for channel in 0..<channels {
        transposed[channel * taps + tap] = weights.values[tap * channels + channel]
      }
    }
    return try finish(
      entry, weights, transposed, geometry, input, type, groups: input.shape.channels,
      activation: 4, options)
  }

  mutating func fullyConnected(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let filter = try filterShape(entry, rank: 2)
    let options = try options(entry)
    let (outputs, inputs) = (filter[0], filter[1])
    let shape = try fullyConnectedShape(entry, input.shape, filter, options)
    let type = try result(of: entry, shape: shape)
    let weights = try weights(entry, channels: outputs, dimension: 0, input: input, output: type)
    let bias = try bias(entry, channels: outputs, weights, input: input, output: type)
    var multipliers: [RealMultiplier] = []
    for output in 0..<outputs {
      guard
        let multiplier = RealMultiplier.fullyConnected(
          input: input.scale, weights: weights.scale(output), output: type.scale)
      else { throw failure("its scales give no finite multiplier", entry) }
      multipliers.append(multiplier)
    }
    let layer = QuantizedFullyConnected(
      inputSize: inputs, outputSize: outputs, weights: weights.values, bias: bias,
      requantization: multipliers, clamp: try clamp(entry, type, field: 0, options),
      weightZeroPoints: weights.zeroPoints, weightScales: weights.scales)
    return Lowered(operation: .fullyConnected(layer), operands: [entry.inputs[0]], type: type)
  }

  private mutating func finish(
    _ entry: TFLiteModel.Operator, _ weights: Weights, _ values: [Int16],
    _ geometry: WindowGeometry, _ input: QuantizedType, _ type: QuantizedType, groups: Int,
    activation: Int, _ options: FlatTable
  ) throws(Failure) -> Lowered {
    let channels = type.shape.channels
    let bias = try bias(entry, channels: channels, weights, input: input, output: type)
    var multipliers: [FixedPointMultiplier] = []
    for channel in 0..<channels {
      guard
        let multiplier = FixedPointMultiplier.convolution(
          element: input.element, input: input.scale, weights: weights.scale(channel),
          output: type.scale)
      else { throw failure("its scales give no finite multiplier", entry) }
      multipliers.append(multiplier)
    }
    let convolution = QuantizedConvolution(
      geometry: geometry, inputChannels: input.shape.channels, outputChannels: channels,
      groups: groups, weights: values, bias: bias, requantization: multipliers,
      clamp: try clamp(entry, type, field: activation, options),
      weightZeroPoints: weights.zeroPoints, weightScales: weights.scales)
    return Lowered(operation: .convolution(convolution), operands: [entry.inputs[0]], type: type)
  }

  /// Reads the weights, checks their quantization, and subtracts the zero points.
  private mutating func weights(
    _ entry: TFLiteModel.Operator, channels: Int, dimension: Int, input: QuantizedType,
    output: QuantizedType
  ) throws(Failure) -> Weights {
    let tensor = model.tensors[entry.inputs[1]]
    guard let element = tensor.type.quantized, element == input.element,
      element == output.element
    else {
      throw failure(
        "\(entry.kind) has \(tensor.type) weights, a \(input.element.rawValue) input and a "
          + "\(output.element.rawValue) output; all three must be uint8, or all int8", entry)
    }
    let shape = tensor.shape ?? []
    guard let count = TensorShape.checkedElementCount(shape, limit: model.buffer.bytes.count) else {
      throw failure("weights of shape \(shape) are larger than the file", tensor)
    }
    weightBudget -= count
    guard weightBudget >= 0 else {
      throw failure("the layers share weights so often that they exceed four files", entry)
    }
    let bytes = try constant(tensor, count: count, elementSize: 1)
    let scales = try weightScales(
      tensor, channels: channels, dimension: dimension, element: element)
    let zeroPoints = try zeroPoints(of: tensor, count: scales.count)
    guard zeroPoints.allSatisfy({ element == .int8 ? $0 == 0 : element.range.contains($0) }) else {
      throw failure(
        element == .int8
          ? "has int8 weights with a zero point other than 0"
          : "has weights with a zero point that is no uint8", tensor)
    }
    let zero = Int16(zeroPoints[0])
    let values = bytes.map { Int16(element.code(of: $0)) - zero }
    return Weights(values: values, scales: scales, zeroPoints: zeroPoints)
  }

  private func weightScales(
    _ tensor: TFLiteModel.Tensor, channels: Int, dimension: Int, element: QuantizedElement
  ) throws(Failure) -> [Float] {
    guard let vector = tensor.scales else {
      throw failure(
        "has no quantization parameters", tensor, remedy: "quantize the network to 8 bits")
    }
    guard vector.count == 1 || (vector.count == channels && element == .int8) else {
      throw failure(
        "has \(vector.count) scales for \(channels) output channels; int8 weights have one or one "
          + "a channel, uint8 weights have one", tensor)
    }
    guard vector.count == 1 || tensor.quantizedDimension == dimension else {
      throw failure(
        "has its scales along dimension \(tensor.quantizedDimension); its output channels are "
          + "dimension \(dimension)", tensor)
    }
    var scales: [Float] = []
    for index in 0..<vector.count {
      let scale = try read { () throws(Diagnostic) in try vector.float(index) }
      try check(scale: scale, of: tensor)
      scales.append(scale)
    }
    return scales
  }

  /// The bias in units of input scale * weight scale; zeros when the operator has none. The
  /// quantized dimension of a 1-D tensor can only be 0, whatever the file says.
  private func bias(
    _ entry: TFLiteModel.Operator, channels: Int, _ weights: Weights, input: QuantizedType,
    output: QuantizedType
  ) throws(Failure) -> [Int32] {
    guard entry.inputs.count > 2, entry.inputs[2] >= 0 else {
      return Array(repeating: 0, count: channels)
    }
    let tensor = model.tensors[entry.inputs[2]]
    guard tensor.type == .int32 else {
      throw failure("is a bias of type \(tensor.type); int32 is supported", tensor)
    }
    guard
      TensorShape.checkedElementCount(tensor.shape ?? [], limit: channels) == channels
    else {
      throw failure(
        "is a bias of shape \(tensor.shape ?? []) for \(channels) output channels", tensor)
    }
    if let vector = tensor.zeroPoints {
      for index in 0..<min(vector.count, channels) {
        let zero = try read { () throws(Diagnostic) in try vector.number(index, as: Int64.self) }
        guard zero == 0 else { throw failure("is a bias with the zero point \(zero)", tensor) }
      }
    }
    try checkBiasScale(tensor, weights, input: input, output: output)
    let data = try constant(tensor, count: channels, elementSize: 4)
    let start = data.startIndex
    return (0..<channels).map { channel in
      let bytes = data[(start + 4 * channel)..<(start + 4 * channel + 4)]
      return Int32(bitPattern: bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    }
  }

  /// A per-tensor layer's bias must be in units of the accumulator, within 2 % of an output step
  /// (LiteRT's own test, `GetQuantizedConvolutionMultipler`).
  private func checkBiasScale(
    _ tensor: TFLiteModel.Tensor, _ weights: Weights, input: QuantizedType, output: QuantizedType
  ) throws(Failure) {
    guard let vector = tensor.scales, vector.count == 1, weights.scales.count == 1,
      input.element == .uint8
    else { return }
    let scale = try read { () throws(Diagnostic) in try vector.float(0) }
    let difference = abs(Double(input.scale * weights.scales[0]) - Double(scale))
    guard difference / Double(output.scale) <= 0.02 else {
      throw failure(
        "is a bias with the scale \(scale); input and weight scales give "
          + "\(input.scale * weights.scales[0])", tensor)
    }
  }
}
