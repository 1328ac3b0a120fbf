import NeuralGraph

extension IntegerLowering {
  /// Emits the integer operation of one float node, and whatever is fused into it.
  mutating func lower(_ id: NodeID) throws(Diagnostic) {
    let node = graph[id]
    switch node.operation {
    case .input(let shape): try lowerInput(id, shape)
    case .convolution(let convolution): try lowerConvolution(id, convolution)
    case .matrixMultiplication: try lowerMatrixMultiplication(id)
    case .binary(let operation): try lowerBinary(id, operation)
    case .unary(let operation): try lowerUnary(id, operation)
    case .nonlinearity(let nonlinearity): try lowerNonlinearity(id, nonlinearity)
    case .concatenation(let axis): try lowerConcatenation(id, axis: axis)
    case .averagePool(let geometry): try lowerPool(id, geometry) { .averagePool($0) }
    case .maxPool(let geometry): try lowerPool(id, geometry) { .maxPool($0) }
    case .mean(let axes, _): try lowerMean(id, axes: axes)
    case .activation(let activation): try lowerActivation(id, activation)
    case .fakeQuantization(let grid): try lowerGrid(id, grid)
    case .reshape: try copyCodes(id, .reshape)
    case .pad(let before, let after):
      try copyCodes(id, .pad(QuantizedPad(before: before, after: after)))
    case .softmax: try lowerSoftmax(id)
    case .constant, .batchNormalization, .transpose:
      throw Diagnostic(
        "\(node.operation.name) of activations has no integer form", node: node.name,
        remedy: "supported behind a layer are factors and summands of one number a channel")
    }
  }

  private mutating func lowerInput(_ id: NodeID, _ shape: TensorShape) throws(Diagnostic) {
    var group = group(at: id)
    // An activation straight on the input is an operation of its own.
    if group.activation != .none {
      group = Group(codes: plan.element.range, last: id, named: id, members: [id])
    }
    emit(group, .input, [], try plan.parameters(of: group.last).type(shape, plan.element))
  }

  /// The integers of a layer's bias and requantization.
  private func integerBias(
    _ id: NodeID, _ bias: [Float], _ weights: QuantizedWeights, input: QuantizedType
  ) throws(Diagnostic) -> [Int32] {
    var result: [Int32] = []
    for (channel, bias) in bias.enumerated() {
      let corrected =
        Double(bias) + (weights.biasCorrection.isEmpty ? 0 : weights.biasCorrection[channel])
      let units = plan.bias(
        corrected, inputScale: input.scale, weightScale: weights.scale(channel))
      guard units.isFinite, let integer = Int32(exactly: units) else {
        throw Diagnostic(
          "the bias \(bias) of channel \(channel) leaves 32 bits in units of the accumulator",
          node: graph[id].name,
          remedy: "the layer's weights are all but zero against its bias; prune the channel")
      }
      result.append(integer)
    }
    return result
  }

  private func floatBias(_ node: Node, channels: Int) throws(Diagnostic) -> [Float] {
    guard node.operands.count == 3 else { return [Float](repeating: 0, count: channels) }
    guard let bias = graph.constant(node.operands[2]) else {
      throw Diagnostic("its bias is not constant", node: node.name)
    }
    return bias.values
  }

  private mutating func lowerConvolution(
    _ id: NodeID, _ convolution: Convolution
  ) throws(Diagnostic) {
    let node = graph[id]
    let source = try value(node.operands[0])
    let input = result[source].type
    let channels = node.shape.channels
    let group = group(at: id)
    let parameters = try plan.parameters(of: group.last)
    let bias = try floatBias(node, channels: channels)
    let weights = try plan.weights(
      of: id, channels: channels, bias: bias, inputScale: input.scale)
    var multipliers: [FixedPointMultiplier] = []
    for channel in 0..<channels {
      guard
        let multiplier = FixedPointMultiplier.convolution(
          element: plan.element, input: input.scale, weights: weights.scale(channel),
          output: parameters.scale)
      else { throw unusable(id) }
      multipliers.append(multiplier)
    }
    let layer = QuantizedConvolution(
      geometry: convolution.geometry, inputChannels: input.shape.channels,
      outputChannels: channels, groups: convolution.groups,
      weights: outputMajor(weights.values, channels: channels),
      bias: try integerBias(id, bias, weights, input: input), requantization: multipliers,
      clamp: clamp(group, parameters), weightZeroPoints: weights.zeroPoints,
      weightScales: weights.scales)
    emit(group, .convolution(layer), [source], parameters.type(node.shape, plan.element))
  }

  private mutating func lowerMatrixMultiplication(_ id: NodeID) throws(Diagnostic) {
    let node = graph[id]
    let source = try value(node.operands[0])
    let input = result[source].type
    let channels = node.shape.channels
    let group = group(at: id)
    let parameters = try plan.parameters(of: group.last)
    let bias = try floatBias(node, channels: channels)
    let weights = try plan.weights(
      of: id, channels: channels, bias: bias, inputScale: input.scale)
    var multipliers: [RealMultiplier] = []
    for channel in 0..<channels {
      guard
        let multiplier = RealMultiplier.fullyConnected(
          input: input.scale, weights: weights.scale(channel), output: parameters.scale)
      else { throw unusable(id) }
      multipliers.append(multiplier)
    }
    let layer = QuantizedFullyConnected(
      inputSize: input.shape.channels, outputSize: channels,
      weights: outputMajor(weights.values, channels: channels),
      bias: try integerBias(id, bias, weights, input: input), requantization: multipliers,
      clamp: clamp(group, parameters), weightZeroPoints: weights.zeroPoints,
      weightScales: weights.scales)
    emit(group, .fullyConnected(layer), [source], parameters.type(node.shape, plan.element))
  }

  /// From the output channel innermost to outermost: [...][outputs] to [outputs][...].
  private func outputMajor(_ values: [Int16], channels: Int) -> [Int16] {
    let taps = values.count / max(1, channels)
    var result = [Int16](repeating: 0, count: values.count)
    for tap in 0..<taps {
      for channel in 0..<channels {
        result[channel * taps + tap] = values[tap * channels + channel]
      }
    }
    return result
  }

  private mutating func lowerPool(
    _ id: NodeID, _ geometry: WindowGeometry, _ operation: (QuantizedPool) -> QuantizedOperation
  ) throws(Diagnostic) {
    let source = try value(graph[id].operands[0])
    let parameters = QuantizationParameters(result[source].type)
    let group = group(at: id, takesGrid: false)
    let pool = QuantizedPool(geometry: geometry, clamp: clamp(group, parameters))
    emit(group, operation(pool), [source], parameters.type(graph[id].shape, plan.element))
  }

  private mutating func lowerMean(_ id: NodeID, axes: [Int]) throws(Diagnostic) {
    let node = graph[id]
    let source = try value(node.operands[0])
    let input = result[source].type
    let group = group(at: id)
    let parameters = plan.ownParameters(of: group.last) ?? QuantizationParameters(input)
    let count = axes.reduce(1) { $0 * input.shape.dimensions[$1] }
    guard
      let multiplier = FixedPointMultiplier.mean(
        input: input.scale, output: parameters.scale, count: count)
    else { throw unusable(id) }
    let mean = QuantizedMean(
      axes: axes, requantization: multiplier, clamp: clamp(group, parameters))
    emit(group, .mean(mean), [source], parameters.type(node.shape, plan.element))
  }

  /// An activation that no layer takes: codes are scaled to the new range and cut.
  private mutating func lowerActivation(
    _ id: NodeID, _ activation: FusedActivation
  ) throws(Diagnostic) {
    let source = try value(graph[id].operands[0])
    var group = group(at: id)
    // `group` sees a second activation as fused into the first; it is not.
    if group.activation != .none {
      group = Group(codes: plan.codes(of: id), last: id, named: id, members: [id])
    }
    group.activation = activation
    let parameters =
      plan.ownParameters(of: group.last) ?? QuantizationParameters(result[source].type)
    try rescale(id, group, source, parameters)
  }

  /// A grid that no layer takes: nothing when its operand has it already.
  private mutating func lowerGrid(_ id: NodeID, _ grid: FakeQuantization) throws(Diagnostic) {
    let source = try value(graph[id].operands[0])
    let group = Group(codes: clamped(grid), last: id, named: id, members: [id])
    let parameters = try plan.parameters(of: id)
    if QuantizationParameters(result[source].type) == parameters, group.codes == plan.element.range
    {
      values[id.index] = source
    } else {
      try rescale(id, group, source, parameters)
    }
  }

  private mutating func rescale(
    _ id: NodeID, _ group: Group, _ source: ValueID, _ parameters: QuantizationParameters
  ) throws(Diagnostic) {
    let input = result[source].type
    guard
      let multiplier = FixedPointMultiplier.rescale(input: input.scale, output: parameters.scale)
    else { throw unusable(id) }
    let rescale = QuantizedRescale(
      requantization: multiplier, clamp: clamp(group, parameters))
    emit(group, .rescale(rescale), [source], parameters.type(graph[id].shape, plan.element))
  }

  /// Operations that move codes and keep their meaning.
  private mutating func copyCodes(
    _ id: NodeID, _ operation: QuantizedOperation
  ) throws(Diagnostic) {
    let source = try value(graph[id].operands[0])
    let type = QuantizationParameters(result[source].type).type(graph[id].shape, plan.element)
    emit(
      Group(codes: plan.element.range, last: id, named: id, members: [id]), operation, [source],
      type)
  }

  /// Scale 1/256 and the lowest code for 0, whatever grid follows: TFLite's kernel has no other.
  private mutating func lowerSoftmax(_ id: NodeID) throws(Diagnostic) {
    let source = try value(graph[id].operands[0])
    var group = group(at: id)
    if group.activation != .none {
      group = Group(codes: plan.element.range, last: id, named: id, members: [id])
    }
    guard let softmax = QuantizedSoftmax(inputScale: result[source].type.scale) else {
      throw unusable(id)
    }
    let parameters = QuantizationParameters(
      scale: 1 / 256, zeroPoint: plan.element.range.lowerBound)
    emit(group, .softmax(softmax), [source], parameters.type(graph[id].shape, plan.element))
  }
}
