import NeuralGraph

// Operators with windows, weights and reductions.
extension GraphDefImporter {
  mutating func convolution(
    _ call: GraphDefCall, isDepthwise: Bool
  ) throws(Diagnostic) -> GraphDefValue {
    let node = call.node
    try node.checkDataFormat()
    if case .phases(let phases) = call.operands[0] {
      return .phases(try phases.convolved(call, isDepthwise: isDepthwise))
    }
    let (image, filter) = (graph[try call.tensor(0)].shape, graph[try call.tensor(1)].shape)
    guard image.isImage, filter.rank == 4, filter.dimensions[2] > 0 else {
      throw node.problem("it convolves \(image) with \(filter)")
    }
    let stride = try node.spatialPair("strides")
    let dilation = try node.spatialPair("dilations", default: [1, 1, 1, 1])
    let geometry = WindowGeometry(
      inputHeight: image.height, inputWidth: image.width, kernelHeight: filter.dimensions[0],
      kernelWidth: filter.dimensions[1], strideY: stride.y, strideX: stride.x,
      dilationY: dilation.y, dilationX: dilation.x, padding: try node.padding())
    return try append(call, geometry, image, filter, isDepthwise: isDepthwise)
  }

  /// A convolution of the first operand with the second; `geometry` is nil when no window fits.
  mutating func append(
    _ call: GraphDefCall, _ geometry: WindowGeometry?, _ image: TensorShape,
    _ filter: TensorShape, isDepthwise: Bool
  ) throws(Diagnostic) -> GraphDefValue {
    let node = call.node
    guard let geometry, geometry.kernelHeight > 0, geometry.kernelWidth > 0 else {
      throw noWindow(node, filter.dimensions[0], filter.dimensions[1], image)
    }
    let depth = filter.dimensions[2]
    guard isDepthwise ? image.channels == depth : image.channels % depth == 0 else {
      throw node.problem("its filter \(filter) does not fit an image of \(image.channels) channels")
    }
    let groups = isDepthwise ? image.channels : image.channels / depth
    return try append(call, .convolution(Convolution(geometry: geometry, groups: groups)), 2)
  }

  mutating func pool(
    _ operation: GraphDefOperator, _ call: GraphDefCall
  ) throws(Diagnostic) -> GraphDefValue {
    var node = call.node
    try node.checkDataFormat()
    if operation == .maxPoolV2 {
      node.attributes["ksize"] = .integers(try call.list(1))
      node.attributes["strides"] = .integers(try call.list(2))
    }
    let image = graph[try call.tensor(0)].shape
    guard image.isImage else { throw node.problem("it pools \(image), which is not an image") }
    let size = try node.spatialPair("ksize")
    let stride = try node.spatialPair("strides")
    let geometry = WindowGeometry(
      inputHeight: image.height, inputWidth: image.width, kernelHeight: size.y,
      kernelWidth: size.x, strideY: stride.y, strideX: stride.x, padding: try node.padding())
    guard let geometry else { throw noWindow(node, size.y, size.x, image) }
    return try append(
      call, operation == .averagePool ? .averagePool(geometry) : .maxPool(geometry), 1)
  }

  private func noWindow(
    _ node: GraphDefNode, _ height: Int, _ width: Int, _ image: TensorShape
  ) -> Diagnostic {
    node.problem(
      "its \(height)x\(width) window fits nowhere into the \(image.height)x\(image.width) image",
      remedy: "use a larger image")
  }

  mutating func matrixMultiplication(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    var operands = [try call.tensor(0), try call.tensor(1)]
    for (index, key) in ["transpose_a", "transpose_b"].enumerated()
    where try call.node.bool(key, default: false) {
      operands[index] = try graph.append(
        name: "\(call.node.name)/\(key)", .transpose(permutation: [1, 0]), [operands[index]])
    }
    return .tensor(
      try graph.append(name: call.node.name, .matrixMultiplication, operands))
  }

  mutating func biasAdd(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    try call.node.checkDataFormat()
    let bias = graph[try call.tensor(1)].shape
    guard bias == TensorShape([graph[try call.tensor(0)].shape.channels]) else {
      throw call.node.problem("its bias \(bias) is not one number a channel")
    }
    return try append(call, .binary(.add), 2)
  }

  mutating func batchNormalization(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    try call.node.checkDataFormat()
    guard try !call.node.bool("is_training", default: true) else {
      throw call.node.problem(
        "it is in training mode", remedy: "export the model with training off")
    }
    let epsilon = try call.node.float("epsilon", default: 0.0001)
    guard epsilon.isFinite, epsilon >= 0 else {
      throw call.node.problem("its epsilon is \(epsilon)")
    }
    return try append(call, .batchNormalization(epsilon: epsilon), 5)
  }

  mutating func mean(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let rank = graph[try call.tensor(0)].shape.rank
    let axes = Set(try call.list(1).map { $0 < 0 ? $0 + rank : $0 }).sorted()
    let keeps = try call.node.bool("keep_dims", default: false)
    return try append(call, .mean(axes: axes, keepsDimensions: keeps), 1)
  }

  /// The maximum over height and width.
  mutating func globalMaximum(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let image = graph[try call.tensor(0)].shape
    let axes = Set(try call.list(1).map { $0 < 0 ? $0 + image.rank : $0 })
    guard image.rank == 4, axes == [1, 2], image.dimensions[0] == 1 else {
      throw call.node.problem(
        "it is a maximum over dimensions \(axes.sorted()) of \(image)",
        remedy: "only maxima over height and width are supported")
    }
    let pool = Operation.maxPool(
      WindowGeometry(
        inputHeight: image.height, inputWidth: image.width, kernelHeight: image.height,
        kernelWidth: image.width, outputHeight: 1, outputWidth: 1))
    if try call.node.bool("keep_dims", default: false) { return try append(call, pool, 1) }
    let maximum = try graph.append(
      name: "\(call.node.name)/maximum", pool, [call.tensor(0)])
    return .tensor(
      try graph.append(
        name: call.node.name, .reshape(TensorShape([1, image.channels])), [maximum]))
  }

  mutating func pad(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let rank = graph[try call.tensor(0)].shape.rank
    let pads = try call.integers(1)
    guard pads.shape == TensorShape([rank, 2]) else {
      throw call.node.problem("its paddings are \(pads.shape), not \(rank)x2")
    }
    if call.operands.count == 3 {
      guard let value = graph.constant(try call.tensor(2)), value.values == [0] else {
        throw call.node.problem("only padding with zeros is supported")
      }
    }
    let before = (0..<rank).map { pads.values[2 * $0] }
    let after = (0..<rank).map { pads.values[2 * $0 + 1] }
    return try append(call, .pad(before: before, after: after), 1)
  }
}
