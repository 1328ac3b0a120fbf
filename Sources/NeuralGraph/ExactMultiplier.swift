/// `accumulator * mantissa * 2^exponent / divisor` in exact arithmetic, rounded to the nearest
/// integer, ties to even; results beyond 2^62 are cut to +-2^62. |accumulator| is at most 2^50,
/// |mantissa| below 2^48, the divisor below 2^40, the exponent in `ExactMultiplier.exponents`.
@inline(never)
func exactlyScaled(_ accumulator: Int, mantissa: Int, exponent: Int, divisor: Int) -> Int {
  // At most 98 bits, with the left shift 126; the denominator has at most 40 + 80.
  var numerator = UInt128(accumulator.magnitude) * UInt128(mantissa.magnitude)
  var denominator = UInt128(divisor.magnitude)
  if exponent >= 0 {
    numerator <<= UInt128(exponent)
  } else {
    denominator <<= UInt128(-exponent)
  }
  var (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
  rest <<= 1
  if rest > denominator || (rest == denominator && quotient & 1 == 1) { quotient += 1 }
  let magnitude = Int(min(quotient, UInt128(1) << 62))
  return (accumulator < 0) != (mantissa < 0) ? -magnitude : magnitude
}

/// A quotient of binary32 scales in full: `mantissa * 2^exponent / divisor`, mantissa and divisor odd
/// and without a common factor. What ONNX's QuantizeLinear(DequantizeLinear(…)) means of real
/// numbers.
public struct ExactMultiplier: Hashable, Sendable {
  public let mantissa: Int
  public let exponent: Int
  public let divisor: Int

  /// The exponents that 128 bits hold.
  public static let exponents = -80...28

  /// `product of factors / (divided by * count)`; nil unless every scale is positive and normal and
  /// the result lies within the limits of 128-bit arithmetic (as any sound model's does).
  public init?(_ factors: [Float], dividedBy scale: Float, count: Int = 1) {
    guard (factors + [scale]).allSatisfy({ $0.isNormal && $0 > 0 }), factors.count <= 2,
      (1..<1 << 16).contains(count)
    else { return nil }
    var mantissa = 1
    var exponent = 0
    for factor in factors {
      let (odd, power) = Self.parts(factor)
      mantissa *= odd
      exponent += power
    }
    let (odd, power) = Self.parts(scale)
    let zeros = count.trailingZeroBitCount
    var divisor = odd * (count >> zeros)
    exponent -= power + zeros
    var (a, b) = (mantissa, divisor)
    while b != 0 { (a, b) = (b, a % b) }
    mantissa /= a
    divisor /= a
    guard Self.exponents.contains(exponent) else { return nil }
    self.mantissa = mantissa
    self.exponent = exponent
    self.divisor = divisor
  }

  /// A number as an odd integer of at most 24 bits times a power of two.
  static func parts(_ scale: Float) -> (odd: Int, power: Int) {
    let integer = Int(scale.significandBitPattern | 1 << 23)
    let zeros = integer.trailingZeroBitCount
    return (integer >> zeros, Int(scale.exponent) - 23 + zeros)
  }
}

extension FixedPointMultiplier {
  /// ONNX's requantization: exact, ties to even.
  public init(_ exact: ExactMultiplier) {
    self.init(
      multiplier: exact.mantissa, exponent: exact.exponent, divisor: exact.divisor)
  }

  /// The magnitude of accumulators that exact arithmetic takes.
  static let exactRange = -(1 << 50)...(1 << 50)

  /// True when the numbers are those of an exact multiplier.
  var isValidExact: Bool {
    (1..<1 << 48).contains(multiplier) && (1..<1 << 40).contains(divisor)
      && ExactMultiplier.exponents.contains(exponent)
  }
}

extension RealMultiplier {
  /// ONNX's requantization: exact, ties to even.
  public init(_ exact: ExactMultiplier) {
    self.init(mantissa: exact.mantissa, shift: -exact.exponent, divisor: exact.divisor)
  }
}

extension QuantizedAdd {
  /// ONNX's sum of two dequantized tensors, quantized again: both inputs in units of a power of two
  /// that divides both scales, the exact sum of them, rounded once, ties to even. Nil when a scale is
  /// unusable or one is more than 2^14 times the other.
  public init?(exactFirst: Float, second: Float, output: Float, clamp: ClosedRange<Int>) {
    guard (([exactFirst, second, output]).allSatisfy { $0.isNormal && $0 > 0 }) else { return nil }
    let (a, b) = (ExactMultiplier.parts(exactFirst), ExactMultiplier.parts(second))
    let unit = min(a.power, b.power)
    guard a.power - unit <= 38, b.power - unit <= 38,
      a.odd << (a.power - unit) < 1 << 39, b.odd << (b.power - unit) < 1 << 39
    else { return nil }
    let scale = ExactMultiplier.parts(output)
    let exponent = unit - scale.power
    guard ExactMultiplier.exponents.contains(exponent) else { return nil }
    // The kernel shifts the inputs left by 20 bits; these multipliers take it back.
    func input(_ parts: (odd: Int, power: Int)) -> FixedPointMultiplier {
      FixedPointMultiplier(
        multiplier: parts.odd << (parts.power - unit), exponent: -QuantizedAdd.leftShift,
        divisor: 1)
    }
    self.init(
      first: input(a), second: input(b),
      output: FixedPointMultiplier(multiplier: 1, exponent: exponent, divisor: scale.odd),
      clamp: clamp)
  }
}
