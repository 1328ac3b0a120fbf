import NeuralGraph

// Arithmetic on two tensors, functions of one code, concatenation.

extension TFLiteLowering {
  /// A constant operand of 8-bit codes.
  struct QuantizedConstant {
    var type: QuantizedType
    var codes: [Int]
  }

  /// The operand number `position` when it is a constant, else nil.
  private mutating func constantOperand(
    _ position: Int, of entry: TFLiteModel.Operator
  ) throws(Failure) -> QuantizedConstant? {
    guard entry.inputs.indices.contains(position), entry.inputs[position] >= 0 else {
      throw failure("\(entry.kind) has \(entry.inputs.count) operands", entry)
    }
    let index = entry.inputs[position]
    let tensor = model.tensors[index]
    guard activations[index] == nil, tensor.data != nil else { return nil }
    guard
      let count = TensorShape.checkedElementCount(
        tensor.shape ?? [], limit: model.buffer.bytes.count)
    else { throw failure("a constant of shape \(tensor.shape ?? []) exceeds the file", tensor) }
    weightBudget -= count
    guard weightBudget >= 0 else {
      throw failure("the layers share constants so often that they exceed four files", entry)
    }
    let type = try quantizedType(index, shape: tensor.shape ?? [])
    let bytes = try constant(tensor, count: count, elementSize: 1)
    return QuantizedConstant(type: type, codes: bytes.map { type.element.code(of: $0) })
  }

  /// ADD, SUB and MUL: of two tensors whose shapes broadcast, or of a tensor and a constant of one
  /// number or one a channel, which is a table.
  mutating func binary(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    guard entry.inputs.count == 2 else {
      throw failure("\(entry.kind) has \(entry.inputs.count) operands", entry)
    }
    let constants = [try constantOperand(0, of: entry), try constantOperand(1, of: entry)]
    guard constants[0] == nil || constants[1] == nil else {
      throw failure("\(entry.kind) of two constants", entry)
    }
    var types: [QuantizedType] = []
    for (position, constant) in constants.enumerated() {
      if let constant {
        types.append(constant.type)
      } else {
        types.append(try operand(position, of: entry))
      }
    }
    let (first, second) = (types[0], types[1])
    guard let shape = try? first.shape.broadcast(with: second.shape) else {
      throw failure(
        "\(entry.kind) of \(first.shape) and \(second.shape), which do not broadcast", entry)
    }
    let type = try result(of: entry, shape: shape.dimensions)
    guard first.element == type.element, second.element == type.element else {
      throw failure("\(entry.kind) mixes uint8 and int8", entry)
    }
    var range = type.element.range
    if let options = entry.options { range = try clamp(entry, type, field: 0, options) }
    let operation = try arithmetic(entry, first, second, type, range)
    guard let position = constants.firstIndex(where: { $0 != nil }),
      let constant = constants[position]
    else { return Lowered(operation: operation, operands: entry.inputs, type: type) }
    let table = try table(
      entry, operation, constant, isFirst: position == 0,
      operand: position == 0 ? second : first, type)
    return Lowered(operation: .table(table), operands: [entry.inputs[1 - position]], type: type)
  }

  /// The operation on two tensors.
  private func arithmetic(
    _ entry: TFLiteModel.Operator, _ first: QuantizedType, _ second: QuantizedType,
    _ type: QuantizedType, _ range: ClosedRange<Int>
  ) throws(Failure) -> QuantizedOperation {
    if entry.kind == "MUL" {
      guard
        let multiplier = FixedPointMultiplier.product(
          first: first.scale, second: second.scale, output: type.scale)
      else { throw failure("its scales give no finite multiplier", entry) }
      return .multiply(QuantizedMultiply(requantization: multiplier, clamp: range))
    }
    guard
      var add = QuantizedAdd(
        first: first.scale, second: second.scale, output: type.scale, clamp: range)
    else { throw failure("its scales give no finite multiplier", entry) }
    if entry.kind == "SUB" { add.second = add.second.negated }
    return .add(add)
  }

  /// The table of arithmetic with a constant.
  private mutating func table(
    _ entry: TFLiteModel.Operator, _ operation: QuantizedOperation,
    _ constant: QuantizedConstant, isFirst: Bool, operand: QuantizedType, _ type: QuantizedType
  ) throws(Failure) -> QuantizedTable {
    try checkChannels(entry, constant, operand)
    let (z, zc) = (operand.zeroPoint, constant.type.zeroPoint)
    func make(
      _ function: QuantizedTable.Function, _ code: (Int, Int) -> Int
    ) -> QuantizedTable {
      QuantizedTable(
        function, input: operand.element, output: type.element, constants: constant.codes
      ) { isFirst ? code($1 - zc, $0 - z) : code($0 - z, $1 - zc) }
    }
    switch operation {
    case .add(let add) where add.acceptsAllCodes:
      return make(add.second.multiplier < 0 ? .subtract : .add) {
        add.code($0, $1, zeroPoint: type.zeroPoint)
      }
    case .multiply(let multiply) where multiply.acceptsAllCodes:
      return make(.multiply) { multiply.code($0, $1, zeroPoint: type.zeroPoint) }
    default: throw failure("its scales let the accumulator leave 32 bits", entry)
    }
  }

  /// Checks the constant's shape, and that tables of it do not ask for too much.
  private mutating func checkChannels(
    _ entry: TFLiteModel.Operator, _ constant: QuantizedConstant, _ operand: QuantizedType
  ) throws(Failure) {
    let shape = constant.type.shape
    guard
      shape.rank <= operand.shape.rank,
      constant.codes.count == 1
        || (constant.codes.count == shape.channels && shape.channels == operand.shape.channels)
    else {
      throw failure(
        "\(entry.kind) with a constant of shape \(shape) on \(operand.shape); one number, or one "
          + "a channel, is supported", entry)
    }
    tableBudget -= 256 * constant.codes.count
    guard tableBudget >= 0 else {
      throw failure(
        "the network's tables have more than \(NetworkLimits.tableCodes) codes", entry)
    }
  }

  /// MAXIMUM and MINIMUM with a constant of the operand's own quantization: codes are compared.
  mutating func extremum(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    guard entry.inputs.count == 2 else {
      throw failure("\(entry.kind) has \(entry.inputs.count) operands", entry)
    }
    let constants = [try constantOperand(0, of: entry), try constantOperand(1, of: entry)]
    guard let position = constants.firstIndex(where: { $0 != nil }),
      let constant = constants[position], constants[1 - position] == nil
    else {
      throw failure(
        "\(entry.kind) of two computed tensors; one must be a constant", entry)
    }
    let input = try operand(1 - position, of: entry)
    let type = try result(of: entry, shape: input.shape.dimensions)
    try requireSameQuantization(entry, input, type)
    try requireSameQuantization(entry, constant.type, type)
    try checkChannels(entry, constant, input)
    let isMaximum = entry.kind == "MAXIMUM"
    let table = QuantizedTable(
      isMaximum ? .maximum : .minimum, input: input.element, output: type.element,
      constants: constant.codes
    ) { isMaximum ? max($0, $1) : min($0, $1) }
    return Lowered(operation: .table(table), operands: [entry.inputs[1 - position]], type: type)
  }

  /// LOGISTIC, TANH, HARD_SWISH, ELU and LEAKY_RELU.
  mutating func nonlinearity(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let type = try result(of: entry, shape: input.shape.dimensions)
    guard input.element == type.element else {
      throw failure("\(entry.kind) mixes uint8 and int8", entry)
    }
    let table: QuantizedTable?
    switch entry.kind {
    case "LOGISTIC":
      table = QuantizedTable(lookup: .logistic, input: input, output: type) {
        Nonlinearity.sigmoid.apply($0, channel: 0)
      }
    case "TANH":
      table = QuantizedTable(lookup: .tanh, input: input, output: type) {
        Nonlinearity.tanh.apply($0, channel: 0)
      }
    case "ELU":
      table = QuantizedTable(lookup: .elu, input: input, output: type) {
        Nonlinearity.elu(factor: 1).apply($0, channel: 0)
      }
    case "HARD_SWISH": table = QuantizedTable(hardSwish: input, output: type)
    default: table = try leakyRelu(entry, input, type)
    }
    guard let table else {
      throw failure(
        "\(entry.kind) from scale \(input.scale) to scale \(type.scale) has no fixed-point form",
        entry)
    }
    return Lowered(operation: .table(table), operands: [entry.inputs[0]], type: type)
  }

  private func leakyRelu(
    _ entry: TFLiteModel.Operator, _ input: QuantizedType, _ type: QuantizedType
  ) throws(Failure) -> QuantizedTable? {
    let options = try options(entry)
    let slope = try read { () throws(Diagnostic) in try options.float(0) }
    let product = Double(input.scale * abs(slope) / type.scale)
    guard let identity = FixedPointMultiplier(checked: Double(input.scale / type.scale)),
      product.isFinite, product < 0x1p30
    else { return nil }
    let below = FixedPointMultiplier(real: product)
    return QuantizedTable(
      .leakyRelu, input: input, output: type, identity: identity,
      below: slope < 0 ? below.negated : below)
  }

  /// PRELU with constant slopes, one or one a channel.
  mutating func parametricRelu(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    let input = try operand(0, of: entry)
    let type = try result(of: entry, shape: input.shape.dimensions)
    guard let slopes = try constantOperand(1, of: entry) else {
      throw failure("PRELU has computed slopes; constants are needed", entry)
    }
    guard input.element == type.element, slopes.type.element == type.element else {
      throw failure("PRELU mixes uint8 and int8", entry)
    }
    try checkChannels(entry, slopes, input)
    let product = Double(input.scale * slopes.type.scale / type.scale)
    guard let identity = FixedPointMultiplier(checked: Double(input.scale / type.scale)),
      let below = FixedPointMultiplier(checked: product)
    else { throw failure("its scales give no finite multiplier", entry) }
    var codes: [Int16] = []
    for slope in slopes.codes {
      guard
        let table = QuantizedTable(
          .prelu, input: input, output: type, identity: identity, below: below,
          slope: slope - slopes.type.zeroPoint)
      else { throw failure("its scales let the accumulator leave 32 bits", entry) }
      codes += table.codes
    }
    return Lowered(
      operation: .table(QuantizedTable(function: .prelu, codes: codes)),
      operands: [entry.inputs[0]], type: type)
  }

  /// CONCATENATION. uint8 operands of other scales than the output's are requantized by a table
  /// each, in front; int8 operands have the output's scale (LiteRT refuses others).
  mutating func concatenation(_ entry: TFLiteModel.Operator) throws(Failure) -> Lowered {
    guard (1...NetworkLimits.operands).contains(entry.inputs.count) else {
      throw failure("CONCATENATION has \(entry.inputs.count) operands", entry)
    }
    var types: [QuantizedType] = []
    for position in entry.inputs.indices { types.append(try operand(position, of: entry)) }
    let axis = try concatenationAxis(entry, rank: types[0].shape.rank)
    guard try fusedActivation(entry, field: 1, options(entry)) == .none else {
      throw failure("CONCATENATION has a fused activation, which LiteRT does not compute", entry)
    }
    let shape: TensorShape
    do throws(ShapeError) {
      shape = try TensorShape.concatenated(types.map(\.shape), axis: axis)
    } catch {
      throw failure("CONCATENATION: \(error.message)", entry)
    }
    let type = try result(of: entry, shape: shape.dimensions)
    var tables: [Int: (QuantizedTable, QuantizedType)] = [:]
    for (position, operand) in types.enumerated() {
      guard operand.element == type.element else {
        throw failure("CONCATENATION mixes uint8 and int8", entry)
      }
      guard operand.scale != type.scale || operand.zeroPoint != type.zeroPoint else { continue }
      guard type.element == .uint8 else {
        throw failure(
          "CONCATENATION of int8 tensors of several scales (operand \(position): "
            + "\(operand.scale), result: \(type.scale)), which LiteRT does not compute", entry)
      }
      var requantized = type
      requantized.shape = operand.shape
      tables[position] = (
        QuantizedTable(concatenating: operand, output: type), requantized
      )
    }
    var lowered = Lowered(
      operation: .concatenation(QuantizedConcatenation(axis: axis)), operands: entry.inputs,
      type: type)
    lowered.tables = tables
    return lowered
  }
}
