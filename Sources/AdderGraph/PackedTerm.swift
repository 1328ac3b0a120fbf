/// A signed, shifted node in 32 bits: node in bits 31 ... 8, shift + 64 in bits 7 ... 1, sign in bit 0.
///
/// Two packed terms of one row subtract to the *relation* between them (node, shift difference, relative
/// sign) in two machine operations, which is what counting pairs needs. Bits 7 ... 1 are never all 0, so
/// 0 is no packed term.
struct PackedTerm: Hashable, Comparable {
  var bits: UInt32

  static let shiftBias = 64
  /// Nodes are numbered below this.
  static let nodeLimit = 1 << 24

  init(bits: UInt32) { self.bits = bits }

  init(node: Int, shift: Int, isNegated: Bool) {
    bits = UInt32(node) << 8 | UInt32(shift + Self.shiftBias) << 1 | (isNegated ? 1 : 0)
  }

  var node: Int { Int(bits >> 8) }
  var shift: Int { Int(bits >> 1 & 127) - Self.shiftBias }
  var isNegated: Bool { bits & 1 != 0 }

  /// The term as seen from `base`: shifted by its shift less, negated when it is negated.
  func relative(to base: PackedTerm) -> PackedTerm {
    PackedTerm(bits: (bits &- base.shiftStep) ^ (base.bits & 1))
  }

  /// The term that stands in this relation to `base`: the inverse of `relative(to:)`. Where its shift
  /// would pass 63 the result is no term at all, which no row contains.
  func applied(to base: PackedTerm) -> PackedTerm {
    let low = (bits & 254) &+ base.shiftStep
    if low > 254 { return PackedTerm(bits: 0) }
    return PackedTerm(bits: (bits & ~254 | low) ^ (base.bits & 1))
  }

  /// The same shift and sign of another node.
  func with(node: Int) -> PackedTerm { PackedTerm(bits: UInt32(node) << 8 | bits & 255) }

  /// Shift of the term in the position of the shift field, without the bias.
  var shiftStep: UInt32 { (bits & 254) &- UInt32(Self.shiftBias << 1) }

  static func < (a: PackedTerm, b: PackedTerm) -> Bool { a.bits < b.bits }
}

/// Two terms of one row up to a common shift and sign: `first` (shift 0, positive) and `second` in
/// relation to it. The node of `second` is not below `first`; for the same node its shift is positive.
struct PairPattern: Hashable {
  var first: Int
  var second: PackedTerm

  /// The pattern of two terms of a row.
  init(_ a: PackedTerm, _ b: PackedTerm) {
    if a < b {
      first = a.node
      second = b.relative(to: a)
    } else {
      first = b.node
      second = a.relative(to: b)
    }
  }

  init(first: Int, second: PackedTerm) {
    self.first = first
    self.second = second
  }
}
