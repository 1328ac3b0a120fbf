import NeuralGraph

/// Writes one operator after the other. A value of the network is a tensor of its codes, in its own shape.
struct BackEndBuilder {
  let graph: QuantizedGraph
  var model: ONNXModel
  private var names: [ValueID: String]
  private var count = 0

  init(_ graph: QuantizedGraph, features: ValueID) {
    self.graph = graph
    model = ONNXModel(name: graph.name)
    names = [features: BackEnd.inputName]
    let type = graph[features].type
    model.inputs = [
      ONNXModel.Value(
        name: BackEnd.inputName, element: Self.element(type), dimensions: type.shape.dimensions)
    ]
  }

  /// The whole model; an output that nothing behind the features computes is a copy of them.
  func model(outputs: [ValueID]) -> ONNXModel {
    var builder = self
    let wanted = outputs.map { graph[$0].name }
    for (index, id) in outputs.enumerated() {
      let type = graph[id].type
      var unique = wanted[index]
      var number = index
      // A name of another output, of the input or of a value in between becomes one of its own.
      while unique.isEmpty || unique == BackEnd.inputName || builder.isUsed(unique)
        || (unique != wanted[index] && wanted.contains(unique))
      {
        number += 1
        unique = "output\(number)"
      }
      builder.node("Identity", [names[id]!], output: unique)
      builder.model.outputs.append(
        ONNXModel.Value(
          name: unique, element: Self.element(type), dimensions: type.shape.dimensions))
    }
    return builder.model
  }

  private func isUsed(_ name: String) -> Bool {
    model.nodes.contains { $0.output == name } || model.constants.contains { $0.name == name }
  }

  mutating func add(_ id: ValueID) {
    let node = graph[id]
    let operands = node.operands.map { names[$0]! }
    let types = node.operands.map { graph[$0].type }
    let result: String
    switch node.operation {
    case .input: return
    case .convolution(let convolution):
      result = self.convolution(convolution, operands[0], types[0], node.type)
    case .fullyConnected(let layer):
      result = fullyConnected(layer, operands[0], types[0], node.type)
    case .averagePool(let pool): result = averagePool(pool, operands[0], types[0])
    case .maxPool(let pool): result = maxPool(pool, operands[0], types[0])
    case .mean(let mean): result = self.mean(mean, operands[0], types[0], node.type)
    case .add(let add): result = sum(add, operands, types, node.type)
    case .multiply(let multiply):
      let factors = zip(operands, types).map { centred($0, $1) }
      result = requantized(
        self.node("Mul", factors), [multiply.requantization], multiply.clamp, node.type)
    case .rescale(let rescale):
      let codes = types[0].element.range.map { code in
        let value = node.type.zeroPoint + rescale.requantization.apply(code - types[0].zeroPoint)
        return Int16(min(max(value, rescale.clamp.lowerBound), rescale.clamp.upperBound))
      }
      result = table(codes, operands[0], types[0], node.type)
    case .table(let table): result = self.table(table.codes, operands[0], types[0], node.type)
    case .concatenation(let concatenation):
      result = self.node("Concat", operands, [("axis", .int(concatenation.axis))])
    case .pad(let pad):
      result = padded(
        operands[0], before: pad.before, after: pad.after, code: pad.code ?? node.type.zeroPoint,
        node.type)
    case .reshape: result = reshaped(operands[0], node.type.shape.dimensions)
    case .softmax(let softmax): result = self.softmax(softmax, operands[0], node.type)
    case .l2Normalization:
      result = inReals(
        operands[0], types[0], node.type, "LpNormalization", [("axis", .int(-1)), ("p", .int(2))])
    }
    names[id] = result
  }

  // MARK: Pieces

  mutating func padded(
    _ operand: String, before: [Int], after: [Int], code: Int, _ type: QuantizedType
  ) -> String {
    let filling = integers([code], [], Self.element(type))
    return node("Pad", [operand, integers(before + after, nil, .int64), filling])
  }

  static func element(_ type: QuantizedType) -> ONNXModel.Element {
    type.element == .uint8 ? .uint8 : .int8
  }

  /// Adds an operator and returns its output's name.
  @discardableResult
  mutating func node(
    _ operation: String, _ inputs: [String],
    _ attributes: [(name: String, value: ONNXModel.Attribute)] = [], output: String? = nil
  ) -> String {
    count += 1
    let output = output ?? "df_value\(count)"
    model.nodes.append(
      ONNXModel.Node(
        operation: operation, inputs: inputs, output: output, attributes: attributes))
    return output
  }

  /// A constant of integers; of one dimension unless `dimensions` says otherwise.
  mutating func integers(_ values: [Int], _ dimensions: [Int]?, _ element: ONNXModel.Element)
    -> String
  {
    func bytes<Number: FixedWidthInteger>(_ type: Number.Type) -> [UInt8] {
      values.flatMap {
        withUnsafeBytes(of: Number(truncatingIfNeeded: $0).littleEndian, Array.init)
      }
    }
    let data: [UInt8] =
      switch element {
      case .uint8, .int8: values.map { UInt8(truncatingIfNeeded: $0) }
      case .int32: bytes(Int32.self)
      default: bytes(Int64.self)
      }
    return constant(element, dimensions ?? [values.count], data)
  }

  private mutating func reals(_ values: [Double], _ dimensions: [Int]) -> String {
    constant(
      .double, dimensions,
      values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
  }

  private mutating func constant(
    _ element: ONNXModel.Element, _ dimensions: [Int], _ bytes: [UInt8]
  ) -> String {
    count += 1
    let name = "df_constant\(count)"
    model.constants.append(
      ONNXModel.Constant(name: name, element: element, dimensions: dimensions, bytes: bytes))
    return name
  }

  mutating func cast(_ value: String, _ element: ONNXModel.Element) -> String {
    node("Cast", [value], [("to", .int(Int(element.rawValue)))])
  }

  mutating func reshaped(_ value: String, _ dimensions: [Int]) -> String {
    node("Reshape", [value, integers(dimensions, nil, .int64)])
  }

  /// `x - z_x` in 64 bits.
  private mutating func centred(_ value: String, _ type: QuantizedType) -> String {
    let wide = cast(value, .int64)
    return node("Sub", [wide, integers([type.zeroPoint], [], .int64)])
  }

  /// The codes without sign, and their zero point: what integer products are defined for everywhere.
  mutating func unsigned(_ value: String, _ type: QuantizedType) -> (codes: String, zero: Int) {
    guard type.element == .int8 else { return (value, type.zeroPoint) }
    let shifted = node("Add", [cast(value, .int32), integers([128], [], .int32)])
    return (cast(shifted, .uint8), type.zeroPoint + 128)
  }

  private mutating func table(
    _ codes: [Int16], _ operand: String, _ type: QuantizedType, _ result: QuantizedType
  ) -> String {
    var index = node(
      "Sub",
      [cast(operand, .int64), integers([type.element.range.lowerBound], [], .int64)])
    if codes.count > 256 {
      let starts = (0..<codes.count / 256).map { 256 * $0 }
      index = node("Add", [index, integers(starts, nil, .int64)])
    }
    return node("Gather", [integers(codes.map(Int.init), nil, Self.element(result)), index])
  }

  /// An operator on real numbers, its result quantized again.
  private mutating func inReals(
    _ operand: String, _ type: QuantizedType, _ result: QuantizedType, _ operation: String,
    _ attributes: [(name: String, value: ONNXModel.Attribute)]
  ) -> String {
    let real = node("DequantizeLinear", [operand] + quantization(type))
    return node(
      "QuantizeLinear", [node(operation, [real], attributes)] + quantization(result))
  }

  private mutating func quantization(_ type: QuantizedType) -> [String] {
    [
      constant(
        .float, [], withUnsafeBytes(of: type.scale.bitPattern.littleEndian, Array.init)),
      integers([type.zeroPoint], [], Self.element(type)),
    ]
  }

  // MARK: Sums and means

  private mutating func mean(
    _ mean: QuantizedMean, _ operand: String, _ type: QuantizedType, _ result: QuantizedType
  ) -> String {
    let sums = node(
      "ReduceSum", [centred(operand, type), integers(mean.axes, nil, .int64)],
      [("keepdims", .int(0))])
    return requantized(
      reshaped(sums, result.shape.dimensions), [mean.requantization], mean.clamp, result)
  }

  /// Each operand through a table of its scaled codes, which are the kernel's.
  private mutating func sum(
    _ add: QuantizedAdd, _ operands: [String], _ types: [QuantizedType], _ result: QuantizedType
  ) -> String {
    var terms: [String] = []
    for (multiplier, (operand, type)) in zip([add.first, add.second], zip(operands, types)) {
      let values = type.element.range.map {
        multiplier.apply(($0 - type.zeroPoint) << QuantizedAdd.leftShift)
      }
      let index = node(
        "Sub",
        [cast(operand, .int64), integers([type.element.range.lowerBound], [], .int64)])
      terms.append(node("Gather", [integers(values, nil, .int64), index]))
    }
    return requantized(node("Add", terms), [add.output], add.clamp, result)
  }

  // MARK: Requantization

  /// The quotient of 64-bit integers, rounded down; the divisor is a positive constant. `Div` cuts towards
  /// zero, `Mod` is never negative: both together are the floor.
  mutating func floorQuotient(_ value: String, _ divisor: Int) -> String {
    let divisor = integers([divisor], [], .int64)
    return node("Div", [node("Sub", [value, node("Mod", [value, divisor])]), divisor])
  }

  /// `clamp(z_y + multiplier(acc))` of 64-bit accumulators whose last dimension is the channels'; one
  /// multiplier for all or one a channel.
  mutating func requantized(
    _ accumulators: String, _ multipliers: [FixedPointMultiplier], _ clamp: ClosedRange<Int>,
    _ type: QuantizedType
  ) -> String {
    // A constant of one dimension would give a number one dimension as well.
    let single: [Int]? = type.shape.rank == 0 ? [] : nil
    if multipliers.contains(where: \.isExact) {
      let factors = multipliers.map { multiplier in
        let value = Double(multiplier.multiplier) / Double(max(1, multiplier.divisor))
        let power = multiplier.isExact ? multiplier.exponent : multiplier.exponent - 31
        return value * Double(sign: .plus, exponent: power, significand: 1)
      }
      let product = node(
        "Mul", [cast(accumulators, .double), reals(factors, single ?? [factors.count])])
      return code(cast(node("Round", [product]), .int64), clamp, type)
    }
    func constants(_ value: (FixedPointMultiplier) -> Int) -> [Int] { multipliers.map(value) }
    let factor = integers(constants { $0.multiplier << max(0, $0.exponent) }, single, .int64)
    var value = node(
      "Add", [node("Mul", [accumulators, factor]), integers([1 << 30], [], .int64)])
    value = floorQuotient(value, 1 << 31)
    if multipliers.contains(where: { $0.exponent < 0 }) {
      let half = integers(
        constants { $0.exponent < 0 ? 1 << (-$0.exponent - 1) : 0 }, single, .int64)
      let power = integers(constants { 1 << max(0, -$0.exponent) }, single, .int64)
      let magnitude = node("Div", [node("Add", [node("Abs", [value]), half]), power])
      value = node("Mul", [node("Sign", [value]), magnitude])
    }
    return code(value, clamp, type)
  }

  /// The same with real multipliers: `half-away(binary64(acc * M))`.
  mutating func requantized(
    _ accumulators: String, _ multipliers: [RealMultiplier], _ clamp: ClosedRange<Int>,
    _ type: QuantizedType
  ) -> String {
    let factors = multipliers.map {
      Double($0.mantissa) / Double(max(1, $0.divisor))
        * Double(sign: .plus, exponent: -$0.shift, significand: 1)
    }
    let product = node("Mul", [cast(accumulators, .double), reals(factors, [factors.count])])
    if multipliers.contains(where: { $0.divisor > 0 }) {
      return code(cast(node("Round", [product]), .int64), clamp, type)
    }
    // A sum with a half could round up what lies just below it.
    let magnitude = node("Abs", [product])
    let whole = node("Floor", [magnitude])
    let isUp = node("GreaterOrEqual", [node("Sub", [magnitude, whole]), reals([0.5], [])])
    let rounded = node("Add", [cast(whole, .int64), cast(isUp, .int64)])
    let sign = cast(node("Sign", [product]), .int64)
    return code(node("Mul", [sign, rounded]), clamp, type)
  }

  private mutating func code(_ value: String, _ clamp: ClosedRange<Int>, _ type: QuantizedType)
    -> String
  {
    let moved = node("Add", [value, integers([type.zeroPoint], [], .int64)])
    let high = node("Min", [moved, integers([clamp.upperBound], [], .int64)])
    let low = node("Max", [high, integers([clamp.lowerBound], [], .int64)])
    return cast(low, Self.element(type))
  }
}
