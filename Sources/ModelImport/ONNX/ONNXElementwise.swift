import NeuralGraph

// Concatenations of maps, and functions with parameters.
extension ONNXImporter {
  /// True for integers that are known now: shapes.
  func isKnownIntegers(_ value: ONNXValue) -> Bool {
    switch value {
    case .constant(.integers), .constant(.codes): true
    default: false
    }
  }

  /// Tensors one behind the other along ONNX's dimension `axis`: images as NHWC, others as ONNX has
  /// them. Constants among them become nodes.
  mutating func concatenation(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    var tensors: [ONNXActivation] = []
    for (index, operand) in call.operands.enumerated() {
      if case .constant(.floats(let tensor)) = operand {
        tensors.append(
          ONNXActivation(
            node: try constant(tensor, "\(node.label)/constant\(index)"),
            layout: ONNXLayout(plain: tensor.shape)))
      } else {
        tensors.append(try call.tensor(index))
      }
    }
    let rank = tensors[0].shape.rank
    let axis = try call.dimension(node.integer("axis", default: 1), rank: rank)
    guard tensors.allSatisfy({ $0.shape.rank == rank }) else {
      throw node.problem("its operands have different numbers of dimensions")
    }
    let order = rank == 4 ? [0, 2, 3, 1] : Array(0..<rank)
    var operands: [NodeID] = []
    for (index, tensor) in tensors.enumerated() {
      operands.append(try ordered(tensor, order, "\(node.label)/operand\(index)"))
    }
    let result = try graph.append(
      name: node.label, .concatenation(axis: order.firstIndex(of: axis) ?? axis), operands)
    let shape = graph[result].shape
    return .tensor(
      ONNXActivation(
        node: result,
        layout: rank == 4 ? ONNXLayout(image: shape) : ONNXLayout(plain: shape)))
  }

  /// The attribute alpha; finite.
  func slope(_ call: ONNXCall, default value: Float) throws(Diagnostic) -> Float {
    let slope = try call.node.float("alpha", default: value)
    guard slope.isFinite else { throw call.node.problem("its alpha is \(slope)") }
    return slope
  }

  /// PRelu with one slope, or one a channel (ONNX's dimension 1), broadcast as [C, 1, 1].
  mutating func parametricRelu(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let (tensor, slopes) = (try call.tensor(0), try call.constant(1))
    let channels = tensor.shape.rank > 1 ? tensor.shape.dimensions[1] : 1
    // Broadcast from the right, so that every other dimension must be one.
    let missing = tensor.shape.rank - slopes.shape.rank
    let isChannelwise =
      missing >= 0 && tensor.shape.rank > 1
      && slopes.shape.dimensions.enumerated().allSatisfy { index, size in
        size == (index + missing == 1 ? channels : 1)
      } && slopes.values.count == channels
    guard slopes.values.count == 1 || isChannelwise, slopes.firstNonFinite == nil else {
      throw call.node.problem("its slopes are \(slopes.shape), not one or one a channel")
    }
    let function = Operation.nonlinearity(.leakyRelu(slopes: slopes.values))
    guard slopes.values.count > 1 else { return try elementwise(call, function) }
    let rank = tensor.shape.rank
    let order = [0] + Array(2..<rank) + [1]
    let node = try graph.append(
      name: call.node.label, function, [ordered(tensor, order, call.node.label)])
    let view = graph[node].shape
    var permutation = [Int](repeating: 0, count: rank)
    for (place, dimension) in order.enumerated() { permutation[dimension] = place }
    return .tensor(
      ONNXActivation(
        node: node,
        layout: ONNXLayout(
          shape: TensorShape(permutation.map { view.dimensions[$0] }), view: view,
          permutation: permutation)))
  }
}
