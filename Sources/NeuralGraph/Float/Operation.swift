/// A convolution over an NHWC image. Operands: the image [1, H, W, Cin]; the filter
/// [Kh, Kw, Cin / groups, Cout]; optionally a bias [Cout]. Output channels are group-major.
///
/// A depthwise filter [Kh, Kw, C, M] has the same elements in the same order as
/// [Kh, Kw, 1, C * M]: depthwise is `groups == Cin`, and either shape is taken.
/// Source: TensorFlow Conv2D and DepthwiseConv2dNative.
public struct Convolution: Hashable, Sendable {
  public var geometry: WindowGeometry
  public var groups: Int

  public init(geometry: WindowGeometry, groups: Int = 1) {
    self.geometry = geometry
    self.groups = groups
  }
}

/// Rounds real numbers to the grid of an integer type, as training saw them. Operands: a tensor,
/// the range's minimum and its maximum: scalars, or one number for each index of the last dimension.
/// Source: TensorFlow FakeQuantWithMinMaxVars, FakeQuantWithMinMaxVarsPerChannel.
public struct FakeQuantization: Hashable, Sendable {
  /// 2...16.
  public var bits: Int
  /// True when the lowest code stays unused: 1...255 instead of 0...255.
  public var narrowRange: Bool
  /// True for one range an index of the last dimension, false for one in all.
  public var isPerChannel: Bool

  public init(bits: Int = 8, narrowRange: Bool = false, isPerChannel: Bool = false) {
    self.bits = bits
    self.narrowRange = narrowRange
    self.isPerChannel = isPerChannel
  }

  /// The codes of the grid.
  public var codes: ClosedRange<Int> { (narrowRange ? 1 : 0)...((1 << bits) - 1) }
}

/// Functions of one number.
public enum UnaryOperation: String, Hashable, Sendable {
  case negate, square, squareRoot, reciprocalSquareRoot, reciprocal
}

/// Functions of two numbers; shapes broadcast as in NumPy.
public enum BinaryOperation: String, Hashable, Sendable {
  case add, subtract, multiply, divide, minimum, maximum
}

/// What a node of a `Graph` computes. Closed, so that the compiler finds a forgotten case.
public enum Operation: Hashable, Sendable {
  /// The network's image, [1, H, W, C] (or another shape for networks on features).
  case input(TensorShape)
  case constant(FloatTensor)
  case convolution(Convolution)
  /// [M, K] x [K, N]; optionally a bias [N].
  case matrixMultiplication
  case unary(UnaryOperation)
  case binary(BinaryOperation)
  /// ReLU and its kin.
  case activation(FusedActivation)
  /// Sigmoid, hard swish and other functions of one number.
  case nonlinearity(Nonlinearity)
  /// `(x - mean) * gamma / sqrt(variance + epsilon) + beta`; operands x, gamma, beta, mean, variance,
  /// the last four [C]. Source: TensorFlow FusedBatchNorm, is_training false.
  case batchNormalization(epsilon: Float)
  case fakeQuantization(FakeQuantization)
  /// The mean of the cells inside the image.
  case averagePool(WindowGeometry)
  /// The maximum of the cells inside the image.
  case maxPool(WindowGeometry)
  /// The mean over dimensions (ascending), which stay as 1 or go.
  case mean(axes: [Int], keepsDimensions: Bool)
  /// Zeros before and after each dimension.
  case pad(before: [Int], after: [Int])
  case reshape(TensorShape)
  /// Dimension i of the result is dimension `permutation[i]` of the operand.
  case transpose(permutation: [Int])
  /// Tensors one behind the other along a dimension.
  case concatenation(axis: Int)
  /// Over the innermost dimension.
  case softmax

  /// The field's name of the operation.
  public var name: String {
    switch self {
    case .input: "input"
    case .constant: "constant"
    case .convolution(let convolution):
      convolution.groups == 1 ? "convolution" : "convolution(groups: \(convolution.groups))"
    case .matrixMultiplication: "matrix multiplication"
    case .unary(let operation): operation.rawValue
    case .binary(let operation): operation.rawValue
    case .activation(let activation): activation.rawValue
    case .nonlinearity(let nonlinearity): nonlinearity.name
    case .concatenation(let axis): "concatenation(axis: \(axis))"
    case .batchNormalization: "batch normalization"
    case .fakeQuantization: "fake quantization"
    case .averagePool: "average pool"
    case .maxPool: "max pool"
    case .mean: "mean"
    case .pad: "pad"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .softmax: "softmax"
    }
  }
}
