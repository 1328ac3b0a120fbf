/// A Verilog expression whose width is known to its maker; the printer neither checks nor extends.
public indirect enum Expression: Hashable, Sendable {
  /// A whole net or variable, by name.
  case name(String)
  /// `name[bit]`.
  case bit(String, Int)
  /// `name[high:low]`.
  case slice(String, high: Int, low: Int)
  /// A sized constant; a negative value is written in two's complement of `width` bits.
  case constant(width: Int, value: Int)
  /// `{a, b, ...}`, most significant first.
  case concatenation([Expression])
  /// `{count{a}}`.
  case replication(Int, Expression)
  case unary(UnaryOperator, Expression)
  case binary(BinaryOperator, Expression, Expression)
  /// `condition ? a : b`.
  case conditional(Expression, Expression, Expression)
  /// `name(a)`, a function of one argument.
  case call(String, Expression)

  public enum UnaryOperator: String, Hashable, Sendable {
    case invert = "~"
    case negate = "-"
    case not = "!"
    case reduceAnd = "&"
    case reduceOr = "|"
    /// `$signed(a)`
    case signed = "$signed"
  }

  public enum BinaryOperator: String, Hashable, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    /// Arithmetic for a `$signed` first operand in an expression of its own.
    case shiftRight = ">>>"
    case bitAnd = "&"
    case bitOr = "|"
    case logicalAnd = "&&"
    case logicalOr = "||"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case equal = "=="
  }
}

extension Expression: CustomStringConvertible {
  public var description: String {
    var text = VerilogText()
    text.append(self)
    return text.string
  }
}
