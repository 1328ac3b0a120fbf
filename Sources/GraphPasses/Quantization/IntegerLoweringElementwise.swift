import NeuralGraph

// Sums and products of two tensors, functions of one number, concatenations.
extension IntegerLowering {
  mutating func lowerBinary(_ id: NodeID, _ operation: BinaryOperation) throws(Diagnostic) {
    let node = graph[id]
    if let constant = node.operands.firstIndex(where: { graph.constant($0) != nil }) {
      return try lowerWithConstant(id, operation, constant: constant)
    }
    let operands = [try value(node.operands[0]), try value(node.operands[1])]
    guard [.add, .subtract, .multiply].contains(operation) else {
      throw Diagnostic(
        "\(operation.rawValue) of two activations has no integer form", node: node.name,
        remedy: "sums, differences and products of two have one")
    }
    let types = operands.map { result[$0].type }
    let group = group(at: id)
    let parameters = try plan.parameters(of: group.last)
    let clamp = clamp(group, parameters)
    let lowered: QuantizedOperation?
    if operation == .multiply {
      lowered = FixedPointMultiplier.product(
        first: types[0].scale, second: types[1].scale, output: parameters.scale
      ).map { .multiply(QuantizedMultiply(requantization: $0, clamp: clamp)) }
    } else {
      var add = QuantizedAdd(
        first: types[0].scale, second: types[1].scale, output: parameters.scale, clamp: clamp)
      if operation == .subtract, let second = add?.second { add?.second = second.negated }
      lowered = add.map { .add($0) }
    }
    guard let lowered else { throw unusable(id) }
    emit(group, lowered, operands, parameters.type(node.shape, plan.element))
  }

  /// A constant of one number or one a channel, which no layer took: a table.
  private mutating func lowerWithConstant(
    _ id: NodeID, _ operation: BinaryOperation, constant index: Int
  ) throws(Diagnostic) {
    let node = graph[id]
    let other = node.operands[1 - index]
    guard let constant = graph.constant(node.operands[index]), graph[other].shape == node.shape,
      constant.values.count == 1
        || (constant.values.count == node.shape.channels
          && constant.shape.channels == node.shape.channels)
    else {
      throw Diagnostic(
        "\(operation.rawValue) of \(graph[other].shape) and a constant of "
          + "\(graph[node.operands[index]].shape) has no integer form", node: node.name,
        remedy: "only constants of one number, or one a channel, are supported")
    }
    let values = constant.values
    try lowerTable(
      id, operation.tableFunction, source: other, channels: values.count
    ) { x, channel in
      let c = Double(values[values.count == 1 ? 0 : channel])
      let (a, b) = index == 0 ? (c, x) : (x, c)
      return operation.apply(a, b)
    }
  }

  mutating func lowerUnary(_ id: NodeID, _ operation: UnaryOperation) throws(Diagnostic) {
    try lowerTable(id, operation.tableFunction, source: graph[id].operands[0], channels: 1) {
      x, _ in operation.apply(x)
    }
  }

  mutating func lowerNonlinearity(
    _ id: NodeID, _ nonlinearity: Nonlinearity
  ) throws(Diagnostic) {
    var channels = 1
    if case .leakyRelu(let slopes) = nonlinearity { channels = slopes.count }
    try lowerTable(
      id, nonlinearity.tableFunction, source: graph[id].operands[0], channels: channels
    ) { x, channel in nonlinearity.apply(x, channel: channel) }
  }

  /// The function in binary64 of each code's number, rounded to the output's grid, halves away from
  /// zero. `channels` is 1 when all channels have one table.
  private mutating func lowerTable(
    _ id: NodeID, _ function: QuantizedTable.Function, source: NodeID, channels: Int,
    _ apply: (Double, Int) -> Double
  ) throws(Diagnostic) {
    let source = try value(source)
    let input = result[source].type
    let group = group(at: id)
    let parameters = try plan.parameters(of: group.last)
    let clamp = clamp(group, parameters)
    tableBudget -= 256 * channels
    guard tableBudget >= 0 else {
      throw Diagnostic(
        "the network's tables have more than \(NetworkLimits.tableCodes) codes",
        node: graph[id].name, remedy: "use constants of one number instead of one a channel")
    }
    var codes: [Int16] = []
    codes.reserveCapacity(256 * channels)
    for channel in 0..<channels {
      for code in input.element.range {
        let x = Double(input.scale) * Double(code - input.zeroPoint)
        let y =
          (apply(x, channel) / Double(parameters.scale))
          .rounded(.toNearestOrAwayFromZero) + Double(parameters.zeroPoint)
        // Roots of codes that no calibration image gave are no numbers: the lowest code.
        let cut = y.isNaN ? Double(clamp.lowerBound) : y
        codes.append(
          Int16(min(max(cut, Double(clamp.lowerBound)), Double(clamp.upperBound))))
      }
    }
    emit(
      group, .table(QuantizedTable(function: function, codes: codes)), [source],
      parameters.type(graph[id].shape, plan.element))
  }

  /// Operands that have another grid than the result are brought to it first.
  mutating func lowerConcatenation(_ id: NodeID, axis: Int) throws(Diagnostic) {
    let node = graph[id]
    // An activation behind a concatenation is an operation of its own.
    var group = group(at: id)
    if group.activation != .none {
      group = Group(codes: plan.element.range, last: id, named: id, members: [id])
    }
    let parameters = try plan.parameters(of: group.last)
    var operands: [ValueID] = []
    for (index, operand) in node.operands.enumerated() {
      let source = try value(operand)
      let type = result[source].type
      guard QuantizationParameters(type) != parameters || group.codes != plan.element.range else {
        operands.append(source)
        continue
      }
      guard
        let multiplier = FixedPointMultiplier.rescale(
          input: type.scale, output: parameters.scale)
      else { throw unusable(id) }
      operands.append(
        result.append(
          QuantizedNode(
            name: "\(node.name)/operand\(index)",
            operation: .rescale(
              QuantizedRescale(requantization: multiplier, clamp: group.codes)),
            operands: [source], type: parameters.type(type.shape, plan.element))))
    }
    emit(
      group, .concatenation(QuantizedConcatenation(axis: axis)), operands,
      parameters.type(node.shape, plan.element))
  }
}

extension BinaryOperation {
  fileprivate var tableFunction: QuantizedTable.Function {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .minimum: .minimum
    case .maximum: .maximum
    }
  }

  fileprivate func apply(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .minimum: min(a, b)
    case .maximum: max(a, b)
    }
  }
}

extension UnaryOperation {
  fileprivate var tableFunction: QuantizedTable.Function {
    switch self {
    case .negate: .negate
    case .square: .square
    case .squareRoot: .squareRoot
    case .reciprocalSquareRoot: .reciprocalSquareRoot
    case .reciprocal: .reciprocal
    }
  }

  fileprivate func apply(_ x: Double) -> Double {
    switch self {
    case .negate: -x
    case .square: x * x
    case .squareRoot: x.squareRoot()
    case .reciprocalSquareRoot: 1 / x.squareRoot()
    case .reciprocal: 1 / x
    }
  }
}
