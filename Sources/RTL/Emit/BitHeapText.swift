import AdderGraph
import Verilog

/// How a bit heap reads in Verilog: one full- or half-adder instance a cell, bits by name, words as
/// concatenations.
struct BitHeapText {
  private let heap: BitHeap
  /// The name of each row's word.
  private let rowNames: [String]
  /// What the heap reads: a net of at least the input's bits.
  struct Input {
    var name: String
    var width: Int
  }

  private let inputs: [Input]
  /// The name of each input and of each node that has a word, by node.
  private var nodeNames: [Int: String] = [:]
  /// By source: whether anything reads it.
  private let isRead: [Bool]
  /// By row: its cells, and its carry-propagate adders.
  private var cellsOf: [[Int]]
  private var addersOf: [[Int]]

  init(_ heap: BitHeap, inputs: [Input], rowNames: [String]) {
    self.heap = heap
    self.rowNames = rowNames
    self.inputs = inputs
    isRead = heap.readSources
    cellsOf = Array(repeating: [], count: heap.words.count)
    addersOf = cellsOf
    for (index, cell) in heap.cells.enumerated() { cellsOf[cell.row].append(index) }
    for (index, adder) in heap.adders.enumerated() { addersOf[adder.row].append(index) }
    for (index, input) in inputs.enumerated() { nodeNames[index] = input.name }
    for (row, word) in heap.words.enumerated() {
      if case .node(let node) = word.row.target { nodeNames[node.index] = rowNames[row] }
    }
  }

  /// A bit of hardware or a constant.
  func expression(_ bit: BitHeap.Bit) -> Expression {
    if let constant = bit.constant { return .constant(width: 1, value: constant) }
    let plain = expression(source: bit.source)
    return bit.isInverted ? .unary(.invert, plain) : plain
  }

  private func expression(source: Int) -> Expression {
    switch heap.sources[source] {
    case .input(let input, let bit):
      return inputs[input].width == 1
        ? .name(inputs[input].name) : .bit(inputs[input].name, bit)
    case .word(let row, let bit):
      return heap.words[row].drivers.count == 1
        ? .name(rowNames[row]) : .bit(rowNames[row], bit)
    case .sum(let cell): return .name("\(rowNames[heap.cells[cell].row])_s\(cell)")
    case .carry(let cell): return .name("\(rowNames[heap.cells[cell].row])_c\(cell)")
    case .adder(let adder, let bit):
      let name = "\(rowNames[heap.adders[adder].row])_t"
      return heap.adders[adder].a.count == 1 ? .name(name) : .bit(name, bit)
    }
  }

  /// Bits, lowest first, as one vector.
  func vector(_ bits: [BitHeap.Bit]) -> Expression {
    bits.count == 1 ? expression(bits[0]) : .concatenation(bits.reversed().map(expression))
  }

  /// The adders of a row and their wires.
  func cells(row: Int) -> [Item] {
    var nets: [String] = []
    var body: [Item] = []
    for number in cellsOf[row] {
      let own = heap.cells[number]
      for source in [own.sum, own.carry] {
        if case .name(let name) = expression(source: source) { nets.append(name) }
      }
      var connections = [Connection("a", expression(own.a)), Connection("b", expression(own.b))]
      if let c = own.c { connections.append(Connection("c", expression(c))) }
      connections.append(Connection("carry", expression(source: own.carry)))
      connections.append(Connection("sum", expression(source: own.sum)))
      body.append(
        .cell(
          module: own.c == nil ? "df_half_adder" : "df_full_adder",
          name: "\(rowNames[row])_a\(number)", connections: connections))
    }
    for number in addersOf[row] {
      let own = heap.adders[number]
      body.append(
        .define(
          width: own.a.count, name: "\(rowNames[row])_t",
          value: .binary(.add, vector(own.a), vector(own.b))))
    }
    return (nets.isEmpty ? [] : [.wires(width: 1, names: nets)]) + body
  }

  /// All rows; the words of nodes are declared here, those of outputs are ports.
  var items: [Item] {
    var items: [Item] = []
    for (row, word) in heap.words.enumerated() {
      items.append(.comment([comment(row)]))
      items += cells(row: row)
      let width = word.drivers.count
      switch word.row.target {
      case .node:
        if width > 0 {
          items.append(.define(width: width, name: rowNames[row], value: vector(word.drivers)))
        }
      case .output:
        let value =
          width > 0 ? vector(word.drivers) : Expression.constant(width: 1, value: 0)
        items.append(.assign(Assignment(.name(rowNames[row]), value)))
      }
    }
    return items
  }

  /// What a row adds up, and the constant that its word has on top of it.
  private func comment(_ row: Int) -> String {
    let word = heap.words[row]
    var text = "\(rowNames[row]) ="
    for (index, term) in word.row.terms.enumerated() {
      let sign = term.isNegated ? " -" : index > 0 ? " +" : ""
      text += "\(sign) \(nodeNames[term.node.index] ?? "")"
      if term.shift > 0 { text += "<<\(term.shift)" }
    }
    if word.row.terms.isEmpty { text += " 0" }
    if word.offset != 0 { text += " + \(word.offset)" }
    return word.isTruncated ? text + " modulo 2^\(word.drivers.count)" : text
  }

  /// Bits that nothing reads: of inputs, of words, and carries.
  var unread: [Expression] {
    heap.sources.indices.filter { !isRead[$0] }.compactMap { source in
      if case .word(let row, _) = heap.sources[source],
        case .output = heap.words[row].row.target
      {
        return nil
      }
      return expression(source: source)
    }
  }
}
