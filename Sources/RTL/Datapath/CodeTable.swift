/// A function of one code by its values: what a table of the network is for the codes of one channel.
public struct CodeTable: Hashable, Sendable {
  /// The least code.
  public var first: Int
  /// The numbers for `first`, `first + 1`, …; at least one.
  public var values: [Int]

  /// The values of `function` on an interval of codes.
  package init(_ codes: Interval, _ function: (Int) -> Int) {
    first = codes.lowerBound
    values = codes.map(function)
  }

  package func value(_ code: Int) -> Int { values[code - first] }

  /// Every code is there.
  package var codes: Interval { first...first + values.count - 1 }

  /// The value that most codes have, of several the least: it needs not be listed.
  package var mostFrequent: Int {
    var counts: [Int: Int] = [:]
    for value in values { counts[value, default: 0] += 1 }
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }!.key
  }

  /// Multiplexers of a decision diagram over the code's bits that all bits of the result share: a
  /// measure of its logic. With three cell libraries a table takes about a sixth of a full adder's area
  /// for each (docs/datapath.md).
  public var decisions: Int {
    let codeBits = codes.bitCount
    let least = values.min()!
    let bits = (least...values.max()!).bitCount
    let others = mostFrequent
    let mask = 1 << codeBits - 1
    var patterns = [Int](repeating: others, count: 1 << codeBits)
    for (index, value) in values.enumerated() { patterns[(first + index) & mask] = value }
    // A diagram's node by its two branches; 0 and 1 are the constants.
    struct Node: Hashable {
      var variable: Int
      var low: Int
      var high: Int
    }
    var numbers: [Node: Int] = [:]
    for bit in 0..<bits {
      var level = patterns.map { $0 >> bit & 1 }
      for variable in 0..<codeBits {
        level = stride(from: 0, to: level.count, by: 2).map { index in
          let (low, high) = (level[index], level[index + 1])
          if low == high { return low }
          let node = Node(variable: variable, low: low, high: high)
          let number = numbers[node] ?? numbers.count + 2
          numbers[node] = number
          return number
        }
      }
    }
    return numbers.count
  }
}
