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

  /// A signal moved left by `shift` bits.
  package func shifted(by shift: Int) -> SignalWidth {
    SignalWidth(bits: bits + shift, isSigned: isSigned)
  }

  /// A width that holds every sum, or difference either way, of two signals, from their widths alone.
  package static func sum(_ a: SignalWidth, _ b: SignalWidth, isDifference: Bool) -> SignalWidth {
    guard a.isSigned || b.isSigned else {
      return SignalWidth(bits: max(a.bits, b.bits) + 1, isSigned: isDifference)
    }
    // An unsigned operand takes a sign bit.
    let widths = [a, b].map { $0.bits + ($0.isSigned ? 0 : 1) }
    return SignalWidth(bits: max(widths[0], widths[1]) + 1, isSigned: true)
  }

  /// The integers that a signal of this width can carry.
  public var range: ClosedRange<Int> {
    if bits == 0 { return 0...0 }
    return isSigned ? -(1 << (bits - 1))...((1 << (bits - 1)) - 1) : 0...((1 << bits) - 1)
  }
}
