/// A closed range of integers that holds every value that a signal can take.
public typealias Interval = ClosedRange<Int>

extension ClosedRange<Int> {
  /// True when two's complement is needed: the range holds a negative value.
  package var isSigned: Bool { lowerBound < 0 }

  /// The fewest bits that hold every value: unsigned when none is negative, else two's complement.
  /// At least 1.
  package var bitCount: Int {
    let magnitude = Swift.max(upperBound, lowerBound < 0 ? ~lowerBound : 0)
    let bits = Int.bitWidth - magnitude.leadingZeroBitCount
    return Swift.max(1, isSigned ? bits + 1 : bits)
  }

  /// The smallest range that holds both.
  package func union(_ other: ClosedRange<Int>) -> ClosedRange<Int> {
    Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }

  /// `{x * factor}`; traps on overflow.
  package func scaled(by factor: Int) -> ClosedRange<Int> {
    let a = lowerBound * factor
    let b = upperBound * factor
    return Swift.min(a, b)...Swift.max(a, b)
  }

  /// `{x + y}`; traps on overflow.
  package func adding(_ other: ClosedRange<Int>) -> ClosedRange<Int> {
    (lowerBound + other.lowerBound)...(upperBound + other.upperBound)
  }
}
