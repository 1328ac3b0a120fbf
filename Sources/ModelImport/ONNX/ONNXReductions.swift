import NeuralGraph

// Operators along dimensions: normalization, mean, softmax, pad.
extension ONNXImporter {
  /// Over dimension 1, the channels. Source: ONNX operator page BatchNormalization.
  mutating func batchNormalization(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    guard try node.integer("training_mode", default: 0) == 0 else {
      throw node.problem("it is in training mode", remedy: "export the model with training off")
    }
    guard try node.integer("spatial", default: 1) != 0 else {
      throw node.problem("its parameters are not one a channel (spatial is 0)")
    }
    let epsilon = try node.float("epsilon", default: 1e-5)
    guard epsilon.isFinite, epsilon >= 0 else { throw node.problem("its epsilon is \(epsilon)") }
    let tensor = try call.tensor(0)
    let rank = tensor.shape.rank
    guard rank >= 2 else { throw node.problem("its operand is \(tensor.shape)") }
    let order = [0] + Array(2..<rank) + [1]
    var operands = [try ordered(tensor, order, node.label)]
    for (index, name) in ["scale", "B", "mean", "var"].enumerated() {
      operands.append(try constant(call.constant(index + 1), "\(node.label)/\(name)"))
    }
    let result = try graph.append(
      name: node.label, .batchNormalization(epsilon: epsilon), operands)
    return .tensor(activation(result, order: order))
  }

  /// A node whose dimensions are those of ONNX's tensor in this order.
  private func activation(_ node: NodeID, order: [Int]) -> ONNXActivation {
    let view = graph[node].shape
    var permutation = [Int](repeating: 0, count: order.count)
    for (place, dimension) in order.enumerated() { permutation[dimension] = place }
    return ONNXActivation(
      node: node,
      layout: ONNXLayout(
        shape: TensorShape(permutation.map { view.dimensions[$0] }), view: view,
        permutation: permutation))
  }

  mutating func reduceMean(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let stated = try call.list(attribute: "axes", operand: 1) ?? []
    if stated.isEmpty, try call.node.integer("noop_with_empty_axes", default: 0) != 0 {
      return call.operands[0]
    }
    let rank = try call.tensor(0).shape.rank
    let axes = try call.dimensions(stated.isEmpty ? Array(0..<rank) : stated, rank: rank)
    return try mean(call, axes: axes, keeps: call.node.integer("keepdims", default: 1) != 0)
  }

  /// The maximum over height and width.
  mutating func reduceMax(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let tensor = try call.tensor(0)
    let stated = try call.list(attribute: "axes", operand: 1) ?? []
    let axes = try call.dimensions(stated, rank: tensor.shape.rank)
    guard tensor.shape.rank == 4, axes == [2, 3] else {
      throw call.node.problem(
        "it is a maximum over dimensions \(axes) of \(tensor.shape)",
        remedy: "only maxima over height and width are supported")
    }
    let result = try globalMaxPool(call)
    guard try call.node.integer("keepdims", default: 1) == 0, case .tensor(var maximum) = result
    else { return result }
    maximum.layout = maximum.layout.reshaped(
      to: TensorShape(Array(maximum.shape.dimensions.prefix(2))))
    return .tensor(maximum)
  }

  /// The mean over ONNX's dimensions `axes`, ascending.
  mutating func mean(
    _ call: ONNXCall, axes: [Int], keeps: Bool
  ) throws(Diagnostic) -> ONNXValue {
    let tensor = try direct(try call.tensor(0), call.node.label)
    guard axes.allSatisfy(tensor.shape.dimensions.indices.contains) else {
      throw call.node.problem("its operand is \(tensor.shape), not an image")
    }
    let reduced = axes.map { tensor.layout.permutation[$0] }.sorted()
    let result = try graph.append(
      name: call.node.label, .mean(axes: reduced, keepsDimensions: true), [tensor.node])
    var layout = ONNXLayout(
      shape: tensor.shape, view: graph[result].shape, permutation: tensor.layout.permutation)
    layout.shape = layout.permuted
    if !keeps {
      layout = layout.reshaped(
        to: TensorShape(
          layout.shape.dimensions.indices.filter { !axes.contains($0) }
            .map { layout.shape.dimensions[$0] }))
    }
    return .tensor(ONNXActivation(node: result, layout: layout))
  }

  /// Over one dimension, which becomes the innermost. Before opset 13 all dimensions from `axis` on
  /// were one list.
  mutating func softmax(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    let tensor = try call.tensor(0)
    let shape = tensor.shape
    let axis = try call.dimension(
      node.integer("axis", default: call.opset < 13 ? 1 : -1), rank: shape.rank)
    let isList =
      call.opset < 13 && shape.dimensions[(axis + 1)...].contains { $0 > 1 }
    if isList {
      let rows = shape.dimensions[..<axis].reduce(1, *)
      var list = tensor
      list.layout = list.layout.reshaped(to: TensorShape([rows, shape.elementCount / rows]))
      let result = try graph.append(
        name: node.label, .softmax, [plain(list, node.label)])
      return .tensor(
        ONNXActivation(
          node: result, layout: ONNXLayout(plain: graph[result].shape).reshaped(to: shape)))
    }
    let order = shape.dimensions.indices.filter { $0 != axis } + [axis]
    let result = try graph.append(
      name: node.label, .softmax, [ordered(tensor, order, node.label)])
    return .tensor(activation(result, order: order))
  }

  /// Zeros before and after dimensions; attributes before opset 11, operands since.
  mutating func pad(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    let mode = try node.string("mode", default: "constant")
    guard mode == "constant" else {
      throw node.problem("its mode is '\(mode)'; only padding with zeros is supported")
    }
    var fill = try node.float("value", default: 0)
    if call.has(2) { fill = try call.constant(2).values.first ?? 0 }
    guard fill == 0 else {
      throw node.problem("it pads with \(fill); only padding with zeros is supported")
    }
    let tensor = try direct(try call.tensor(0), node.label)
    let rank = tensor.shape.rank
    guard let pads = try call.list(attribute: "pads", operand: 1) else {
      throw node.problem("it has no pads")
    }
    var axes = Array(0..<rank)
    if call.has(3) {
      axes = []
      for axis in try call.list(3).prefix(64) {
        axes.append(try call.dimension(axis, rank: rank))
      }
    }
    guard pads.count == 2 * axes.count, Set(axes).count == axes.count,
      pads.allSatisfy({ (0...ONNXNode.maximumLength).contains($0) })
    else {
      throw node.problem("its pads are \(pads)", remedy: "only pads of zero and more are supported")
    }
    var (before, after) = (Array(repeating: 0, count: rank), Array(repeating: 0, count: rank))
    for (index, axis) in axes.enumerated() {
      let place = tensor.layout.permutation[axis]
      (before[place], after[place]) = (pads[index], pads[index + axes.count])
    }
    let result = try graph.append(
      name: node.label, .pad(before: before, after: after), [tensor.node])
    var layout = ONNXLayout(
      shape: tensor.shape, view: graph[result].shape, permutation: tensor.layout.permutation)
    layout.shape = layout.permuted
    return .tensor(ONNXActivation(node: result, layout: layout))
  }
}
