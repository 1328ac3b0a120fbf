extension BitHeap {
  /// What is wrong with a bit heap.
  public enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The heap has not one row for each sum of the graph, or its parts do not belong together.
    case malformed(String)
    /// The bits of a row do not add up to its value and offset, modulo its width.
    case wrongSum(row: Int, String)
    /// A value does not fit the bits that hold it.
    case tooNarrow(row: Int)

    public var description: String {
      switch self {
      case .malformed(let text): text
      case .wrongSum(let row, let text): "row \(row) \(text)"
      case .tooNarrow(let row): "the value of row \(row) does not fit its bits"
      }
    }
  }

  /// The complete proof that the heap computes the outputs of `graph`; the empty list is the proof.
  ///
  /// Row by row, from the result bits back: the weight of a cell's sum bit goes to its operands, and its
  /// carry has to weigh twice as much, since `a + b + c = 2 carry + sum`. What is left at the bits of
  /// inputs and of earlier words has to be what the graph's own coefficients say, modulo the row's width;
  /// every word holds its whole interval, or is read only modulo its width. Work is linear in cells and in
  /// the operands of the rows.
  public func verify(equals graph: AdderGraph) -> [Problem] {
    guard graph.verify().isEmpty, graph.inputCount == inputs.count else {
      return [.malformed("the graph is malformed or has other inputs")]
    }
    var problems = structure(graph)
    guard problems.isEmpty else { return problems }
    var proof = RowProof(self, graph)
    for row in words.indices {
      if let problem = proof.problem(row) { problems.append(problem) }
    }
    return problems
  }

  /// Rows of other targets than the graph's, and cells that do not own their sources or read later ones.
  private func structure(_ graph: AdderGraph) -> [Problem] {
    var problems: [Problem] = []
    let targets = words.map(\.row.target)
    if targets != SumRows(graph).rows.map(\.target) {
      problems.append(.malformed("the rows are not the sums of the graph"))
    }
    func owns(_ source: Int, _ kind: Source) -> Bool {
      sources.indices.contains(source) && sources[source] == kind
    }
    func reads(_ bits: [Bit], before source: Int) -> Bool {
      bits.allSatisfy { $0.constant != nil || $0.source < source }
    }
    for (index, cell) in cells.enumerated() {
      let operands = [cell.a, cell.b] + (cell.c.map { [$0] } ?? [])
      if !owns(cell.sum, .sum(cell: index)) || !owns(cell.carry, .carry(cell: index))
        || !reads(operands, before: min(cell.sum, cell.carry)) || !words.indices.contains(cell.row)
        || (index > 0 && cells[index - 1].row > cell.row)
      {
        problems.append(.malformed("cell \(index) is out of order"))
      }
    }
    for (index, adder) in adders.enumerated() {
      if adder.a.count != adder.b.count || !words.indices.contains(adder.row)
        || !adder.a.indices.allSatisfy({ owns(adder.sum + $0, .adder(index, bit: $0)) })
        || !reads(adder.a + adder.b, before: adder.sum)
        || (index > 0 && adders[index - 1].row > adder.row)
      {
        problems.append(.malformed("adder \(index) is out of order"))
      }
    }
    for (row, word) in words.enumerated() {
      if word.drivers.count > 62
        || !word.drivers.indices.allSatisfy({ owns(word.source + $0, .word(row, bit: $0)) })
        || !reads(word.drivers, before: word.source)
      {
        problems.append(.malformed("word \(row) is out of order"))
      }
    }
    return problems
  }
}

/// The proofs of a heap's rows, with what they share.
private struct RowProof {
  private typealias Bit = BitHeap.Bit

  private let heap: BitHeap
  private let graph: AdderGraph
  private let intervals: [ClosedRange<Int>]
  /// By source, modulo 2^64; all 0 between two rows.
  private var weights: [UInt64]
  /// By node: the word that holds it, of those before the row.
  private var wordOf: [Int?]
  /// The first cell and adder of a row not looked at yet.
  private var nextCell = 0
  private var nextAdder = 0
  /// Sources to which a weight was given.
  private var touched: [Int] = []
  /// By input: the source of its lowest bit.
  private var inputSources: [Int]

  init(_ heap: BitHeap, _ graph: AdderGraph) {
    self.heap = heap
    self.graph = graph
    intervals = graph.intervals(inputs: heap.inputs)
    weights = Array(repeating: 0, count: heap.sources.count)
    wordOf = Array(repeating: nil, count: graph.nodes.count)
    inputSources = Array(repeating: 0, count: heap.inputs.count)
    for (index, source) in heap.sources.enumerated() {
      if case .input(let input, bit: 0) = source { inputSources[input] = index }
    }
  }

  mutating func problem(_ row: Int) -> BitHeap.Problem? {
    let word = heap.words[row]
    defer { if case .node(let node) = word.row.target { wordOf[node.index] = row } }
    let cells =
      nextCell..<(heap.cells[nextCell...].firstIndex { $0.row != row } ?? heap.cells.count)
    let adders =
      nextAdder..<(heap.adders[nextAdder...].firstIndex { $0.row != row } ?? heap.adders.count)
    (nextCell, nextAdder) = (cells.upperBound, adders.upperBound)
    let mask: UInt64 = (1 << UInt64(word.drivers.count)) - 1
    var constant: UInt64 = 0
    func add(_ weight: UInt64, to bit: Bit) {
      if let value = bit.constant {
        constant &+= UInt64(value) &* weight
        return
      }
      touched.append(bit.source)
      if bit.isInverted {
        constant &+= weight
        weights[bit.source] &-= weight
      } else {
        weights[bit.source] &+= weight
      }
    }
    for (position, driver) in word.drivers.enumerated() { add(1 << UInt64(position), to: driver) }
    var problem: BitHeap.Problem?
    for index in adders.reversed() {
      let adder = heap.adders[index]
      guard !adder.a.isEmpty else { continue }
      let lowest = weights[adder.sum]
      for bit in adder.a.indices {
        let weight = weights[adder.sum + bit]
        if (weight &- lowest << UInt64(bit)) & mask != 0 {
          problem = .wrongSum(row: row, "reads the bits of adder \(index) with other weights")
        }
        weights[adder.sum + bit] = 0
        add(lowest << UInt64(bit), to: adder.a[bit])
        add(lowest << UInt64(bit), to: adder.b[bit])
      }
      // What the adder drops must not count.
      if lowest << UInt64(adder.a.count) & mask != 0 {
        problem = .wrongSum(row: row, "needs the carry of adder \(index)")
      }
    }
    for index in cells.reversed() {
      let cell = heap.cells[index]
      let weight = weights[cell.sum]
      if (weights[cell.carry] &- 2 &* weight) & mask != 0 {
        problem = .wrongSum(row: row, "reads the carry of cell \(index) with another weight")
      }
      weights[cell.sum] = 0
      weights[cell.carry] = 0
      for bit in [cell.a, cell.b] + (cell.c.map { [$0] } ?? []) { add(weight, to: bit) }
    }
    return problem ?? operands(row, word, constant, mask)
  }

  /// Compares what is left with the coefficients of the graph, and empties `weights`.
  private mutating func operands(
    _ row: Int, _ word: BitHeap.Word, _ constant: UInt64, _ mask: UInt64
  ) -> BitHeap.Problem? {
    var constant = constant
    let start: AdderGraph.Term?
    switch word.row.target {
    case .node(let node): start = AdderGraph.Term(node: node)
    case .output(let output): start = graph.outputs[output]
    }
    var problem: BitHeap.Problem?
    for (node, factor) in coefficients(start) {
      let weight = UInt64(bitPattern: Int64(factor))
      let (first, count, offset, isSigned) = place(node)
      for bit in 0..<count {
        let isSign = isSigned && bit + 1 == count
        let expected = isSign ? 0 &- weight << UInt64(bit) : weight << UInt64(bit)
        if (weights[first + bit] &- expected) & mask != 0 {
          problem = .wrongSum(row: row, "takes bit \(bit) of n\(node) with another weight")
        }
        weights[first + bit] = 0
      }
      constant &+= weight &* UInt64(bitPattern: Int64(offset))
      if let other = wordOf[node], heap.words[other].isTruncated,
        weight << UInt64(count) & mask != 0
      {
        problem = .wrongSum(row: row, "reads past the bits of row \(other)")
      }
    }
    if (constant &- UInt64(bitPattern: Int64(word.offset))) & mask != 0 {
      problem = .wrongSum(row: row, "has another offset")
    }
    for source in touched {
      if weights[source] & mask != 0 {
        problem = .wrongSum(row: row, "reads \(heap.sources[source]), which is no part of it")
      }
      weights[source] = 0
    }
    touched.removeAll(keepingCapacity: true)
    return problem ?? (holds(word) ? nil : .tooNarrow(row: row))
  }

  /// The operands of a sum of the graph, by its own adders, down to nodes that have a word and to inputs.
  private func coefficients(_ start: AdderGraph.Term?) -> [Int: Int] {
    var found: [Int: Int] = [:]
    var open = start.map { [($0.node, $0.isNegated ? -1 << $0.shift : 1 << $0.shift)] } ?? []
    while let (node, factor) = open.popLast() {
      guard wordOf[node.index] == nil, case .add(let a, let b) = graph[node] else {
        found[node.index, default: 0] &+= factor
        continue
      }
      for operand in [a, b] {
        let scaled = factor << operand.shift
        open.append((operand.node, operand.isNegated ? 0 &- scaled : scaled))
      }
    }
    return found
  }

  /// Where the bits of an input or of a node's word are, and what they have on top of its value.
  private func place(_ node: Int) -> (source: Int, count: Int, offset: Int, isSigned: Bool) {
    if let row = wordOf[node] {
      let word = heap.words[row]
      return (word.source, word.drivers.count, word.offset, false)
    }
    let width = SignalWidth(of: heap.inputs[node])
    return (inputSources[node], width.bits, 0, width.isSigned)
  }

  /// Whether a word's bits hold every value of its interval.
  private func holds(_ word: BitHeap.Word) -> Bool {
    let bits = word.drivers.count
    switch word.row.target {
    case .node(let node):
      if word.isTruncated { return true }
      let range = intervals[node.index]
      return range.lowerBound + word.offset >= 0 && (range.upperBound + word.offset) >> bits == 0
    case .output(let output):
      guard !word.isTruncated else { return false }
      guard let term = graph.outputs[output] else { return true }
      let range = intervals[term.node.index]
      let ends = [range.lowerBound, range.upperBound].map {
        ($0 << term.shift) * (term.isNegated ? -1 : 1)
      }
      let own = SignalWidth(bits: bits, isSigned: word.isSigned).range
      return ends.allSatisfy(own.contains)
    }
  }
}
