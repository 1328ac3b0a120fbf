/// Local search over shared subexpressions: take out a few nodes, forbid the patterns they stood for,
/// share again greedily, keep the result unless it has more adders (Hartley's greedy choice revised;
/// large neighbourhood search). The forbidden patterns come back once nothing else is left to share, so
/// every state is one that greedy sharing cannot improve.
///
/// Stopped by the number of steps, so the result does not depend on the machine.
struct LocalSearch: ~Copyable {
  private(set) var state: SharingState
  private var random: SplitMix64
  private var forbidden: [UInt64] = []
  private var best: [UInt64] = []

  init(_ state: consuming SharingState, seed: UInt64) {
    self.state = state
    random = SplitMix64(state: seed)
    self.state.tidy()
    shareAll()
    self.state.commit()
  }

  /// Tries `steps` changes.
  mutating func run(steps: Int) {
    for _ in 0..<steps {
      guard state.nodeSlots > 0 else { return }
      step()
    }
  }

  private mutating func step() {
    let before = state.cost
    forbidden.removeAll(keepingCapacity: true)
    switch random.below(16) {
    case 0..<8: dissolveNodes(1)
    case 8..<10: dissolveNodes(2)
    case 10..<11: dissolveNodes(3)
    case 11..<13: inlineOneUse()
    default: rewriteDigits()
    }
    state.tidy()
    shareAll()
    if state.cost <= before { state.commit() } else { state.rollBack() }
  }

  /// A random node in use, if a few draws find one.
  private mutating func randomNode() -> Int? {
    for _ in 0..<8 {
      let node = state.inputs + random.below(state.nodeSlots)
      if state.isNode(node) { return node }
    }
    return nil
  }

  /// Forbids the pattern of a node until nothing else can be shared.
  private mutating func forbid(_ node: Int) {
    let definition = state.rows[state.definition(node)]
    if definition.count == 2 { forbidden.append(PairTable.key(definition[0], definition[1])) }
  }

  private mutating func dissolveNodes(_ count: Int) {
    guard var node = randomNode() else { return }
    for left in (0..<count).reversed() {
      // The next one is part of a row that this one is part of, so that the two may be joined anew.
      let list = state.uses[node]
      let row = state.rows[Int(list[random.below(list.count)] >> 8)]
      let next = Int(row[random.below(row.count)] >> 8)
      forbid(node)
      state.dissolve(node)
      guard left > 0, state.isNode(next), state.uses[next].count > 0 else { return }
      node = next
    }
  }

  /// Replaces a node by its definition in one row only.
  private mutating func inlineOneUse() {
    guard let node = randomNode() else { return }
    let list = state.uses[node]
    forbid(node)
    state.inline(list[random.below(list.count)], of: node)
  }

  /// Writes two digits of one coefficient in the other way of the same length: 3 = 2 + 1 = 4 - 1.
  private mutating func rewriteDigits() {
    let row = random.below(state.outputs + state.nodeSlots)
    let list = state.rows[row]
    guard list.count >= 2 else { return }
    let start = random.below(list.count)
    for offset in 0..<list.count {
      let a = PackedTerm(bits: list[(start + offset) % list.count])
      for index in 0..<list.count {
        let b = PackedTerm(bits: list[index])
        guard a.node == b.node else { continue }
        let isSum = b.shift == a.shift + 1 && a.isNegated == b.isNegated
        let isDifference = b.shift == a.shift + 2 && a.isNegated != b.isNegated
        guard isSum || isDifference else { continue }
        let top = isSum ? a.shift + 2 : a.shift + 1
        let low = PackedTerm(node: a.node, shift: a.shift, isNegated: !a.isNegated)
        let high = PackedTerm(node: a.node, shift: top, isNegated: b.isNegated)
        guard !list.contains(high.bits), !list.contains(high.bits ^ 1) else { continue }
        forbidden.append(PairTable.key(a.bits, b.bits))
        state.remove(a.bits, row: row)
        state.remove(b.bits, row: row)
        state.insert(low.bits, row: row)
        state.insert(high.bits, row: row)
        return
      }
    }
  }

  /// Shares the most frequent pattern among those that became frequent, equal ones at random, until
  /// none occurs twice.
  private mutating func shareAll() {
    while true {
      var (most, kept) = (2, 0)
      best.removeAll(keepingCapacity: true)
      for index in state.candidates.indices {
        let key = state.candidates[index]
        let count = state.count(of: key)
        guard count >= 2 else { continue }
        state.candidates[kept] = key
        kept += 1
        if count < most || forbidden.contains(key) { continue }
        if count > most { best.removeAll(keepingCapacity: true) }
        most = count
        best.append(key)
      }
      state.candidates.removeSubrange(kept...)
      if best.isEmpty {
        if forbidden.isEmpty || kept == 0 { break }
        forbidden.removeAll(keepingCapacity: true)
        continue
      }
      let key = best[random.below(best.count)]
      if state.share(key) {
        state.tidy()
      } else {
        state.candidates.removeAll { $0 == key }
      }
    }
    state.candidates.removeAll(keepingCapacity: true)
  }
}

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number of `0 ..< bound`; bound below 2^32.
  mutating func below(_ bound: Int) -> Int {
    Int((next() >> 32 &* UInt64(bound)) >> 32)
  }
}
