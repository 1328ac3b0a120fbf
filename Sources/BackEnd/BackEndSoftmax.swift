import NeuralGraph

/// SOFTMAX in fixed point, step by step as the reference kernel.
extension BackEndBuilder {
  mutating func softmax(
    _ softmax: QuantizedSoftmax, _ operand: String, _ type: QuantizedType
  ) -> String {
    let exponentials = softmax.exponentials
    /// By the difference to the maximum; what is left out counts nothing.
    func table(_ value: (Int) -> Int) -> [Int] {
      exponentials.map(value) + [Int](repeating: 0, count: 256 - exponentials.count)
    }
    let codes = cast(operand, .int64)
    let maximum = node("ReduceMax", [codes], [("axes", .ints([-1])), ("keepdims", .int(1))])
    let difference = node("Sub", [maximum, codes])
    let powers = node("Gather", [integers(table { $0 }, nil, .int64), difference])
    let addends = node(
      "Gather", [integers(table { ($0 + 1 << 11) >> 12 }, nil, .int64), difference])
    let sum = lastSum(addends)
    // The number of the sum's bits: how many powers of two it reaches.
    let steps = integers((0..<62).map { 1 << $0 }, nil, .int64)
    let length = lastSum(cast(node("GreaterOrEqual", [sum, steps]), .int64))
    func byLength(_ builder: inout BackEndBuilder, _ value: (Int) -> Int) -> String {
      let values = builder.integers((0...62).map(value), nil, .int64)
      return builder.node("Gather", [values, length])
    }
    // The leading one goes to bit 31.
    let up = byLength(&self) { 1 << max(0, 32 - $0) }
    let down = byLength(&self) { 1 << max(0, $0 - 32) }
    let mantissa = node("Div", [node("Mul", [sum, up]), down])
    let half = node("Div", [mantissa, integer(2)])
    var x = node("Add", [highProduct(half, integer(-1_010_580_540)), integer(1_515_870_810)])
    for _ in 0..<3 {
      let error = node("Sub", [integer(1 << 29), highProduct(half, x)])
      let step = node("Mul", [highProduct(x, error), integer(4)])
      let high = node("Min", [step, integer(Int(Int32.max))])
      x = node("Add", [x, node("Max", [high, integer(Int(Int32.min))])])
    }
    let scale = node("Min", [node("Mul", [x, integer(2)]), integer(Int(Int32.max))])
    // 12 - (32 - length) bits over one, and 31 - 8 more.
    let rounding = byLength(&self) { 1 << min(61, $0 + 2) }
    let divisor = byLength(&self) { 1 << min(62, $0 + 3) }
    let probability = node(
      "Div", [node("Add", [highProduct(scale, powers), rounding]), divisor])
    let code = node("Min", [probability, integer(255)])
    return cast(
      node("Add", [code, integer(type.element.range.lowerBound)]), Self.element(type))
  }

  private mutating func integer(_ value: Int) -> String { integers([value], [], .int64) }

  private mutating func lastSum(_ value: String) -> String {
    node("ReduceSum", [value, integers([-1], nil, .int64)], [("keepdims", .int(1))])
  }

  /// `a b / 2^31`, nearest, halves up, at most 2^31 - 1.
  private mutating func highProduct(_ a: String, _ b: String) -> String {
    let product = node("Add", [node("Mul", [a, b]), integer(1 << 30)])
    return node("Min", [floorQuotient(product, 1 << 31), integer(Int(Int32.max))])
  }
}
