import AdderGraph
import NeuralGraph

/// A sum of two maps as hardware computes it: `clamp((first * a + second * b + offset) >> shift)` of the
/// two codes themselves.
///
/// TFLite brings both codes to a scale of 20 more bits, rounds each, adds, and requantizes; ONNX rounds
/// once. Both are close to a plane over the pairs of codes, and there are 65,536 pairs at most: a plane
/// that lies between the steps of all of them is the function, roundings included. `find` looks for the
/// coarsest one, near the product of the multipliers, and checks every pair. Scales with small common
/// multiples, whose sums meet ties, may have none.
package struct SumForm: Hashable {
  package var first: Int
  package var second: Int
  package var offset: Int
  package var shift: Int

  /// The value for a pair of codes whose products' sum is given.
  package func code(_ sum: Int, _ clamp: ClosedRange<Int>) -> Int {
    min(max((sum + offset) >> shift, clamp.lowerBound), clamp.upperBound)
  }

  /// Bits of the finest plane that is tried.
  static let finestShift = 30

  /// The plane with the fewest adders, of equal ones the coarsest, among the coarsest that equals the
  /// sum for all codes of the two intervals, and some finer ones. Nil when no plane of up to
  /// `finestShift` bits does: ONNX's ties to even, met one behind the other, are such a case.
  /// `code` is nondecreasing in a code whose multiplier is positive and nonincreasing in one whose
  /// multiplier is negative: then a plane over that code's negative is sought. Cost: some ten million comparisons at most.
  package static func find(
    _ add: QuantizedAdd, _ a: Interval, _ b: Interval, _ code: (Int, Int) -> Int
  ) -> SumForm? {
    let (x, y) = (add.first.multiplier < 0 ? -1 : 1, add.second.multiplier < 0 ? -1 : 1)
    if x < 0 || y < 0 {
      var mirrored = add
      mirrored.first = add.first.magnitude
      mirrored.second = add.second.magnitude
      var form = find(mirrored, a.scaled(by: x), b.scaled(by: y)) { code(x * $0, y * $1) }
      form?.first *= x
      form?.second *= y
      return form
    }
    let steps = Steps(a, b, add.clamp, code)
    var multipliers = ConstantMultiplier()
    var best: (form: SumForm, adders: Int)?
    var coarsest = finestShift
    var shift = 0
    while shift <= min(finestShift, coarsest + 2) {
      let spread = 1 << max(0, shift - coarsest)
      let firsts = candidates(add.first, add.output, shift, spread)
      let seconds = candidates(add.second, add.output, shift, spread)
      for first in firsts {
        for second in seconds {
          guard let offsets = steps.offsets(first, second, shift) else { continue }
          coarsest = min(coarsest, shift)
          let adders =
            (first > 0 ? multipliers.adderCount(first) : 0)
            + (second > 0 ? multipliers.adderCount(second) : 0)
          if let best, best.adders <= adders { continue }
          best = (
            SumForm(
              first: first, second: second, offset: LinearStaircase.roundest(in: offsets),
              shift: shift), adders
          )
        }
      }
      shift += 1
    }
    return best?.form
  }

  /// Integers around the product of two multipliers and 2^(20 + shift).
  private static func candidates(
    _ input: FixedPointMultiplier, _ output: FixedPointMultiplier, _ shift: Int, _ spread: Int
  ) -> [Int] {
    func scale(_ multiplier: FixedPointMultiplier) -> Int {
      multiplier.exponent - (multiplier.isExact ? 0 : 31)
    }
    var numerator = UInt128(input.multiplier) * UInt128(output.multiplier)
    var denominator = UInt128(max(1, input.divisor)) * UInt128(max(1, output.divisor))
    let power = scale(input) + scale(output) + QuantizedAdd.leftShift + shift
    if numerator == 0 { return [0] }
    if power >= 0 {
      guard numerator.leadingZeroBitCount > power else { return [] }
      numerator <<= UInt128(power)
    } else {
      guard denominator.leadingZeroBitCount > -power else { return [0, 1] }
      denominator <<= UInt128(-power)
    }
    let product = numerator / denominator
    guard product < 1 << 38 else { return [] }
    let low = Int(product)
    return (max(0, low - spread)...low + 1 + spread).map { $0 }
  }

  /// The pairs of codes at which the sum's value changes: what a plane has to keep to.
  private struct Steps {
    private struct Point {
      var a: Int
      var b: Int
      var level: Int
    }
    /// Not below the level here, and below it there.
    private var above: [Point] = []
    private var below: [Point] = []

    init(_ a: Interval, _ b: Interval, _ clamp: ClosedRange<Int>, _ code: (Int, Int) -> Int) {
      for x in a {
        var before: Int?
        for y in b {
          let value = code(x, y)
          if value != before {
            if value > clamp.lowerBound { above.append(Point(a: x, b: y, level: value)) }
            if let before { below.append(Point(a: x, b: y - 1, level: before + 1)) }
          }
          before = value
        }
        if let before, before < clamp.upperBound {
          below.append(Point(a: x, b: b.upperBound, level: before + 1))
        }
      }
      // Rows in the middle first: they tell bad planes soonest.
      let middle = (a.lowerBound + a.upperBound) / 2
      above.sort { abs($0.a - middle) < abs($1.a - middle) }
      below.sort { abs($0.a - middle) < abs($1.a - middle) }
    }

    /// Every offset with which the plane equals the sum; nil when there is none.
    func offsets(_ first: Int, _ second: Int, _ shift: Int) -> ClosedRange<Int>? {
      var low = -(1 << 50)
      var high = 1 << 50
      for index in 0..<max(above.count, below.count) {
        if index < above.count {
          let point = above[index]
          low = max(low, point.level << shift - (first * point.a + second * point.b))
        }
        if index < below.count {
          let point = below[index]
          high = min(high, point.level << shift - 1 - (first * point.a + second * point.b))
        }
        if low > high { return nil }
      }
      return low...high
    }
  }
}

extension QuantizedAdd {
  /// The code of a pair of codes.
  package func code(_ a: Int, _ b: Int, zeroPoints: (Int, Int), output: Int) -> Int {
    let sum =
      first.apply((a - zeroPoints.0) << Self.leftShift)
      + second.apply((b - zeroPoints.1) << Self.leftShift)
    return min(max(output + self.output.apply(sum), clamp.lowerBound), clamp.upperBound)
  }
}
