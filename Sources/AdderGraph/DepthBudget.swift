/// What rows can still spend on sharing within a limit of adder levels.
///
/// Terms at levels d can be summed within D levels exactly when their 2^d add up to 2^D at most (Kraft's
/// inequality: every level of a binary tree has twice the room of the one above). Sharing puts a node at
/// one level above the deeper of two terms in their place, which uses up room where their levels differ.
struct DepthBudget {
  /// Adder levels from the inputs to each node.
  private(set) var levels: [Int]
  /// Of each row: 2^limit less the 2^level of its terms.
  private(set) var room: [Int]

  /// Levels stay below this, so that the room of a row fits 64 bits.
  static let depthLimit = 40

  init(levels: [Int], room: [Int]) {
    self.levels = levels
    self.room = room
  }

  /// Rows over nodes of known levels, each within `limit` levels.
  init(limit: Int, levels: [Int], rows: [[PackedTerm]]) {
    self.levels = levels
    room = rows.map { row in 1 << limit - row.reduce(0) { $0 + 1 << levels[$1.node] } }
    precondition(room.allSatisfy { $0 >= 0 }, "every row can be summed within the limit")
  }

  /// Takes out the matches whose rows have no room for the pattern's node and pays for the others;
  /// returns what each paid.
  mutating func spend(on pattern: PairPattern, at matches: inout [GreedySharing.Match]) -> Int {
    let (a, b) = (levels[pattern.first], levels[pattern.second.node])
    let cost = 2 << max(a, b) - 1 << a - 1 << b
    guard cost > 0 else { return 0 }
    var kept = 0
    for match in matches where room[match.row] >= cost {
      room[match.row] -= cost
      matches[kept] = match
      kept += 1
    }
    matches.removeSubrange(kept...)
    return cost
  }

  /// Takes back what was paid.
  mutating func giveBack(_ cost: Int, _ matches: [GreedySharing.Match]) {
    guard cost > 0 else { return }
    for match in matches { room[match.row] += cost }
  }

  /// The next node, made of a pattern.
  mutating func append(_ pattern: PairPattern) {
    levels.append(max(levels[pattern.first], levels[pattern.second.node]) + 1)
  }

  /// Levels that terms of such a sum of 2^level take.
  static func levels(_ sum: Int) -> Int {
    sum <= 1 ? 0 : Int.bitWidth - (sum - 1).leadingZeroBitCount
  }
}

extension SharedRows {
  /// The fewest adder levels of every node: each definition summed as flat as it can be.
  var levels: [Int] {
    var levels = [Int](repeating: 0, count: inputs + definitions.count)
    for node in operandsFirst() {
      levels[node] = DepthBudget.levels(
        definitions[node - inputs].reduce(0) { $0 + 1 << levels[$1.node] })
    }
    return levels
  }

  /// The fewest adder levels of the deepest output.
  var depth: Int {
    let levels = levels
    return outputs.lazy.map { row in
      DepthBudget.levels(row.reduce(0) { $0 + 1 << levels[$1.node] })
    }.max() ?? 0
  }
}
