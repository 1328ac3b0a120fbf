extension AdderGraph {
  /// The graph at bit level, for inputs out of the given intervals; proved before it is returned.
  public func bitHeap(
    inputs: [ClosedRange<Int>], finalAdder: BitHeap.FinalAdder = .ripple
  ) -> BitHeap {
    var builder = BitHeapBuilder(self, inputs: inputs, finalAdder: finalAdder)
    let heap = builder.build()
    let problems = heap.verify(equals: self)
    precondition(problems.isEmpty, "the bit heap is not the adder graph: \(problems[0])")
    return heap
  }
}

/// Builds the rows of a graph one after the other.
struct BitHeapBuilder {
  private typealias Bit = BitHeap.Bit

  private let rows: SumRows
  private let intervals: [ClosedRange<Int>]
  private let outputIntervals: [ClosedRange<Int>]
  private let finalAdder: BitHeap.FinalAdder
  private var heap: BitHeap
  /// What readers see of an input or a node that is a word, by node.
  private var operands: [Operand?]
  /// Bits that readers need at most, by node.
  private var needs: [Int]
  /// Readers of each node, by node.
  private let readers: [Int]
  /// Nodes that an output reads as they are.
  private var isOutput: [Bool]
  /// When each source is there, in half full adders from the inputs.
  private var times: [Int32] = []

  /// Bits whose sum is a value and an offset.
  private struct Operand {
    var bits: [BitHeap.Bit]
    var offset: Int
  }

  init(_ graph: AdderGraph, inputs: [ClosedRange<Int>], finalAdder: BitHeap.FinalAdder) {
    rows = SumRows(graph)
    self.finalAdder = finalAdder
    heap = BitHeap(inputs: inputs)
    intervals = graph.intervals(inputs: inputs)
    readers = graph.readerCounts
    operands = Array(repeating: nil, count: graph.nodes.count)
    needs = Array(repeating: 0, count: graph.nodes.count)
    isOutput = Array(repeating: false, count: graph.nodes.count)
    let intervals = intervals
    outputIntervals = graph.outputs.map { term in
      guard let term else { return 0...0 }
      let (a, b) = (
        intervals[term.node.index].lowerBound << term.shift,
        intervals[term.node.index].upperBound << term.shift
      )
      return term.isNegated ? -b...(-a) : a...b
    }
  }

  mutating func build() -> BitHeap {
    for (input, range) in heap.inputs.enumerated() { appendInput(input, range) }
    findNeeds()
    for row in rows.rows.indices { appendRow(row) }
    markCarries()
    return heap
  }

  private mutating func source(_ source: BitHeap.Source, time: Int32) -> Int {
    heap.sources.append(source)
    times.append(time)
    return heap.sources.count - 1
  }

  private func time(_ bit: Bit) -> Int32 { bit.constant == nil ? times[bit.source] : 0 }

  private mutating func appendInput(_ input: Int, _ range: ClosedRange<Int>) {
    let width = SignalWidth(of: range)
    var bits = (0..<width.bits).map { Bit(source: source(.input(input, bit: $0), time: 0)) }
    // A sign bit s weighs -2^k: that is the inverted bit, and -2^k.
    if width.isSigned { bits[width.bits - 1] = bits[width.bits - 1].inverted }
    operands[input] = Operand(bits: bits, offset: width.isSigned ? 1 << (width.bits - 1) : 0)
  }

  /// The most bits that a row can have: of a node one more than its interval is long.
  private func mostBits(_ row: SumRows.Row) -> Int {
    switch row.target {
    case .output(let output): return SignalWidth(of: outputIntervals[output]).bits
    case .node(let node):
      return min(needs[node.index], Self.rangeBits(intervals[node.index]) + 1)
    }
  }

  private static func rangeBits(_ range: ClosedRange<Int>) -> Int {
    max(1, SignalWidth.bitLength(range.upperBound - range.lowerBound))
  }

  private mutating func findNeeds() {
    for row in rows.rows.reversed() {
      let bits = mostBits(row)
      for term in row.terms {
        needs[term.node.index] = max(needs[term.node.index], bits - term.shift)
      }
      if case .output = row.target, row.terms.count == 1, !row.terms[0].isNegated {
        isOutput[row.terms[0].node.index] = true
      }
    }
  }

  // MARK: One row

  /// How a row is held.
  private struct Form {
    var bits: Int
    /// Added to the bits of the operands.
    var constant: Int
    var offset: Int
    var isTruncated = false
    var isSigned = false
  }

  private mutating func appendRow(_ index: Int) {
    let row = rows.rows[index]
    // The operands' bits add up to the row's value and this.
    var natural = 0
    var columns: [[Bit]] = []
    for term in row.terms {
      guard let operand = operands[term.node.index] else {
        preconditionFailure("a row reads inputs and earlier rows")
      }
      natural &+=
        (term.isNegated ? (1 << operand.bits.count) - 1 - operand.offset : operand.offset)
        << term.shift
      for (position, bit) in operand.bits.enumerated() {
        let column = position + term.shift
        while columns.count <= column { columns.append([]) }
        columns[column].append(term.isNegated ? bit.inverted : bit)
      }
    }
    let form = form(row, natural: natural)
    while columns.count < form.bits { columns.append([]) }
    columns.removeSubrange(form.bits...)
    let drivers = add(columns, constant: form.constant, row: index)
    let first = heap.sources.count
    for (bit, driver) in drivers.enumerated() {
      _ = source(.word(index, bit: bit), time: time(driver))
    }
    heap.words.append(
      BitHeap.Word(
        row: row, drivers: drivers, source: first, offset: form.offset,
        isTruncated: form.isTruncated, isSigned: form.isSigned))
    if case .node(let node) = row.target {
      operands[node.index] = Operand(
        bits: drivers.indices.map { Bit(source: first + $0) }, offset: form.offset)
    }
  }

  /// The width of a row and its constant, whose operands' bits add up to its value and `natural`.
  private func form(_ row: SumRows.Row, natural: Int) -> Form {
    switch row.target {
    case .output(let output):
      let width = SignalWidth(of: outputIntervals[output])
      return Form(bits: width.bits, constant: 0 &- natural, offset: 0, isSigned: width.isSigned)
    case .node(let node):
      let range = intervals[node.index]
      if isOutput[node.index] {
        // An output in two's complement is this with its top bit inverted.
        let width = SignalWidth(of: range)
        let offset = width.isSigned ? 1 << (width.bits - 1) : 0
        return Form(bits: width.bits, constant: offset &- natural, offset: offset)
      }
      let exact = Self.rangeBits(range)
      let fits = Self.fits(range, natural, bits: exact)
      if needs[node.index] < exact || (needs[node.index] == exact && !fits) {
        let bits = max(0, needs[node.index])
        return Form(
          bits: bits, constant: 0, offset: natural & ((1 << bits) - 1), isTruncated: true)
      }
      if fits {
        return Form(
          bits: exact, constant: 0, offset: Self.reduced(range, natural, bits: exact))
      }
      let moved = Self.constant(moving: range, natural, into: exact)
      let ones = (moved & ((1 << exact) - 1)).nonzeroBitCount
      if ones > readers[node.index], Self.fits(range, natural, bits: exact + 1) {
        return Form(
          bits: exact + 1, constant: 0, offset: Self.reduced(range, natural, bits: exact + 1))
      }
      return Form(
        bits: exact, constant: moved,
        offset: Self.reduced(range, natural &+ moved, bits: exact))
    }
  }

  /// Whether the interval moved by `offset` lies between two multiples of 2^bits.
  private static func fits(_ range: ClosedRange<Int>, _ offset: Int, bits: Int) -> Bool {
    (range.lowerBound &+ offset) >> bits == (range.upperBound &+ offset) >> bits
  }

  /// The offset less the multiple of 2^bits below the moved interval: carries past the top are dropped.
  private static func reduced(_ range: ClosedRange<Int>, _ offset: Int, bits: Int) -> Int {
    offset &- ((range.lowerBound &+ offset) >> bits) << bits
  }

  /// The constant with most trailing zeros that moves the interval clear of multiples of 2^bits.
  private static func constant(moving range: ClosedRange<Int>, _ offset: Int, into bits: Int) -> Int
  {
    let next = ((range.upperBound &+ offset) >> bits) << bits
    let least = next &- (range.lowerBound &+ offset)
    let most = next &+ (1 << bits) &- 1 &- (range.upperBound &+ offset)
    return LinearStaircase.roundest(in: least...most)
  }

  // MARK: Columns

  /// Adds columns of bits and a constant modulo 2^columns; returns the bits of the sum.
  private mutating func add(_ columns: [[Bit]], constant: Int, row: Int) -> [Bit] {
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

  /// Notes which carries anything reads.
  private mutating func markCarries() {
    let isRead = heap.readSources
    for index in heap.cells.indices {
      heap.cells[index].needsCarry = isRead[heap.cells[index].carry]
    }
  }
}
