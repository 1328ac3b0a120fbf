import NeuralGraph

/// What a model file holds, operator by operator, whether or not all of it can be used:
/// `deepfreeze inspect`.
public struct ModelListing: Sendable {
  /// One operator of the file, in execution order.
  public struct Entry: Sendable {
    /// Its number in the file.
    public var operatorIndex: Int
    /// The output tensor's name.
    public var name: String
    /// The format's own name of the operator: `CONV_2D`, `Conv2D`, …
    public var kind: String
    /// nil when it is not known before the network runs.
    public var outputShape: [Int]?
    public var weights: Int
    /// Weights that are the zero point: they cost no hardware.
    public var zeroWeights: Int
    /// Multiply-accumulates of the weights over one image.
    public var multiplyAccumulates: Int
    public var isSupported: Bool
    /// Why it is not supported.
    public var reason: String?
    /// The value of the imported network that the operator computes, when there is one; operators
    /// that are folded away have none.
    public var value: ValueID?
    /// Its number among the convolutions, from 1: `--fixed-layers N` freezes up to number N.
    public var convolutionNumber: Int?
    /// Of an operator that computes real numbers in a quantized network, the operator that makes codes of
    /// them, by name and number: the network can end there.
    public var quantizer: (name: String, number: Int)?

    public init(
      operatorIndex: Int, name: String, kind: String, outputShape: [Int]?, weights: Int = 0,
      zeroWeights: Int = 0, multiplyAccumulates: Int = 0, isSupported: Bool,
      reason: String? = nil, value: ValueID? = nil, convolutionNumber: Int? = nil
    ) {
      self.operatorIndex = operatorIndex
      self.name = name
      self.kind = kind
      self.outputShape = outputShape
      self.weights = weights
      self.zeroWeights = zeroWeights
      self.multiplyAccumulates = multiplyAccumulates
      self.isSupported = isSupported
      self.reason = reason
      self.value = value
      self.convolutionNumber = convolutionNumber
    }
  }

  /// `TFLite`, `TensorFlow GraphDef`, …
  public var format: String
  public var name: String
  /// The network's input in words: element type and shape.
  public var input: String
  public var entries: [Entry]
  /// All that keeps the model from being used as a whole; empty for a model that imports.
  public var diagnostics: [Diagnostic]

  public init(
    format: String, name: String, input: String, entries: [Entry], diagnostics: [Diagnostic]
  ) {
    self.format = format
    self.name = name
    self.input = input
    self.entries = entries
    self.diagnostics = diagnostics
  }
}
