/// The graphs of four adders whose last adder joins two constants of two adders or more that share one
/// below: the rarer ones, looked for where the common forms fail.
extension ConstantMultiplier {
  /// `constant` as u and v joined, v of two adders, where u and v start from one constant of one adder,
  /// or u is one adder away from v; nil when there is no such pair in the table.
  func wideFourAdderPlan(_ constant: Int) -> Plan? {
    for v in table.twoAdders {
      let contained = table.entry(v)!.contained
      for shift in 0...MultiplierTable.shifts {
        let moved = v << shift
        if let plan = joined(constant - moved, v, contained, shift, (false, false)) { return plan }
        if let plan = joined(moved - constant, v, contained, shift, (true, false)) { return plan }
        if let plan = joined(constant + moved, v, contained, shift, (false, true)) { return plan }
      }
    }
    return nil
  }

  /// The plan with `rest` as the multiple of u, if that fits.
  @inline(__always)
  private func joined(
    _ rest: Int, _ v: Int, _ contained: UInt64, _ shift: Int,
    _ isNegated: (u: Bool, v: Bool)
  ) -> Plan? {
    guard rest > 0 else { return nil }
    let uShift = rest.trailingZeroBitCount
    let u = rest >> uShift
    guard table.contains(u), let entry = table.entry(u), entry.cost >= 2 else { return nil }
    let common = entry.cost == 2 ? entry.contained & contained : 0
    if common != 0 {
      let base = [1, table.oneAdder[common.trailingZeroBitCount]]
      return join(
        table.plan(u, from: base), uShift, isNegated.u, table.plan(v, from: base), shift,
        isNegated.v)
    }
    guard let base = table.base(of: u, over: v, contained) else { return nil }
    return join(
      table.plan(u, from: [1, base, v]), uShift, isNegated.u, table.plan(v, from: [1, base]), shift,
      isNegated.v)
  }
}

extension MultiplierTable {
  /// A constant of one adder that v starts from, one of `contained`, such that one more adder makes u of
  /// v and it, or of v alone, or of v and 1.
  func base(of u: Int, over v: Int, _ contained: UInt64) -> Int? {
    func isOdd(_ rest: Int, _ other: Int) -> Bool {
      rest != 0 && rest.magnitude >> UInt(rest.trailingZeroBitCount) == UInt(other)
    }
    func isMade(with other: Int) -> Bool {
      for shift in 0...Self.shifts {
        let moved = v << shift
        // Of the three numbers one of the other two is odd, or both shifts are 0.
        if isOdd(u - moved, other) || isOdd(u + moved, other) { return true }
        if moved > u << 1 + other << Self.shifts { break }
      }
      return false
    }
    if isMade(with: 1) || isMade(with: v) { return oneAdder[contained.trailingZeroBitCount] }
    var rest = contained
    while rest != 0 {
      let base = oneAdder[rest.trailingZeroBitCount]
      rest &= rest - 1
      if isMade(with: base) { return base }
    }
    return nil
  }
}
