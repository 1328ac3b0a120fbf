/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a small generator whose sequence for a seed is
/// the same on every machine and in every version, so that a seed names a test for ever.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number of `range`, every one about equally likely. The standard library's own choice is not
  /// promised to stay the same; this one is: the high half of a 128-bit product.
  public mutating func number(in range: ClosedRange<Int>) -> Int {
    let count = UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound)) &+ 1
    guard count != 0 else { return Int(truncatingIfNeeded: next()) }
    return range.lowerBound &+ Int(truncatingIfNeeded: next().multipliedFullWidth(by: count).high)
  }

  /// True in `numerator` of `denominator` cases.
  public mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
    number(in: 0...denominator - 1) < numerator
  }

  /// One of the elements; traps on an empty array.
  public mutating func choose<Element>(_ elements: [Element]) -> Element {
    elements[number(in: 0...elements.count - 1)]
  }
}
