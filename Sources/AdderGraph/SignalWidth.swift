/// The width of a two's complement or unsigned signal.
public struct SignalWidth: Hashable, Sendable {
  /// Bits, the sign included; 0 for a signal that is always 0.
  public var bits: Int
  public var isSigned: Bool

  public init(bits: Int, isSigned: Bool) {
    self.bits = bits
    self.isSigned = isSigned
  }

  /// The least width that holds every integer of the interval: unsigned when none is negative.
  public init(of interval: ClosedRange<Int>) {
    if interval.lowerBound >= 0 {
      self.init(bits: Self.bitLength(interval.upperBound), isSigned: false)
    } else {
      let magnitude = max(Self.bitLength(interval.upperBound), Self.bitLength(~interval.lowerBound))
      self.init(bits: magnitude + 1, isSigned: true)
    }
  }

  /// Bits of a non-negative integer without leading zeros; 0 for 0 and for negative integers.
  public static func bitLength(_ value: Int) -> Int {
    value <= 0 ? 0 : Int.bitWidth - value.leadingZeroBitCount
  }

  /// The integers that a signal of this width can carry.
  public var range: ClosedRange<Int> {
    if bits == 0 { return 0...0 }
    return isSigned ? -(1 << (bits - 1))...((1 << (bits - 1)) - 1) : 0...((1 << bits) - 1)
  }
}
