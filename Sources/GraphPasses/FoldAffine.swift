import NeuralGraph

/// `fold-affine`: a factor or summand a channel behind a convolution or a matrix product goes into
/// its weights and bias: batch normalization, BiasAdd. Binary32, each product and sum rounded once.
///
/// One walk in topological order: the layer with its new weights stands for the arithmetic, so a
/// chain of factors and summands folds link by link. A layer that something else reads too is left
/// alone. A factor needs constant weights; weights behind fake quantization take summands only.
func foldAffine(_ graph: Graph) throws(Diagnostic) -> Graph {
  var rewriter = GraphRewriter(graph)
  for id in graph.ids {
    let node = graph[id]
    guard case .binary(let operation) = node.operation,
      let affine = AffineStep(operation, node, in: graph), rewriter.hasOneReader(affine.operand),
      let layer = try fold(affine, name: node.name, &rewriter)
    else {
      try rewriter.copy(id)
      continue
    }
    rewriter.replace(id, by: layer)
  }
  return try dropUnused(rewriter.finish())
}

/// `affine-to-depthwise`: a factor or summand a channel of an image, which no layer before it
/// takes, becomes a 1x1 depthwise convolution, which takes those that follow. Not in networks with fake quantization, whose
/// training did not see such a layer's weights quantized.
func affineToDepthwise(_ graph: Graph) throws(Diagnostic) -> Graph {
  guard !graph.isFakeQuantized else { return graph }
  var rewriter = GraphRewriter(graph)
  for id in graph.ids {
    let node = graph[id]
    guard case .binary(let operation) = node.operation, node.shape.isImage,
      let affine = AffineStep(operation, node, in: graph)
    else {
      try rewriter.copy(id)
      continue
    }
    if rewriter.hasOneReader(affine.operand),
      let layer = try fold(affine, name: node.name, &rewriter)
    {
      rewriter.replace(id, by: layer)
      continue
    }
    let channels = node.shape.channels
    let geometry = WindowGeometry(
      inputHeight: node.shape.height, inputWidth: node.shape.width, kernelHeight: 1,
      kernelWidth: 1, outputHeight: node.shape.height, outputWidth: node.shape.width)
    let ones = [Float](repeating: 1, count: channels)
    let zeros = [Float](repeating: 0, count: channels)
    let filter = FloatTensor(
      shape: TensorShape([1, 1, channels, 1]), values: affine.weights(ones, channels: channels))
    let weights = try rewriter.append(name: "\(node.name)/weights", .constant(filter))
    let bias = try rewriter.append(
      name: "\(node.name)/bias",
      .constant(FloatTensor(vector: affine.bias(zeros, channels: channels))))
    rewriter.replace(
      id,
      by: try rewriter.append(
        name: node.name, .convolution(Convolution(geometry: geometry, groups: channels)),
        [rewriter.image(affine.operand), weights, bias]))
  }
  return try dropUnused(rewriter.finish())
}

/// One operation on a tensor and a constant that has one number, or one a channel.
private struct AffineStep {
  enum Kind {
    case multiply, divide, add, subtract
    /// The constant minus the tensor.
    case subtractFrom
  }

  let kind: Kind
  /// The tensor, in the source graph.
  let operand: NodeID
  /// One number, or one a channel.
  let values: [Float]

  init?(_ operation: BinaryOperation, _ node: Node, in graph: Graph) {
    let constants = node.operands.map { graph.constant($0) }
    guard let index = constants.firstIndex(where: { $0 != nil }), let constant = constants[index],
      constants[1 - index] == nil
    else { return nil }
    operand = node.operands[1 - index]
    let shape = graph[operand].shape
    guard shape == node.shape, shape.rank > 0,
      constant.values.count == 1
        || (constant.values.count == shape.channels && constant.shape.channels == shape.channels)
    else { return nil }
    values = constant.values
    switch (operation, index) {
    case (.multiply, _): kind = .multiply
    case (.add, _): kind = .add
    case (.subtract, 1): kind = .subtract
    case (.subtract, _): kind = .subtractFrom
    case (.divide, 1): kind = .divide
    default: return nil
    }
  }

  private func value(_ channel: Int) -> Float { values[values.count == 1 ? 0 : channel] }

  /// True when the weights change.
  var scales: Bool { kind == .multiply || kind == .divide || kind == .subtractFrom }

  /// Weights whose innermost index is the output channel.
  func weights(_ old: [Float], channels: Int) -> [Float] {
    switch kind {
    case .multiply: old.indices.map { old[$0] * value($0 % channels) }
    case .divide: old.indices.map { old[$0] / value($0 % channels) }
    case .subtractFrom: old.map { -$0 }
    case .add, .subtract: old
    }
  }

  /// One number a channel.
  func bias(_ old: [Float], channels: Int) -> [Float] {
    (0..<channels).map { channel in
      switch kind {
      case .multiply: old[channel] * value(channel)
      case .divide: old[channel] / value(channel)
      case .add: old[channel] + value(channel)
      case .subtract: old[channel] - value(channel)
      case .subtractFrom: value(channel) - old[channel]
      }
    }
  }
}

/// The layer that computes the step's operand, with the step in its weights and bias; nil when the
/// operand is no such layer.
private func fold(
  _ affine: AffineStep, name: String, _ rewriter: inout GraphRewriter
) throws(Diagnostic) -> NodeID? {
  let layer = rewriter.result[rewriter.image(affine.operand)]
  switch layer.operation {
  case .convolution, .matrixMultiplication: break
  default: return nil
  }
  let channels = layer.shape.channels
  var weights = layer.operands[1]
  if affine.scales {
    guard let old = rewriter.result.constant(weights) else { return nil }
    // The output channel is the innermost index of a filter, depthwise [Kh, Kw, C, M] included.
    let values = affine.weights(old.values, channels: channels)
    weights = try rewriter.append(
      name: rewriter.result[weights].name,
      .constant(FloatTensor(shape: old.shape, values: values)))
  }
  var oldBias = [Float](repeating: 0, count: channels)
  if layer.operands.count == 3 {
    guard let old = rewriter.result.constant(layer.operands[2]) else { return nil }
    oldBias = old.values
  }
  let bias = try rewriter.append(
    name: "\(name)/bias",
    .constant(FloatTensor(vector: affine.bias(oldBias, channels: channels))))
  return try rewriter.append(name: name, layer.operation, [layer.operands[0], weights, bias])
}
