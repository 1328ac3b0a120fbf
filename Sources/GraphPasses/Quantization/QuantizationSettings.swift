import NeuralGraph

/// How a float network is quantized after training. The default is TFLite's int8 specification with
/// empirical bias correction.
public struct QuantizationSettings: Hashable, Sendable {
  /// How the range of an activation is found in what calibration sees.
  public enum RangeMethod: Hashable, Sendable {
    /// From the least number to the greatest one.
    case minMax
    /// The given share of the numbers (0.5 ... 1), as many left out at either end.
    case percentile(Double)
    /// The range with the least mean squared error of rounding and clipping; for weights too.
    case meanSquaredError
  }

  /// Bits of a layer's weights, 2 to 8, and of the activation that it puts out, 4 to 8.
  public struct Bits: Hashable, Sendable, Codable {
    public static let weightRange = 2...8
    public static let activationRange = 4...8

    public var weights: Int
    public var activations: Int

    public init(weights: Int = 8, activations: Int = 8) {
      self.weights = weights
      self.activations = activations
    }
  }

  public var range = RangeMethod.minMax
  /// Zero point 0: codes as many below 0.0 as above.
  public var symmetricActivations = false
  /// Zero point 0; otherwise the codes span from a channel's least weight to its greatest one.
  public var symmetricWeights = true
  /// One scale an output channel, or one a layer.
  public var perChannel = true
  /// Biases give back what the rounding of weights takes away on average.
  public var biasCorrection = true
  /// Channels between two layers are scaled to equal ranges before (`equalizeLayers`).
  public var equalization = false
  /// Of layers that `layerBits` does not name.
  public var bits = Bits()
  /// By the name of the layer's tensor.
  public var layerBits: [String: Bits] = [:]

  public init() {}

  /// The bits of a layer, by the name of its tensor.
  public func bits(for layer: String) -> Bits { layerBits[layer] ?? bits }
}

/// The codes of int8 that so many bits have, in the middle of the type: -8 ... 7 for 4.
func codes(bits: Int) -> ClosedRange<Int> { -(1 << (bits - 1))...(1 << (bits - 1)) - 1 }
