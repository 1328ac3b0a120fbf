import NeuralGraph

// Tensors in the order that an operator wants.
extension ONNXImporter {
  /// A node that holds the tensor row-major, its dimensions permuted. Where the elements lie in that
  /// order already it is the tensor's own node, or a reshape of it.
  mutating func ordered(
    _ tensor: ONNXActivation, _ permutation: [Int], _ name: String
  ) throws(Diagnostic) -> NodeID {
    var (node, layout) = (tensor.node, tensor.layout)
    let target = TensorShape(permutation.map { layout.shape.dimensions[$0] })
    if !layout.isDirect {
      node = try reshaped(node, layout.view, name)
      node = try transposed(node, layout.permutation, name)
      layout = ONNXLayout(plain: layout.shape)
      node = try reshaped(node, layout.view, name)
    }
    layout = layout.transposed(permutation)
    if layout.isInOrder { return try reshaped(node, target, name) }
    node = try reshaped(node, layout.view, name)
    return try transposed(node, layout.permutation, name)
  }

  /// An image [1, C, H, W] as [1, H, W, C].
  mutating func image(_ tensor: ONNXActivation, _ name: String) throws(Diagnostic) -> NodeID {
    try ordered(tensor, [0, 2, 3, 1], name)
  }

  /// A tensor as ONNX has it.
  mutating func plain(_ tensor: ONNXActivation, _ name: String) throws(Diagnostic) -> NodeID {
    try ordered(tensor, Array(0..<tensor.shape.rank), name)
  }

  /// The tensor in a layout whose view is its node's own shape, for operators that work on
  /// dimensions: ONNX's dimension i is the node's dimension `permutation[i]`.
  mutating func direct(
    _ tensor: ONNXActivation, _ name: String
  ) throws(Diagnostic) -> ONNXActivation {
    guard tensor.layout.isDirect else {
      return ONNXActivation(
        node: try plain(tensor, name), layout: ONNXLayout(plain: tensor.shape))
    }
    return ONNXActivation(
      node: try reshaped(tensor.node, tensor.layout.view, name), layout: tensor.layout)
  }

  /// The operand as an image, for operators with windows.
  mutating func image(_ call: ONNXCall) throws(Diagnostic) -> NodeID {
    let tensor = try call.tensor(0)
    guard tensor.shape.rank == 4, tensor.shape.dimensions[0] == 1 else {
      throw call.node.problem(
        "its operand is \(tensor.shape), not one image 1xCxHxW",
        remedy: "only networks on one image are supported")
    }
    return try image(tensor, "\(call.node.label)/image")
  }

  private mutating func reshaped(
    _ node: NodeID, _ shape: TensorShape, _ name: String
  ) throws(Diagnostic) -> NodeID {
    if graph[node].shape == shape { return node }
    return try graph.append(name: "\(name)/reshape", .reshape(shape), [node])
  }

  private mutating func transposed(
    _ node: NodeID, _ permutation: [Int], _ name: String
  ) throws(Diagnostic) -> NodeID {
    if permutation == Array(permutation.indices) { return node }
    return try graph.append(
      name: "\(name)/transpose", .transpose(permutation: permutation), [node])
  }

  /// Counts elements that a file makes the importer compute or copy.
  mutating func spend(_ elements: Int, _ node: ONNXNode) throws(Diagnostic) {
    budget -= elements
    guard budget >= 0 else {
      throw node.problem(
        "the file's constants are copied or computed with many times over",
        remedy: "export the model with constants folded")
    }
  }

  /// The result of an operation on constants, computed now.
  mutating func folded(
    _ node: ONNXNode, _ operation: Operation, _ operands: [FloatTensor]
  ) throws(Diagnostic) -> FloatTensor {
    let shape: TensorShape
    do {
      shape = try operation.shape(of: operands.map(\.shape))
    } catch {
      throw node.problem(error.message)
    }
    try spend(shape.elementCount, node)
    return operation.evaluate(operands, shape: shape)
  }

  /// A constant as a node of the graph.
  mutating func constant(_ tensor: FloatTensor, _ name: String) throws(Diagnostic) -> NodeID {
    try graph.append(name: name, .constant(tensor))
  }
}

extension ONNXLayout {
  /// A constant of ONNX's dimensions, at most as many as the tensor's, in the order of the view, so
  /// that it broadcasts with the tensor's node. Only for a direct layout.
  func aligned(_ constant: FloatTensor) -> (shape: TensorShape, permutation: [Int]) {
    let padded =
      Array(repeating: 1, count: shape.rank - constant.shape.rank) + constant.shape.dimensions
    var inverse = [Int](repeating: 0, count: permutation.count)
    for (dimension, place) in permutation.enumerated() { inverse[place] = dimension }
    return (TensorShape(padded), inverse)
  }
}
