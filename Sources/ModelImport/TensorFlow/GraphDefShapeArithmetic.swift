import NeuralGraph

// Integers that are known once shapes are: what exporters compute to flatten an image.
extension GraphDefImporter {
  /// Squeeze, ExpandDims and Reshape, of real numbers or of integers.
  mutating func reshape(
    _ operation: GraphDefOperator, _ call: GraphDefCall
  ) throws(Diagnostic) -> GraphDefValue {
    if operation == .expandDims, case .decoded = call.operands[0] { return call.operands[0] }
    let old = try shape(call).dimensions
    let new =
      switch operation {
      case .squeeze: try squeezed(old, call.node)
      case .expandDims: try expanded(old, call)
      default: try resolved(old, call)
      }
    guard case .integers(let integers) = call.operands[0] else {
      return try append(call, .reshape(TensorShape(new)), 1)
    }
    guard
      TensorShape.checkedElementCount(new, limit: Operation.maximumElements)
        == integers.values.count
    else { throw call.node.problem("\(integers.shape) cannot be reshaped to \(new)") }
    return .integers(KnownIntegers(shape: TensorShape(new), values: integers.values))
  }

  private func squeezed(_ old: [Int], _ node: GraphDefNode) throws(Diagnostic) -> [Int] {
    let stated = try node.integers("squeeze_dims", default: [])
    let axes = Set(stated.map { $0 < 0 ? $0 + old.count : $0 })
    guard axes.allSatisfy({ old.indices.contains($0) && old[$0] == 1 }) else {
      throw node.problem("dimensions \(stated) of \(TensorShape(old)) are not all 1")
    }
    return old.indices.filter { axes.isEmpty ? old[$0] != 1 : !axes.contains($0) }.map { old[$0] }
  }

  private func expanded(_ old: [Int], _ call: GraphDefCall) throws(Diagnostic) -> [Int] {
    let stated = try call.scalar(1)
    let axis = stated < 0 ? stated + old.count + 1 : stated
    guard (0...old.count).contains(axis) else {
      throw call.node.problem("\(TensorShape(old)) has no dimension \(stated)")
    }
    var new = old
    new.insert(1, at: axis)
    return new
  }

  /// The target shape of a Reshape, its -1 computed.
  private func resolved(_ old: [Int], _ call: GraphDefCall) throws(Diagnostic) -> [Int] {
    var new = try call.list(1)
    let open = new.indices.filter { new[$0] == -1 }
    let known = TensorShape.checkedElementCount(
      new.filter { $0 != -1 }, limit: Operation.maximumElements)
    guard open.count <= 1, new.count <= 8, let known else {
      throw call.node.problem("its target shape is \(new)")
    }
    if let open = open.first {
      let count = TensorShape(old).elementCount
      guard known > 0, count % known == 0 else {
        throw call.node.problem("\(TensorShape(old)) cannot be reshaped to \(new)")
      }
      new[open] = count / known
    }
    return new
  }

  /// Sums and products of equally long lists, or of a list and one number.
  func integerBinary(
    _ call: GraphDefCall, _ operation: BinaryOperation
  ) throws(Diagnostic) -> GraphDefValue {
    let (a, b) = (try call.integers(0), try call.integers(1))
    guard operation != .divide else {
      throw call.node.problem("integer divisions are not supported")
    }
    do throws(KnownIntegers.Impossible) {
      return .integers(try KnownIntegers.combine(operation, a, b))
    } catch {
      throw call.node.problem(error.message)
    }
  }

  /// A range of a list, as Keras takes the batch out of a shape.
  func stridedSlice(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    guard case .integers(let source) = call.operands[0], source.shape.rank == 1,
      try call.list(1).count == 1, try call.list(2).count == 1, try call.list(3).count == 1
    else {
      throw call.node.problem("only slices of a shape are supported")
    }
    let (count, step) = (source.values.count, try call.scalar(3))
    let masks = (
      begin: try call.node.integer("begin_mask", default: 0),
      end: try call.node.integer("end_mask", default: 0),
      shrink: try call.node.integer("shrink_axis_mask", default: 0),
      others: try call.node.integer("ellipsis_mask", default: 0)
        | call.node.integer("new_axis_mask", default: 0)
    )
    guard masks.others == 0, step == 1 || masks.shrink & 1 == 1 else {
      throw call.node.problem("only plain slices with step 1 are supported")
    }
    func bound(_ value: Int) -> Int { min(max(value < 0 ? value + count : value, 0), count) }
    let first = try call.scalar(1)
    if masks.shrink & 1 == 1 {
      let index = first < 0 ? first + count : first
      guard source.values.indices.contains(index) else {
        throw call.node.problem("a list of \(count) has no element \(first)")
      }
      return .integers(.scalar(source.values[index]))
    }
    let begin = masks.begin & 1 == 1 ? 0 : bound(first)
    let end = masks.end & 1 == 1 ? count : bound(try call.scalar(2))
    return .integers(.vector(Array(source.values[begin..<max(begin, end)])))
  }

  /// Single numbers to one list.
  func pack(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    var values: [Int] = []
    for index in call.operands.indices {
      let operand = try call.integers(index)
      guard operand.shape.rank == 0 else {
        throw call.node.problem("only single integers can be packed")
      }
      values.append(operand.values[0])
    }
    return .integers(.vector(values))
  }

  /// Tensors, or lists of integers, end to end; the last operand is the axis, in old graphs the first.
  mutating func concat(
    _ operation: GraphDefOperator, _ call: GraphDefCall
  ) throws(Diagnostic) -> GraphDefValue {
    let place = operation == .concat ? call.operands.count - 1 : 0
    let parts = call.operands.indices.filter { $0 != place }
    guard call.isIntegral else {
      var operands: [NodeID] = []
      for index in parts { operands.append(try call.tensor(index)) }
      let (axis, rank) = (try call.scalar(place), graph[operands[0]].shape.rank)
      guard (-rank..<rank).contains(axis) else {
        throw call.node.problem("a tensor of \(rank) dimensions has no dimension \(axis)")
      }
      return .tensor(
        try graph.append(
          name: call.node.name, .concatenation(axis: axis < 0 ? axis + rank : axis), operands))
    }
    var values: [Int] = []
    for index in parts {
      guard try call.integers(index).shape.rank == 1, values.count < 1 << 16 else {
        throw call.node.problem("only short lists of integers can be concatenated")
      }
      values += try call.list(index)
    }
    return .integers(.vector(values))
  }

  /// The product of all numbers of a list.
  func product(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let list = try call.list(0)
    let result: Int
    do throws(KnownIntegers.Impossible) {
      result = try KnownIntegers.vector(list).product()
    } catch {
      throw call.node.problem(error.message)
    }
    let keeps = try call.node.bool("keep_dims", default: false)
    return .integers(keeps ? .vector([result]) : .scalar(result))
  }
}
