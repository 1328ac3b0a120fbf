import NeuralGraph

/// What the network's input number is, for a pixel of 0 to 255: `real = scale * (pixel - offset)`.
/// A float model file does not say it; whoever trained the network knows.
public struct InputNormalization: Hashable, Sendable, CustomStringConvertible {
  /// Positive.
  public var scale: Double
  /// The pixel that is 0.0; may lie between two pixels.
  public var offset: Double

  public init(scale: Double, offset: Double) {
    self.scale = scale
    self.offset = offset
  }

  /// Pixel 0 is `low`, pixel 255 is `high`: `--input-range LOW,HIGH`. Nil unless both are finite,
  /// low < high, and 0.0 is the code of a pixel.
  public init?(low: Double, high: Double) {
    guard low.isFinite, high.isFinite, low <= 0, high >= 0, low < high else { return nil }
    scale = (high - low) / 255
    offset = -low / scale
    guard Float(scale).isNormal else { return nil }
  }

  /// `(pixel - 128) / 128`: -1 to 127/128. The default: the mean and standard deviation with which
  /// MobileNets are converted to TFLite. It differs from pixel / 127.5 - 1, with which they are
  /// trained, by at most one code.
  public static let standard = InputNormalization(scale: 1.0 / 128, offset: 128)

  /// The real numbers of pixel 0 and of pixel 255.
  public var range: (low: Double, high: Double) { (0 - scale * offset, scale * (255 - offset)) }

  /// How the input tensor holds the numbers: the code is the pixel (uint8), or the pixel minus 128
  /// (int8), and the zero point is the code nearest to 0.0.
  public func parameters(_ element: QuantizedElement) -> QuantizationParameters {
    let pixel = Int(min(max(offset.rounded(.toNearestOrAwayFromZero), 0), 255))
    return QuantizationParameters(
      scale: Float(scale), zeroPoint: pixel + element.range.lowerBound)
  }

  /// The numbers that the codes of these pixels stand for, which the hardware computes with.
  public func normalized(_ pixels: FloatTensor, _ element: QuantizedElement) -> FloatTensor {
    let parameters = parameters(element)
    let zero = Float(parameters.zeroPoint - element.range.lowerBound)
    return FloatTensor(
      shape: pixels.shape, values: pixels.values.map { parameters.scale * ($0 - zero) })
  }

  /// `-1...0.9921875`.
  public var description: String { "\(Float(range.low))...\(Float(range.high))" }
}
