/// Multiplication by one constant in few adders: a plan, its cost and its graph.
///
/// Exact for constants of up to three adders below 2^23 (`MultiplierTable`) and for those of four whose
/// intermediate constants stay there; beyond, the best of one more adder on top, of cutting the
/// constant in two, and of its factors. Adders have no right shifts.
public struct ConstantMultiplier: Sendable {
  /// How a positive odd constant is made from the value that it multiplies.
  indirect enum Plan: Hashable, Sendable {
    case unit
    /// `left<<leftShift + right<<rightShift`, or the difference, of multiples of one value.
    case sum(Plan, Int, Plan, Int, isDifference: Bool)
    /// The first plan applied to the result of the second.
    case product(Plan, Plan)
  }

  let table = MultiplierTable.shared
  /// Of constants beyond the table.
  private var known: [Int: Solution] = [:]
  private var notOfFour: Set<Int> = []

  private struct Solution {
    var cost: Int
    var plan: Plan
  }

  public init() {}

  /// Adders of the multiplication by any constant of magnitude below 2^62.
  public mutating func adderCount(_ constant: Int) -> Int {
    guard constant != 0 else { return 0 }
    return cost(abs(constant) >> constant.trailingZeroBitCount)
  }

  /// The graph of one input and one output, `y = constant * x`.
  public mutating func graph(_ constant: Int) -> AdderGraph {
    precondition(constant.magnitude < 1 << 62, "a multiplier constant is below 2^62")
    guard constant != 0 else { return AdderGraph(nodes: [.input(0)], outputs: [nil]) }
    let shift = constant.trailingZeroBitCount
    return Self.graph(
      of: solve(abs(constant) >> shift).plan, shift: shift, isNegated: constant < 0)
  }

  private static func graph(of plan: Plan, shift: Int, isNegated: Bool = false) -> AdderGraph {
    var builder = AdderGraph.Builder(inputs: 1, inputBits: 16)
    let product = plan.apply(to: .init(node: .init(0)), in: &builder).shifted(by: shift)
    return builder.finish(outputs: [isNegated ? product.negated : product])
      .withPositiveMultiples()
  }

  /// Whether at most `count` adders multiply by a constant, as far as the cheap searches tell: exact for
  /// counts up to 3, and much faster than `adderCount` where the answer is no.
  mutating func needs(atMost count: Int, for constant: Int) -> Bool {
    guard constant != 0 else { return true }
    let odd = abs(constant) >> constant.trailingZeroBitCount
    if let cost = table.cost(odd) { return cost <= count }
    if count < 4 { return false }
    if count == 4 { return fourAdderSolution(odd) != nil }
    return cost(odd) <= count
  }

  /// Adders for a positive odd constant.
  private mutating func cost(_ constant: Int) -> Int {
    table.cost(constant) ?? solve(constant).cost
  }

  /// Plan and cost of a positive odd constant.
  private mutating func solve(_ constant: Int) -> Solution {
    if let cost = table.cost(constant) {
      return Solution(cost: cost, plan: table.plan(constant))
    }
    if let solution = known[constant] { return solution }
    var solution = fourAdderSolution(constant) ?? largeSolution(constant)
    // Parts may turn out to have adders in common.
    solution.cost = Self.graph(of: solution.plan, shift: 0).adderCount
    known[constant] = solution
    return solution
  }

  /// `fourAdderPlan`, remembered.
  private mutating func fourAdderSolution(_ constant: Int) -> Solution? {
    if let solution = known[constant] { return solution.cost <= 4 ? solution : nil }
    if notOfFour.contains(constant) { return nil }
    guard let plan = fourAdderPlan(constant) else {
      notOfFour.insert(constant)
      return nil
    }
    // Fewer where the constant lies beyond the table, but its factors do not.
    let solution = Solution(cost: Self.graph(of: plan, shift: 0).adderCount, plan: plan)
    known[constant] = solution
    return solution
  }

  /// A graph of four adders, if there is one whose intermediate constants are in the table. The last
  /// adder joins two constants of the three adders before: u of three adders and 1 or a constant that
  /// u's graph contains, u of two adders and v of one, or it multiplies.
  private func fourAdderPlan(_ constant: Int) -> Plan? {
    commonFourAdderPlan(constant) ?? wideFourAdderPlan(constant)
  }

  /// Of the forms of four adders those that most constants have.
  private func commonFourAdderPlan(_ constant: Int) -> Plan? {
    for divisor in table.oneAdder + table.twoAdders where constant % divisor == 0 {
      guard let own = table.cost(divisor), let other = table.cost(constant / divisor),
        own + other <= 4
      else { continue }
      return .product(table.plan(divisor), table.plan(constant / divisor))
    }
    return sumPlan(constant, with: 1, cost: 0, contained: 0)
      ?? table.oneAdder.indices.lazy.compactMap { index in
        self.sumPlan(
          constant, with: self.table.oneAdder[index], cost: 1, contained: 1 << UInt64(index))
      }.first
  }

  /// `constant` as a sum or difference of multiples of `v` (of cost 0 or 1) and of some u, in four
  /// adders altogether.
  private func sumPlan(_ constant: Int, with v: Int, cost: Int, contained: UInt64) -> Plan? {
    func plan(_ u: Int) -> Plan? {
      guard let entry = table.entry(u) else { return nil }
      if Int(entry.cost) + cost <= 3 { return table.plan(u) }
      return entry.contained & contained != 0 ? table.plan(u, containing: v) : nil
    }
    // u<<i + v, u<<i - v, v - u<<i: the other operand is even.
    for (rest, vIsNegated, uIsNegated) in [
      (constant - v, false, false), (constant + v, true, false), (v - constant, false, true),
    ] where rest > 0 {
      let shift = rest.trailingZeroBitCount
      if let u = plan(rest >> shift) { return join(u, shift, uIsNegated, v, 0, vIsNegated) }
    }
    // u + v<<j, v<<j - u, u - v<<j.
    for shift in 1...MultiplierTable.shifts {
      let moved = v << shift
      for (u, vIsNegated, uIsNegated) in [
        (constant - moved, false, false), (moved - constant, false, true),
        (constant + moved, true, false),
      ] where u > 0 {
        if let u = plan(u) { return join(u, 0, uIsNegated, v, shift, vIsNegated) }
      }
    }
    return nil
  }

  func join(
    _ u: Plan, _ uShift: Int, _ uIsNegated: Bool, _ v: Int, _ vShift: Int, _ vIsNegated: Bool
  ) -> Plan {
    join(u, uShift, uIsNegated, table.plan(v), vShift, vIsNegated)
  }

  func join(
    _ u: Plan, _ uShift: Int, _ uIsNegated: Bool, _ other: Plan, _ vShift: Int, _ vIsNegated: Bool
  ) -> Plan {
    if uIsNegated { return .sum(other, vShift, u, uShift, isDifference: true) }
    return .sum(u, uShift, other, vShift, isDifference: vIsNegated)
  }

  /// The best found for a constant of five adders or more: a constant of four and a shifted one joined,
  /// two constants of the table joined, or the constant cut in two.
  private mutating func largeSolution(_ constant: Int) -> Solution {
    if let plan = unitOnFourPlan(constant) ?? factoredFivePlan(constant) {
      return Solution(cost: 5, plan: plan)
    }
    let joined = joinedSolution(constant)
    if let joined, joined.cost <= 6 { return joined }
    let cut = cutSolution(constant)
    if let joined, joined.cost <= cut.cost { return joined }
    return cut
  }

  /// A product of constants of one and four, or of two and three adders.
  private mutating func factoredFivePlan(_ constant: Int) -> Plan? {
    for divisor in table.twoAdders where constant % divisor == 0 {
      if table.cost(constant / divisor) == 3 {
        return .product(table.plan(divisor), table.plan(constant / divisor))
      }
    }
    for divisor in table.oneAdder where constant % divisor == 0 {
      if let other = fourAdderSolution(constant / divisor) {
        return .product(table.plan(divisor), other.plan)
      }
    }
    return nil
  }

  /// `u<<i ± 1` or `u ± 1<<j` with u of four adders.
  private mutating func unitOnFourPlan(_ constant: Int) -> Plan? {
    for shift in 0...MultiplierTable.shifts {
      for (rest, vIsNegated, uIsNegated) in [
        (constant - 1 << shift, false, false), (1 << shift - constant, false, true),
        (constant + 1 << shift, true, false),
      ] where rest > 0 {
        let uShift = rest.trailingZeroBitCount
        if let u = fourAdderSolution(rest >> uShift) {
          return join(u.plan, uShift, uIsNegated, 1, shift, vIsNegated)
        }
      }
    }
    return nil
  }

  /// The cheapest u of up to three adders and v of one or two, joined; one adder less where both
  /// contain the same constant of one adder.
  private func joinedSolution(_ constant: Int) -> Solution? {
    typealias Part = (constant: Int, shift: Int, isNegated: Bool)
    var best: (cost: Int, u: Part, v: Part, common: UInt64)?
    for v in table.oneAdder + table.twoAdders {
      let vEntry = table.entry(v)!
      for shift in 0...MultiplierTable.shifts {
        let moved = v << shift
        for (rest, vIsNegated, uIsNegated) in [
          (constant - moved, false, false), (moved - constant, false, true),
          (constant + moved, true, false),
        ] where rest > 0 {
          let uShift = rest.trailingZeroBitCount
          guard let uEntry = table.entry(rest >> uShift) else { continue }
          let common = vEntry.cost == 2 && uEntry.cost > 1 ? uEntry.contained & vEntry.contained : 0
          let cost = Int(uEntry.cost + vEntry.cost) + (common == 0 ? 1 : 0)
          if cost < best?.cost ?? Int.max {
            best = (
              cost, (rest >> uShift, uShift, uIsNegated), (v, shift, vIsNegated), common
            )
          }
        }
      }
    }
    return best.map { cost, u, v, common in
      var (uPlan, vPlan) = (table.plan(u.constant), table.plan(v.constant))
      if common != 0 {
        let base = table.oneAdder[common.trailingZeroBitCount]
        uPlan =
          table.cost(u.constant) == 2
          ? table.plan(u.constant, from: [1, base])
          : table.plan(u.constant, containing: base) ?? uPlan
        vPlan = table.plan(v.constant, from: [1, base])
      }
      return Solution(
        cost: cost, plan: join(uPlan, u.shift, u.isNegated, vPlan, v.shift, v.isNegated))
    }
  }

  /// The cheapest way to cut the digits of a constant near their middle.
  private mutating func cutSolution(_ constant: Int) -> Solution {
    var best = Solution(cost: Int.max, plan: .unit)
    let length = SignalWidth.bitLength(constant)
    for cut in max(1, length / 2 - 4)...min(length - 1, length / 2 + 4) {
      for high in [constant >> cut, constant >> cut + 1] {
        let low = constant - high << cut
        let highShift = high.trailingZeroBitCount
        // Both parts are much shorter than the constant, which has over 20 bits: this ends.
        let (left, right) = (solve(high >> highShift), solve(abs(low)))
        guard left.cost + right.cost + 1 < best.cost else { continue }
        best = Solution(
          cost: left.cost + right.cost + 1,
          plan: .sum(left.plan, cut + highShift, right.plan, 0, isDifference: low < 0))
      }
    }
    return best
  }
}

extension ConstantMultiplier.Plan {
  /// The term that this plan makes of `value`.
  func apply(
    to value: AdderGraph.Term, in builder: inout AdderGraph.Builder
  ) -> AdderGraph.Term {
    switch self {
    case .unit: return value
    case .product(let outer, let inner):
      return outer.apply(to: inner.apply(to: value, in: &builder), in: &builder)
    case .sum(let left, let leftShift, let right, let rightShift, let isDifference):
      let a = left.apply(to: value, in: &builder).shifted(by: leftShift)
      let b = right.apply(to: value, in: &builder).shifted(by: rightShift)
      guard let sum = builder.sum(a, isDifference ? b.negated : b) else {
        preconditionFailure("a positive constant is not the sum of opposite terms")
      }
      return sum
    }
  }
}

extension MultiplierTable {
  /// The plan of a constant in the table.
  func plan(_ constant: Int) -> ConstantMultiplier.Plan {
    guard let entry = entry(constant) else {
      preconditionFailure("only constants of the table have a plan there")
    }
    return plan(constant, from: [1, Int(entry.first), Int(entry.second)].filter { $0 > 0 })
  }

  /// A plan of a constant of three adders in which the constant `first` of one adder is made.
  func plan(_ constant: Int, containing first: Int) -> ConstantMultiplier.Plan? {
    var seconds = oneAdder
    Self.forEachCombination(1, first) { seconds.append($0) }
    Self.forEachCombination(first, first) { seconds.append($0) }
    for second in seconds {
      for (u, v) in [(1, second), (first, second), (second, second)] {
        var isMade = false
        Self.forEachCombination(u, v) { if $0 == constant { isMade = true } }
        if isMade { return plan(constant, from: [1, first, second]) }
      }
    }
    return nil
  }

  /// A constant made by one adder of two of the given ones, those of earlier ones, and so on.
  func plan(_ constant: Int, from chain: [Int]) -> ConstantMultiplier.Plan {
    guard constant > 1 else { return .unit }
    for u in chain {
      for v in chain {
        guard let step = Self.step(constant, u, v) else { continue }
        // Each part is made of the chain before it.
        let parts = [u, v].map { part in
          plan(part, from: Array(chain.prefix { $0 != part }))
        }
        return .sum(parts[0], step.shift, parts[1], 0, isDifference: step.isDifference)
          .turned(step.isTurned)
      }
    }
    preconditionFailure("the chain of \(constant) makes it")
  }

  /// `u<<shift + v`, `u<<shift - v` or `v - u<<shift` (turned).
  private static func step(_ constant: Int, _ u: Int, _ v: Int)
    -> (shift: Int, isDifference: Bool, isTurned: Bool)?
  {
    for shift in 1...shifts {
      let moved = u << shift
      if moved + v == constant { return (shift, false, false) }
      if moved - v == constant { return (shift, true, false) }
      if v - moved == constant { return (shift, true, true) }
    }
    return nil
  }
}

extension ConstantMultiplier.Plan {
  /// The same difference the other way round.
  fileprivate func turned(_ isTurned: Bool) -> Self {
    guard isTurned, case .sum(let a, let i, let b, let j, let isDifference) = self else {
      return self
    }
    return .sum(b, j, a, i, isDifference: isDifference)
  }
}
