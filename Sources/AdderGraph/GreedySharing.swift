/// Greedy sharing of two-term subexpressions over all rows (outputs) of a constant matrix-vector
/// product: the pattern that occurs most often becomes a node, again and again until none occurs
/// twice (Hartley 1996; Pasko et al. 1999, here across rows).
///
/// Why it ends and is exact: each replacement rewrites `i<<k ± j<<(k+d)` as one term of the new node,
/// so the sum of every row stays and the number of terms falls.
///
/// Cost: terms of old nodes only ever vanish, so a pattern's count falls from the moment its younger
/// node is made. Patterns are counted once, then, against all terms of the node's rows, and only those
/// that occur twice are queued by count. A queued count is an upper bound: a pattern is recounted when
/// it comes first, taken if the count still stands, queued lower if not. Nothing is updated when terms
/// vanish, so work is one step per (occurrence, term of its row), memory one word per queued pattern.
/// `SharedRows.greedy` keeps that short by queueing frequent patterns first and rare ones later.
struct GreedySharing {

  let inputs: Int
  /// Definitions of nodes `inputs`, `inputs + 1`, …
  private(set) var patterns: [PairPattern] = []
  /// What is left of each row.
  private(set) var rows: [[PackedTerm]]

  private var terms: TermSets
  private var queue = PatternQueue()
  private var counter = PatternCounter()
  private var matches: [Match] = []
  /// Patterns that occur less often are left alone.
  private var threshold = 2
  /// Nodes whose pairs are counted when a run begins; later ones are when they are made.
  private var counted = 0

  /// The adder levels of each node and what each row has left; empty when depth does not matter.
  private var budget: DepthBudget?

  /// An occurrence of a pattern: its row and the first term there.
  struct Match {
    var row: Int
    var first: PackedTerm
  }

  /// Rows of packed terms of nodes `0 ..< inputs`, each term at most once in a row and not with both
  /// signs; shifts 0 ... 63. With a budget, no row is shared past it.
  init(inputs: Int, rows: [[PackedTerm]], budget: DepthBudget? = nil) {
    self.budget = budget
    self.inputs = inputs
    self.rows = rows
    terms = TermSets(inputs: inputs, rows: rows)
  }

  /// Shares until no pattern occurs `minimum` times, at least 2; what is left can be run on again.
  mutating func run(downTo minimum: Int = 2) {
    threshold = minimum
    counted = inputs + patterns.count
    for node in 0..<counted {
      terms.collect(node, into: &matches)
      countPairs(of: node)
    }
    while let (pattern, count) = queue.removeMostFrequent() {
      // Neither node can have fewer occurrences left than the pattern.
      let bound = min(terms.count(pattern.first), terms.count(pattern.second.node))
      if bound < count {
        if bound >= threshold { queue.insert(pattern, count: bound) }
        continue
      }
      terms.collect(pattern, into: &matches)
      let cost = budget?.spend(on: pattern, at: &matches) ?? 0
      if matches.count == count {
        substitute(pattern)
        continue
      }
      budget?.giveBack(cost, matches)
      if matches.count >= threshold { queue.insert(pattern, count: matches.count) }
    }
  }

  /// The result: what is left of each row, and the nodes.
  var shared: SharedRows {
    SharedRows(
      inputs: inputs, outputs: rows,
      definitions: patterns.map { pattern in
        let lower = min(0, pattern.second.shift)
        let first = PackedTerm(node: pattern.first, shift: -lower, isNegated: false)
        return [first, pattern.second.applied(to: first)]
      })
  }

  /// Queues the patterns of a node, which occurs at `matches`, with every node up to itself (for one of
  /// the `counted`: from itself on) that occur at least twice.
  private mutating func countPairs(of node: Int) {
    guard matches.count >= threshold else { return }
    counter.begin(expected: matches.reduce(0) { $0 + rows[$1.row].count })
    let own = PackedTerm(node: node, shift: 0, isNegated: false).bits >> 8
    let isCounted = node < counted
    for match in matches {
      let step = match.first.shiftStep
      let sign = match.first.bits & 1
      let selfBits = match.first.bits
      rows[match.row].withUnsafeBufferPointer { terms in
        for term in terms {
          // Of two terms of the node itself the one with the smaller packed value counts the pair.
          let other = term.bits >> 8
          if isCounted
            ? other < own || (other == own && term.bits <= selfBits)
            : other == own && term.bits <= selfBits
          {
            continue
          }
          counter.add((term.bits &- step) ^ sign)
        }
      }
    }
    counter.forEachRepeated(atLeast: threshold) { relation, count in
      let other = PackedTerm(bits: relation)
      if other.node >= node {
        queue.insert(PairPattern(first: node, second: other), count: count)
      } else {
        // Seen from the older node: the inverse relation.
        let base = PackedTerm(node: node, shift: 0, isNegated: false)
        let inverse = PairPattern(base, other)
        queue.insert(inverse, count: count)
      }
    }
  }

  /// Makes a node of a pattern and puts it in the place of every match, then counts its pairs.
  private mutating func substitute(_ pattern: PairPattern) {
    let node = inputs + patterns.count
    patterns.append(pattern)
    budget?.append(pattern)
    let lower = min(0, pattern.second.shift)
    for index in matches.indices {
      let (row, first) = (matches[index].row, matches[index].first)
      remove(first, row: row)
      remove(pattern.second.applied(to: first), row: row)
      let term = PackedTerm(node: node, shift: first.shift + lower, isNegated: first.isNegated)
      rows[row].append(term)
      matches[index].first = term
    }
    terms.append(matches)
    countPairs(of: node)
  }

  private mutating func remove(_ term: PackedTerm, row: Int) {
    guard let place = rows[row].firstIndex(of: term) else {
      preconditionFailure("a term of a pattern is in its row")
    }
    rows[row][place] = rows[row][rows[row].count - 1]
    rows[row].removeLast()
    terms.remove(term, row: row)
  }
}
