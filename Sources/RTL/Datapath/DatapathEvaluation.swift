extension Datapath {
  /// Every signal's value as the hardware holds it: computed from its operands' bit patterns at
  /// their proved widths, then read back as its interval says. `inputs` gives the value of each
  /// `.input` signal by its index. Traps when a value leaves its interval or when a truncated
  /// signal would have to be extended: the widths would be wrong.
  package func evaluate(widths: SignalWidths, inputs: (SignalID) -> Int) -> [Int] {
    var values = [Int](repeating: 0, count: signals.count)
    for index in signals.indices {
      let signal = signals[index]
      let value: Int
      switch signal.operation {
      case .input, .parameter: value = inputs(SignalID(index))
      case .constant(let constant): value = constant
      case .add(let a, let b):
        value =
          pattern(a, values, widths, for: widths.bits[index])
          &+ pattern(b, values, widths, for: widths.bits[index])
      case .copy(let a): value = values[a.index]
      case .isNegative(let a): value = values[a.index] < 0 ? 1 : 0
      case .and(let a, let b): value = values[a.index] & values[b.index]
      case .equals(let a, let constant): value = values[a.index] == constant ? 1 : 0
      case .select(let condition, let a, let b):
        value = values[condition.index] != 0 ? values[a.index] : values[b.index]
      case .maximum(let a, let b): value = max(values[a.index], values[b.index])
      case .saturate(let a, let shift, let clamp):
        value = min(max(values[a.index] >> shift, clamp.lowerBound), clamp.upperBound)
      case .table(let a, let table): value = table.value(values[a.index])
      case .multiply(let a, let b, _): value = values[a.index] * values[b.index]
      case .shiftRight(let a, let b): value = values[a.index] >> values[b.index]
      }
      let bits = widths.bits[index]
      let mask = (1 << bits) - 1
      var held = value & mask
      if !widths.isTruncated[index] {
        if signal.interval.isSigned, held >> (bits - 1) != 0 { held -= 1 << bits }
        precondition(
          signal.interval.contains(held), "\(signal.name) = \(held) leaves \(signal.interval)")
      }
      values[index] = held
    }
    return values
  }

  /// The operand's contribution to a sum of `width` bits, modulo 2^width.
  private func pattern(_ operand: Operand, _ values: [Int], _ widths: SignalWidths, for width: Int)
    -> Int
  {
    let index = operand.signal.index
    precondition(
      !widths.isTruncated[index] || widths.bits[index] + operand.shift >= width,
      "\(signals[index].name) is truncated and would be extended")
    let shifted = values[index] << operand.shift | operand.fill
    return operand.isNegated ? 0 &- shifted : shifted
  }
}
