/// The sum of products of one row of constants, through the multiplier block that is its transpose.
///
/// A block multiplies one value by several constants. Turning round every edge of one with A adders
/// gives the sum of `taps` products in A + taps - 1 adders, and the other way round (transposition of
/// linear graphs). A block needs at least one adder for each different odd constant above 1, so
/// `floor` bounds the row's adders from below; where constants can be put in an order in which each is
/// one adder away from 1 and those before it, the floor is reached, and the graph proved optimal.
///
/// Making a constant never hinders another, so taking whatever can be made next decides exactly whether
/// such an order exists; one or two further constants are tried in all ways below `limit`.
struct MultiplierBlock {
  /// An adder of the block: `constant = ±left<<leftShift ± right<<rightShift`.
  private struct Step {
    var constant: Int
    var left: Int
    var leftShift: Int
    var leftIsNegated: Bool
    var right: Int
    var rightShift: Int
    var rightIsNegated: Bool
  }

  /// Constants of a block stay below this; rows with larger odd parts have no block here.
  static let limit = 1 << 12
  private static let shifts = 12

  private let weights: [Int]
  private let wanted: [Int]
  private var steps: [Step]

  /// The least adders that any graph of this row can have; the row is not all zero.
  static func floor(_ weights: [Int]) -> Int {
    weights.count { $0 != 0 } - 1 + oddParts(weights).count
  }

  /// The different odd parts above 1 of the weights, ascending.
  private static func oddParts(_ weights: [Int]) -> [Int] {
    Set(weights.lazy.filter { $0 != 0 }.map { abs($0) >> $0.trailingZeroBitCount })
      .filter { $0 > 1 }.sorted()
  }

  /// The block of a row with as few constants beside its own as can be, at most `extras`; nil when
  /// there is none, or the weights are too large.
  init?(_ weights: [Int], extras: Int) {
    self.weights = weights
    wanted = Self.oddParts(weights)
    guard wanted.last ?? 1 < Self.limit, wanted.count <= 256 else { return nil }
    steps = []
    var closure = Closure(wanted)
    closure.add(1)
    for extra in 0...extras {
      if let found = closure.completed(extras: extra) {
        steps = Self.steps(making: found)
        return
      }
    }
    return nil
  }

  /// Constants that have been made, and those that are one adder away.
  private struct Closure {
    private var made: [Int] = []
    private var missing: Set<Int>
    /// Of each odd constant: can be made, or is.
    private var isInReach = [Bool](repeating: false, count: limit)
    private var reach: [Int] = []

    init(_ wanted: [Int]) { missing = Set(wanted) }

    /// Makes a constant, and then whatever wanted one comes within reach.
    mutating func add(_ constant: Int) {
      var waiting = [constant]
      while let next = waiting.popLast() {
        guard !made.contains(next) else { continue }
        made.append(next)
        missing.remove(next)
        for other in made {
          for shift in 1...shifts {
            let (a, b) = (next << shift, other << shift)
            for sum in [a + other, abs(a - other), b + next, abs(b - next)]
            where sum < limit && !isInReach[sum] {
              isInReach[sum] = true
              reach.append(sum)
              if missing.contains(sum) { waiting.append(sum) }
            }
          }
        }
      }
    }

    /// Everything made when all wanted constants are, with that many further ones; nil when no choice
    /// of them does it.
    func completed(extras: Int) -> [Int]? {
      if missing.isEmpty { return made }
      guard extras > 0 else { return nil }
      for constant in reach.sorted() where !made.contains(constant) {
        var other = self
        other.add(constant)
        if let found = other.completed(extras: extras - 1) { return found }
      }
      return nil
    }
  }

  /// Adders in an order that makes the given constants in the fewest levels, one each.
  private static func steps(making constants: [Int]) -> [Step] {
    var steps: [Step] = []
    var made = [1]
    var left = constants.filter { $0 > 1 }.sorted()
    while !left.isEmpty {
      // One level: what can be made of what there was before it.
      var next: [Step] = []
      for constant in left {
        search: for u in made {
          for v in made {
            if let step = step(constant, u, v) {
              next.append(step)
              break search
            }
          }
        }
      }
      precondition(!next.isEmpty, "a closed set of constants can be made in some order")
      steps += next
      made += next.map(\.constant)
      left.removeAll { made.contains($0) }
    }
    return steps
  }

  /// `u<<shift + v`, `u<<shift - v` or `v - u<<shift`.
  private static func step(_ constant: Int, _ u: Int, _ v: Int) -> Step? {
    for shift in 1...shifts {
      let moved = u << shift
      for (leftIsNegated, rightIsNegated) in [(false, false), (false, true), (true, false)]
      where (leftIsNegated ? -moved : moved) + (rightIsNegated ? -v : v) == constant {
        return Step(
          constant: constant, left: u, leftShift: shift, leftIsNegated: leftIsNegated, right: v,
          rightShift: 0, rightIsNegated: rightIsNegated)
      }
    }
    return nil
  }

  /// The transposed block: the node of a constant sums the inputs that it weighs and the nodes of the
  /// constants made from it; the output is the node of 1.
  func transposed() -> SharedRows {
    let inputs = weights.count
    var nodes: [Int: Int] = [:]
    for (index, step) in steps.enumerated() { nodes[step.constant] = inputs + index }
    var output: [PackedTerm] = []
    var definitions = [[PackedTerm]](repeating: [], count: steps.count)
    func append(_ node: Int, _ shift: Int, _ isNegated: Bool, to constant: Int) {
      let term = PackedTerm(node: node, shift: shift, isNegated: isNegated)
      if let row = nodes[constant] {
        definitions[row - inputs].append(term)
      } else {
        output.append(term)
      }
    }
    for (input, weight) in weights.enumerated() where weight != 0 {
      let shift = weight.trailingZeroBitCount
      append(input, shift, weight < 0, to: abs(weight) >> shift)
    }
    for step in steps {
      let node = nodes[step.constant]!
      append(node, step.leftShift, step.leftIsNegated, to: step.left)
      append(node, step.rightShift, step.rightIsNegated, to: step.right)
    }
    return SharedRows(inputs: inputs, outputs: [output], definitions: definitions)
  }
}
