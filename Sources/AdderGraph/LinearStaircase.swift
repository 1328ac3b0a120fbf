/// A requantizer of one multiplication, one addition and one shift:
/// `y = clamp((x * multiplier + offset - [x < 0] * 2^signShift) >> shift)`, without the third term when
/// `signShift` is nil. Nondecreasing in x. Made by `Staircase.fit`, which proves it.
public struct LinearStaircase: Hashable, Sendable {
  /// c, not negative; 0 for a constant function.
  public let multiplier: Int
  /// Bits of the arithmetic shift to the right (floor), at least 0.
  public let shift: Int
  /// Every r of this interval gives the same function on the domain.
  public let offsets: ClosedRange<Int>
  /// The place at which the sign of x is subtracted: TFLite's second rounding goes away from zero.
  public let signShift: Int?
  /// The values between which the result is cut off.
  public let clamp: ClosedRange<Int>
  /// From one input before the first threshold to the last: below and above the function keeps its
  /// values at the ends, so that inputs may be cut off there before they are multiplied.
  public let window: ClosedRange<Int>
  /// Some input gives less than the lower end of `clamp`, so that the cut is needed (for the plain
  /// offset `offset`).
  public let needsLowerClamp: Bool
  /// The same for the upper end.
  public let needsUpperClamp: Bool

  /// The offset of `offsets` with the most trailing zero bits: the least to add.
  public var offset: Int { Self.roundest(in: offsets) }

  /// The value before the cut.
  public func unclamped(_ input: Int, offset: Int) -> Int {
    (input * multiplier + offset - (input < 0 ? signTerm : 0)) >> shift
  }

  /// The value at an input.
  public func value(at input: Int) -> Int {
    min(max(unclamped(input, offset: offset), clamp.lowerBound), clamp.upperBound)
  }

  private var signTerm: Int { signShift.map { 1 << $0 } ?? 0 }

  /// The integer of an interval that has the most trailing zeros.
  package static func roundest(in range: ClosedRange<Int>) -> Int {
    if range.contains(0) { return 0 }
    var bits = 0
    // Rounding up to a multiple stays inside as long as the interval holds one.
    while bits < 61 {
      let unit = 1 << (bits + 1)
      let up = (range.lowerBound + unit - 1) & -unit
      guard up <= range.upperBound else { break }
      bits += 1
    }
    return (range.lowerBound + (1 << bits) - 1) & -(1 << bits)
  }

  init(
    _ staircase: Staircase, multiplier: Int, shift: Int, offsets: ClosedRange<Int>,
    signShift: Int?, clamp: ClosedRange<Int>
  ) {
    self.multiplier = multiplier
    self.shift = shift
    self.offsets = offsets
    self.signShift = signShift
    self.clamp = clamp
    let low = staircase.domain.lowerBound
    let first = staircase.thresholds.first.map { max(low, $0 - 1) } ?? low
    window = first...(staircase.thresholds.last ?? low)
    let sign = { (x: Int) in x < 0 ? signShift.map { 1 << $0 } ?? 0 : 0 }
    let offset = Self.roundest(in: offsets)
    let high = staircase.domain.upperBound
    needsLowerClamp = (low * multiplier + offset - sign(low)) >> shift < clamp.lowerBound
    needsUpperClamp = (high * multiplier + offset - sign(high)) >> shift > clamp.upperBound
  }

  /// The complete proof that this is the staircase, for every admissible offset's two ends: equality at
  /// both ends of the domain and on both sides of every threshold, and between two of these points a
  /// nondecreasing function that starts and ends equal stays equal. False for any difference, and when
  /// the staircase still rises outside `window`.
  public func equals(_ staircase: Staircase) -> Bool {
    guard multiplier >= 0, shift >= 0 else { return false }
    func holds(_ input: Int) -> Bool {
      let wanted = staircase.value(at: input)
      return [offsets.lowerBound, offsets.upperBound].allSatisfy { offset in
        let value = unclamped(input, offset: offset)
        return min(max(value, clamp.lowerBound), clamp.upperBound) == wanted
      }
    }
    guard staircase.value(at: window.lowerBound) == staircase.lowest,
      staircase.value(at: window.upperBound) == staircase.highest
    else { return false }
    return holds(staircase.domain.lowerBound) && holds(staircase.domain.upperBound)
      && staircase.thresholds.allSatisfy {
        holds($0) && ($0 == staircase.domain.lowerBound || holds($0 - 1))
      }
  }
}
