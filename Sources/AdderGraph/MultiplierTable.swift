/// Odd constants by the number of adders that multiply by them, complete for up to three adders without
/// right shifts whose intermediate constants stay below `limit`.
///
/// With one adder: 2^k ± 1. With more: u<<i ± v of constants u, v already made (Dempster and Macleod
/// 1994). Built once, in tens of milliseconds.
struct MultiplierTable: Sendable {
  static let shared = MultiplierTable()

  /// Constants in the table are below this.
  static let limit = 1 << 23
  static let shifts = 23

  /// How a constant of two or three adders is made: the constants made before it.
  struct Entry {
    var cost: UInt8
    /// Of cost 1; 0 when there is none.
    var first: UInt32
    /// Of cost 1 or 2; 0 when there is none.
    var second: UInt32
    /// Which constants of `oneAdder` some graph of this cost contains.
    var contained: UInt64
  }

  /// 3, 5, 7, 9, …: ascending.
  let oneAdder: [Int]
  /// Constants of exactly two adders, ascending.
  private(set) var twoAdders: [Int]
  private var members: [UInt64]
  private var slots: [UInt32]
  private var keys: [UInt32] = []
  private var entries: [Entry] = []

  /// Adders to multiply by a positive odd constant, if at most three do.
  func cost(_ constant: Int) -> Int? { entry(constant).map { Int($0.cost) } }

  /// Whether at most three adders multiply by a positive odd constant.
  @inline(__always)
  func contains(_ constant: Int) -> Bool {
    constant < Self.limit && members[constant >> 7] >> UInt64(constant >> 1 & 63) & 1 != 0
  }

  func entry(_ constant: Int) -> Entry? {
    guard contains(constant) else { return nil }
    return entries[Int(slots[slot(UInt32(constant))]) - 1]
  }

  /// The place of a constant of one adder in `oneAdder`.
  func indexOfOneAdder(_ constant: Int) -> Int? {
    oneAdder.firstIndex(of: constant)
  }

  /// Calls `body` with every odd constant below `limit` that one adder makes of the odd u and v.
  @inline(__always)
  static func forEachCombination(_ u: Int, _ v: Int, _ body: (Int) -> Void) {
    for shift in 1...shifts {
      let (a, b) = (u << shift, v << shift)
      if a - v >= limit && b - u >= limit { break }
      for constant in [a + v, abs(a - v)] where constant < limit { body(constant) }
      guard u != v else { continue }
      for constant in [b + u, abs(b - u)] where constant < limit { body(constant) }
    }
  }

  private init() {
    members = [UInt64](repeating: 0, count: Self.limit >> 7)
    slots = [UInt32](repeating: 0, count: 1 << 20)
    var ones: Set<Int> = []
    Self.forEachCombination(1, 1) { if $0 > 1 { ones.insert($0) } }
    oneAdder = ones.sorted()
    twoAdders = []
    insert(1, Entry(cost: 0, first: 0, second: 0, contained: 0))
    for (index, constant) in oneAdder.enumerated() {
      insert(constant, Entry(cost: 1, first: 0, second: 0, contained: 1 << UInt64(index)))
    }
    var pairs: [(first: Int, second: Int, contained: UInt64)] = []
    var twos: Set<Int> = []
    for (index, first) in oneAdder.enumerated() {
      let own: UInt64 = 1 << UInt64(index)
      var seconds = Set(oneAdder)
      Self.forEachCombination(1, first) { seconds.insert($0) }
      Self.forEachCombination(first, first) { seconds.insert($0) }
      seconds.remove(1)
      seconds.remove(first)
      for second in seconds.sorted() {
        insert(second, Entry(cost: 2, first: UInt32(first), second: 0, contained: own))
        let other = entry(second)!
        if other.cost == 2 { twos.insert(second) }
        let isNew = other.cost == 2 || second > first
        if isNew { pairs.append((first, second, own | (other.cost == 1 ? other.contained : 0))) }
      }
    }
    for (first, second, contained) in pairs {
      let entry = Entry(
        cost: 3, first: UInt32(first), second: UInt32(second), contained: contained)
      Self.forEachCombination(1, second) { insert($0, entry) }
      Self.forEachCombination(first, second) { insert($0, entry) }
      Self.forEachCombination(second, second) { insert($0, entry) }
    }
    twoAdders = twos.sorted()
  }

  private func slot(_ key: UInt32) -> Int {
    var slot = Int((key &* 0x9E37_79B1) >> 12)
    while slots[slot] != 0 && keys[Int(slots[slot]) - 1] != key { slot = (slot + 1) & 0xFFFFF }
    return slot
  }

  /// Keeps the cheapest entry of a constant; of equally cheap ones the first, with all containments.
  private mutating func insert(_ constant: Int, _ entry: Entry) {
    let slot = slot(UInt32(constant))
    if slots[slot] == 0 {
      keys.append(UInt32(constant))
      entries.append(entry)
      slots[slot] = UInt32(keys.count)
      members[constant >> 7] |= 1 << UInt64(constant >> 1 & 63)
    } else {
      let index = Int(slots[slot]) - 1
      if entries[index].cost == entry.cost { entries[index].contained |= entry.contained }
    }
  }

  /// Number of constants in the table, 1 included.
  var count: Int { entries.count }
}
