/// One layer of a network as an accelerator sees it: shapes, no weights. Lengths in pixels.
public struct LayerShape: Hashable, Sendable, Codable {
  public enum Kind: String, Hashable, Sendable, Codable {
    /// Full, grouped and depthwise alike; see `groups`.
    case convolution
    case fullyConnected
    /// An element by element sum of two maps, fused with the layer that makes one of them.
    case elementwise
    /// A pooling, a mean, or another pass over a map without weights.
    case pool
  }

  public var name: String
  public var kind: Kind
  public var inputHeight: Int
  public var inputWidth: Int
  public var inputChannels: Int
  public var outputHeight: Int
  public var outputWidth: Int
  public var outputChannels: Int
  public var kernelHeight: Int
  public var kernelWidth: Int
  public var strideY: Int
  public var strideX: Int
  public var groups: Int
  /// True when taps do not lie side by side: no Winograd.
  public var isDilated: Bool

  public init(
    name: String, kind: Kind, inputHeight: Int, inputWidth: Int, inputChannels: Int,
    outputHeight: Int, outputWidth: Int, outputChannels: Int, kernelHeight: Int = 1,
    kernelWidth: Int = 1, strideY: Int = 1, strideX: Int = 1, groups: Int = 1,
    isDilated: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputChannels = inputChannels
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
    self.outputChannels = outputChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideY = strideY
    self.strideX = strideX
    self.groups = groups
    self.isDilated = isDilated
  }

  /// Multiply-accumulates of one frame, zero weights and padding included.
  public var multiplyAccumulates: Int {
    switch kind {
    case .convolution, .fullyConnected:
      saturatingProduct([
        outputHeight, outputWidth, outputChannels, kernelHeight, kernelWidth,
        inputChannels / groups,
      ])
    case .elementwise, .pool: 0
    }
  }

  /// Stored weights.
  public var weights: Int {
    switch kind {
    case .convolution, .fullyConnected:
      saturatingProduct([outputChannels, kernelHeight, kernelWidth, inputChannels / groups])
    case .elementwise, .pool: 0
    }
  }
}

/// The product of numbers that are not negative, at most 10^15: no file makes a sum of some overflow.
func saturatingProduct(_ factors: [Int]) -> Int {
  Int(min(1e15, factors.reduce(1.0) { $0 * Double($1) }))
}
