import YosysNetlist

/// Full and half adders among the modules of a design, known by their truth tables.
extension AdderCell {
  /// The module as an adder; nil when it is none: two or three inputs of one bit, two outputs of
  /// one bit, and `a + b (+ c) = 2 carry + sum` for every combination of inputs.
  init?(_ netlist: Netlist) {
    let inputs = netlist.ports.filter { $0.direction == .input }
    let outputs = netlist.ports.filter { $0.direction == .output }
    guard (2...3).contains(inputs.count), outputs.count == 2, !netlist.hasMemory,
      inputs.count + outputs.count == netlist.ports.count,
      netlist.ports.allSatisfy({ $0.bits.count == 1 }), netlist.cells.count <= 64
    else { return nil }
    for (sum, carry) in [(outputs[0], outputs[1]), (outputs[1], outputs[0])] {
      let isAdder = (0..<1 << inputs.count).allSatisfy { pattern in
        var bits: [Netlist.Bit: Int] = [.zero: 0, .one: 1]
        for (index, input) in inputs.enumerated() {
          bits[input.bits[0]] = pattern >> index & 1
        }
        guard netlist.settle(&bits), let low = bits[sum.bits[0]], let high = bits[carry.bits[0]]
        else { return false }
        return 2 * high + low == pattern.nonzeroBitCount
      }
      if isAdder {
        self.init(inputs: inputs.map(\.name), sum: sum.name, carry: carry.name)
        return
      }
    }
    return nil
  }
}

extension Netlist {
  /// Computes the cells' outputs from the bits that are there; false when a cell has no rule or the
  /// cells go in a circle.
  fileprivate func settle(_ bits: inout [Bit: Int]) -> Bool {
    var waiting = cells
    while !waiting.isEmpty {
      var later: [Cell] = []
      for cell in waiting {
        guard let value = Self.value(of: cell, bits) else {
          later.append(cell)
          continue
        }
        for (index, bit) in cell["Y"].enumerated() { bits[bit] = value >> index & 1 }
      }
      if later.count == waiting.count { return false }
      waiting = later
    }
    return true
  }

  /// The unsigned result of a cell; nil while an operand is missing, and for one without a rule.
  private static func value(of cell: Cell, _ bits: [Bit: Int]) -> Int? {
    func operand(_ port: String) -> Int? {
      var value = 0
      guard cell[port].count <= 8, !cell.flag(port + "_SIGNED") else { return nil }
      for (index, bit) in cell[port].enumerated() {
        guard let one = bits[bit] else { return nil }
        value |= one << index
      }
      return value
    }
    guard let a = operand("A"), let b = operand("B") else { return nil }
    let width = cell["Y"].count
    switch cell.type {
    case "$not": return ~a & ((1 << width) - 1)
    case "$pos": return a
    case "$and": return a & b
    case "$or": return a | b
    case "$xor": return a ^ b
    case "$xnor": return ~(a ^ b) & ((1 << width) - 1)
    case "$add": return a + b
    case "$mux": return operand("S").map { $0 == 1 ? b : a }
    case "$reduce_and": return a == (1 << cell["A"].count) - 1 ? 1 : 0
    case "$reduce_or", "$reduce_bool": return a != 0 ? 1 : 0
    case "$reduce_xor": return a.nonzeroBitCount & 1
    case "$logic_and": return a != 0 && b != 0 ? 1 : 0
    case "$logic_or": return a != 0 || b != 0 ? 1 : 0
    case "$logic_not": return a == 0 ? 1 : 0
    default: return nil
    }
  }
}
