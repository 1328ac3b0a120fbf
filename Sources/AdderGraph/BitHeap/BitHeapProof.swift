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
    guard words.map(\.row.target) == SumRows(graph).rows.map(\.target) else {
      return [.malformed("the rows are not the sums of the graph")]
    }
    var problems = structure()
    guard problems.isEmpty else { return problems }
    var proof = RowProof(self, graph)
    for row in words.indices {
      if let problem = proof.problem(row) { problems.append(problem) }
    }
    return problems
  }

  /// Cells that do not own their sources or read later ones.
  func structure() -> [Problem] {
    var problems: [Problem] = []
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
  private let graph: AdderGraph
  private let intervals: [ClosedRange<Int>]
  private var weights: RowWeights
  /// By node: the word that holds it, of those before the row.
  private var wordOf: [Int?]

  private var heap: BitHeap { weights.heap }

  init(_ heap: BitHeap, _ graph: AdderGraph) {
    self.graph = graph
    intervals = graph.intervals(inputs: heap.inputs)
    weights = RowWeights(heap)
    wordOf = Array(repeating: nil, count: graph.nodes.count)
  }

  mutating func problem(_ row: Int) -> BitHeap.Problem? {
    let word = heap.words[row]
    defer { if case .node(let node) = word.row.target { wordOf[node.index] = row } }
    weights.unwind(row)
    let start: AdderGraph.Term?
    switch word.row.target {
    case .node(let node): start = AdderGraph.Term(node: node)
    case .output(let output): start = graph.outputs[output]
    }
    for (node, factor) in coefficients(start) {
      if let other = wordOf[node] {
        weights.take(word: other, times: factor)
      } else {
        weights.take(input: node, times: factor)
      }
    }
    return weights.finish(offset: word.offset) ?? (holds(word) ? nil : .tooNarrow(row: row))
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
