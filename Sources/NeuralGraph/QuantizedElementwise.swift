/// A function of one code: 256 output codes, the same for all channels or other ones in each.
///
/// One operation for every nonlinearity and for arithmetic with constants of one number or one a
/// channel: whoever makes the table computes it by the source's own arithmetic, code by code.
public struct QuantizedTable: Hashable, Sendable {
  /// What the table computes, for people; the codes say it all.
  public enum Function: String, Hashable, Sendable, Codable, CaseIterable {
    case logistic, tanh, hardSwish, hardSigmoid, swish, leakyRelu, prelu, elu
    case add, subtract, multiply, divide, minimum, maximum, square, squareRoot
    case reciprocalSquareRoot, reciprocal, negate, absolute, exponential, requantize, clip

    /// TFLite's name of the operator.
    public var tfliteName: String {
      switch self {
      case .logistic: "LOGISTIC"
      case .tanh: "TANH"
      case .hardSwish: "HARD_SWISH"
      case .hardSigmoid: "HARD_SIGMOID"
      case .swish: "SWISH"
      case .leakyRelu: "LEAKY_RELU"
      case .prelu: "PRELU"
      case .elu: "ELU"
      case .add: "ADD"
      case .subtract: "SUB"
      case .multiply: "MUL"
      case .divide: "DIV"
      case .minimum: "MINIMUM"
      case .maximum: "MAXIMUM"
      case .square: "SQUARE"
      case .squareRoot: "SQRT"
      case .reciprocalSquareRoot: "RSQRT"
      case .reciprocal: "RECIPROCAL"
      case .negate: "NEG"
      case .absolute: "ABS"
      case .exponential: "EXP"
      case .requantize: "QUANTIZE"
      case .clip: "CLIP"
      }
    }
  }

  public var function: Function
  /// Output codes, [1 or channels][256]: entry `i` of a channel is the code of the operand's code
  /// `element.range.lowerBound + i`.
  public var codes: [Int16]

  public init(function: Function, codes: [Int16]) {
    self.function = function
    self.codes = codes
  }

  /// One table from a function of the operand's codes; results are cut to the output's type.
  public init(
    _ function: Function, input: QuantizedElement, output: QuantizedElement,
    _ code: (Int) -> Int
  ) {
    self.init(
      function: function,
      codes: input.range.map {
        Int16(min(max(code($0), output.range.lowerBound), output.range.upperBound))
      })
  }

  /// The 256 codes of a channel.
  public func codes(channel: Int) -> ArraySlice<Int16> {
    let start = codes.count == 256 ? 0 : 256 * channel
    return codes[start..<start + 256]
  }

  /// The output code of a channel's code of an operand of type `element`.
  public func code(_ code: Int, channel: Int, element: QuantizedElement) -> Int {
    Int(codes[(codes.count == 256 ? 0 : 256 * channel) + code - element.range.lowerBound])
  }
}

/// TFLite MUL of two tensors, whose shapes broadcast as in NumPy:
/// `clamp(z_y + requantization((x1 - z1)(x2 - z2)))`.
public struct QuantizedMultiply: Hashable, Sendable {
  public var requantization: FixedPointMultiplier
  public var clamp: ClosedRange<Int>

  public init(requantization: FixedPointMultiplier, clamp: ClosedRange<Int>) {
    self.requantization = requantization
    self.clamp = clamp
  }
}

/// CONCATENATION: the codes of all operands along one dimension. All have the quantization of the
/// result; an operand that has another one in the file passes through a table first.
public struct QuantizedConcatenation: Hashable, Sendable {
  public var axis: Int

  public init(axis: Int) { self.axis = axis }
}

extension FixedPointMultiplier {
  /// The same without its sign, which a subtracted input of `QuantizedAdd` has.
  public var magnitude: FixedPointMultiplier {
    FixedPointMultiplier(
      multiplier: Int(multiplier.magnitude), exponent: exponent, divisor: divisor)
  }

  /// The product with -1: `apply` then takes away.
  public var negated: FixedPointMultiplier {
    FixedPointMultiplier(multiplier: -multiplier, exponent: exponent, divisor: divisor)
  }
}
