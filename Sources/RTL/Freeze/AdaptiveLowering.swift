import NeuralGraph

/// What of a channel's adaptive batch norm a register of the datapath holds.
public enum ParameterField: Hashable, Sendable {
  case bias
  /// Bits of the mantissa, `low` counted from its lowest kept one.
  case scale(low: Int, bits: Int)
  /// Minus the exponent.
  case shift
}

extension DatapathBuilder {
  /// The output code of an accumulator whose bias and multiplier are registers: TFLite's two roundings
  /// as they are,
  ///
  ///     n = (total * m + 2^(S-1)) >> S                     total = accumulator + offset + bias
  ///     y = clamp(z_y + (n - [n < 0 and shift > 0] + half) >> shift)
  ///
  /// with m the S kept bits of the mantissa. `accumulator` is nil where all weights are zero. The
  /// mantissa is multiplied in parts of as many bits as a tree of `levels` adders takes.
  mutating func appendAdaptive(
    of accumulator: Operand?, offset: Int, channel: Int, clamp: ClosedRange<Int>, zeroPoint: Int,
    adaptation: Adaptation, levels: Int
  ) -> SignalID {
    let start = datapath.adderCount
    let bias = parameter(channel, .bias, "bias\(channel)", adaptation.biases)
    let total = appendTotal(accumulator, offset, bias, channel)
    let product = appendProduct(total, channel, adaptation.scaleBits, levels: levels)
    let range = datapath[product].interval
    func scaled(_ value: Int) -> Int { value >> adaptation.scaleBits }
    let nearest = scaled(range.lowerBound)...scaled(range.upperBound)
    let rounded = append(
      "near\(channel)", .saturate(product, shift: adaptation.scaleBits, clamp: nearest), nearest)
    // Halves away from zero: one less below zero, but without a shift there is nothing to round.
    let shift = parameter(channel, .shift, "shift\(channel)", 0...31)
    let isWhole = append("whole\(channel)", .equals(shift, 0), 0...1)
    let isNegative = append("negative\(channel)", .isNegative(rounded), 0...1)
    let away = append(
      "away\(channel)", .select(isWhole, constant(0), isNegative), 0...1)
    let twice = append(
      "twice\(channel)",
      .add(Operand(rounded, shift: 1), Operand(away, shift: 1, isNegated: true)),
      2 * nearest.lowerBound - 2...2 * nearest.upperBound)
    let moved = append(
      "moved\(channel)", .shiftRight(twice, by: shift),
      datapath[twice].interval.union(0...0))
    let code = adding(1 + 2 * zeroPoint, to: Operand(moved), "prod\(channel)")
    func clamped(_ value: Int) -> Int {
      min(max(value >> 1, clamp.lowerBound), clamp.upperBound)
    }
    let ends = datapath[code].interval
    cost.requantizers += 1
    cost.requantizerAdders += datapath.adderCount - start
    return append(
      "y\(channel)", .saturate(code, shift: 1, clamp: clamp),
      clamped(ends.lowerBound)...clamped(ends.upperBound))
  }

  private mutating func parameter(
    _ channel: Int, _ field: ParameterField, _ name: String, _ interval: Interval
  ) -> SignalID {
    let id = append(name, .parameter, interval)
    setRole(.parameter(channel: channel, field), of: id)
    return id
  }

  /// accumulator + offset + bias.
  private mutating func appendTotal(
    _ accumulator: Operand?, _ offset: Int, _ bias: SignalID, _ channel: Int
  ) -> SignalID {
    guard var operand = accumulator else {
      return adding(offset, to: Operand(bias), "total\(channel)")
    }
    if offset != 0 { operand = Operand(adding(offset, to: operand, "biased\(channel)")) }
    return append(
      "total\(channel)", .add(operand, Operand(bias)),
      interval(operand).adding(datapath[bias].interval))
  }

  /// total * m + 2^(S-1).
  private mutating func appendProduct(
    _ total: SignalID, _ channel: Int, _ scaleBits: Int, levels: Int
  ) -> SignalID {
    let partBits = min(scaleBits, 1 << min(levels, 5))
    var terms: [(signal: SignalID, low: Int)] = []
    for low in stride(from: 0, to: scaleBits, by: partBits) {
      let bits = min(partBits, scaleBits - low)
      let number = terms.count + 1
      let part = parameter(
        channel, .scale(low: low, bits: bits), "scale\(channel)_\(number)", 0...(1 << bits) - 1)
      let factor = datapath[part].interval.upperBound
      let range = datapath[total].interval
      let product = append(
        "mul\(channel)_\(number)", .multiply(total, part, bits: bits),
        min(0, range.lowerBound * factor)...max(0, range.upperBound * factor))
      // The rows of the part, added up.
      cost.requantizerAdders += bits - 1
      terms.append((product, low))
    }
    let top = terms.count - 1
    terms[top].signal = adding(
      1 << (scaleBits - 1 - terms[top].low), to: Operand(terms[top].signal), "half\(channel)")
    var number = 0
    while terms.count > 1 {
      var next: [(signal: SignalID, low: Int)] = []
      for pair in stride(from: 0, to: terms.count, by: 2) {
        guard pair + 1 < terms.count else {
          next.append(terms[pair])
          continue
        }
        number += 1
        let (low, high) = (
          Operand(terms[pair].signal),
          Operand(terms[pair + 1].signal, shift: terms[pair + 1].low - terms[pair].low)
        )
        next.append(
          (
            append(
              "prod\(channel)_\(number)", .add(low, high), interval(low).adding(interval(high))),
            terms[pair].low
          ))
      }
      terms = next
    }
    return terms[0].signal
  }
}
