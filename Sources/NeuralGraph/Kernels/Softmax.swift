/// SOFTMAX of 8-bit codes over the innermost dimension, in fixed point. Qm.n below means m integer
/// and n fraction bits beside the sign of a 32-bit number; here they are held in `Int`.
/// Source: TFLite reference kernel SOFTMAX and gemmlowp's fixed-point exponential and reciprocal.
/// Where LiteRT aborts (the exponentials, the largest 1, sum to 512 or more) the same formulas go
/// on in wider integers.
struct SoftmaxKernel: Sendable {
  private let element: QuantizedElement
  private let depth: Int
  /// The exponential, Q0.31, of each difference to the maximum, by its magnitude.
  private let exponentials: [Int]

  init(_ softmax: QuantizedSoftmax, input: QuantizedType, output: QuantizedType) {
    element = output.element
    depth = output.shape.channels
    exponentials = softmax.exponentials
  }

  func evaluate(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for row in stride(from: 0, to: bytes.count, by: depth) {
      let codes = bytes[row..<row + depth].map { element.code(of: $0) }
      let maximum = codes.max() ?? 0
      var sum = 0
      for code in codes where maximum - code < exponentials.count {
        sum += roundedShift(exponentials[maximum - code], 12)
      }
      let (scale, bitsOverUnit) = reciprocal(sum)
      for code in codes {
        var probability = 0
        if maximum - code < exponentials.count {
          probability = roundedShift(
            highProduct(scale, exponentials[maximum - code]), bitsOverUnit + 31 - 8)
        }
        let output = min(255, max(0, probability)) + element.range.lowerBound
        result.append(UInt8(truncatingIfNeeded: output))
      }
    }
    return result
  }
}

extension QuantizedSoftmax {
  /// The exponential, Q0.31, of each difference to the maximum that counts, by its magnitude.
  package var exponentials: [Int] {
    (0...min(255, -minimumDifference)).map { magnitude in
      exponential(
        highProduct(-magnitude << inputMultiplier.exponent, inputMultiplier.multiplier))
    }
  }
}

/// Saturating rounding doubling high multiplication of two 32-bit numbers: `a b / 2^31`, nearest,
/// halves up.
private func highProduct(_ a: Int, _ b: Int) -> Int {
  min((a * b + 1 << 30) >> 31, Int(Int32.max))
}

/// Division by 2^shift, nearest, halves away from zero.
private func roundedShift(_ value: Int, _ shift: Int) -> Int {
  let half = (1 << shift) >> 1
  return value >= 0 ? (value + half) >> shift : -((-value + half) >> shift)
}

/// e^a in Q0.31 for `a` <= 0 in Q5.26: a degree-4 polynomial on [-1/4, 0), times e^-2^i for each
/// remaining binary digit of `a`.
private func exponential(_ a: Int) -> Int {
  guard a < 0 else { return Int(Int32.max) }
  let quarter = 1 << 24
  let fraction = (a & (quarter - 1)) - quarter
  var result = exponentialOfQuarter(fraction << 5)
  let remainder = fraction - a
  // e^-1/4, e^-1/2, e^-1, … e^-16 in Q0.31, for the bits 24 … 30.
  let factors = [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242]
  for (index, factor) in factors.enumerated() where remainder >> (24 + index) & 1 == 1 {
    result = highProduct(result, factor)
  }
  return result
}

/// e^a in Q0.31 for `a` in [-1/4, 0), Q0.31: a Taylor polynomial around -1/8.
private func exponentialOfQuarter(_ a: Int) -> Int {
  let atMinusEighth = 1_895_147_668
  let third = 715_827_883
  let x = a + 1 << 28
  let square = highProduct(x, x)
  let cube = highProduct(square, x)
  let fourth = highProduct(square, square)
  // x^4/24 + x^3/6 + x^2/2
  let tail = roundedShift(highProduct(roundedShift(fourth, 2) + cube, third) + square, 1)
  return min(atMinusEighth + highProduct(atMinusEighth, x + tail), Int(Int32.max))
}

/// 1 / sum for a positive `sum` in Q12.19: the reciprocal of its mantissa in Q0.31, and by how
/// many bits the sum is over 1.
private func reciprocal(_ sum: Int) -> (scale: Int, bitsOverUnit: Int) {
  // The leading one goes to bit 31.
  let headroom = sum.leadingZeroBitCount - 32
  let mantissa = (headroom >= 0 ? sum << headroom : sum >> -headroom) - 1 << 31
  // Newton-Raphson for 1 / ((1 + mantissa) / 2), Q2.29, from 48/17 - 32/17 d.
  let half = (mantissa + Int(Int32.max) + 1) / 2
  var x = 1_515_870_810 + highProduct(half, -1_010_580_540)
  for _ in 0..<3 {
    let error = 1 << 29 - highProduct(half, x)
    x += max(Int(Int32.min), min(Int(Int32.max), highProduct(x, error) << 2))
  }
  return (min(x << 1, Int(Int32.max)), 12 - headroom)
}
