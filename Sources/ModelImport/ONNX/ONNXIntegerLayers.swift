import NeuralGraph

extension ONNXIntegerLowering {
  /// `w - z_w` of a layer, from the innermost index, the output channel, outermost.
  private mutating func weights(
    _ node: Node, _ scales: ONNXLayerScales?
  ) throws(Diagnostic) -> (values: [Int16], scales: ONNXScales) {
    guard let scales = scales?.weights, let weights = graph.constant(node.operands[1]) else {
      throw Diagnostic(
        "its weights are not quantized where it reads them", node: node.name,
        remedy: "give them a DequantizeLinear with one scale, or one an output channel, just "
          + "before this operator, and let alpha and beta be 1")
    }
    budget -= weights.values.count
    guard budget >= 0 else {
      throw Diagnostic(
        "the file's weights are used many times over", node: node.name,
        remedy: "quantize each layer's result once")
    }
    let channels = node.shape.channels
    let taps = weights.values.count / max(1, channels)
    var result = [Int16](repeating: 0, count: weights.values.count)
    for (index, weight) in weights.values.enumerated() {
      let (tap, channel) = index.quotientAndRemainder(dividingBy: channels)
      // A weight is (w - z_w) s rounded to 24 bits, so the quotient is within 2^-15 of an integer.
      let scale = scales.scales[scales.scales.count == 1 ? 0 : channel]
      let code = (Double(weight) / Double(scale)).rounded()
      guard abs(code) <= 255 else {
        throw Diagnostic("a weight leaves 8 bits", node: node.name)
      }
      result[channel * taps + tap] = Int16(code)
    }
    return (result, scales)
  }

  /// A layer's bias in units of the accumulator, s_x s_w: the file's integers where they have that
  /// scale, else the nearest integers, ties to even.
  private func bias(
    _ node: Node, _ values: [Float]?, _ stored: ONNXScales?, input: Float, weights: ONNXScales
  ) throws(Diagnostic) -> [Int32] {
    let channels = node.shape.channels
    guard let values else { return [Int32](repeating: 0, count: channels) }
    var result: [Int32] = []
    for (channel, value) in values.enumerated() {
      let weight = weights.scales[weights.scales.count == 1 ? 0 : channel]
      var units = (Double(value) / (Double(input) * Double(weight))).rounded(.toNearestOrEven)
      if let integers = stored?.integers, integers.count == channels,
        let scales = stored?.scales, scales[scales.count == 1 ? 0 : channel] == input * weight
      {
        units = Double(integers[channel])
      }
      guard units.isFinite, let integer = Int32(exactly: units) else {
        throw biasOverflow(node, channel)
      }
      result.append(integer)
    }
    return result
  }

  private func constants(_ node: Node) throws(Diagnostic) -> [Float]? {
    guard node.operands.count == 3 else { return nil }
    guard let bias = graph.constant(node.operands[2]) else {
      throw Diagnostic("its bias is not constant", node: node.name)
    }
    return bias.values
  }

  /// The bias and the scales of a layer's sums as its own operands state them.
  private func ownArithmetic(
    _ node: Node, _ bias: [Float]?, _ stored: ONNXScales?, input: Float, weights: ONNXScales
  ) throws(Diagnostic) -> ONNXSumArithmetic {
    let factors = (0..<node.shape.channels).map { channel in
      [input, weights.scales[weights.scales.count == 1 ? 0 : channel]]
    }
    return ONNXSumArithmetic(
      factors: factors,
      bias: try self.bias(node, bias, stored, input: input, weights: weights))
  }

  /// For people: one scale a tensor where the file has one.
  private func weightScales(
    _ scales: ONNXScales, _ stated: ONNXSumArithmetic?, input: Float
  ) -> [Float] {
    guard let stated else { return scales.scales }
    return stated.factors.map { $0.reduce(1, *) / input }
  }

  /// A convolution with its own bias or that of an Add behind it and its own scales, or with `stated` ones.
  mutating func lower(
    _ convolution: Convolution, _ id: NodeID, bias added: [Float]?, _ target: Target,
    _ stated: ONNXSumArithmetic? = nil
  ) throws(Diagnostic) -> ValueID {
    let node = graph[id]
    let source = try operand(node.operands[0], of: node)
    let input = result[source].type
    let (values, scales) = try weights(node, layers[id])
    let own = try constants(node)
    let arithmetic =
      if let stated { stated } else {
        try ownArithmetic(
          node, added ?? own, added == nil ? layers[id]?.bias : nil,
          input: input.scale, weights: scales)
      }
    var multipliers: [FixedPointMultiplier] = []
    for factors in arithmetic.factors {
      multipliers.append(FixedPointMultiplier(try exact(node, factors, target)))
    }
    return emit(
      .convolution(
        QuantizedConvolution(
          geometry: convolution.geometry, inputChannels: input.shape.channels,
          outputChannels: node.shape.channels, groups: convolution.groups, weights: values,
          bias: arithmetic.bias, requantization: multipliers, clamp: target.clamp,
          weightZeroPoints: scales.zeroPoints,
          weightScales: weightScales(scales, stated, input: input.scale))),
      [source], node.shape, target)
  }

  /// A matrix product, with its own bias or that of an Add behind it.
  mutating func lowerMatrix(
    _ id: NodeID, bias added: [Float]?, _ target: Target, _ stated: ONNXSumArithmetic? = nil
  ) throws(Diagnostic) -> ValueID {
    let node = graph[id]
    let source = try operand(node.operands[0], of: node)
    let input = result[source].type
    let (values, scales) = try weights(node, layers[id])
    let own = try constants(node)
    let arithmetic =
      if let stated { stated } else {
        try ownArithmetic(
          node, added ?? own, added == nil ? layers[id]?.bias : nil,
          input: input.scale, weights: scales)
      }
    var multipliers: [RealMultiplier] = []
    for factors in arithmetic.factors {
      multipliers.append(RealMultiplier(try exact(node, factors, target)))
    }
    return emit(
      .fullyConnected(
        QuantizedFullyConnected(
          inputSize: input.shape.channels, outputSize: node.shape.channels, weights: values,
          bias: arithmetic.bias, requantization: multipliers, clamp: target.clamp,
          weightZeroPoints: scales.zeroPoints,
          weightScales: weightScales(scales, stated, input: input.scale))),
      [source], node.shape, target)
  }

  /// A sum or difference of two quantized tensors, whose shapes broadcast, or the sum of a layer without
  /// a bias and a constant, one number or one a channel.
  mutating func lowerAdd(_ id: NodeID, _ target: Target) throws(Diagnostic) -> ValueID {
    let node = graph[id]
    for (index, operand) in node.operands.enumerated() {
      let other = node.operands[1 - index]
      let channels = node.shape.channels
      guard node.operation == .binary(.add), let constant = graph.constant(operand),
        values[other] == nil, graph[other].operands.count == 2, graph[other].shape == node.shape,
        [1, channels].contains(constant.values.count),
        constant.shape.dimensions.last ?? 1 == constant.values.count
      else { continue }
      let bias = (0..<channels / constant.values.count).flatMap { _ in constant.values }
      switch graph[other].operation {
      case .matrixMultiplication: return try lowerMatrix(other, bias: bias, target)
      case .convolution(let convolution):
        return try lower(convolution, other, bias: bias, target)
      default: continue
      }
    }
    let sources = [
      try operand(node.operands[0], of: node), try operand(node.operands[1], of: node),
    ]
    let types = sources.map { result[$0].type }
    guard
      var add = QuantizedAdd(
        exactFirst: types[0].scale, second: types[1].scale,
        output: target.grid.parameters.scale, clamp: target.clamp)
    else {
      throw Diagnostic(
        "its scales are too far apart", node: node.name, remedy: "a scale of the sum is extreme")
    }
    if node.operation == .binary(.subtract) { add.second = add.second.negated }
    return emit(.add(add), sources, node.shape, target)
  }

  /// An average over windows inside the image: over the whole map a mean, else a depthwise
  /// convolution with weights of 1.
  mutating func lowerAverage(
    _ geometry: WindowGeometry, _ id: NodeID, _ target: Target
  ) throws(Diagnostic) -> ValueID {
    let node = graph[id]
    let source = try operand(node.operands[0], of: node)
    let input = result[source].type
    guard geometry.padTop == 0, geometry.padLeft == 0, geometry.padBottom <= 0,
      geometry.padRight <= 0
    else {
      throw Diagnostic(
        "an average pool with pads that do not count has no integer form by ONNX's rules",
        node: node.name, remedy: "use count_include_pad, or no pads")
    }
    let (cells, overflow) = geometry.kernelHeight.multipliedReportingOverflow(
      by: geometry.kernelWidth)
    let channels = input.shape.channels
    guard !overflow, cells < 1 << 16, cells * channels < 1 << 24 else {
      throw Diagnostic("its window is too large", node: node.name)
    }
    let multiplier = FixedPointMultiplier(try exact(node, [input.scale], target, count: cells))
    if geometry.coversWholeInput {
      return emit(
        .mean(QuantizedMean(axes: [1, 2], requantization: multiplier, clamp: target.clamp)),
        [source], node.shape, target)
    }
    return emit(
      .convolution(
        QuantizedConvolution(
          geometry: geometry, inputChannels: channels, outputChannels: channels,
          groups: channels, weights: Array(repeating: 1, count: cells * channels),
          bias: Array(repeating: 0, count: channels),
          requantization: Array(repeating: multiplier, count: channels), clamp: target.clamp,
          weightZeroPoints: [0], weightScales: [1 / Float(cells)])),
      [source], node.shape, target)
  }
}
