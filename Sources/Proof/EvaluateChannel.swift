/// The values of a step: from `low` to `high`; `isUnknown` when they could not be bounded.
struct Bounds {
  var low: Int
  var high: Int
  var isUnknown = false

  init(_ low: Int, _ high: Int) {
    self.low = low
    self.high = high
  }

  static var unknown: Bounds {
    var bounds = Bounds(Int.min, Int.max)
    bounds.isUnknown = true
    return bounds
  }

  static let bit = Bounds(0, 1)
  static func bit(_ value: Bool) -> Bounds { value ? Bounds(1, 1) : Bounds(0, 0) }

  var isPoint: Bool { low == high && !isUnknown }

  /// The number modulo 2^width, unsigned or two's complement. A point is exact whatever it is.
  func decoded(_ width: Int, isSigned: Bool) -> Bounds {
    let lowest = isSigned ? -(1 << (width - 1)) : 0
    let all = Bounds(lowest, lowest + (1 << width) - 1)
    if isUnknown { return all }
    if isPoint {
      let value =
        isSigned ? centred(low, width) : low & ((1 << width) - 1)
      return Bounds(value, value)
    }
    guard let offset = SymbolicLayer.offset(low...high, lowest, width) else { return all }
    return Bounds(low + offset, high + offset)
  }
}

extension ChannelProgram {
  /// The output for the sums from `low` to `high`: the one value modulo 2^width that it has for all
  /// of them, or nil when it could not be narrowed down to one.
  /// `values` is room for the steps' values, kept from call to call.
  func evaluate(_ low: Int, _ high: Int, width: Int, _ values: inout [Bounds]) -> Int? {
    if values.count != steps.count {
      values = Array(repeating: Bounds(0, 0), count: steps.count)
    }
    for (index, step) in steps.enumerated() {
      switch step {
      case .affine(let alpha, let beta, let terms):
        values[index] = Self.affine(alpha, beta, terms, Bounds(low, high), values)
      case .slice(let source, let first, let count, let isSigned):
        let bounds = values[source]
        values[index] =
          bounds.isUnknown
          ? bounds.decoded(count, isSigned: isSigned)
          : Bounds(bounds.low >> first, bounds.high >> first).decoded(count, isSigned: isSigned)
      case .node(let kind, let operands, let width):
        values[index] = Self.node(
          kind,
          operands.map { values[$0.step].decoded($0.width, isSigned: $0.isSigned) },
          operandWidth: operands[0].width, width)
      }
    }
    let result = values[values.count - 1].decoded(width, isSigned: false)
    return result.isPoint ? result.low : nil
  }

  /// The value of an operator whose operands are constants.
  static func constant(_ operation: NodeOperation) -> Int {
    node(
      operation.kind,
      operation.operands.map {
        Bounds($0.form.constant, $0.form.constant).decoded($0.width, isSigned: $0.isSigned)
      }, operandWidth: operation.operands[0].width, operation.width
    ).low
  }

  private static func affine(
    _ alpha: Int, _ beta: Int, _ terms: [(step: Int, coefficient: Int)], _ sum: Bounds,
    _ values: [Bounds]
  ) -> Bounds {
    if sum.isPoint, terms.allSatisfy({ values[$0.step].isPoint }) {
      var value = alpha &* sum.low &+ beta
      for term in terms { value = value &+ term.coefficient &* values[term.step].low }
      return Bounds(value, value)
    }
    var result = Bounds(beta, beta)
    var overflows = false
    func add(_ bounds: Bounds, times factor: Int) {
      if factor == 0 { return }
      let (a, first) = bounds.low.multipliedReportingOverflow(by: factor)
      let (b, second) = bounds.high.multipliedReportingOverflow(by: factor)
      let (low, third) = result.low.addingReportingOverflow(min(a, b))
      let (high, fourth) = result.high.addingReportingOverflow(max(a, b))
      overflows = overflows || first || second || third || fourth || bounds.isUnknown
      (result.low, result.high) = (low, high)
    }
    add(sum, times: alpha)
    for term in terms where !overflows { add(values[term.step], times: term.coefficient) }
    return overflows ? .unknown : result
  }

  private static func node(
    _ kind: NodeOperation.Kind, _ operands: [Bounds], operandWidth: Int, _ width: Int
  ) -> Bounds {
    let all = Bounds(0, (1 << width) - 1)
    let a = operands[0]
    let b = operands.count > 1 ? operands[1] : a
    let arePoints = operands.allSatisfy(\.isPoint)
    func ordered(_ isBelow: Bool, _ isNotBelow: Bool) -> Bounds {
      isBelow ? .bit(true) : isNotBelow ? .bit(false) : .bit
    }
    func bitwise(_ function: (Int, Int) -> Int) -> Bounds {
      guard arePoints else { return all }
      let value = function(a.low, b.low) & ((1 << width) - 1)
      return Bounds(value, value)
    }
    // Whether an unsigned operand is not zero.
    func truth(_ bounds: Bounds) -> Bool? {
      bounds.low > 0 ? true : bounds.high == 0 ? false : nil
    }
    func bit(_ value: Bool?) -> Bounds { value.map { .bit($0) } ?? .bit }
    switch kind {
    case .select:
      let chosen = operands[2]
      if a.isPoint { return a.low == 1 ? chosen : b }
      return Bounds(min(b.low, chosen.low), max(b.high, chosen.high))
    case .oneOfMany:
      let conditions = operands[1...operands.count / 2]
      let choices = operands[(operands.count / 2 + 1)...]
      let unknown = conditions.filter { !$0.isPoint }
      let chosen = zip(conditions, choices).filter { $0.0.isPoint && $0.0.low == 1 }
      // Two that hold are none that a case has; then nothing is known of the result.
      guard unknown.isEmpty, chosen.count <= 1 else { return all }
      return chosen.first?.1 ?? a
    case .less: return ordered(a.high < b.low, a.low >= b.high)
    case .lessOrEqual: return ordered(a.high <= b.low, a.low > b.high)
    case .greater: return ordered(a.low > b.high, a.high <= b.low)
    case .greaterOrEqual: return ordered(a.low >= b.high, a.high < b.low)
    case .equal, .notEqual:
      let isEqual = kind == .equal
      if arePoints { return .bit((a.low == b.low) == isEqual) }
      return a.high < b.low || b.high < a.low ? .bit(!isEqual) : .bit
    case .and:
      if a.isPoint, a.low == 0 { return Bounds(0, 0) }
      if b.isPoint, b.low == 0 { return Bounds(0, 0) }
      return bitwise(&)
    case .or:
      if width == 1, (a.isPoint && a.low == 1) || (b.isPoint && b.low == 1) { return .bit(true) }
      return bitwise(|)
    case .xor: return bitwise(^)
    case .xnor: return bitwise { ~($0 ^ $1) }
    case .logicAnd:
      if truth(a) == false || truth(b) == false { return .bit(false) }
      return bit(truth(a) == true && truth(b) == true ? true : nil)
    case .logicOr:
      if truth(a) == true || truth(b) == true { return .bit(true) }
      return bit(truth(a) == false && truth(b) == false ? false : nil)
    case .logicNot: return bit(truth(a).map { !$0 })
    case .reduceOr: return bit(truth(a))
    case .anyOf:
      if operands.contains(where: { $0.isPoint && $0.low == 1 }) { return .bit(true) }
      return operands.allSatisfy { $0.isPoint && $0.low == 0 } ? .bit(false) : .bit
    case .reduceAnd:
      let full = (1 << operandWidth) - 1
      return bit(a.low == full ? true : a.high < full ? false : nil)
    case .reduceXor: return bit(a.isPoint ? a.low.nonzeroBitCount % 2 == 1 : nil)
    case .reduceXnor: return bit(a.isPoint ? a.low.nonzeroBitCount % 2 == 0 : nil)
    }
  }
}
