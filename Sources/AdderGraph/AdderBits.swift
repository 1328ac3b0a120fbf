extension AdderGraph {
  /// Bits that the adders of a graph add, by the proved widths and by simpler rules for them. Low bits
  /// that need no adder, because they are 0 or wires, count nowhere.
  public struct AdderBits: Hashable, Sendable {
    /// Each as wide as the exact interval of its values, or as all its readers need.
    public var proved = 0
    /// Each of 32 bits.
    public var words = 0
    /// Each wide enough for all numbers of its operands' widths, from those of the inputs on.
    public var byType = 0
    /// Each as wide as the exact interval of the widest output that it is part of.
    public var byOutput = 0

    public init(proved: Int = 0, words: Int = 0, byType: Int = 0, byOutput: Int = 0) {
      self.proved = proved
      self.words = words
      self.byType = byType
      self.byOutput = byOutput
    }
  }

  /// Bits that the adders of a graph add, for inputs out of the given intervals: of each adder the width
  /// of its exact interval, less the low bits that need no adder: those that are 0 whatever the inputs,
  /// and those of an added first operand below a second operand shifted past them, which are wires.
  public func adderBits(inputs: [ClosedRange<Int>]) -> Int {
    adderBitTotals(inputs: inputs).proved
  }

  /// The same beside what other rules for widths would give.
  public func adderBitTotals(inputs: [ClosedRange<Int>]) -> AdderBits {
    var total = AdderBits()
    let outputNeeds = outputNeeds(inputs: inputs)
    var types = inputs.map { SignalWidth(of: $0) }
    forEachLinearForm { node, form in
      guard case .add(let a, let b) = self[node] else { return }
      let width = SignalWidth(of: form.interval(inputs: inputs)).bits
      let typed = SignalWidth.sum(
        types[a.node.index].shifted(by: a.shift), types[b.node.index].shifted(by: b.shift),
        isDifference: b.isNegated)
      types.append(typed)
      var wires = form.trailingZeroBits
      // a + b<<s and a - b<<s leave the s low bits of a as they are; b<<s - a does not.
      let (low, high) = a.shift <= b.shift ? (a, b) : (b, a)
      if !low.isNegated { wires = max(wires, high.shift) }
      total.proved += max(0, min(width, outputNeeds[node.index]) - wires)
      total.words += max(0, 32 - wires)
      total.byType += max(0, typed.bits - wires)
      total.byOutput += max(0, outputNeeds[node.index] - wires)
    }
    return total
  }

  /// Of each node: bits of the widest output that it is part of, less its shift there.
  private func outputNeeds(inputs: [ClosedRange<Int>]) -> [Int] {
    let intervals = intervals(inputs: inputs)
    var needs = [Int](repeating: 0, count: nodes.count)
    for case .some(let term) in outputs {
      let width = SignalWidth(of: intervals[term.node.index]).bits + (term.isNegated ? 1 : 0)
      needs[term.node.index] = max(needs[term.node.index], width)
    }
    for index in nodes.indices.reversed() {
      guard case .add(let a, let b) = nodes[index] else { continue }
      for operand in [a, b] {
        needs[operand.node.index] = max(needs[operand.node.index], needs[index] - operand.shift)
      }
    }
    return needs
  }
}
