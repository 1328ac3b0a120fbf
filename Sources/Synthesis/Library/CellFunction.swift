/// A cell's output as a truth table over the cell's inputs, from a liberty `function`: `!a`, `a'`, `a*b`,
/// `a&b`, `a b`, `a+b`, `a|b`, `a^b`, parentheses, 0 and 1.
package struct CellFunction: Hashable {
  /// Bit i is the output where input j is bit j of i.
  package let table: UInt64

  /// Nil for text that is no such function, and for more than six inputs.
  package init?(_ text: String, inputs: [String]) {
    guard inputs.count <= 6 else { return nil }
    var parser = Parser(text: Array(text.utf8), inputs: inputs)
    guard let table = parser.sum(0), parser.isAtEnd else { return nil }
    self.table = table & Self.mask(inputs.count)
  }

  static func mask(_ inputs: Int) -> UInt64 {
    inputs == 6 ? .max : (1 << (1 << UInt64(inputs))) - 1
  }

  /// The table of input `index` itself.
  static func variable(_ index: Int) -> UInt64 {
    var table: UInt64 = 0
    for row in 0..<64 where row >> index & 1 == 1 { table |= 1 << UInt64(row) }
    return table
  }

  private struct Parser {
    let text: [UInt8]
    let inputs: [String]
    var position = 0

    static let deepest = 64

    private mutating func peek() -> UInt8 {
      while position < text.count, text[position] <= 0x20 { position += 1 }
      return position < text.count ? text[position] : 0
    }

    var isAtEnd: Bool { text[position...].allSatisfy { $0 <= 0x20 } }

    mutating func sum(_ depth: Int) -> UInt64? {
      guard var result = exclusive(depth) else { return nil }
      while peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "|") {
        position += 1
        guard let next = exclusive(depth) else { return nil }
        result |= next
      }
      return result
    }

    private mutating func exclusive(_ depth: Int) -> UInt64? {
      guard var result = product(depth) else { return nil }
      while peek() == UInt8(ascii: "^") {
        position += 1
        guard let next = product(depth) else { return nil }
        result ^= next
      }
      return result
    }

    private mutating func product(_ depth: Int) -> UInt64? {
      guard var result = factor(depth) else { return nil }
      while true {
        let byte = peek()
        if byte == UInt8(ascii: "*") || byte == UInt8(ascii: "&") {
          position += 1
        } else if byte == 0 || "+|^)".utf8.contains(byte) {
          return result
        }
        guard let next = factor(depth) else { return nil }
        result &= next
      }
    }

    private mutating func factor(_ depth: Int) -> UInt64? {
      guard depth < Self.deepest else { return nil }
      var result: UInt64
      switch peek() {
      case UInt8(ascii: "!"):
        position += 1
        guard let inner = factor(depth + 1) else { return nil }
        result = ~inner
      case UInt8(ascii: "("):
        position += 1
        guard let inner = sum(depth + 1), peek() == UInt8(ascii: ")") else { return nil }
        position += 1
        result = inner
      default:
        let start = position
        while position < text.count, text[position] > 0x20,
          !"!'*&+|^()".utf8.contains(text[position])
        { position += 1 }
        let name = String(decoding: text[start..<position], as: UTF8.self)
        switch name {
        case "0": result = 0
        case "1": result = .max
        default:
          guard let index = inputs.firstIndex(of: name) else { return nil }
          result = CellFunction.variable(index)
        }
      }
      while peek() == UInt8(ascii: "'") {
        position += 1
        result = ~result
      }
      return result
    }
  }
}
