import YosysNetlist

/// An operator that is not linear, on operands that are known as forms.
struct NodeOperation: Sendable {
  enum Kind: Sendable {
    /// Operand 2 when operand 0 is 1, else operand 1.
    case select
    /// The operand behind the one of the first half that is 1; operand 0 when none is.
    case oneOfMany
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    case and, or, xor, xnor
    case logicAnd, logicOr, logicNot
    case reduceAnd, reduceOr, reduceXor, reduceXnor
    /// 1 when some operand, a bit each, is 1: a `reduceOr` of too many bits for one number.
    case anyOf
  }

  /// A number: the form modulo 2^width, unsigned or two's complement.
  struct Operand: Sendable {
    var form: Form
    var width: Int
    var isSigned: Bool
  }

  var kind: Kind
  var operands: [Operand]
  var width: Int
}

extension SymbolicLayer {
  private func unknown(_ message: String, _ cell: Int) -> Value {
    Value(fault: fault(.notCovered, message, source: source(ofCell: cell)))
  }

  /// `bits` extended, or cut, to `width` bits.
  private func extended(_ bits: [Netlist.Bit], _ width: Int, isSigned: Bool) -> [Netlist.Bit] {
    if bits.count >= width { return Array(bits.prefix(width)) }
    let fill: Netlist.Bit = isSigned ? bits.last ?? .zero : .zero
    return bits + Array(repeating: fill, count: width - bits.count)
  }

  func cellValue(_ index: Int, _ word: Int) -> Value {
    let cell = netlist.cells[index]
    let width = words[word].width
    let isSigned = cell.flag("A_SIGNED")
    if !cell["B"].isEmpty, cell.type != "$mux", cell.type != "$pmux", !cell.type.hasPrefix("$sh"),
      !cell.type.hasPrefix("$ssh"), cell.flag("B_SIGNED") != isSigned
    {
      return unknown("a signed and an unsigned operand meet", index)
    }
    let place = source(ofCell: index)
    func operand(_ port: String) -> Value {
      assemble(
        extended(cell[port], width, isSigned: isSigned), modulus: width, source: place)
    }
    switch cell.type {
    case "$add": return sum(operand("A"), operand("B"), 1, width, place)
    case "$sub": return sum(operand("A"), operand("B"), -1, width, place)
    case "$neg": return sum(Value(), operand("A"), -1, width, place)
    case "$pos": return operand("A")
    case "$not" where width == 1:
      // The bit itself: one that is only congruent to it would be no bit any more.
      let bit = assemble(
        Array(cell["A"].prefix(1)), modulus: 64, source: place, composes: false)
      return sum(Value(form: Form(constant: 1)), bit, -1, 64, place)
    case "$not": return sum(Value(form: Form(constant: -1)), operand("A"), -1, width, place)
    case "$mul": return product(operand("A"), operand("B"), index, word)
    case "$shl", "$sshl", "$shr", "$sshr": return shifted(cell, index, width)
    case "$mux": return selected(index, word)
    case "$pmux": return selectedOfMany(index, word)
    default: return nodeValue(index, word)
    }
  }

  /// `a + factor b`, the times compared.
  private func sum(_ a: Value, _ b: Value, _ factor: Int, _ width: Int, _ place: String) -> Value {
    if a.fault != nil { return a }
    if b.fault != nil { return b }
    var result = a
    if let time = b.delay {
      if let known = result.delay, known != time { return timing(known, time, place) }
      result.delay = time
    }
    result.form.add(b.form, times: factor)
    result.form = reduced(result.form, modulus: width)
    if result.form.isConstant { result.delay = nil }
    return result
  }

  private func product(_ a: Value, _ b: Value, _ index: Int, _ word: Int) -> Value {
    if a.fault != nil { return a }
    if b.fault != nil { return b }
    for (constant, other) in [(a, b), (b, a)] where constant.form.isConstant {
      var result = other
      result.form = other.form.scaled(by: constant.form.constant)
      return result
    }
    return unknown("two numbers that are not constant are multiplied", index)
  }

  private func shifted(_ cell: Netlist.Cell, _ index: Int, _ width: Int) -> Value {
    var distance = 0
    for (position, bit) in cell["B"].enumerated() {
      let from = origin(bit).bit
      guard from == .zero || (from == .one && position < 7) else {
        return unknown("a shift by a number that is not constant", index)
      }
      if from == .one { distance += 1 << position }
    }
    if cell.flag("B_SIGNED"), origin(cell["B"].last ?? .zero).bit == .one {
      return unknown("a shift by a negative number", index)
    }
    let isSigned = cell.flag("A_SIGNED")
    let wide = extended(cell["A"], max(width, cell["A"].count), isSigned: isSigned)
    var bits: [Netlist.Bit]
    if cell.type == "$shl" || cell.type == "$sshl" {
      bits = Array(repeating: .zero, count: min(distance, width)) + wide
    } else {
      let fill: Netlist.Bit = cell.type == "$sshr" && isSigned ? wide.last ?? .zero : .zero
      bits = Array(wide.dropFirst(distance))
      bits += Array(repeating: fill, count: max(0, width - bits.count))
    }
    bits = Array(bits.prefix(width))
    return assemble(bits, modulus: width, source: source(ofCell: index))
  }

  private func selected(_ index: Int, _ word: Int) -> Value {
    let cell = netlist.cells[index]
    let place = source(ofCell: index)
    let width = words[word].width
    guard cell["S"].count == 1, cell["A"].count == width, cell["B"].count == width else {
      return unknown("a selection of unequal widths", index)
    }
    let select = assemble(cell["S"], modulus: 64, source: place)
    if select.fault != nil { return select }
    if select.form.isConstant {
      return assemble(
        select.form.constant & 1 == 1 ? cell["B"] : cell["A"], modulus: width, source: place)
    }
    // Of one bit the bit itself: modulo two its factor could as well be minus one.
    let modulus = width == 1 ? 64 : width
    let no = assemble(cell["A"], modulus: modulus, source: place)
    let yes = assemble(cell["B"], modulus: modulus, source: place)
    if no.fault != nil { return no }
    if yes.fault != nil { return yes }
    let times = Set([select.delay, no.delay, yes.delay].compactMap { $0 })
    if times.count > 1 { return timing(times.min()!, times.max()!, place) }
    var result = Value(delay: times.first)
    if let form = masked(select.form, yes.form, no.form, width)
      ?? maximum(select.form, yes.form, no.form, width)
    {
      result.form = form
      if form.isConstant { result.delay = nil }
      return result
    }
    let operation = NodeOperation(
      kind: .select,
      operands: [
        .init(form: select.form, width: 1, isSigned: false),
        .init(form: no.form, width: width, isSigned: false),
        .init(form: yes.form, width: width, isSigned: false),
      ], width: width)
    return node(operation, word, times.first)
  }

  /// `$pmux`: of a `case`, of whose conditions at most one holds.
  private func selectedOfMany(_ index: Int, _ word: Int) -> Value {
    let cell = netlist.cells[index]
    let place = source(ofCell: index)
    let width = words[word].width
    let count = cell["S"].count
    guard count > 0, cell["A"].count == width, cell["B"].count == count * width else {
      return unknown("a selection of unequal widths", index)
    }
    var operands: [NodeOperation.Operand] = []
    var delay: Int?
    func append(_ bits: [Netlist.Bit]) -> Value? {
      let value = assemble(bits, modulus: bits.count == 1 ? 64 : bits.count, source: place)
      if value.fault != nil { return value }
      if let time = value.delay {
        if let delay, delay != time { return timing(delay, time, place) }
        delay = time
      }
      operands.append(.init(form: value.form, width: bits.count, isSigned: false))
      return nil
    }
    if let fault = append(cell["A"]) { return fault }
    for bit in cell["S"] { if let fault = append([bit]) { return fault } }
    for choice in 0..<count {
      let bits = Array(cell["B"][choice * width..<(choice + 1) * width])
      if let fault = append(bits) { return fault }
    }
    return node(.init(kind: .oneOfMany, operands: operands, width: width), word, delay)
  }

  private func node(_ operation: NodeOperation, _ word: Int, _ delay: Int?) -> Value {
    if operation.operands.allSatisfy(\.form.isConstant) {
      return Value(form: Form(constant: ChannelProgram.constant(operation)))
    }
    nodes[Int32(word)] = operation
    let atom = atoms.intern(.node(word: Int32(word)), 0...(1 << operation.width) - 1)
    return Value(form: Form(atom), delay: delay)
  }

  /// A tap that is a constant outside the image.
  private func masked(_ select: Form, _ yes: Form, _ no: Form, _ width: Int) -> Form? {
    guard let condition = select.single, case .mask(let mask) = atoms[condition],
      no.isConstant, let tap = yes.single, case .tap = atoms[tap]
    else { return nil }
    let inside = atoms.interval(tap)
    // The number that the constant's bits stand for.
    let outside: Int
    if let wanted = front.outside, areEqual(no.constant, wanted, modulo: width) {
      outside = wanted
    } else if inside.lowerBound < 0 {
      outside = centred(no.constant, width)
    } else {
      outside = no.constant & ((1 << width) - 1)
    }
    return Form(
      atoms.intern(
        .masked(tap: tap, mask: mask, outside: outside),
        min(inside.lowerBound, outside)...max(inside.upperBound, outside)))
  }

  /// `a > b ? a : b` and its like.
  private func maximum(_ select: Form, _ yes: Form, _ no: Form, _ width: Int) -> Form? {
    guard let condition = select.single, case .node(let word) = atoms[condition],
      let comparison = nodes[word], comparison.operands.count == 2,
      let left = exact(comparison.operands[0]), let right = exact(comparison.operands[1])
    else { return nil }
    func isSame(_ a: Form, _ b: Form) -> Bool {
      a.terms == b.terms && areEqual(a.constant, b.constant, modulo: width)
    }
    switch comparison.kind {
    case .greater, .greaterOrEqual:
      guard isSame(yes, left), isSame(no, right) else { return nil }
    case .less, .lessOrEqual: guard isSame(yes, right), isSame(no, left) else { return nil }
    default: return nil
    }
    guard let first = atoms.interval(of: left), let second = atoms.interval(of: right) else {
      return nil
    }
    if right.isConstant, first.lowerBound >= right.constant { return left }
    if left.isConstant, second.lowerBound >= left.constant { return right }
    var members: Set<AtomID> = []
    for form in [left, right] {
      guard let atom = form.single else { return nil }
      switch atoms[atom] {
      case .maximum(let atoms): members.formUnion(atoms)
      case .tap, .masked, .pixel: members.insert(atom)
      default: return nil
      }
    }
    let intervals = members.map { atoms.interval($0) }
    return Form(
      atoms.intern(
        .maximum(members.sorted()),
        intervals.map(\.lowerBound).max()!...intervals.map(\.upperBound).max()!))
  }

  /// The operand's bits, read as it says, as a form that is equal to them; nil for none.
  private func exact(_ operand: NodeOperation.Operand) -> Form? {
    let lowest = operand.isSigned ? -(1 << (operand.width - 1)) : 0
    if let interval = atoms.interval(of: operand.form),
      Self.offset(interval, lowest, operand.width) == 0
    {
      return operand.form
    }
    return number(operand.form, lowest, operand.width)
  }

  private static let kinds: [String: NodeOperation.Kind] = [
    "$eq": .equal, "$ne": .notEqual, "$lt": .less, "$le": .lessOrEqual, "$gt": .greater,
    "$ge": .greaterOrEqual, "$and": .and, "$or": .or, "$xor": .xor, "$xnor": .xnor,
    "$logic_and": .logicAnd, "$logic_or": .logicOr, "$logic_not": .logicNot,
    "$reduce_and": .reduceAnd, "$reduce_or": .reduceOr, "$reduce_bool": .reduceOr,
    "$reduce_xor": .reduceXor, "$reduce_xnor": .reduceXnor,
  ]

  /// The or of many bits, as of the values of a `case` that have one result.
  private func anyOf(_ bits: [Netlist.Bit], _ place: String, _ word: Int) -> Value {
    var operands: [NodeOperation.Operand] = []
    var delay: Int?
    for bit in bits {
      let value = assemble([bit], modulus: 64, source: place)
      if value.fault != nil { return value }
      if let time = value.delay {
        if let delay, delay != time { return timing(delay, time, place) }
        delay = time
      }
      operands.append(.init(form: value.form, width: 1, isSigned: false))
    }
    return node(.init(kind: .anyOf, operands: operands, width: words[word].width), word, delay)
  }

  private func nodeValue(_ index: Int, _ word: Int) -> Value {
    let cell = netlist.cells[index]
    let place = source(ofCell: index)
    guard let kind = Self.kinds[cell.type] else {
      return unknown("there is no rule for the operator \(cell.type)", index)
    }
    let width = words[word].width
    let isSigned = cell.flag("A_SIGNED")
    let hasB = cell.connections["B"] != nil
    var operands: [NodeOperation.Operand] = []
    var delay: Int?
    for port in hasB ? ["A", "B"] : ["A"] {
      var bits = cell[port]
      var signed = isSigned
      switch kind {
      case .and, .or, .xor, .xnor:
        bits = extended(bits, width, isSigned: isSigned)
        signed = false
      case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: break
      default: signed = false
      }
      if kind == .reduceOr, bits.count > Self.widest { return anyOf(bits, place, word) }
      guard (1...Self.widest).contains(bits.count) else {
        return unknown("an operand of \(bits.count) bits", index)
      }
      let value = assemble(bits, modulus: bits.count, source: place)
      if value.fault != nil { return value }
      if let time = value.delay {
        if let delay, delay != time { return timing(delay, time, place) }
        delay = time
      }
      operands.append(.init(form: value.form, width: bits.count, isSigned: signed))
    }
    return node(.init(kind: kind, operands: operands, width: width), word, delay)
  }
}
