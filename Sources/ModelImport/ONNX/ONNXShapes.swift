import NeuralGraph

// Shapes, and integers that are known once shapes are: what exporters compute to flatten an image.
extension ONNXImporter {
  /// The value of a Constant node.
  func constantValue(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let attributes = call.node.attributes
    if case .tensor(let result)? = attributes["value"] {
      switch result {
      case .success(let tensor): return .constant(tensor)
      case .failure(let error): throw call.node.problem(error.message)
      }
    }
    if case .float(let value)? = attributes["value_float"] {
      return .constant(.floats(FloatTensor(scalar: value)))
    }
    if case .floats(let values)? = attributes["value_floats"] {
      return .constant(.floats(FloatTensor(vector: values)))
    }
    if case .integer(let value)? = attributes["value_int"] {
      return .constant(.integers(.scalar(value)))
    }
    if case .integers(let values)? = attributes["value_ints"] {
      return .constant(.integers(.vector(values)))
    }
    throw call.node.problem("its value is not a tensor of numbers")
  }

  /// One number, repeated.
  mutating func constantOfShape(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let dimensions = try call.list(0)
    guard dimensions.count <= 8,
      let count = TensorShape.checkedElementCount(dimensions, limit: Operation.maximumElements)
    else { throw call.node.problem("its shape is \(dimensions)") }
    try spend(count, call.node)
    let shape = TensorShape(dimensions)
    switch call.node.attributes["value"] {
    case nil:
      return .constant(
        .floats(FloatTensor(shape: shape, values: Array(repeating: 0, count: count))))
    case .tensor(.success(.floats(let value)))? where value.values.count == 1:
      return .constant(
        .floats(
          FloatTensor(shape: shape, values: Array(repeating: value.values[0], count: count))))
    case .tensor(.success(.integers(let value)))? where value.values.count == 1:
      return .constant(
        .integers(
          KnownIntegers(shape: shape, values: Array(repeating: value.values[0], count: count))))
    default: throw call.node.problem("its value is not one number")
    }
  }

  /// The shape that ONNX sees.
  private func shape(of value: ONNXValue) -> TensorShape {
    switch value {
    case .tensor(let tensor), .quantized(let tensor, _), .accumulator(let tensor): tensor.shape
    case .constant(let tensor): tensor.shape
    case .leftOut, .absent, .missing: TensorShape([])
    }
  }

  mutating func shape(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let dimensions = shape(of: call.operands[0]).dimensions
    func bound(_ value: Int) -> Int {
      min(max(value < 0 ? value &+ dimensions.count : value, 0), dimensions.count)
    }
    let first = bound(try call.node.integer("start", default: 0))
    let end = bound(try call.node.integer("end", default: dimensions.count))
    return .constant(.integers(.vector(Array(dimensions[first..<max(first, end)]))))
  }

  // MARK: Reshape, Flatten, Squeeze, Unsqueeze, Transpose

  mutating func reshape(
    _ operation: ONNXOperator, _ call: ONNXCall
  ) throws(Diagnostic) -> ONNXValue {
    let old = shape(of: call.operands[0])
    let new =
      switch operation {
      case .flatten: try flattened(old, call)
      case .squeeze: try squeezed(old, call)
      case .unsqueeze: try unsqueezed(old, call)
      default: try resolved(old, call)
      }
    guard
      TensorShape.checkedElementCount(new, limit: Operation.maximumElements) == old.elementCount
    else { throw call.node.problem("\(old) cannot be reshaped to \(new)") }
    let shape = TensorShape(new)
    switch call.operands[0] {
    case .tensor(var tensor):
      tensor.layout = tensor.layout.reshaped(to: shape)
      return .tensor(tensor)
    case .constant(.floats(let tensor)): return .constant(.floats(tensor.reshaped(to: shape)))
    case .constant(.integers(var integers)):
      integers.shape = shape
      return .constant(.integers(integers))
    case .constant(.codes(var codes)):
      codes.shape = shape
      return .constant(.codes(codes))
    case .quantized, .accumulator, .leftOut, .absent, .missing:
      throw call.node.problem("it has no operand")
    }
  }

  private func flattened(_ old: TensorShape, _ call: ONNXCall) throws(Diagnostic) -> [Int] {
    let axis = try call.node.integer("axis", default: 1)
    let place = axis == old.rank ? axis : try call.dimension(axis, rank: old.rank)
    return [
      old.dimensions[..<place].reduce(1, *), old.dimensions[place...].reduce(1, *),
    ]
  }

  private func squeezed(_ old: TensorShape, _ call: ONNXCall) throws(Diagnostic) -> [Int] {
    let stated = try call.list(attribute: "axes", operand: 1) ?? []
    let axes = try call.dimensions(stated, rank: old.rank)
    guard axes.allSatisfy({ old.dimensions[$0] == 1 }) else {
      throw call.node.problem("dimensions \(stated) of \(old) are not all 1")
    }
    return old.dimensions.indices
      .filter { axes.isEmpty ? old.dimensions[$0] != 1 : !axes.contains($0) }
      .map { old.dimensions[$0] }
  }

  private func unsqueezed(_ old: TensorShape, _ call: ONNXCall) throws(Diagnostic) -> [Int] {
    guard let stated = try call.list(attribute: "axes", operand: 1), stated.count <= 8 else {
      throw call.node.problem("it has no axes")
    }
    let axes = try call.dimensions(stated, rank: old.rank + stated.count)
    guard axes.count == stated.count, old.rank + axes.count <= 8 else {
      throw call.node.problem("its axes are \(stated)")
    }
    var rest = old.dimensions[...]
    return (0..<old.rank + axes.count).map { axes.contains($0) ? 1 : rest.removeFirst() }
  }

  /// The target shape of a Reshape: 0 keeps a dimension, -1 takes what is left.
  private func resolved(_ old: TensorShape, _ call: ONNXCall) throws(Diagnostic) -> [Int] {
    guard var new = try call.list(attribute: "shape", operand: 1), new.count <= 8 else {
      throw call.node.problem("its target shape is not known")
    }
    let keepsZero = try call.node.integer("allowzero", default: 0) != 0
    for index in new.indices where new[index] == 0 && !keepsZero && index < old.rank {
      new[index] = old.dimensions[index]
    }
    let open = new.indices.filter { new[$0] == -1 }
    let known = TensorShape.checkedElementCount(
      new.filter { $0 != -1 }, limit: Operation.maximumElements)
    guard open.count <= 1, let known else {
      throw call.node.problem("its target shape is \(new)")
    }
    if let open = open.first {
      guard known > 0, old.elementCount % known == 0 else {
        throw call.node.problem("\(old) cannot be reshaped to \(new)")
      }
      new[open] = old.elementCount / known
    }
    return new
  }

  mutating func transpose(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let rank = shape(of: call.operands[0]).rank
    let permutation = try call.node.integers("perm") ?? Array((0..<rank).reversed())
    guard permutation.sorted() == Array(0..<rank) else {
      throw call.node.problem("\(permutation) does not permute \(rank) dimensions")
    }
    switch call.operands[0] {
    case .tensor(let tensor):
      var result = try direct(tensor, call.node.label)
      result.layout = result.layout.transposed(permutation)
      return .tensor(result)
    case .constant(.codes(let codes)):
      let real = FloatTensor(shape: codes.shape, values: codes.values.map { Float($0) })
      let result = try folded(call.node, .transpose(permutation: permutation), [real])
      return .constant(
        .codes(
          ONNXCodes(
            element: codes.element, shape: result.shape,
            values: result.values.map { Int16($0) })))
    default:
      passScales(call.node, permutation)
      return .constant(
        .floats(
          try folded(call.node, .transpose(permutation: permutation), [call.constant(0)])))
    }
  }
}
