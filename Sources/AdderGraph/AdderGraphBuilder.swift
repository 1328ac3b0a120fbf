extension AdderGraph {
  /// Makes adder graphs that keep the rules by construction; equal adders are made once.
  public struct Builder {
    private var nodes: [Operation]
    private var depths: [Int]
    /// Bits that the largest magnitude of each node can need; orders sums, nothing else.
    private var magnitudeBits: [Int]
    private var known: [Operation: NodeID] = [:]
    private let inputCount: Int

    /// A graph of `inputs` inputs without adders. `inputBits` is the usual width of an input; it only
    /// steers which terms are summed first.
    public init(inputs: Int, inputBits: Int = 8) {
      inputCount = inputs
      nodes = (0..<inputs).map { .input($0) }
      depths = [Int](repeating: 0, count: inputs)
      magnitudeBits = [Int](repeating: inputBits, count: inputs)
    }

    /// Adder levels from the inputs to a node.
    public func depth(of node: NodeID) -> Int { depths[node.index] }

    /// `a + b` by at most one adder; nil when the sum is the constant 0.
    public mutating func sum(_ a: Term, _ b: Term) -> Term? {
      if a.node == b.node, let wire = Self.sumOfOneNode(a, b) { return wire.term }
      let base = min(a.shift, b.shift)
      var (first, second) = (a.shifted(by: -base), b.shifted(by: -base))
      if (second.node, second.shift) < (first.node, first.shift) { swap(&first, &second) }
      // The value is stored with its earlier operand positive, or swapped to keep one positive first.
      let isNegated = first.isNegated
      if isNegated { (first, second) = (first.negated, second.negated) }
      let node = intern(.add(first, second))
      return Term(node: node, shift: base, isNegated: isNegated)
    }

    /// The sum of all terms in the fewest levels: the two shallowest, then narrowest, terms are added
    /// until one is left. Minimum depth for the given terms (Golumbic, "Combinatorial merging", 1976).
    /// nil when there are no terms or they cancel.
    public mutating func sum(of terms: [Term]) -> Term? {
      var heap = TermHeap()
      for term in terms { heap.insert(entry(term)) }
      while let first = heap.removeSmallest() {
        guard let second = heap.removeSmallest() else { return first.term }
        if let term = sum(first.term, second.term) { heap.insert(entry(term)) }
      }
      return nil
    }

    /// The graph of the given outputs without the nodes that none of them needs. Operands are swapped
    /// where that frees an output of its negation at no cost.
    public consuming func finish(outputs: [Term?]) -> AdderGraph {
      let graph = AdderGraph(nodes: nodes, outputs: outputs)
      return graph.removingUnusedNodes(inputCount: inputCount).avoidingNegatedOutputs()
    }

    private func entry(_ term: Term) -> TermHeap.Entry {
      let top = magnitudeBits[term.node.index] + term.shift
      return TermHeap.Entry(depth: depths[term.node.index], width: top, term: term)
    }

    private mutating func intern(_ operation: Operation) -> NodeID {
      if let node = known[operation] { return node }
      guard case .add(let a, let b) = operation else { preconditionFailure("inputs come first") }
      let node = NodeID(nodes.count)
      nodes.append(operation)
      depths.append(max(depths[a.node.index], depths[b.node.index]) + 1)
      magnitudeBits.append(
        max(magnitudeBits[a.node.index] + a.shift, magnitudeBits[b.node.index] + b.shift) + 1)
      known[operation] = node
      return node
    }

    /// `±n<<i ± n<<j` where that is 0 or a power of two times n: a wire. nil when it needs an adder.
    private static func sumOfOneNode(_ a: Term, _ b: Term) -> (term: Term?, Void)? {
      if a.shift == b.shift {
        return (a.isNegated == b.isNegated ? a.shifted(by: 1) : nil, ())
      }
      let (low, high) = a.shift < b.shift ? (a, b) : (b, a)
      guard high.shift == low.shift + 1, high.isNegated != low.isNegated else { return nil }
      return (Term(node: low.node, shift: low.shift, isNegated: high.isNegated), ())
    }
  }
}

/// Terms in order of depth, then width, then age: a binary heap.
private struct TermHeap {
  struct Entry {
    var depth: Int
    var width: Int
    var term: AdderGraph.Term
    var order = 0
  }

  private var entries: [Entry] = []
  private var inserted = 0

  mutating func insert(_ entry: Entry) {
    var entry = entry
    entry.order = inserted
    inserted += 1
    entries.append(entry)
    var child = entries.count - 1
    while child > 0, precedes(child, (child - 1) / 2) {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeSmallest() -> Entry? {
    guard let smallest = entries.first else { return nil }
    let last = entries.removeLast()
    guard !entries.isEmpty else { return smallest }
    entries[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < entries.count && precedes(child, least) {
        least = child
      }
      if least == parent { return smallest }
      entries.swapAt(parent, least)
      parent = least
    }
  }

  private func precedes(_ i: Int, _ j: Int) -> Bool {
    let (a, b) = (entries[i], entries[j])
    return (a.depth, a.width, a.order) < (b.depth, b.width, b.order)
  }
}

extension AdderGraph {
  /// The same outputs without adders that no output reads, order kept.
  func removingUnusedNodes(inputCount: Int) -> AdderGraph {
    var isUsed = [Bool](repeating: false, count: nodes.count)
    for case .some(let term) in outputs { isUsed[term.node.index] = true }
    for index in nodes.indices.reversed() where isUsed[index] {
      guard case .add(let a, let b) = nodes[index] else { continue }
      isUsed[a.node.index] = true
      isUsed[b.node.index] = true
    }
    var renamed: [NodeID] = []
    renamed.reserveCapacity(nodes.count)
    var kept: [Operation] = []
    func rename(_ term: Term) -> Term {
      Term(node: renamed[term.node.index], shift: term.shift, isNegated: term.isNegated)
    }
    for (index, operation) in nodes.enumerated() {
      renamed.append(NodeID(kept.count))
      switch operation {
      case .input: kept.append(operation)
      case .add(let a, let b): if isUsed[index] { kept.append(.add(rename(a), rename(b))) }
      }
    }
    return AdderGraph(nodes: kept, outputs: outputs.map { $0.map(rename) })
  }

  /// The same outputs with fewer negated ones: a node that only negated outputs read is turned into
  /// its negative when swapping operands, of it or of a node that only it reads, does that for free.
  func avoidingNegatedOutputs() -> AdderGraph {
    var result = self
    let readers = readerCounts
    var demands: [Int: (plain: Int, negated: Int)] = [:]
    for case .some(let term) in outputs {
      demands[term.node.index, default: (0, 0)].plain += term.isNegated ? 0 : 1
      demands[term.node.index, default: (0, 0)].negated += term.isNegated ? 1 : 0
    }
    var flipped: Set<Int> = []
    for (node, demand) in demands.sorted(by: { $0.key < $1.key })
    where demand.negated > demand.plain && demand.plain + demand.negated == readers[node] {
      if result.negate(node, readers: readers) { flipped.insert(node) }
    }
    for (index, output) in outputs.enumerated() {
      guard let output, flipped.contains(output.node.index) else { continue }
      result.outputs[index] = output.negated
    }
    return result
  }

  /// Turns a node into its negative without another adder, if that can be; the caller sees to its
  /// readers. Goes down only through nodes with one reader, so the work is linear in their number.
  private mutating func negate(_ node: Int, readers: [Int]) -> Bool {
    guard case .add(let a, let b) = nodes[node] else { return false }
    if b.isNegated {
      nodes[node] = .add(b.negated, a.negated)
      return true
    }
    for (operand, other) in [(a, b), (b, a)]
    where readers[operand.node.index] == 1 && negate(operand.node.index, readers: readers) {
      nodes[node] = .add(operand, other.negated)
      return true
    }
    return false
  }
}
