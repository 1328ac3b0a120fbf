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
/// vanish, so work is one step per (occurrence, term of its row), memory one word per repeated pattern.
struct GreedySharing {

  let inputs: Int
  /// Definitions of nodes `inputs`, `inputs + 1`, …
  private(set) var patterns: [PairPattern] = []
  /// What is left of each row.
  private(set) var rows: [[PackedTerm]]

  private var inputDigits: InputDigits
  /// Of every node past the inputs: row << 8 | low byte of its term, ascending.
  private var occurrences: [[UInt64]] = []
  private var queue = PatternQueue()
  private var counter = PatternCounter()
  private var matches: [Match] = []

  /// An occurrence of a pattern: its row and the first term there.
  struct Match {
    var row: Int
    var first: PackedTerm
  }

  /// Rows of packed terms of nodes `0 ..< inputs`, each term at most once in a row and not with both
  /// signs; shifts 0 ... 63.
  init(inputs: Int, rows: [[PackedTerm]]) {
    self.inputs = inputs
    self.rows = rows
    inputDigits = InputDigits(inputs: inputs, rows: rows)
  }

  /// Shares until no pattern occurs twice.
  mutating func run() {
    for input in 0..<inputs {
      inputDigits.collect(input, into: &matches)
      countPairs(of: input)
    }
    while let (pattern, count) = queue.removeMostFrequent() {
      // Neither node can have fewer occurrences left than the pattern.
      let bound = min(occurrenceCount(pattern.first), occurrenceCount(pattern.second.node))
      if bound < count {
        if bound >= 2 { queue.insert(pattern, count: bound) }
        continue
      }
      collectMatches(pattern)
      if matches.count == count {
        substitute(pattern)
      } else if matches.count >= 2 {
        queue.insert(pattern, count: matches.count)
      }
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

  /// Terms of a node that are left in all rows.
  private func occurrenceCount(_ node: Int) -> Int {
    node < inputs ? inputDigits.counts[node] : occurrences[node - inputs].count
  }

  /// Queues the patterns of a node, which occurs at `matches`, with every node up to itself (for an
  /// input: from itself on) that occur at least twice.
  private mutating func countPairs(of node: Int) {
    guard matches.count >= 2 else { return }
    counter.begin(expected: matches.reduce(0) { $0 + rows[$1.row].count })
    let own = PackedTerm(node: node, shift: 0, isNegated: false).bits >> 8
    let isInput = node < inputs
    for match in matches {
      let step = match.first.shiftStep
      let sign = match.first.bits & 1
      let selfBits = match.first.bits
      rows[match.row].withUnsafeBufferPointer { terms in
        for term in terms {
          // Of two terms of the node itself the one with the smaller packed value counts the pair.
          let other = term.bits >> 8
          if isInput
            ? other < own || (other == own && term.bits <= selfBits)
            : other == own && term.bits <= selfBits
          {
            continue
          }
          counter.add((term.bits &- step) ^ sign)
        }
      }
    }
    counter.forEachRepeated { relation, count in
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

  /// Fills `matches` with the occurrences of a pattern that do not overlap.
  private mutating func collectMatches(_ pattern: PairPattern) {
    matches.removeAll(keepingCapacity: true)
    let (first, second) = (pattern.first, pattern.second.node)
    if second < inputs {
      inputDigits.collect(pattern, into: &matches)
    } else if first == second {
      collectMatchesOfOneNode(pattern)
    } else if first >= inputs,
      occurrences[first - inputs].count <= occurrences[second - inputs].count
    {
      for occurrence in occurrences[first - inputs] {
        let (row, term) = Self.unpack(occurrence, node: first)
        let other = pattern.second.applied(to: term)
        if contains(other, row: row) { matches.append(Match(row: row, first: term)) }
      }
    } else {
      let inverse = PackedTerm(node: first, shift: 0, isNegated: false)
        .relative(to: pattern.second)
      for occurrence in occurrences[second - inputs] {
        let (row, term) = Self.unpack(occurrence, node: second)
        let other = inverse.applied(to: term)
        if contains(other, row: row) { matches.append(Match(row: row, first: other)) }
      }
    }
  }

  /// Occurrences of `n ± n<<d`, low shifts first, no term twice.
  private mutating func collectMatchesOfOneNode(_ pattern: PairPattern) {
    let node = pattern.first
    for occurrence in occurrences[node - inputs] {
      let (row, term) = Self.unpack(occurrence, node: node)
      guard contains(pattern.second.applied(to: term), row: row) else { continue }
      let isTaken = matches.contains {
        $0.row == row && pattern.second.applied(to: $0.first) == term
      }
      if !isTaken { matches.append(Match(row: row, first: term)) }
    }
  }

  /// Makes a node of a pattern and puts it in the place of every match, then counts its pairs.
  private mutating func substitute(_ pattern: PairPattern) {
    let node = inputs + patterns.count
    patterns.append(pattern)
    occurrences.append([])
    occurrences[node - inputs].reserveCapacity(matches.count)
    let lower = min(0, pattern.second.shift)
    for index in matches.indices {
      let (row, first) = (matches[index].row, matches[index].first)
      remove(first, row: row)
      remove(pattern.second.applied(to: first), row: row)
      let term = PackedTerm(node: node, shift: first.shift + lower, isNegated: first.isNegated)
      rows[row].append(term)
      occurrences[node - inputs].append(Self.pack(row, term))
      matches[index].first = term
    }
    occurrences[node - inputs].sort()
    countPairs(of: node)
  }

  private mutating func remove(_ term: PackedTerm, row: Int) {
    guard let place = rows[row].firstIndex(of: term) else {
      preconditionFailure("a term of a pattern is in its row")
    }
    rows[row][place] = rows[row][rows[row].count - 1]
    rows[row].removeLast()
    if term.node < inputs {
      inputDigits.remove(term, row: row)
    } else {
      let place = find(Self.pack(row, term), node: term.node)
      occurrences[term.node - inputs].remove(at: place)
    }
  }

  private func contains(_ term: PackedTerm, row: Int) -> Bool {
    if term.node < inputs { return inputDigits.contains(term, row: row) }
    guard term.shift >= 0 else { return false }
    let wanted = Self.pack(row, term)
    let place = find(wanted, node: term.node)
    let list = occurrences[term.node - inputs]
    return place < list.count && list[place] == wanted
  }

  /// The place of an occurrence, or where it would stand.
  private func find(_ occurrence: UInt64, node: Int) -> Int {
    occurrences[node - inputs].withUnsafeBufferPointer { list in
      var (low, high) = (0, list.count)
      while low < high {
        let middle = (low + high) / 2
        if list[middle] < occurrence { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  private static func pack(_ row: Int, _ term: PackedTerm) -> UInt64 {
    UInt64(row) << 8 | UInt64(term.bits & 255)
  }

  private static func unpack(_ occurrence: UInt64, node: Int) -> (Int, PackedTerm) {
    (
      Int(occurrence >> 8),
      PackedTerm(bits: UInt32(node) << 8 | UInt32(truncatingIfNeeded: occurrence & 255))
    )
  }
}
