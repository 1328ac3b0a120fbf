/// The terms of all rows as bit sets over rows: one set for each node, shift and sign in use, so that
/// the occurrences of a pattern are found 64 rows at a time. Terms of a node never come after it.
struct TermSets {
  /// The sets of one node. A place is 2 * shift + (1 when negated).
  private struct Node {
    /// Places that have a set, in this order from `start` on.
    var places: UInt128
    /// Those whose set is not empty.
    var live: UInt128
    /// The first of the node's sets.
    var start: Int
    /// Terms of the node in all rows.
    var count: Int

    /// The number of a place's set.
    @inline(__always)
    func set(_ place: Int) -> Int {
      start + (places & ((1 << UInt128(place)) - 1)).nonzeroBitCount
    }
  }

  private let words: Int
  private var nodes: [Node] = []
  private var sets: [UInt64] = []
  private var sizes: [Int] = []
  private var taken: [UInt64] = []

  /// The terms of rows over nodes `0 ..< inputs`.
  init(inputs: Int, rows: [[PackedTerm]]) {
    words = (rows.count + 63) / 64
    var terms = [[GreedySharing.Match]](repeating: [], count: inputs)
    for (row, list) in rows.enumerated() {
      for term in list { terms[term.node].append(.init(row: row, first: term)) }
    }
    for list in terms { append(list) }
  }

  /// The next node, with its terms.
  mutating func append(_ terms: [GreedySharing.Match]) {
    var node = Node(places: 0, live: 0, start: sizes.count, count: terms.count)
    for term in terms { node.places |= 1 << UInt128(Self.place(term.first)) }
    node.live = node.places
    let count = node.places.nonzeroBitCount
    sizes.append(contentsOf: repeatElement(0, count: count))
    sets.append(contentsOf: repeatElement(0, count: count * words))
    for term in terms {
      let set = node.set(Self.place(term.first))
      sizes[set] += 1
      sets[set * words + term.row >> 6] |= 1 << UInt64(term.row & 63)
    }
    nodes.append(node)
  }

  private static func place(_ term: PackedTerm) -> Int { Int(term.bits & 255) - 128 }

  private static func term(_ node: Int, _ place: Int) -> PackedTerm {
    PackedTerm(bits: UInt32(node) << 8 | UInt32(place + 128))
  }

  /// Terms of a node that are left.
  func count(_ node: Int) -> Int { nodes[node].count }

  /// Takes a term out of a row that has it.
  mutating func remove(_ term: PackedTerm, row: Int) {
    let place = Self.place(term)
    let set = nodes[term.node].set(place)
    sets[set * words + row >> 6] &= ~(1 << UInt64(row & 63))
    sizes[set] -= 1
    nodes[term.node].count -= 1
    if sizes[set] == 0 { nodes[term.node].live &= ~(1 << UInt128(place)) }
  }

  /// All terms of a node.
  func collect(_ node: Int, into matches: inout [GreedySharing.Match]) {
    matches.removeAll(keepingCapacity: true)
    var live = nodes[node].live
    while live != 0 {
      let place = live.trailingZeroBitCount
      live &= live - 1
      let start = nodes[node].set(place) * words
      for word in 0..<words {
        append(sets[start + word], word, Self.term(node, place), &matches)
      }
    }
  }

  /// Occurrences of a pattern that do not overlap: low shifts first.
  mutating func collect(_ pattern: PairPattern, into matches: inout [GreedySharing.Match]) {
    matches.removeAll(keepingCapacity: true)
    let (a, b) = (nodes[pattern.first], nodes[pattern.second.node])
    let isOneNode = pattern.first == pattern.second.node
    let move = 2 * pattern.second.shift
    let flip = pattern.second.isNegated ? 1 : 0
    var wanted = a.live
    if flip == 1 { wanted = (wanted & Self.plain) << 1 | (wanted >> 1 & Self.plain) }
    // Places past the last one fall out: no row has terms there.
    var partners = (move >= 0 ? wanted << UInt128(move) : wanted >> UInt128(-move)) & b.live
    while partners != 0 {
      let partner = partners.trailingZeroBitCount
      partners &= partners - 1
      let place = (partner - move) ^ flip
      let (first, second) = (a.set(place), b.set(partner))
      if isOneNode {
        collectOneNode(a, first, second, Self.term(pattern.first, place), &matches)
        continue
      }
      sets.withUnsafeBufferPointer { sets in
        let (low, high) = (first * words, second * words)
        for word in 0..<words {
          let both = sets[low + word] & sets[high + word]
          if both != 0 { append(both, word, Self.term(pattern.first, place), &matches) }
        }
      }
    }
    if isOneNode { taken.removeAll(keepingCapacity: true) }
  }

  private static let plain = UInt128(0x5555_5555_5555_5555) << 64 | 0x5555_5555_5555_5555

  /// Rows that have terms of two places of one node, neither taken by a lower occurrence.
  private mutating func collectOneNode(
    _ node: Node, _ first: Int, _ second: Int, _ term: PackedTerm,
    _ matches: inout [GreedySharing.Match]
  ) {
    if taken.isEmpty {
      taken.append(contentsOf: repeatElement(0, count: node.places.nonzeroBitCount * words))
    }
    for word in 0..<words {
      let (low, high) = ((first - node.start) * words + word, (second - node.start) * words + word)
      let both =
        sets[first * words + word] & sets[second * words + word] & ~taken[low] & ~taken[high]
      taken[low] |= both
      taken[high] |= both
      if both != 0 { append(both, word, term, &matches) }
    }
  }

  private func append(
    _ rows: UInt64, _ word: Int, _ term: PackedTerm, _ matches: inout [GreedySharing.Match]
  ) {
    var rest = rows
    while rest != 0 {
      matches.append(.init(row: word * 64 + rest.trailingZeroBitCount, first: term))
      rest &= rest - 1
    }
  }
}

/// Patterns by count; among equal counts the one of the youngest nodes comes first, which leaves about
/// 2 % fewer adders than first or last come. The order depends on the patterns alone, not on when each
/// was queued.
struct PatternQueue {
  /// One binary heap a count. A key is the first node << 32 | the second term.
  private var heaps: [[UInt64]] = []

  mutating func insert(_ pattern: PairPattern, count: Int) {
    while heaps.count <= count { heaps.append([]) }
    Self.push(UInt64(pattern.first) << 32 | UInt64(pattern.second.bits), on: &heaps[count])
  }

  mutating func removeMostFrequent() -> (PairPattern, count: Int)? {
    while let last = heaps.indices.last {
      if let key = Self.pop(from: &heaps[last]) {
        let second = PackedTerm(bits: UInt32(truncatingIfNeeded: key))
        return (PairPattern(first: Int(key >> 32), second: second), last)
      }
      heaps.removeLast()
    }
    return nil
  }

  private static func push(_ key: UInt64, on heap: inout [UInt64]) {
    heap.append(key)
    heap.withUnsafeMutableBufferPointer { heap in
      var child = heap.count - 1
      while child > 0 {
        let parent = (child - 1) / 2
        if heap[parent] >= key { break }
        heap[child] = heap[parent]
        child = parent
      }
      heap[child] = key
    }
  }

  private static func pop(from heap: inout [UInt64]) -> UInt64? {
    guard let key = heap.popLast() else { return nil }
    return heap.withUnsafeMutableBufferPointer { heap in
      guard let greatest = heap.first else { return key }
      var parent = 0
      while 2 * parent + 1 < heap.count {
        var child = 2 * parent + 1
        if child + 1 < heap.count && heap[child + 1] > heap[child] { child += 1 }
        if key >= heap[child] { break }
        heap[parent] = heap[child]
        parent = child
      }
      heap[parent] = key
      return greatest
    }
  }
}

/// Counts relations, each a nonzero 32-bit number, in an open-addressing table that is emptied by
/// what was put in, not by its size.
struct PatternCounter {
  /// relation << 32 | count; 0 is an empty slot.
  private var slots: [UInt64] = []
  private var used: [UInt32] = []
  private var shift: UInt32 = 32

  /// Empties the table and makes room for `expected` different relations.
  mutating func begin(expected: Int) {
    for slot in used { slots[Int(slot)] = 0 }
    used.removeAll(keepingCapacity: true)
    let wanted = max(16, 2 * expected)
    if slots.count < wanted {
      var size = max(16, slots.count)
      while size < wanted { size *= 2 }
      slots = [UInt64](repeating: 0, count: size)
    }
    // Small jobs use a small part of the table, which stays in the cache.
    var size: UInt32 = 4
    while 1 << size < wanted { size += 1 }
    shift = 32 - size
  }

  @inline(__always)
  mutating func add(_ relation: UInt32) {
    var slot = Int((relation &* 0x9E37_79B1) >> shift)
    let mask = (1 << (32 - Int(shift))) - 1
    while true {
      let content = slots[slot]
      if content == 0 {
        slots[slot] = UInt64(relation) << 32 | 1
        used.append(UInt32(slot))
        return
      }
      if content >> 32 == UInt64(relation) {
        slots[slot] = content &+ 1
        return
      }
      slot = (slot + 1) & mask
    }
  }

  /// Calls `body` for each relation counted at least `minimum` times, in the order they were met.
  func forEachRepeated(atLeast minimum: Int, _ body: (UInt32, Int) -> Void) {
    for slot in used {
      let content = slots[Int(slot)]
      let count = Int(content & 0xFFFF_FFFF)
      if count >= minimum { body(UInt32(content >> 32), count) }
    }
  }
}
