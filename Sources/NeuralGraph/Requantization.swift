/// A positive real multiplier as TFLite stores it: `multiplier * 2^(exponent - 31)`, with the
/// multiplier in [2^30, 2^31) or zero (`tflite::QuantizeMultiplier`). Or, with a divisor, ONNX's:
/// `multiplier * 2^exponent / divisor` exactly (`ExactMultiplier`).
public struct FixedPointMultiplier: Hashable, Sendable {
  /// q: 2^30 ..< 2^31, or 0.
  public var multiplier: Int
  /// e: the power of two.
  public var exponent: Int
  /// 0 for TFLite's two roundings; above 0 the result is rounded once, ties to even.
  public var divisor: Int

  public init(multiplier: Int, exponent: Int, divisor: Int = 0) {
    self.multiplier = multiplier
    self.exponent = exponent
    self.divisor = divisor
  }

  /// True for ONNX's rule: exact, rounded once, ties to even.
  public var isExact: Bool { divisor > 0 }

  /// `tflite::QuantizeMultiplier`: rounds the mantissa to 31 bits, halves up; too small becomes 0.
  /// `real` must be finite and not negative.
  public init(real: Double) {
    precondition(real.isFinite && real >= 0, "a requantization multiplier is finite and positive")
    guard real > 0 else {
      self.init(multiplier: 0, exponent: 0)
      return
    }
    // significand is in [1, 2); TFLite's frexp mantissa is half of it.
    var exponent = Int(real.exponent) + 1
    var mantissa = Int((real.significand * 0x1p30 + 0.5).rounded(.down))
    if mantissa == 1 << 31 {
      mantissa >>= 1
      exponent += 1
    }
    if exponent < -31 {
      self.init(multiplier: 0, exponent: 0)
    } else {
      self.init(multiplier: mantissa, exponent: exponent)
    }
  }

  /// `tflite::MultiplyByQuantizedMultiplier`, reference version: a saturating rounding doubling
  /// high multiplication (nearest, halves up), then a rounding shift (halves away from zero).
  /// The caller has proved that `accumulator << max(0, exponent)` fits int32. With a divisor:
  /// `exactlyScaled`.
  public func apply(_ accumulator: Int) -> Int {
    if isExact {
      return exactlyScaled(
        accumulator, mantissa: multiplier, exponent: exponent, divisor: divisor)
    }
    let left = max(0, exponent)
    let right = max(0, -exponent)
    let product = (accumulator << left) * multiplier
    let nearest = (product + (1 << 30)) >> 31
    guard right > 0 else { return nearest }
    let half = (1 << (right - 1))
    return nearest >= 0 ? (nearest + half) >> right : -((-nearest + half) >> right)
  }
}
