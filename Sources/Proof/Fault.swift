/// "1 clock", "2 clocks".
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)" + (count == 1 ? "" : "s")
}

/// Why a part of the text is not proved.
package struct Fault: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, Codable {
    /// A coefficient of a linear form is not the weight.
    case coefficient
    /// A code is not what the network's layer computes from an accumulator.
    case code
    /// Values of different pixels meet: a register is missing or one too many.
    case timing
    /// A wire cannot hold its value and a reader needs all of it.
    case width
    /// A connection is not to where it belongs.
    case wiring
    /// Something that this proof has no rule for; it may be right.
    case notCovered
  }

  package var kind: Kind
  package var message: String
  /// `FILE:LINE` of the text, or nothing.
  package var source: String

  package init(_ kind: Kind, _ message: String, source: String = "") {
    self.kind = kind
    self.message = message
    self.source = source
  }
}
