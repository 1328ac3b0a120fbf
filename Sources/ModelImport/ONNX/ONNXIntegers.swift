import NeuralGraph

// Arithmetic on integers that are known now.
extension ONNXImporter {
  /// Sums, products and quotients of equally long lists, or of a list and one number.
  mutating func integerBinary(
    _ operation: BinaryOperation, _ a: KnownIntegers, _ b: KnownIntegers, _ node: ONNXNode
  ) throws(Diagnostic) -> KnownIntegers {
    try spend(max(a.values.count, b.values.count), node)
    guard max(a.values.count, b.values.count) <= 1 << 16 else {
      throw node.problem("only short lists of integers can be computed with")
    }
    do throws(KnownIntegers.Impossible) {
      return try KnownIntegers.combine(operation, a, b)
    } catch {
      throw node.problem(error.message)
    }
  }

  /// Elements of a list of integers, or channels of nothing else.
  mutating func gather(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    guard case .constant(.integers(let source)) = call.operands[0], source.shape.rank == 1 else {
      throw call.node.problem(
        "only elements of a shape or another known list can be gathered",
        remedy: "export the model for inference with static shapes")
    }
    _ = try call.dimension(call.node.integer("axis", default: 0), rank: 1)
    let indices = try call.integers(1)
    try spend(indices.values.count, call.node)
    var values: [Int] = []
    for index in indices.values.prefix(1 << 16) {
      let place = index < 0 ? index &+ source.values.count : index
      guard source.values.indices.contains(place) else {
        throw call.node.problem("a list of \(source.values.count) has no element \(index)")
      }
      values.append(source.values[place])
    }
    guard values.count == indices.values.count else {
      throw call.node.problem("it gathers \(indices.values.count) elements")
    }
    return .constant(.integers(KnownIntegers(shape: indices.shape, values: values)))
  }

  /// A range of a list of integers.
  mutating func slice(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    guard case .constant(.integers(let source)) = call.operands[0], source.shape.rank == 1,
      let starts = try call.list(attribute: "starts", operand: 1), starts.count == 1,
      let ends = try call.list(attribute: "ends", operand: 2), ends.count == 1
    else {
      throw call.node.problem(
        "only slices of a shape or another known list are supported")
    }
    _ = try call.dimension(
      try call.list(attribute: "axes", operand: 3)?.first ?? 0, rank: 1)
    if call.has(4), try call.list(4) != [1] {
      throw call.node.problem("only slices with step 1 are supported")
    }
    let count = source.values.count
    try spend(count, call.node)
    func bound(_ value: Int) -> Int { min(max(value < 0 ? value &+ count : value, 0), count) }
    let (begin, end) = (bound(starts[0]), bound(ends[0]))
    return .constant(.integers(.vector(Array(source.values[begin..<max(begin, end)]))))
  }

  /// Lists of integers end to end.
  mutating func concat(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    guard call.operands.allSatisfy(isKnownIntegers) else { return try concatenation(call) }
    var values: [Int] = []
    for index in call.operands.indices {
      let operand = try call.integers(index)
      guard operand.shape.rank == 1, operand.values.count < 1 << 16, values.count < 1 << 16 else {
        throw call.node.problem("only short lists of integers can be concatenated")
      }
      values += operand.values
    }
    try spend(values.count, call.node)
    return .constant(.integers(.vector(values)))
  }

  /// The product of all integers of a list.
  func reduceProduct(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let list = try call.list(0)
    let result: Int
    do throws(KnownIntegers.Impossible) {
      result = try KnownIntegers.vector(list).product()
    } catch {
      throw call.node.problem(error.message)
    }
    let keeps = try call.node.integer("keepdims", default: 1) != 0
    return .constant(.integers(keeps ? .vector([result]) : .scalar(result)))
  }
}
