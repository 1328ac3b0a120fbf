/// The digits of inputs as bit sets over rows: one set for each input, sign and shift, so that the
/// occurrences of a pattern of two inputs are found 64 rows at a time.
struct InputDigits {
  private let words: Int
  private let shifts: Int
  private var sets: [UInt64]
  /// Digits of each input that are left.
  private(set) var counts: [Int]
  private var taken: [UInt64]

  init(inputs: Int, rows: [[PackedTerm]]) {
    words = (rows.count + 63) / 64
    shifts = (rows.joined().lazy.map(\.shift).max() ?? 0) + 1
    sets = [UInt64](repeating: 0, count: inputs * 2 * shifts * words)
    taken = [UInt64](repeating: 0, count: 2 * shifts * words)
    counts = [Int](repeating: 0, count: inputs)
    for (row, terms) in rows.enumerated() {
      for term in terms {
        sets[place(term, row)] |= 1 << UInt64(row & 63)
        counts[term.node] += 1
      }
    }
  }

  private func start(_ node: Int, _ sign: Int, _ shift: Int) -> Int {
    ((node * 2 + sign) * shifts + shift) * words
  }

  private func place(_ term: PackedTerm, _ row: Int) -> Int {
    start(term.node, term.isNegated ? 1 : 0, term.shift) + row >> 6
  }

  func contains(_ term: PackedTerm, row: Int) -> Bool {
    guard (0..<shifts).contains(term.shift) else { return false }
    return sets[place(term, row)] >> UInt64(row & 63) & 1 != 0
  }

  mutating func remove(_ term: PackedTerm, row: Int) {
    sets[place(term, row)] &= ~(1 << UInt64(row & 63))
    counts[term.node] -= 1
  }

  /// All terms of an input.
  func collect(_ input: Int, into matches: inout [GreedySharing.Match]) {
    matches.removeAll(keepingCapacity: true)
    for sign in 0...1 {
      for shift in 0..<shifts {
        let term = PackedTerm(node: input, shift: shift, isNegated: sign == 1)
        for word in 0..<words {
          append(sets[start(input, sign, shift) + word], word, term, &matches)
        }
      }
    }
  }

  /// Occurrences of a pattern of two inputs that do not overlap: low shifts first.
  mutating func collect(_ pattern: PairPattern, into matches: inout [GreedySharing.Match]) {
    let (first, second) = (pattern.first, pattern.second.node)
    let difference = pattern.second.shift
    let flip = pattern.second.isNegated ? 1 : 0
    let isOneNode = first == second
    let range = max(0, -difference)..<max(max(0, -difference), min(shifts, shifts - difference))
    for shift in range {
      for sign in 0...1 {
        let a = start(first, sign, shift)
        let b = start(second, sign ^ flip, shift + difference)
        let term = PackedTerm(node: first, shift: shift, isNegated: sign == 1)
        for word in 0..<words {
          var both = sets[a + word] & sets[b + word]
          if isOneNode && both != 0 {
            both &= ~taken[a - start(first, 0, 0) + word]
            taken[b - start(first, 0, 0) + word] |= both
          }
          if both != 0 { append(both, word, term, &matches) }
        }
      }
    }
    if isOneNode {
      for index in taken.indices { taken[index] = 0 }
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

/// Patterns by count; among equal counts the one queued last comes first.
struct PatternQueue {
  private var buckets: [[PairPattern]] = []

  mutating func insert(_ pattern: PairPattern, count: Int) {
    while buckets.count <= count { buckets.append([]) }
    buckets[count].append(pattern)
  }

  mutating func removeMostFrequent() -> (PairPattern, count: Int)? {
    while let last = buckets.indices.last {
      if let pattern = buckets[last].popLast() { return (pattern, last) }
      buckets.removeLast()
    }
    return nil
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

  /// Calls `body` for each relation counted at least twice, in the order in which they were met.
  func forEachRepeated(_ body: (UInt32, Int) -> Void) {
    for slot in used {
      let content = slots[Int(slot)]
      let count = Int(content & 0xFFFF_FFFF)
      if count >= 2 { body(UInt32(content >> 32), count) }
    }
  }
}
