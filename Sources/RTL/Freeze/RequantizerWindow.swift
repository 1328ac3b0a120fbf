import AdderGraph

/// What a requantizer may cut its accumulator to before it multiplies: outside the thresholds the
/// answer does not change.
struct RequantizerWindow: Hashable {
  /// `0 ..< 2^n` or `-2^(n-1) ..< 2^(n-1)`: bit tests.
  var cut: Interval
  /// What may be added to the accumulator, bias included, so that all thresholds lie in `cut`.
  var offsets: Interval
}

extension Datapath {
  /// Two-input gates, roughly: 14 an adder bit (2 beside a constant), 6 a register bit of the default
  /// schedule, 2 a bit and end of a clamp, 1 a tested bit, 3 a compared one. For choices between forms
  /// of one requantizer.
  var estimatedGates: Int {
    let widths = SignalWidths(self)
    let schedule = Scheduler.schedule(self, widths, levelsPerPeriod: 2)
    var gates = 6 * RegisterWidths(self, widths, schedule).total
    for index in signals.indices {
      switch signals[index].operation {
      case .add(let a, let b):
        let operands = [a, b]
        let hasConstant = operands.contains { self[$0.signal].operation.isConstant }
        let (low, high) = a.shift <= b.shift ? (a, b) : (b, a)
        // Bits below the shifted operand are wires, or constants to add.
        let wires = low.isNegated || hasConstant ? 0 : min(high.shift, widths.bits[index])
        gates += (hasConstant ? 2 : 14) * (widths.bits[index] - wires)
        if high.fill != 0 { gates += 10 * wires }
      case .saturate(let source, let shift, let clamp):
        let interval = self[source].interval
        let held = widths.bits[source.index] - shift
        func end(isBitTest: Bool) -> Int {
          2 * widths.bits[index] + (isBitTest ? max(1, held - widths.bits[index]) : 3 * held)
        }
        func isPower(_ value: Int) -> Bool { value & (value - 1) == 0 }
        if interval.lowerBound >> shift < clamp.lowerBound {
          gates += end(isBitTest: isPower(-min(0, clamp.lowerBound)))
        }
        if interval.upperBound >> shift > clamp.upperBound {
          gates += end(isBitTest: isPower(max(0, clamp.upperBound) + 1))
        }
      default: break
      }
    }
    return gates
  }
}
