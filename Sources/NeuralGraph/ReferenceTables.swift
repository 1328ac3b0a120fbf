import Foundation

// TFLite's functions of one code, computed for all 256 by the reference kernels' own arithmetic.

extension QuantizedTable {
  /// LOGISTIC, TANH and ELU: the function in binary32 of `s_x (q - z_x)`, times the rounded inverse
  /// of the output's scale, rounded half away from zero. Source: `PopulateLookupTable` of LiteRT's
  /// reference kernels. The function is rounded once from binary64.
  public init(
    lookup function: Function, input: QuantizedType, output: QuantizedType,
    _ real: (Double) -> Double
  ) {
    let inverse = 1 / output.scale
    self.init(function, input: input.element, output: output.element) { code in
      let x = input.scale * Float(code - input.zeroPoint)
      let scaled = (Float(real(Double(x))) * inverse).rounded(.toNearestOrAwayFromZero)
      return output.zeroPoint + Int(max(-1024, min(1024, scaled)))
    }
  }

  /// HARD_SWISH in 16-bit fixed point; nil when a scale is unusable, as LiteRT refuses it too.
  /// Source: `tflite::reference_ops::HardSwish`.
  public init?(hardSwish input: QuantizedType, output: QuantizedType) {
    let fine = input.scale * (1 / 128 as Float)
    guard let outputs = FixedPointMultiplier(checked: Double(fine / output.scale)),
      let reluish = FixedPointMultiplier(checked: Double(fine / (3 / 32768 as Float))),
      outputs.exponent <= 0
    else { return nil }
    let (outputFactor, reluishFactor) = (outputs.sixteenBits, reluish.sixteenBits)
    self.init(.hardSwish, input: input.element, output: output.element) { code in
      let x = Int(Int16(truncatingIfNeeded: (code - input.zeroPoint) << 7))
      let preshifted = roundedHigh(x, outputFactor)
      var gate = x
      if reluish.exponent > 0 { gate = saturated(gate << min(reluish.exponent - 1, 31)) }
      gate = roundedHigh(gate, reluishFactor)
      if reluish.exponent > 0 { gate = saturated(gate << 1) }
      if reluish.exponent < 0 { gate = rounded(gate, shift: -reluish.exponent) }
      gate = (gate + 1 << 15) >> 1
      // The product's high half, cut towards zero.
      let product = Int(Int16(truncatingIfNeeded: gate * preshifted / (1 << 15)))
      return output.zeroPoint + rounded(product, shift: -outputs.exponent)
    }
  }

  /// LEAKY_RELU, or a channel of PRELU: one multiplier at and above zero, one below. Nil when an
  /// accumulator leaves int32. `slope` scales the codes below zero before their multiplier.
  public init?(
    _ function: Function, input: QuantizedType, output: QuantizedType,
    identity: FixedPointMultiplier, below: FixedPointMultiplier, slope: Int = 1
  ) {
    let reach = 255 * max(1, abs(slope))
    guard identity.accepts(-255...255), below.accepts(-reach...reach) else { return nil }
    self.init(function, input: input.element, output: output.element) { code in
      let x = code - input.zeroPoint
      return output.zeroPoint + (x >= 0 ? identity.apply(x) : below.apply(x * slope))
    }
  }

  /// CONCATENATION of uint8 tensors of several scales: `fl32(q fl32(s_x inverse) + bias)`, rounded
  /// half away from zero. Source: `tflite::reference_ops::ConcatenationWithScaling`.
  public init(concatenating input: QuantizedType, output: QuantizedType) {
    let scale = input.scale * (1 / output.scale)
    let bias = -Float(input.zeroPoint) * scale
    self.init(.requantize, input: input.element, output: output.element) { code in
      let value = (Float(code) * scale + bias).rounded(.toNearestOrAwayFromZero)
      return output.zeroPoint + Int(max(-1024, min(1024, value)))
    }
  }

  /// Arithmetic with constants, one or one a channel: `code` is given the operand's code and the
  /// constant's.
  public init(
    _ function: Function, input: QuantizedElement, output: QuantizedElement, constants: [Int],
    _ code: (Int, Int) -> Int
  ) {
    var codes: [Int16] = []
    codes.reserveCapacity(256 * constants.count)
    for constant in constants {
      codes += QuantizedTable(function, input: input, output: output) { code($0, constant) }.codes
    }
    self.init(function: function, codes: codes)
  }
}

extension QuantizedAdd {
  /// The output code of two operands less their zero points; the sum must be one that `output`
  /// accepts.
  public func code(_ a: Int, _ b: Int, zeroPoint: Int) -> Int {
    let code = zeroPoint + output.apply(scaled(a, first) + scaled(b, second))
    return min(max(code, clamp.lowerBound), clamp.upperBound)
  }

  /// True when no two codes give a sum that leaves the requantizer.
  public var acceptsAllCodes: Bool {
    let widest = 255 << QuantizedAdd.leftShift
    guard first.accepts(-widest...widest), second.accepts(-widest...widest) else { return false }
    let sum = abs(scaled(255, first)) + abs(scaled(255, second)) + 2
    return output.accepts(-sum...sum)
  }
}

extension QuantizedMultiply {
  /// The output code of two operands less their zero points.
  public func code(_ a: Int, _ b: Int, zeroPoint: Int) -> Int {
    let code = zeroPoint + requantization.apply(a * b)
    return min(max(code, clamp.lowerBound), clamp.upperBound)
  }

  /// True when no two codes give a product that leaves the requantizer.
  public var acceptsAllCodes: Bool { requantization.accepts(-255 * 255...255 * 255) }
}

extension FixedPointMultiplier {
  /// The mantissa's upper 16 bits, rounded (`tflite::DownScaleInt32ToInt16Multiplier`).
  fileprivate var sixteenBits: Int {
    multiplier >= Int(Int32.max) - 1 << 15 ? Int(Int16.max) : (multiplier + 1 << 15) >> 16
  }
}

private func saturated(_ value: Int) -> Int { max(-1 << 15, min(1 << 15 - 1, value)) }

/// Saturating rounding doubling high multiplication of 16-bit numbers.
private func roundedHigh(_ a: Int, _ b: Int) -> Int {
  saturated((a * b + 1 << 14) >> 15)
}

/// Division by 2^shift, nearest, halves away from zero.
private func rounded(_ value: Int, shift: Int) -> Int {
  let shift = min(shift, 31)
  let half = (1 << shift) >> 1
  return value >= 0 ? (value + half) >> shift : -((-value + half) >> shift)
}
