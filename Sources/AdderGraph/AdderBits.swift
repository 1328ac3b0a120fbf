extension AdderGraph {
  /// Bits that the adders of a graph add, for inputs out of the given intervals: of each adder the width
  /// of its exact interval, less the low bits that need no adder: those that are 0 whatever the inputs,
  /// and those of an added first operand below a second operand shifted past them, which are wires.
  public func adderBits(inputs: [ClosedRange<Int>]) -> Int {
    var total = 0
    forEachLinearForm { node, form in
      guard case .add(let a, let b) = self[node] else { return }
      let width = SignalWidth(of: form.interval(inputs: inputs)).bits
      var wires = form.trailingZeroBits
      // a + b<<s and a - b<<s leave the s low bits of a as they are; b<<s - a does not.
      let (low, high) = a.shift <= b.shift ? (a, b) : (b, a)
      if !low.isNegated { wires = max(wires, high.shift) }
      total += max(0, width - wires)
    }
    return total
  }
}
