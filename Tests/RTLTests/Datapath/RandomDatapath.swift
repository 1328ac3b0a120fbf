import RTL

/// A random datapath of sums, selects, maxima and saturations over a few inputs, with intervals by
/// interval arithmetic.
func randomDatapath(seed: Int, signals count: Int = 40) -> Datapath {
  var random = SeededGenerator(UInt64(seed))
  var datapath = Datapath()
  var words: [SignalID] = []
  var bits: [SignalID] = []
  for index in 0..<4 {
    let low = [0, -128, 3, -17].randomElement(using: &random)!
    words.append(
      datapath.append("x\(index)", .input, low...low + Int.random(in: 1...255, using: &random)))
    bits.append(datapath.append("row\(index)", .input, 0...1))
  }
  words.append(datapath.append("constant", .constant(5), 5...5))
  for index in 0..<count {
    let a = words.randomElement(using: &random)!
    let b = words.randomElement(using: &random)!
    let (low, high) = (datapath[a].interval, datapath[b].interval)
    let name = "s\(index)"
    switch Int.random(in: 0..<8, using: &random) {
    case 0..<4:
      guard low.bitCount < 30, high.bitCount < 30 else { continue }
      let shift = Int.random(in: 0...4, using: &random)
      let negated = Bool.random(using: &random)
      let fill = Int.random(in: 0..<1 << shift, using: &random)
      let term = high.scaled(by: negated ? -(1 << shift) : 1 << shift)
        .adding(negated ? -fill ... -fill : fill...fill)
      words.append(
        datapath.append(
          name, .add(.init(a), .init(b, shift: shift, isNegated: negated, fill: fill)),
          low.adding(term)))
    case 4:
      words.append(
        datapath.append(
          name, .select(bits.randomElement(using: &random)!, a, b), low.union(high)))
    case 5:
      let range =
        max(low.lowerBound, high.lowerBound)...max(low.upperBound, high.upperBound)
      words.append(datapath.append(name, .maximum(a, b), range))
    case 6:
      let shift = Int.random(in: 0...6, using: &random)
      let bounds = [0...255, -128...127, 7...100, -5...9].randomElement(using: &random)!
      func clamped(_ x: Int) -> Int { min(max(x >> shift, bounds.lowerBound), bounds.upperBound) }
      words.append(
        datapath.append(
          name, .saturate(a, shift: shift, clamp: bounds),
          clamped(low.lowerBound)...clamped(low.upperBound)))
    default:
      bits.append(datapath.append(name, .isNegative(a), 0...1))
    }
  }
  datapath.outputs = [words[words.count - 1], words[words.count - 2]]
  return datapath
}

/// Random input values, at the ends of the intervals every other time.
func randomInputs(_ datapath: Datapath, seed: Int) -> [SignalID: Int] {
  var random = SeededGenerator(UInt64(seed))
  var values: [SignalID: Int] = [:]
  for index in datapath.signals.indices where datapath.signals[index].operation == .input {
    let interval = datapath.signals[index].interval
    values[SignalID(index)] =
      seed % 2 == 0
      ? Int.random(in: interval, using: &random)
      : [interval.lowerBound, interval.upperBound].randomElement(using: &random)!
  }
  return values
}

/// The datapath in unbounded integers.
func exactValues(_ datapath: Datapath, _ inputs: [SignalID: Int]) -> [Int] {
  var values: [Int] = []
  func term(_ operand: Datapath.Operand) -> Int {
    let value = values[operand.signal.index] << operand.shift + operand.fill
    return operand.isNegated ? -value : value
  }
  for (index, signal) in datapath.signals.enumerated() {
    switch signal.operation {
    case .input, .parameter: values.append(inputs[SignalID(index)]!)
    case .constant(let value): values.append(value)
    case .add(let a, let b): values.append(term(a) + term(b))
    case .copy(let a): values.append(values[a.index])
    case .isNegative(let a): values.append(values[a.index] < 0 ? 1 : 0)
    case .and(let a, let b): values.append(values[a.index] & values[b.index])
    case .equals(let a, let value): values.append(values[a.index] == value ? 1 : 0)
    case .select(let c, let a, let b):
      values.append(values[c.index] == 1 ? values[a.index] : values[b.index])
    case .maximum(let a, let b): values.append(max(values[a.index], values[b.index]))
    case .saturate(let a, let shift, let clamp):
      values.append(min(max(values[a.index] >> shift, clamp.lowerBound), clamp.upperBound))
    case .table(let a, let table): values.append(table.value(values[a.index]))
    case .multiply(let a, let b, _): values.append(values[a.index] * values[b.index])
    case .shiftRight(let a, let b): values.append(values[a.index] >> values[b.index])
    }
  }
  return values
}
