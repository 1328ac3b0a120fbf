/// L2_NORMALIZATION of 8-bit codes over the innermost dimension: `x - z_x` times the reciprocal root
/// of the sum of squares, to the scale 1/128. Source: LiteRT reference kernels L2_NORMALIZATION (uint8
/// and int8) and `tflite::GetInvSqrtQuantizedMultiplierExp`.
struct L2NormalizationKernel: Sendable {
  private let input: QuantizedType
  private let output: QuantizedType

  init(input: QuantizedType, output: QuantizedType) {
    self.input = input
    self.output = output
  }

  func evaluate(_ bytes: [UInt8]) -> [UInt8] {
    let depth = input.shape.channels
    let range = output.element.range
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for row in stride(from: 0, to: bytes.count, by: depth) {
      let values = bytes[row..<row + depth].map { input.element.code(of: $0) - input.zeroPoint }
      let scale = reciprocalRoot(values.reduce(0) { $0 + $1 * $1 })
      for value in values {
        let code = output.zeroPoint + scaled(value, scale)
        result.append(
          UInt8(truncatingIfNeeded: max(range.lowerBound, min(range.upperBound, code))))
      }
    }
    return result
  }

  /// 128 times the quotient: uint8 multiplies the code by it, int8 puts it into the shift.
  private func scaled(_ value: Int, _ scale: FixedPointMultiplier) -> Int {
    if output.element == .uint8 { return scale.apply(128 * value) }
    return FixedPointMultiplier(multiplier: scale.multiplier, exponent: scale.exponent + 7)
      .apply(value)
  }
}

/// `1 / sqrt(square)` as a fixed-point multiplier, by five Newton steps in Q3.28.
private func reciprocalRoot(_ square: Int) -> FixedPointMultiplier {
  guard square > 1 else { return FixedPointMultiplier(multiplier: Int(Int32.max), exponent: 0) }
  var (input, shift) = (square, 11)
  while input >= 1 << 29 {
    input /= 4
    shift += 1
  }
  let zeros = UInt32(input).leadingZeroBitCount - 1
  let pairs = zeros / 2 - 1
  shift -= pairs
  input <<= 2 * pairs
  // Q3.28 is 32 bits with 3 integer bits; products have the integer bits of both.
  let number = input >> 1
  let half = (number + 1) >> 1
  let threeHalves = 1 << 28 + 1 << 27
  var x = 1 << 28
  for _ in 0..<5 {
    let cube = shifted(highProduct(highProduct(x, x), x), by: 6)
    x = shifted(highProduct(threeHalves, x) - highProduct(half, cube), by: 3)
  }
  x = highProduct(x, 1_518_500_250)
  if shift < 0 {
    x <<= -shift
    shift = 0
  }
  return FixedPointMultiplier(multiplier: x, exponent: -shift)
}

/// Saturating left shift in 32 bits.
private func shifted(_ value: Int, by bits: Int) -> Int {
  max(Int(Int32.min), min(Int(Int32.max), value << bits))
}

/// Saturating rounding doubling high multiplication: `a b / 2^31`, nearest, halves up.
private func highProduct(_ a: Int, _ b: Int) -> Int {
  min((a * b + 1 << 30) >> 31, Int(Int32.max))
}
