/// How a tensor of real numbers is held in integers: `real = scale * (q - zeroPoint)`.
public struct QuantizationParameters: Hashable, Sendable {
  /// Positive and finite; binary32, as model files store it.
  public var scale: Float
  /// The code of 0.0, within the element type's range.
  public var zeroPoint: Int

  public init(scale: Float, zeroPoint: Int) {
    self.scale = scale
    self.zeroPoint = zeroPoint
  }
}

/// The activations that TFLite fuses into the operator before them.
public enum FusedActivation: String, Hashable, Sendable, CaseIterable {
  case none, relu, relu6
  case reluN1To1 = "relu_n1_to_1"

  /// The real numbers that the activation lets through.
  public var bounds: ClosedRange<Float> {
    switch self {
    case .none: -Float.infinity...Float.infinity
    case .relu: 0...Float.infinity
    case .relu6: 0...6
    case .reluN1To1: -1...1
    }
  }

  /// The activation's range in output codes, within the element type's range.
  /// Source: `tflite::CalculateActivationRangeQuantized`; a bound's code is its distance from the
  /// zero point, the binary32 quotient rounded half away from zero.
  public func clamp(
    element: QuantizedElement, parameters: QuantizationParameters
  ) -> ClosedRange<Int> {
    let range = element.range
    func code(_ bound: Float) -> Int {
      let distance = (bound / parameters.scale).rounded(.toNearestOrAwayFromZero)
      // No code is further than 255 from a zero point; a longer distance would not fit `Int`.
      let code = Int(min(max(distance, -1024), 1024)) + parameters.zeroPoint
      return min(max(code, range.lowerBound), range.upperBound)
    }
    return code(bounds.lowerBound)...code(bounds.upperBound)
  }
}

extension FixedPointMultiplier {
  /// The largest power of two that an accumulator may be shifted left by.
  public static let maximumExponent = 30

  /// As `init(real:)`, or nil when `real` is not a positive finite number or is 2^30 and more: such
  /// scales stand in no sound model.
  public init?(checked real: Double) {
    guard real.isFinite, real > 0, real < 0x1p30 else { return nil }
    self.init(real: real)
  }

  /// CONV_2D and DEPTHWISE_CONV_2D. `uint8`: the product of the scales is rounded to binary32
  /// before the division; `int8`: all in binary64 (`tflite::PopulateConvolutionQuantizationParams`).
  public static func convolution(
    element: QuantizedElement, input: Float, weights: Float, output: Float
  ) -> FixedPointMultiplier? {
    let product =
      switch element {
      case .uint8: Double(input * weights)
      case .int8: Double(input) * Double(weights)
      }
    return FixedPointMultiplier(checked: product / Double(output))
  }

  /// QUANTIZE between two 8-bit types.
  public static func rescale(input: Float, output: Float) -> FixedPointMultiplier? {
    FixedPointMultiplier(checked: Double(input) / Double(output))
  }

  /// MUL of two tensors: the product and the quotient of the scales in binary32.
  public static func product(
    first: Float, second: Float, output: Float
  ) -> FixedPointMultiplier? {
    FixedPointMultiplier(checked: Double(first * second / output))
  }

  /// MEAN over `count` elements: the division by the count is part of the multiplier, done in
  /// integers after as many left shifts as 64 bits and the exponent allow
  /// (`tflite::reference_integer_ops::Mean`). `count` must be positive.
  public static func mean(input: Float, output: Float, count: Int) -> FixedPointMultiplier? {
    guard let scale = rescale(input: input, output: output) else { return nil }
    let bits = Int.bitWidth - count.leadingZeroBitCount
    let shift = min(bits - 1, 32, 31 + scale.exponent)
    return FixedPointMultiplier(
      multiplier: (scale.multiplier << shift) / count, exponent: scale.exponent - shift)
  }
}

extension RealMultiplier {
  /// All 53 bits of `real`, or nil when it is not a positive finite normal number below 2^30.
  public init?(checked real: Double) {
    guard real.isNormal, real > 0, real < 0x1p30 else { return nil }
    self.init(
      mantissa: Int(real.significandBitPattern | 1 << 52), shift: 52 - Int(real.exponent))
  }

  /// FULLY_CONNECTED: `s_x * s_w / s_y` in binary64, for both element types.
  public static func fullyConnected(input: Float, weights: Float, output: Float) -> RealMultiplier?
  {
    RealMultiplier(checked: Double(input) * Double(weights) / Double(output))
  }
}

extension QuantizedAdd {
  /// TFLite ADD's three multipliers from the scales of both inputs and of the output, in binary64:
  /// both inputs go to twice the larger scale. Nil when a scale is unusable.
  public init?(first: Float, second: Float, output: Float, clamp: ClosedRange<Int>) {
    let common = 2 * Double(max(first, second))
    guard let scaleFirst = FixedPointMultiplier(checked: Double(first) / common),
      let scaleSecond = FixedPointMultiplier(checked: Double(second) / common),
      let scaleOutput = FixedPointMultiplier(
        checked: common / (Double(1 << QuantizedAdd.leftShift) * Double(output)))
    else { return nil }
    self.init(first: scaleFirst, second: scaleSecond, output: scaleOutput, clamp: clamp)
  }
}

extension QuantizedSoftmax {
  /// TFLite SOFTMAX: differences, times `beta`, are scaled to 5 integer and 26 fraction bits. Nil
  /// when `beta` times the input's scale is unusable (2^-26 and less, or not finite).
  /// Source: `tflite::PreprocessSoftmaxScaling`, `tflite::CalculateInputRadius`.
  public init?(inputScale: Float, beta: Float = 1) {
    let integerBits = 5
    let real = Double(beta) * Double(inputScale) * Double(1 << (31 - integerBits))
    guard real.isFinite, real > 1 else { return nil }
    let multiplier = FixedPointMultiplier(real: min(real, 0x1p31 - 1))
    let reach = ((1 << integerBits) - 1) << (31 - integerBits)
    self.init(inputMultiplier: multiplier, minimumDifference: -(reach >> multiplier.exponent))
  }
}
