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
  private var adder: ColumnAdder
  /// What readers see of an input or a node that is a word, by node.
  private var operands: [Operand?]
  /// Bits that readers need at most, by node.
  private var needs: [Int]
  /// Readers of each node, by node.
  private let readers: [Int]
  /// Nodes that an output reads as they are.
  private var isOutput: [Bool]

  /// Bits whose sum is a value and an offset.
  private struct Operand {
    var bits: [BitHeap.Bit]
    var offset: Int
  }

  init(_ graph: AdderGraph, inputs: [ClosedRange<Int>], finalAdder: BitHeap.FinalAdder) {
    rows = SumRows(graph)
    adder = ColumnAdder(inputs: inputs, finalAdder: finalAdder)
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
    for (input, range) in adder.heap.inputs.enumerated() {
      let width = SignalWidth(of: range)
      operands[input] = Operand(
        bits: adder.appendInput(input), offset: width.isSigned ? 1 << (width.bits - 1) : 0)
    }
    findNeeds()
    for row in rows.rows.indices { appendRow(row) }
    return adder.finished
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
    var columns = ColumnAdder.Columns()
    for term in row.terms {
      guard let operand = operands[term.node.index] else {
        preconditionFailure("a row reads inputs and earlier rows")
      }
      natural &+=
        (term.isNegated ? (1 << operand.bits.count) - 1 - operand.offset : operand.offset)
        << term.shift
      columns.append(operand.bits, shift: term.shift, isInverted: term.isNegated)
    }
    let form = form(row, natural: natural)
    let bits = adder.appendWord(
      columns, constant: form.constant, bits: form.bits,
      BitHeap.Word(
        row: row, offset: form.offset, isTruncated: form.isTruncated, isSigned: form.isSigned))
    if case .node(let node) = row.target {
      operands[node.index] = Operand(bits: bits, offset: form.offset)
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
}
