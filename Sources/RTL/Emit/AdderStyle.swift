/// How sums are written in Verilog.
public enum AdderStyle: String, Hashable, Sendable, CaseIterable, Codable {
  /// One `+` or `-` of two words an adder: readable.
  case words
  /// Full and half adders, one heap of bits a sum: the fewest gates.
  case heap
}
