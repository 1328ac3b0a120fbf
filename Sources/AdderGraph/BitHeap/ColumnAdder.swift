/// Adds columns of bits by full and half adders, word by word.
struct ColumnAdder {
  private typealias Bit = BitHeap.Bit

  /// Bits by weight, lowest first.
  struct Columns {
    fileprivate var bits: [[BitHeap.Bit]] = []

    /// Adds a word's bits, each inverted where that is asked.
    mutating func append(_ word: [BitHeap.Bit], shift: Int, isInverted: Bool) {
      for (position, bit) in word.enumerated() {
        while bits.count <= position + shift { bits.append([]) }
        bits[position + shift].append(isInverted ? bit.inverted : bit)
      }
    }
  }

  private(set) var heap: BitHeap
  private let finalAdder: BitHeap.FinalAdder
  /// When each source is there, in half full adders from the inputs.
  private var times: [Int32] = []

  init(inputs: [ClosedRange<Int>], finalAdder: BitHeap.FinalAdder) {
    heap = BitHeap(inputs: inputs)
    self.finalAdder = finalAdder
  }

  /// The heap, when all its words are there.
  var finished: BitHeap {
    var heap = heap
    let isRead = heap.readSources
    for index in heap.cells.indices {
      heap.cells[index].needsCarry = isRead[heap.cells[index].carry]
    }
    return heap
  }

  private mutating func source(_ source: BitHeap.Source, time: Int32) -> Int {
    heap.sources.append(source)
    times.append(time)
    return heap.sources.count - 1
  }

  private func time(_ bit: Bit) -> Int32 { bit.constant == nil ? times[bit.source] : 0 }

  /// The bits of an input. A sign bit s weighs -2^k: that is the inverted bit, and -2^k, which stays
  /// with the caller.
  mutating func appendInput(_ input: Int) -> [BitHeap.Bit] {
    let width = SignalWidth(of: heap.inputs[input])
    var bits = (0..<width.bits).map { Bit(source: source(.input(input, bit: $0), time: 0)) }
    if width.isSigned { bits[width.bits - 1] = bits[width.bits - 1].inverted }
    return bits
  }

  /// Adds columns and a constant modulo 2^bits: the word's bits.
  mutating func appendWord(
    _ columns: Columns, constant: Int, bits: Int, _ word: BitHeap.Word
  ) -> [BitHeap.Bit] {
    var columns = columns.bits
    while columns.count < bits { columns.append([]) }
    columns.removeSubrange(bits...)
    let drivers = add(columns, constant: constant)
    let index = heap.words.count
    let first = heap.sources.count
    for (bit, driver) in drivers.enumerated() {
      _ = source(.word(index, bit: bit), time: time(driver))
    }
    var word = word
    word.drivers = drivers
    word.source = first
    heap.words.append(word)
    return drivers.indices.map { Bit(source: first + $0) }
  }

  /// Adds columns of bits and a constant modulo 2^columns; returns the bits of the sum.
  private mutating func add(_ columns: [[Bit]], constant: Int) -> [Bit] {
    let row = heap.words.count
    var columns = columns.map { $0.filter { $0.constant == nil } }
    var drivers: [Bit] = []
    var rest: (a: [Bit], b: [Bit]) = ([], [])
    for column in columns.indices {
      var bits = columns[column]
      var isOdd = constant >> column & 1 != 0
      let isTop = column + 1 == columns.count
      func carry(_ bit: Bit) { if !isTop { columns[column + 1].append(bit) } }
      while bits.count >= 3 {
        let (sum, over) = fullAdder(&bits, row)
        bits.append(sum)
        carry(over)
      }
      if bits.count == 2 && isOdd {
        // a + b + 1 = 3 - (~a + ~b): a half adder of the inverted bits, inverted.
        let (sum, over) = cell(bits[0].inverted, bits[1].inverted, nil, row)
        bits = [sum.inverted]
        carry(over.inverted)
        isOdd = false
      }
      let keeps = finalAdder == .word && (bits.count == 2 || !rest.a.isEmpty)
      if keeps {
        rest.a.append(bits.first ?? .zero)
        rest.b.append(bits.count == 2 ? bits[1] : isOdd ? .one : .zero)
        continue
      }
      if bits.count == 2 {
        let (sum, over) = cell(bits[0], bits[1], nil, row)
        drivers.append(sum)
        carry(over)
      } else if let bit = bits.first {
        // x + 1 = 2 x + ~x.
        drivers.append(isOdd ? bit.inverted : bit)
        if isOdd { carry(bit) }
      } else {
        drivers.append(isOdd ? .one : .zero)
      }
    }
    return drivers + propagate(rest.a, rest.b, row)
  }

  /// The three bits that come first, the third of the polarity of the others if that costs no time.
  private mutating func fullAdder(_ bits: inout [Bit], _ row: Int) -> (Bit, Bit) {
    bits.sort { (time($0), $0.code & 1, $0.code) < (time($1), $1.code & 1, $1.code) }
    let taken = Array(bits[0..<3])
    bits.removeSubrange(0..<3)
    // A full adder of inverted bits is the inverted full adder: at most one input stays inverted.
    if taken.count(where: \.isInverted) >= 2 {
      let (sum, carry) = cell(
        taken[0].inverted, taken[1].inverted, taken[2].inverted, row)
      return (sum.inverted, carry.inverted)
    }
    return cell(taken[0], taken[1], taken[2], row)
  }

  private mutating func cell(_ a: Bit, _ b: Bit, _ c: Bit?, _ row: Int) -> (Bit, Bit) {
    let number = heap.cells.count
    // A late third input passes one exclusive or, the others two.
    let both = max(time(a), time(b))
    let done = c.map { max(both + 2, time($0) + 1) } ?? both + 1
    let sum = source(.sum(cell: number), time: done)
    let carry = source(.carry(cell: number), time: done)
    heap.cells.append(
      BitHeap.Cell(a: a, b: b, c: c, sum: sum, carry: carry, needsCarry: true, row: row))
    return (Bit(source: sum), Bit(source: carry))
  }

  /// The sum of the last two operands of a row.
  private mutating func propagate(_ a: [Bit], _ b: [Bit], _ row: Int) -> [Bit] {
    guard !a.isEmpty else { return [] }
    let late = (a + b).map { time($0) }.max() ?? 0
    let first = heap.sources.count
    let number = heap.adders.count
    let levels = Int32(2 + SignalWidth.bitLength(a.count))
    for bit in a.indices { _ = source(.adder(number, bit: bit), time: late + levels) }
    heap.adders.append(BitHeap.Adder(a: a, b: b, sum: first, row: row))
    return a.indices.map { Bit(source: first + $0) }
  }
}
