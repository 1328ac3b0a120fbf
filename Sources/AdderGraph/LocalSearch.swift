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
  /// How far above its record the cost may go: 0 for counts of adders, which are often equal; costs in
  /// bits seldom are, and would end the search early (record-to-record travel, Dueck 1993).
  private let tolerance: Int
  /// The least cost so far and its rows, where the cost may rise again.
  private var record: (cost: Int, rows: SharedRows)?
  /// Nodes that one step may make.
  private static let shareLimit = 100_000

  init(_ state: consuming SharingState, seed: UInt64) {
    self.state = state
    tolerance =
      self.state.prices.needsForms ? Int(Double(self.state.cost).squareRoot()) / 5 : 0
    random = SplitMix64(state: seed)
    self.state.tidy()
    shareAll()
    if self.state.isSpoiled || !self.state.keepsDepth {
      self.state.rollBack()
    } else {
      self.state.commit()
    }
    if tolerance > 0 { record = (self.state.cost, self.state.shared) }
  }

  /// The cheapest rows so far, and their cost.
  var result: (cost: Int, rows: SharedRows) { record ?? (state.cost, state.shared) }

  /// Tries `steps` changes, fewer when they take more than `work` in all. A longer run begins with the
  /// changes of a shorter one, so it never ends with more adders.
  mutating func run(steps: Int, work: Int = .max) {
    for _ in 0..<steps {
      guard state.nodeSlots > 0, state.work < work else { return }
      step()
    }
  }

  private mutating func step() {
    let before = state.cost
    forbidden.removeAll(keepingCapacity: true)
    // Shares found by measuring adders saved per counter touched on layers of 8x16 to 128x128.
    switch random.below(8) {
    case 0: dissolveNodes(1)
    case 1: dissolveNodes(2)
    case 2: dissolveNodes(3)
    case 3: inlineOneUse()
    default: recodeCoefficient()
    }
    state.tidy()
    shareAll()
    let limit = record.map { max(before, $0.cost + tolerance) } ?? before
    if state.cost <= limit && !state.isSpoiled && state.keepsDepth {
      state.commit()
      if let record, state.cost < record.cost { self.record = (state.cost, state.shared) }
    } else {
      state.rollBack()
    }
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

  /// Takes out a node, a part of a row that it stood in, and so on.
  private mutating func dissolveNodes(_ count: Int) {
    guard var node = randomNode(), count > 1 || state.hasAlternative(to: node) else { return }
    for left in (0..<count).reversed() {
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
    guard let node = randomNode(), state.hasAlternative(to: node) else { return }
    let list = state.uses[node]
    forbid(node)
    state.inline(list[random.below(list.count)], of: node)
  }

  /// Writes a coefficient in other signed digits: brings digits of one input or node together in one
  /// row, by inlining the nodes that hold them there, and replaces two of them by two others (3 = 2 + 1 =
  /// 4 - 1), or one by two where there is no such pair. Most ways out of a local optimum lead here.
  private mutating func recodeCoefficient() {
    let node = random.below(state.inputs + state.nodeSlots)
    guard state.uses[node].count > 0, let row = rowWithDigit(of: node) else { return }
    var holders: [UInt32] = []
    let terms = state.rows[row]
    for index in 0..<terms.count where holders.count < 2 {
      let holder = Int(terms[index] >> 8)
      guard holder >= state.inputs else { continue }
      let definition = state.rows[state.definition(holder)]
      if (0..<definition.count).contains(where: { Int(definition[$0] >> 8) == node }) {
        holders.append(terms[index])
      }
    }
    for term in holders where state.rows[row].contains(term) {
      forbid(Int(term >> 8))
      state.inline(UInt32(row) << 8 | term & 255, of: Int(term >> 8))
    }
    recodeDigits(of: node, row: row)
  }

  /// A row with a term of a node: one of those that it has, or, where that defines another node, mostly a
  /// row that uses that one, which is inlined there. nil when a node on the way is used no more.
  private mutating func rowWithDigit(of node: Int) -> Int? {
    var row = Int(state.uses[node][random.below(state.uses[node].count)] >> 8)
    for hop in 0..<2 where row >= state.outputs {
      let holder = row - state.outputs + state.inputs
      let list = state.uses[holder]
      guard list.count > 0 else { return nil }
      let use = list[random.below(list.count)]
      if hop > 0 && random.below(2) == 0 { return nil }
      forbid(holder)
      state.inline(use, of: holder)
      row = Int(use >> 8)
    }
    return row
  }

  private mutating func recodeDigits(of node: Int, row: Int) {
    let terms = state.rows[row]
    let digits = (0..<terms.count).map { PackedTerm(bits: terms[$0]) }.filter { $0.node == node }
    func isFree(_ term: PackedTerm) -> Bool {
      !terms.contains(term.bits) && !terms.contains(term.bits ^ 1)
    }
    var pairs: [(PackedTerm, PackedTerm, high: PackedTerm)] = []
    for a in digits {
      for b in digits {
        // a + 2a = 4a - a and back, with one sign or the other.
        let isSum = b.shift == a.shift + 1 && a.isNegated == b.isNegated
        let isDifference = b.shift == a.shift + 2 && a.isNegated != b.isNegated
        guard isSum || isDifference else { continue }
        let top = isSum ? a.shift + 2 : a.shift + 1
        let high = PackedTerm(node: node, shift: top, isNegated: b.isNegated)
        if isFree(high) { pairs.append((a, b, high)) }
      }
    }
    if pairs.isEmpty {
      // a = 2a - a: a term more, which sharing has to win back.
      guard !digits.isEmpty, random.below(4) == 0 else { return }
      let a = digits[random.below(digits.count)]
      let high = PackedTerm(node: node, shift: a.shift + 1, isNegated: a.isNegated)
      guard high.shift < SharingState.shiftLimit, isFree(high) else { return }
      state.remove(a.bits, row: row)
      state.insert(a.bits ^ 1, row: row)
      state.insert(high.bits, row: row)
      return
    }
    let (a, b, high) = pairs[random.below(pairs.count)]
    guard high.shift < SharingState.shiftLimit else { return }
    state.remove(a.bits, row: row)
    state.remove(b.bits, row: row)
    state.insert(a.bits ^ 1, row: row)
    state.insert(high.bits, row: row)
  }

  /// Shares the pattern that saves most (the most frequent, where adders count) among those that became
  /// frequent, equal ones at random, until none occurs twice or saves anything.
  private mutating func shareAll() {
    var shares = 0
    while true {
      var (most, kept) = (1, 0)
      best.removeAll(keepingCapacity: true)
      for index in state.candidates.indices {
        let key = state.candidates[index]
        let count = state.count(of: key)
        guard count >= 2 else { continue }
        state.candidates[kept] = key
        kept += 1
        let gain = state.prices.gain(key, count: count)
        if gain < most || forbidden.contains(key) { continue }
        if gain > most { best.removeAll(keepingCapacity: true) }
        most = gain
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
        shares += 1
        // A step that shares on and on makes the same nodes over again.
        if shares == Self.shareLimit { state.spoil() }
        if shares >= Self.shareLimit { break }
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
