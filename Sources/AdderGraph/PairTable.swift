/// How often each pair of terms occurs: an open-addressing table of 64-bit slots, 48 bits of key and 16
/// of count. Only pairs that occur have a slot.
///
/// The key holds the node of the first term (20 bits) and the second term in relation to the first
/// (node 20 bits, shift difference 7, sign 1), as `PairPattern` has them.
struct PairTable: ~Copyable {
  private(set) var slots: UnsafeMutablePointer<UInt64>
  private(set) var shift: UInt64
  private var mask: Int
  private var used = 0

  init(capacityBits: Int = 10) {
    slots = .allocate(capacity: 1 << capacityBits)
    slots.initialize(repeating: 0, count: 1 << capacityBits)
    shift = UInt64(64 - capacityBits)
    mask = 1 << capacityBits - 1
  }

  deinit { slots.deallocate() }

  /// The key of two terms of one row.
  @inline(__always)
  static func key(_ a: UInt32, _ b: UInt32) -> UInt64 {
    let (first, second) = a < b ? (a, b) : (b, a)
    let relation = (second &- ((first & 254) &- 128)) ^ (first & 1)
    return UInt64(first >> 8) << 28 | UInt64(relation)
  }

  static func pattern(_ key: UInt64) -> PairPattern {
    PairPattern(
      first: Int(key >> 28),
      second: PackedTerm(bits: UInt32(truncatingIfNeeded: key & 0xFFF_FFFF)))
  }

  @inline(__always)
  private func start(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// Counts a pair once more and returns its count.
  @inline(__always)
  mutating func increment(_ key: UInt64) -> Int {
    var slot = start(key)
    while true {
      let content = slots[slot]
      if content >> 16 == key {
        slots[slot] = content &+ 1
        return Int(content & 0xFFFF) + 1
      }
      if content == 0 {
        slots[slot] = key << 16 | 1
        used += 1
        return 1
      }
      slot = (slot + 1) & mask
    }
  }

  /// Counts a pair, which is in the table, once less; the last time it leaves the table.
  @inline(__always)
  mutating func decrement(_ key: UInt64) {
    var slot = start(key)
    while slots[slot] >> 16 != key { slot = (slot + 1) & mask }
    let content = slots[slot] &- 1
    slots[slot] = content
    if content & 0xFFFF == 0 { delete(slot) }
  }

  /// Empties a slot and moves up what was put behind it for lack of room.
  @inline(__always)
  private mutating func delete(_ place: Int) {
    var hole = place
    var slot = (hole + 1) & mask
    used -= 1
    while slots[slot] != 0 {
      let home = start(slots[slot] >> 16)
      // The entry may move into the hole unless its home lies behind it.
      if (slot &- home) & mask >= (slot &- hole) & mask {
        slots[hole] = slots[slot]
        hole = slot
      }
      slot = (slot + 1) & mask
    }
    slots[hole] = 0
  }

  func count(_ key: UInt64) -> Int {
    var slot = start(key)
    while true {
      let content = slots[slot]
      if content >> 16 == key { return Int(content & 0xFFFF) }
      if content == 0 { return 0 }
      slot = (slot + 1) & mask
    }
  }

  /// Makes room for `more` new pairs.
  @inline(__always)
  mutating func reserve(_ more: Int) {
    if (used + more) * 8 > mask * 5 { grow(more) }
  }

  private mutating func grow(_ more: Int) {
    let (old, oldCount) = (slots, mask + 1)
    var bits = 10
    while (1 << bits) * 5 <= (used + more) * 8 { bits += 1 }
    slots = .allocate(capacity: 1 << bits)
    slots.initialize(repeating: 0, count: 1 << bits)
    shift = UInt64(64 - bits)
    mask = 1 << bits - 1
    for index in 0..<oldCount where old[index] != 0 {
      var slot = start(old[index] >> 16)
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = old[index]
    }
    old.deallocate()
  }
}

/// A growable list of 32-bit words whose order does not matter; freed by its owner.
struct WordList {
  private(set) var words: UnsafeMutablePointer<UInt32>
  private(set) var count = 0
  private var capacity = 4

  init() { words = .allocate(capacity: 4) }

  func deallocate() { words.deallocate() }

  subscript(index: Int) -> UInt32 { words[index] }

  @inline(__always)
  mutating func append(_ word: UInt32) {
    if count == capacity {
      let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: 2 * capacity)
      larger.update(from: words, count: count)
      words.deallocate()
      words = larger
      capacity *= 2
    }
    words[count] = word
    count += 1
  }

  @inline(__always)
  func contains(_ word: UInt32) -> Bool {
    for index in 0..<count where words[index] == word { return true }
    return false
  }

  /// Takes out one occurrence of a word that the list has.
  @inline(__always)
  mutating func remove(_ word: UInt32) {
    var index = 0
    while words[index] != word { index += 1 }
    count -= 1
    words[index] = words[count]
  }
}
