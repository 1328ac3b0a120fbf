/// An adder graph at bit level: every sum with all its operands is one heap of bits in columns, added up
/// by full and half adders.
///
/// A minus is inverted bits and a constant, and so is a sign bit. Shared sums are held with whatever
/// constant that leaves on top of their value (`Word.offset`); their readers subtract it, so that all
/// constants meet in the outputs, once each. Words are unsigned.
public struct BitHeap: Hashable, Sendable {
  /// A bit of an input, of a word or of a cell, or a constant; inverted or not.
  public struct Bit: Hashable, Sendable {
    /// 2 * source + (1 when inverted); -2 is the constant 0, -1 the constant 1.
    var code: Int32

    static let zero = Bit(code: -2)
    static let one = Bit(code: -1)

    init(code: Int32) { self.code = code }
    init(source: Int) { code = Int32(source) << 1 }

    /// The value of a constant; nil for a bit of hardware.
    public var constant: Int? { code < 0 ? Int(code & 1) : nil }
    /// Index into `sources`, of a bit that is not constant.
    public var source: Int { Int(code >> 1) }
    public var isInverted: Bool { code & 1 != 0 }
    public var inverted: Bit { Bit(code: code ^ 1) }
  }

  /// Where the bits of hardware come from.
  public enum Source: Hashable, Sendable {
    case input(Int, bit: Int)
    case word(Int, bit: Int)
    case sum(cell: Int)
    case carry(cell: Int)
    /// A bit of the sum of a carry-propagate adder.
    case adder(Int, bit: Int)
  }

  /// `a + b + c = 2 carry + sum`; a half adder without c.
  public struct Cell: Hashable, Sendable {
    public var a: Bit
    public var b: Bit
    public var c: Bit?
    public var sum: Int
    public var carry: Int
    /// Whether something reads the carry.
    public var needsCarry: Bool
    /// The row that it is part of.
    public var row: Int
  }

  /// A carry-propagate adder, modulo 2^width: the last two operands of a row where that is wanted.
  public struct Adder: Hashable, Sendable {
    public var a: [Bit]
    public var b: [Bit]
    /// The source of the lowest bit of the sum; the others follow.
    public var sum: Int
    public var row: Int
  }

  /// The result of a row: the unsigned number `value + offset`, modulo 2^bits when `isTruncated`.
  public struct Word: Hashable, Sendable {
    public var row: SumRows.Row
    /// What drives the bits, lowest first.
    public var drivers: [Bit] = []
    /// The source of the lowest bit; the others follow.
    public var source = 0
    public var offset: Int
    public var isTruncated: Bool
    /// Whether an output is in two's complement.
    public var isSigned: Bool
  }

  /// How the last two operands of a row are added.
  public enum FinalAdder: String, Hashable, Sendable, CaseIterable, Codable {
    /// By full and half adders, from the low end: the fewest gates.
    case ripple
    /// By `+`, for the synthesis tool to choose: faster, larger.
    case word
  }

  public let inputs: [ClosedRange<Int>]
  public package(set) var sources: [Source] = []
  public package(set) var cells: [Cell] = []
  public package(set) var adders: [Adder] = []
  /// One a row of `SumRows`, in order.
  public package(set) var words: [Word] = []

  init(inputs: [ClosedRange<Int>]) { self.inputs = inputs }

  /// Of each source: whether a cell, an adder or a word reads it.
  package var readSources: [Bool] {
    var isRead = [Bool](repeating: false, count: sources.count)
    func read(_ bit: Bit) { if bit.constant == nil { isRead[bit.source] = true } }
    for cell in cells {
      read(cell.a)
      read(cell.b)
      if let c = cell.c { read(c) }
    }
    for adder in adders { (adder.a + adder.b).forEach(read) }
    for word in words { word.drivers.forEach(read) }
    return isRead
  }

  public var fullAdderCount: Int { cells.count { $0.c != nil } }
  public var halfAdderCount: Int { cells.count { $0.c == nil } }
  /// Bits of the carry-propagate adders.
  public var finalAdderBits: Int { adders.reduce(0) { $0 + $1.a.count } }

  /// The words of the outputs, in order.
  public var outputs: [Word] {
    words.filter { if case .output = $0.row.target { true } else { false } }
  }

  /// NAND2 equivalents, NAND = NOR = 1 and NOT = 0.5: a full adder is nine NANDs, a half adder four and
  /// an inverter, less where no one reads the carry; a bit of a carry-propagate adder as Yosys builds it.
  public var estimatedGates: Int {
    var halves = 0
    for cell in cells {
      if cell.c != nil {
        halves += cell.needsCarry ? 18 : 16
      } else {
        halves += cell.needsCarry ? 9 : 8
      }
    }
    return (halves + 1) / 2 + finalAdderBits * AdderGraph.gatesPerAdderBit
  }

  /// The value of every output for the given inputs, from the bits of the hardware.
  public func evaluate(_ values: [Int]) -> [Int] {
    var bits = [UInt8](repeating: 0, count: sources.count)
    func read(_ bit: Bit) -> UInt8 {
      if let constant = bit.constant { return UInt8(constant) }
      return bits[bit.source] ^ (bit.isInverted ? 1 : 0)
    }
    var (cell, adder) = (0, 0)
    for (index, source) in sources.enumerated() {
      if case .input(let input, let bit) = source {
        bits[index] = UInt8(truncatingIfNeeded: values[input] >> bit & 1)
      }
    }
    for (row, word) in words.enumerated() {
      while cell < cells.count, cells[cell].row == row {
        let own = cells[cell]
        let total = read(own.a) + read(own.b) + (own.c.map(read) ?? 0)
        bits[own.sum] = total & 1
        bits[own.carry] = total >> 1
        cell += 1
      }
      while adder < adders.count, adders[adder].row == row {
        let own = adders[adder]
        var carry: UInt8 = 0
        for bit in own.a.indices {
          let total = read(own.a[bit]) + read(own.b[bit]) + carry
          bits[own.sum + bit] = total & 1
          carry = total >> 1
        }
        adder += 1
      }
      for (bit, driver) in word.drivers.enumerated() { bits[word.source + bit] = read(driver) }
    }
    return outputs.map { word in
      var value = 0
      for bit in word.drivers.indices { value |= Int(bits[word.source + bit]) << bit }
      let top = word.drivers.count - 1
      return word.isSigned && value >> top & 1 != 0 ? value - 1 << (top + 1) : value
    }
  }
}

extension AdderGraph {
  /// NAND2 equivalents of one bit of a two-operand adder as Yosys builds it from `+` (its carry
  /// look-ahead included); measured, docs/adder-graph.md.
  public static let gatesPerAdderBit = 14
}
