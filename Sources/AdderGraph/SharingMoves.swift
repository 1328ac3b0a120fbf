// Rewriting steps that keep the value of every output.
extension SharingState {
  /// Adds `±node<<shift` to a row. Terms of the same node there are rewritten in canonical signed digits
  /// when that takes fewer of them, or when the same power of two would occur twice.
  mutating func add(node: Int, shift: Int, isNegated: Bool, to row: Int) {
    guard shift < Self.shiftLimit else {
      spoil()
      return
    }
    let term = PackedTerm(node: node, shift: shift, isNegated: isNegated).bits
    var (existing, hasClash) = (0, false)
    let list = rows[row]
    for index in 0..<list.count where list[index] >> 8 == UInt32(node) {
      existing += 1
      if list[index] | 1 == term | 1 { hasClash = true }
    }
    if existing == 0 {
      insert(term, row: row)
      return
    }
    var terms: [UInt32] = []
    var value = isNegated ? -(1 << shift) : 1 << shift
    for index in 0..<list.count where list[index] >> 8 == UInt32(node) {
      let packed = PackedTerm(bits: list[index])
      value += packed.isNegated ? -(1 << packed.shift) : 1 << packed.shift
      terms.append(list[index])
    }
    let digits = SignedDigits(value)
    if !hasClash && digits.count > existing {
      insert(term, row: row)
      return
    }
    for old in terms {
      let packed = PackedTerm(bits: old)
      let kept = packed.isNegated ? digits.negative : digits.positive
      if kept >> UInt64(packed.shift) & 1 == 0 { remove(old, row: row) }
    }
    var rest = digits.positive | digits.negative
    while rest != 0 {
      let position = rest.trailingZeroBitCount
      rest &= rest - 1
      let digit = PackedTerm(
        node: node, shift: position, isNegated: digits.negative >> UInt64(position) & 1 != 0)
      if !terms.contains(digit.bits) { insert(digit.bits, row: row) }
    }
  }

  /// Replaces one use of a node by its definition.
  mutating func inline(_ use: UInt32, of node: Int) {
    let row = Int(use >> 8)
    let term = PackedTerm(bits: UInt32(node) << 8 | use & 255)
    remove(term.bits, row: row)
    let definition = definition(node)
    // The definition's row stays as it is: no node is part of its own definition.
    for index in 0..<rows[definition].count {
      let part = PackedTerm(bits: rows[definition][index])
      add(
        node: part.node, shift: part.shift + term.shift,
        isNegated: part.isNegated != term.isNegated, to: row)
    }
  }

  /// Replaces every use of a node by its definition and gives the node up.
  mutating func dissolve(_ node: Int) {
    while uses[node].count > 0 { inline(uses[node][uses[node].count - 1], of: node) }
    discard(node)
  }

  /// Gives up a node without uses.
  private mutating func discard(_ node: Int) {
    let definition = definition(node)
    while rows[definition].count > 0 {
      remove(rows[definition][rows[definition].count - 1], row: definition)
    }
    freeNode(node)
  }

  /// Gives up nodes that are used once or not at all, that are zero or a term of another node, and takes
  /// common powers of two out of definitions. None of that makes an adder more.
  mutating func tidy() {
    while let node = suspects.popLast() {
      guard isNode(node) else { continue }
      let row = definition(node)
      if uses[node].count == 0 {
        discard(node)
      } else if rows[row].count == 0 {
        while uses[node].count > 0 {
          let use = uses[node][uses[node].count - 1]
          remove(UInt32(node) << 8 | use & 255, row: Int(use >> 8))
        }
        discard(node)
      } else if rows[row].count == 1 || uses[node].count == 1 {
        dissolve(node)
      } else {
        takeOutCommonShift(node)
      }
    }
  }

  private mutating func takeOutCommonShift(_ node: Int) {
    let row = definition(node)
    var common = Int.max
    for index in 0..<rows[row].count {
      common = min(common, PackedTerm(bits: rows[row][index]).shift)
    }
    guard common > 0 else { return }
    var terms: [PackedTerm] = []
    for index in 0..<rows[row].count { terms.append(PackedTerm(bits: rows[row][index])) }
    for term in terms { remove(term.bits, row: row) }
    var places: [UInt32] = []
    for index in 0..<uses[node].count { places.append(uses[node][index]) }
    for place in places { remove(UInt32(node) << 8 | place & 255, row: Int(place >> 8)) }
    rescale(node, by: common)
    for term in terms {
      insert(term.bits - UInt32(common << 1), row: row)
    }
    for place in places {
      let term = PackedTerm(bits: UInt32(node) << 8 | place & 255)
      add(
        node: node, shift: term.shift + common, isNegated: term.isNegated, to: Int(place >> 8))
    }
  }

  /// Puts a node in the place of a pattern wherever that occurs, if it does at least twice without
  /// overlap: the node that it defines already, or a new one. False when it does not.
  mutating func share(_ key: UInt64) -> Bool {
    let pattern = PairTable.pattern(key)
    let matches = matches(of: pattern)
    guard matches.count >= 2 else { return false }
    let lower = min(0, pattern.second.shift)
    var (node, sign) = (-1, false)
    for match in matches
    where match.row >= outputs && rows[match.row].count == 2 && match.first.shift + lower == 0 {
      (node, sign) = (match.row - outputs + inputs, match.first.isNegated)
      break
    }
    if maxDepth != nil {
      let level = node < 0 ? level(of: pattern) : level(node)
      let places = placesWithRoom(for: pattern, level: level, at: matches, except: node)
      if places < (node < 0 ? 2 : 1) { return false }
    }
    if node < 0 {
      node = makeNode()
      setLevel(level(of: pattern), of: node)
      let first = PackedTerm(node: pattern.first, shift: -lower, isNegated: false)
      let second = pattern.second.applied(to: first)
      price(node, as: [first, second])
      insert(first.bits, row: definition(node))
      insert(second.bits, row: definition(node))
    }
    let own = definition(node)
    let needed = roomNeeded(by: pattern, level: level(node))
    for match in matches where match.row != own && room(match.row) >= needed {
      let second = pattern.second.applied(to: match.first)
      // An earlier replacement may have rewritten the row.
      guard rows[match.row].contains(match.first.bits), rows[match.row].contains(second.bits)
      else { continue }
      remove(match.first.bits, row: match.row)
      remove(second.bits, row: match.row)
      add(
        node: node, shift: match.first.shift + lower, isNegated: match.first.isNegated != sign,
        to: match.row)
    }
    suspects.append(node)
    return true
  }

  /// The level of a new node for a pattern.
  private func level(of pattern: PairPattern) -> Int {
    max(level(pattern.first), level(pattern.second.node)) + 1
  }

  /// What a row has to have room for when a node at a level takes a pattern's place.
  private func roomNeeded(by pattern: PairPattern, level: Int) -> Int {
    maxDepth == nil
      ? 0 : 1 << level - 1 << self.level(pattern.first) - 1 << self.level(pattern.second.node)
  }

  /// How many of the matches, those in the definition of `node` aside, have room for a node, one after
  /// the other.
  private func placesWithRoom(
    for pattern: PairPattern, level: Int, at matches: [GreedySharing.Match], except node: Int
  ) -> Int {
    let needed = roomNeeded(by: pattern, level: level)
    let own = node < 0 ? -1 : definition(node)
    var taken: [Int: Int] = [:]
    var places = 0
    for match in matches where match.row != own {
      let before = taken[match.row, default: 0]
      guard room(match.row) >= before + needed else { continue }
      taken[match.row] = before + needed
      places += 1
    }
    return places
  }

  /// Occurrences of a pattern that do not overlap.
  private func matches(of pattern: PairPattern) -> [GreedySharing.Match] {
    var matches: [GreedySharing.Match] = []
    let (first, second) = (pattern.first, pattern.second.node)
    let isFirst = uses[first].count <= uses[second].count
    let base = PackedTerm(node: first, shift: 0, isNegated: false)
    let inverse = base.relative(to: pattern.second)
    let list = isFirst ? uses[first] : uses[second]
    for index in 0..<list.count {
      let row = Int(list[index] >> 8)
      let low = list[index] & 255
      var (a, b): (PackedTerm, PackedTerm)
      if isFirst {
        a = PackedTerm(bits: UInt32(first) << 8 | low)
        b = pattern.second.applied(to: a)
        guard rows[row].contains(b.bits) else { continue }
      } else {
        b = PackedTerm(bits: UInt32(second) << 8 | low)
        a = inverse.applied(to: b)
        guard rows[row].contains(a.bits) else { continue }
      }
      if first == second {
        let overlaps = matches.contains {
          guard $0.row == row else { return false }
          let end = pattern.second.applied(to: $0.first)
          return $0.first == b || end == a
        }
        if overlaps { continue }
      }
      matches.append(.init(row: row, first: a))
    }
    return matches
  }

  /// Whether taking out a node can lead anywhere: some pair that appears when it is replaced by its
  /// definition occurs elsewhere already, or terms of one node meet. If not, sharing would only make it
  /// again, and no counter needs to be touched to know that.
  func hasAlternative(to node: Int) -> Bool {
    let definition = rows[definition(node)]
    for index in 0..<uses[node].count {
      let use = uses[node][index]
      let own = PackedTerm(bits: UInt32(node) << 8 | use & 255)
      let row = rows[Int(use >> 8)]
      for part in 0..<definition.count {
        let term = PackedTerm(bits: definition[part]).applied(to: own).bits
        for place in 0..<row.count where row[place] != own.bits {
          let other = row[place]
          if other >> 8 == term >> 8 || count(of: PairTable.key(term, other)) > 0 { return true }
        }
      }
    }
    return false
  }
}
