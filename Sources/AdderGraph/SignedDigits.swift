/// The canonical signed digits of an integer: value = sum of 2^k over `positive` minus the same over
/// `negative`, no two neighbouring digits nonzero; the fewest nonzero digits there are (Reitwieser 1960).
public struct SignedDigits: Hashable, Sendable {
  /// Bit k is set for a digit +1 at 2^k.
  public var positive: UInt64
  /// Bit k is set for a digit -1 at 2^k.
  public var negative: UInt64

  /// The digits of a value of magnitude below 2^62.
  public init(_ value: Int) {
    precondition(value.magnitude < 1 << 62, "signed digits need a magnitude below 2^62")
    let magnitude = UInt64(value.magnitude)
    // v = (3v - v) / 2 digit by digit: bits of 3v without v are +1, bits of v without 3v are -1.
    let half = magnitude >> 1
    let sum = magnitude + half
    let changed = sum ^ half
    let (plus, minus) = (sum & changed, half & changed)
    (positive, negative) = value < 0 ? (minus, plus) : (plus, minus)
  }

  /// Number of nonzero digits.
  public var count: Int { (positive | negative).nonzeroBitCount }

  /// The integer that the digits stand for.
  public var value: Int { Int(positive) - Int(negative) }
}
