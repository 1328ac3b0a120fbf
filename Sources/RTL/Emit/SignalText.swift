import Verilog

/// How a datapath's signals read in Verilog: names by clock period, operands extended and shifted
/// to exact widths, each operation's expression.
struct SignalText {
  let datapath: Datapath
  let widths: SignalWidths
  let schedule: Schedule
  /// True for a signal that is read in its own period: it has a wire besides its registers.
  let isReadAtOnce: [Bool]
  /// By signal, for a parameter: the periods in which it is read, each of which has a register.
  let parameterPeriods: [[Int]]
  private let registers: RegisterWidths
  /// Functions of one code, each once, in the order of their first readers.
  let tables: [Table]
  private let tableNames: [TableKey: String]

  private struct TableKey: Hashable {
    var table: CodeTable
    var argumentWidth: Int
    var width: Int
  }

  init(_ layer: Layer) { self.init(layer.datapath, layer.widths, layer.schedule) }

  init(_ datapath: Datapath, _ widths: SignalWidths, _ schedule: Schedule) {
    registers = RegisterWidths(datapath, widths, schedule)
    self.datapath = datapath
    self.widths = widths
    self.schedule = schedule
    var isReadAtOnce = [Bool](repeating: false, count: datapath.signals.count)
    for index in datapath.signals.indices {
      for operand in datapath.signals[index].operation.operands
      where schedule.period[operand.index] == schedule.period[index] {
        isReadAtOnce[operand.index] = true
      }
    }
    self.isReadAtOnce = isReadAtOnce
    parameterPeriods = schedule.parameterPeriods(datapath)
    var tables: [Table] = []
    var names: [TableKey: String] = [:]
    for index in datapath.signals.indices {
      guard case .table(let source, let table) = datapath.signals[index].operation else { continue }
      let key = TableKey(
        table: table, argumentWidth: widths.bits[source.index], width: widths.bits[index])
      guard names[key] == nil else { continue }
      let text = Self.text(key, name: "table\(tables.count + 1)")
      names[key] = text.name
      tables.append(text)
    }
    self.tables = tables
    tableNames = names
  }

  /// A function by the codes of each result; the result that most codes have is that of all others.
  private static func text(_ key: TableKey, name: String) -> Table {
    let otherwise = key.table.mostFrequent
    var codes: [Int: [Int]] = [:]
    var results: [Int] = []
    for code in key.table.codes {
      let result = key.table.value(code)
      if result == otherwise { continue }
      if codes[result] == nil { results.append(result) }
      codes[result, default: []].append(code)
    }
    return Table(
      name: name, argumentWidth: key.argumentWidth, width: key.width,
      lines: results.map { Table.Line(codes: codes[$0]!, result: $0) }, otherwise: otherwise)
  }

  /// The net or register that holds the signal in `period`, at or after its own.
  func name(_ id: SignalID, in period: Int) -> String {
    let name = datapath[id].name
    if datapath[id].operation == .parameter {
      return parameterPeriods[id.index].first == period ? name : "\(name)_p\(period)"
    }
    let own = schedule.period[id.index]
    let age = period - own
    if age == 0 { return name }
    // A signal that is not read at once has no wire: its first register bears its name.
    let delay = isReadAtOnce[id.index] || datapath[id].operation == .input ? age : age - 1
    return delay == 0 ? name : "\(name)_d\(delay)"
  }

  /// Bits that hold the signal in `period`, at or after its own.
  func bits(_ id: SignalID, in period: Int) -> Int {
    if datapath[id].operation == .parameter { return widths.bits[id.index] }
    let age = period - schedule.period[id.index]
    return age == 0 ? widths.bits[id.index] : registers.bits(id, age: age)
  }

  private func isSigned(_ id: SignalID) -> Bool { datapath[id].interval.isSigned }

  /// The whole signal, or its constant.
  func whole(_ id: SignalID, _ period: Int, width: Int) -> Expression {
    if case .constant(let value) = datapath[id].operation {
      return .constant(width: width, value: value)
    }
    return extended(name(id, in: period), bits(id, in: period), width, isSigned(id))
  }

  private func extended(_ name: String, _ held: Int, _ width: Int, _ signed: Bool) -> Expression {
    precondition(held <= width, "\(name) is wider than its use")
    if held == width { return .name(name) }
    return .concatenation([
      signed ? signs(name, held, width - held) : .constant(width: width - held, value: 0),
      .name(name),
    ])
  }

  private func signs(_ name: String, _ held: Int, _ count: Int) -> Expression {
    let sign: Expression = held == 1 ? .name(name) : .bit(name, held - 1)
    return count == 1 ? sign : .replication(count, sign)
  }

  /// `operand << shift` modulo 2^width, without its sign.
  func shifted(_ operand: Datapath.Operand, _ period: Int, width: Int) -> Expression {
    if case .constant(let value) = datapath[operand.signal].operation {
      return .constant(width: width, value: value << operand.shift + operand.fill)
    }
    let name = name(operand.signal, in: period)
    let held = bits(operand.signal, in: period)
    let room = width - operand.shift
    if room <= 0 {
      return .constant(width: width, value: operand.fill & ((1 << width) - 1))
    }
    var parts: [Expression] = []
    if held > room {
      parts.append(room == 1 ? .bit(name, 0) : .slice(name, high: room - 1, low: 0))
    } else {
      if held < room {
        precondition(
          !widths.isTruncated[operand.signal.index] && held == widths.bits[operand.signal.index],
          "\(name) is truncated and would be extended")
        parts.append(
          isSigned(operand.signal)
            ? signs(name, held, room - held) : .constant(width: room - held, value: 0))
      }
      parts.append(.name(name))
    }
    if operand.shift > 0 { parts.append(.constant(width: operand.shift, value: operand.fill)) }
    return parts.count == 1 ? parts[0] : .concatenation(parts)
  }

  /// The low `count` bits of the signal.
  func low(_ id: SignalID, _ count: Int, in period: Int) -> Expression {
    let name = name(id, in: period)
    if count == bits(id, in: period) { return .name(name) }
    return count == 1 ? .bit(name, 0) : .slice(name, high: count - 1, low: 0)
  }

  /// What the signal is computed from, `widths` bits wide.
  func expression(_ id: SignalID) -> Expression {
    let period = schedule.period[id.index]
    let width = widths.bits[id.index]
    switch datapath[id].operation {
    case .input, .constant, .parameter: preconditionFailure("\(datapath[id].name) is not computed")
    case .add(let a, let b):
      precondition(!(a.isNegated && b.isNegated), "at most one operand of a sum is negated")
      let left = shifted(a.isNegated ? b : a, period, width: width)
      let right = shifted(a.isNegated ? a : b, period, width: width)
      return .binary(a.isNegated || b.isNegated ? .subtract : .add, left, right)
    case .copy(let a):
      return bits(a, in: period) > width
        ? low(a, width, in: period) : whole(a, period, width: width)
    case .isNegative(let a):
      guard isSigned(a) else { return .constant(width: 1, value: 0) }
      return bit(a, widths.bits[a.index] - 1, period)
    case .and(let a, let b):
      return .binary(.bitAnd, .name(name(a, in: period)), .name(name(b, in: period)))
    case .equals(let a, let value):
      return .binary(
        .equal, .name(name(a, in: period)), .constant(width: widths.bits[a.index], value: value))
    case .select(let condition, let a, let b):
      return .conditional(
        .name(name(condition, in: period)), whole(a, period, width: width),
        whole(b, period, width: width))
    case .maximum(let a, let b):
      let left = whole(a, period, width: width)
      let right = whole(b, period, width: width)
      let signed = datapath[id].interval.isSigned
      return .conditional(
        .binary(
          .greater, signed ? .unary(.signed, left) : left, signed ? .unary(.signed, right) : right),
        left, right)
    case .saturate(let a, let shift, let clamp):
      return saturated(a, shift, clamp, period, width: width)
    case .table(let a, let table):
      let key = TableKey(table: table, argumentWidth: widths.bits[a.index], width: width)
      return .call(tableNames[key]!, .name(name(a, in: period)))
    case .multiply(let a, let b, _):
      // Modulo 2^width the signs of the first factor are right in its extension.
      return .binary(.multiply, whole(a, period, width: width), whole(b, period, width: width))
    case .shiftRight(let a, let b):
      let value = whole(a, period, width: width)
      return .binary(
        .shiftRight, isSigned(a) ? .unary(.signed, value) : value, .name(name(b, in: period)))
    }
  }

  private func bit(_ id: SignalID, _ bit: Int, _ period: Int) -> Expression {
    let name = name(id, in: period)
    return widths.bits[id.index] == 1 ? .name(name) : .bit(name, bit)
  }

  private func slice(_ id: SignalID, _ high: Int, _ low: Int, _ period: Int) -> Expression {
    let name = name(id, in: period)
    if low == 0, high == widths.bits[id.index] - 1 { return .name(name) }
    return high == low ? .bit(name, high) : .slice(name, high: high, low: low)
  }

  /// `clamp(a >> shift)`. Bounds that are powers of two are bit tests; a bound that the interval
  /// keeps is no hardware.
  private func saturated(
    _ a: SignalID, _ shift: Int, _ clamp: ClosedRange<Int>, _ period: Int, width: Int
  ) -> Expression {
    let held = widths.bits[a.index]
    let interval = datapath[a].interval
    let range = (interval.lowerBound >> shift)...(interval.upperBound >> shift)
    let top = held - 1
    // Bits of the shifted value; past the top there is only its sign.
    let bits = max(1, held - shift)
    let low = min(shift, top)
    if shift >= held, !interval.isSigned {
      return .constant(width: width, value: max(0, clamp.lowerBound))
    }
    func value() -> Expression {
      if width <= bits { return slice(a, low + width - 1, low, period) }
      let part = slice(a, top, low, period)
      let fill: Expression =
        interval.isSigned
        ? (width - bits == 1
          ? bit(a, top, period) : .replication(width - bits, bit(a, top, period)))
        : .constant(width: width - bits, value: 0)
      return .concatenation([fill, part])
    }
    var result = value()
    let isBelowFirst = range.lowerBound < clamp.lowerBound && clamp.lowerBound >= 0
    if range.upperBound > clamp.upperBound {
      result = .conditional(
        isAbove(
          a, clamp.upperBound, low, bits, period, isNegativeOut: isBelowFirst),
        .constant(width: width, value: clamp.upperBound), result)
    }
    if range.lowerBound < clamp.lowerBound {
      result = .conditional(
        isBelow(a, clamp.lowerBound, low, bits, period),
        .constant(width: width, value: clamp.lowerBound), result)
    }
    return result
  }

  private func isPowerOfTwo(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }

  /// Whether the shifted value is above `bound`; with `isNegativeOut` it is known not to be
  /// negative.
  private func isAbove(
    _ a: SignalID, _ bound: Int, _ low: Int, _ bits: Int, _ period: Int, isNegativeOut: Bool
  ) -> Expression {
    let signed = datapath[a].interval.isSigned
    let top = low + bits - 1
    if bound >= 0, isPowerOfTwo(bound + 1) {
      // Above 2^k - 1: not negative, and a bit from k on is set.
      let first = low + (bound + 1).trailingZeroBitCount
      let last = signed ? top - 1 : top
      let high = reduced(.reduceOr, a, last, first, period)
      return signed && !isNegativeOut
        ? .binary(.bitAnd, .unary(.invert, bit(a, top, period)), high) : high
    }
    return compared(.greater, a, bound, low, bits, period)
  }

  /// Whether the shifted value is below `bound`.
  private func isBelow(
    _ a: SignalID, _ bound: Int, _ low: Int, _ bits: Int, _ period: Int
  ) -> Expression {
    let top = low + bits - 1
    guard datapath[a].interval.isSigned else {
      return compared(.less, a, bound, low, bits, period)
    }
    if bound == 0 { return bit(a, top, period) }
    if bound < 0, isPowerOfTwo(-bound) {
      // Below -2^k: negative, and a bit from k on is clear.
      let first = low + (-bound).trailingZeroBitCount
      let all = reduced(.reduceAnd, a, top - 1, first, period)
      return .binary(.bitAnd, bit(a, top, period), .unary(.invert, all))
    }
    return compared(.less, a, bound, low, bits, period)
  }

  private func reduced(
    _ operation: Expression.UnaryOperator, _ a: SignalID, _ high: Int, _ low: Int, _ period: Int
  ) -> Expression {
    let part = slice(a, high, low, period)
    return high == low ? part : .unary(operation, part)
  }

  private func compared(
    _ operation: Expression.BinaryOperator, _ a: SignalID, _ bound: Int, _ low: Int, _ bits: Int,
    _ period: Int
  ) -> Expression {
    let part = slice(a, low + bits - 1, low, period)
    let constant = Expression.constant(width: bits, value: bound)
    if datapath[a].interval.isSigned {
      return .binary(operation, .unary(.signed, part), .unary(.signed, constant))
    }
    return .binary(operation, part, constant)
  }
}
