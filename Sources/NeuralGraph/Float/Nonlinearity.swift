import Foundation

/// Functions of one number that are neither ReLU nor arithmetic: tables of 256 entries in integers.
public enum Nonlinearity: Hashable, Sendable {
  /// 1 / (1 + e^-x)
  case sigmoid
  case tanh
  /// max(0, min(1, slope x + offset)); ONNX's HardSigmoid.
  case hardSigmoid(slope: Float, offset: Float)
  /// x max(0, min(1, x / 6 + 1/2))
  case hardSwish
  /// x / (1 + e^-x)
  case swish
  /// x, or slope x below zero; one slope, or one a channel (PRelu).
  case leakyRelu(slopes: [Float])
  /// x, or factor (e^x - 1) below zero.
  case elu(factor: Float)
  case absolute
  case exponential

  /// The field's name.
  public var name: String {
    switch self {
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .hardSigmoid: "hard sigmoid"
    case .hardSwish: "hard swish"
    case .swish: "swish"
    case .leakyRelu(let slopes): slopes.count == 1 ? "leaky ReLU" : "parametric ReLU"
    case .elu: "ELU"
    case .absolute: "absolute value"
    case .exponential: "exponential"
    }
  }

  /// The function at a number of a channel, in binary64.
  public func apply(_ x: Double, channel: Int) -> Double {
    switch self {
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: Foundation.tanh(x)
    case .hardSigmoid(let slope, let offset):
      max(0, min(1, Double(slope) * x + Double(offset)))
    case .hardSwish: x * max(0, min(1, x / 6 + 0.5))
    case .swish: x / (1 + exp(-x))
    case .leakyRelu(let slopes): x >= 0 ? x : x * Double(slopes[slopes.count == 1 ? 0 : channel])
    case .elu(let factor): x >= 0 ? x : Double(factor) * expm1(x)
    case .absolute: abs(x)
    case .exponential: exp(x)
    }
  }

  /// True when `shape` has as many channels as there are slopes.
  func fits(_ shape: TensorShape) -> Bool {
    if case .leakyRelu(let slopes) = self {
      return slopes.count == 1 || (slopes.count == shape.channels && shape.rank > 0)
    }
    return true
  }

  /// What its table in integers is called.
  public var tableFunction: QuantizedTable.Function {
    switch self {
    case .sigmoid: .logistic
    case .tanh: .tanh
    case .hardSigmoid: .hardSigmoid
    case .hardSwish: .hardSwish
    case .swish: .swish
    case .leakyRelu(let slopes): slopes.count == 1 ? .leakyRelu : .prelu
    case .elu: .elu
    case .absolute: .absolute
    case .exponential: .exponential
    }
  }
}
