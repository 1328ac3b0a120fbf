extension RealMultiplier {
  /// `half-away(binary64(accumulator * M))` in integers: the exact product is rounded to 53
  /// significant bits, ties to even, and then to an integer, halves away from zero. Results
  /// beyond 2^62 are cut to +-2^62. |accumulator| must be at most 2^62. With a divisor:
  /// `exactlyScaled`.
  public func apply(_ accumulator: Int) -> Int {
    if divisor > 0 {
      return exactlyScaled(accumulator, mantissa: mantissa, exponent: -shift, divisor: divisor)
    }
    var magnitude = UInt128(accumulator.magnitude) * UInt128(mantissa.magnitude)
    guard magnitude > 0 else { return 0 }
    let excess = 128 - magnitude.leadingZeroBitCount - 53
    var dropped = 0
    if excess > 0 {
      let half = UInt128(1) << (excess - 1)
      let rest = magnitude & (half << 1 - 1)
      magnitude >>= excess
      if rest > half || (rest == half && magnitude & 1 == 1) { magnitude += 1 }
      dropped = excess
    }
    // magnitude <= 2^53, and the rounded product is magnitude * 2^(dropped - shift).
    let right = shift - dropped
    let limit = UInt128(1) << 62
    let rounded: UInt128
    if right > 54 {
      rounded = 0
    } else if right > 0 {
      rounded = (magnitude + UInt128(1) << (right - 1)) >> right
    } else {
      rounded = right < -62 ? limit : min(magnitude << -right, limit)
    }
    return accumulator < 0 ? -Int(rounded) : Int(rounded)
  }
}
