import NeuralGraph
import RTL

/// A network that layers are fixed of: as the model gives it, or its fixed layers with fewer weight bits, or
/// pruned. What is behind them stays as the model gives it.
public struct NetworkVariant: Hashable, Sendable, Codable {
  /// The name of the network that the model gives.
  public static let asGiven = "as given"

  public var name: String
  /// Bits that all weights were quantized to; nil for a network that came in integers.
  public var weightBits: Int?
  /// Percent of the fixed layers' adders that digit pruning was to save; 0 for none.
  public var saved: Double
  /// Two-input adders with all layers fixed that can be.
  public var adders: Int
  /// With all layers fixed that can be; nil where it was not measured.
  public var accuracy: Accuracy?

  /// What a variant gets right, and the network as given on the same images.
  public struct Accuracy: Hashable, Sendable, Codable {
    public var right: Int
    public var givenRight: Int
    public var images: Int
    /// True when labels say what is right; otherwise the network as given does.
    public var isLabelled: Bool

    public init(right: Int, givenRight: Int, images: Int, isLabelled: Bool) {
      precondition(images > 0, "an accuracy is of images")
      self.right = right
      self.givenRight = givenRight
      self.images = images
      self.isLabelled = isLabelled
    }

    /// Points of a hundred that are lost against the network as given; below zero when more is right.
    public var pointsLost: Double { 100 * Double(givenRight - right) / Double(images) }
  }

  public init(name: String = asGiven, weightBits: Int? = nil, saved: Double = 0) {
    self.name = name
    self.weightBits = weightBits
    self.saved = saved
    adders = 0
  }

  public var isAsGiven: Bool { name == Self.asGiven }
}

/// A variant, and each number of fixed layers of it as hardware.
public struct ExploredNetwork: Hashable, Sendable {
  /// A number of fixed layers.
  public struct Cut: Hashable, Sendable {
    /// The whole network, the fixed layers the variant's.
    public var graph: QuantizedGraph
    public var cost: FixedLayerCost
    /// Two-input adders of the fixed layers.
    public var adders: Int
    /// What the whole network gets right; nil where it was not measured.
    public var accuracy: NetworkVariant.Accuracy?
    /// The values of the fixed layers, the last one last.
    public var layers: [ValueID]
    /// Bytes that leave the fixed layers each frame.
    public var outputBytes: Int
  }

  public var variant: NetworkVariant
  /// The network as given, or all layers the variant's.
  public var graph: QuantizedGraph
  /// How its layers become hardware.
  public var options: FreezeOptions
  /// The fewest layers first; none for a network that nothing can be fixed of.
  public var cuts: [Cut]

  /// Takes what the cuts say of all layers for the variant's.
  public init(
    _ variant: NetworkVariant, graph: QuantizedGraph, options: FreezeOptions, cuts: [Cut]
  ) {
    self.variant = variant
    self.variant.adders = cuts.last?.adders ?? 0
    self.variant.accuracy = cuts.last?.accuracy
    self.graph = graph
    self.options = options
    self.cuts = cuts
  }

  /// A network all of whose cuts are those of one design; `fixed` has the cost of each
  /// (`FixedLayerModel.costs`).
  public init(
    _ variant: NetworkVariant, graph: QuantizedGraph, design: Design?, fixed: [FixedLayerCost]
  ) {
    self.init(
      variant, graph: graph, options: design?.options ?? FreezeOptions(),
      cuts: design.map { Self.cuts(of: $0, graph: graph, costs: fixed) } ?? [])
  }

  /// The cuts of a design of `graph`, of which each costs one of `costs`.
  public static func cuts(
    of design: Design, graph: QuantizedGraph, costs: [FixedLayerCost]
  ) -> [Cut] {
    let cuts = FixedLayerModel.cuts(of: design)
    precondition(cuts.count == costs.count, "every cut has its cost")
    return zip(cuts, costs).map { cut, cost in
      let layers = design.layers[..<cut]
      let output = layers.last!.output
      return Cut(
        graph: graph, cost: cost,
        adders: layers.reduce(0) { $0 + $1.cost.sumAdders + $1.cost.requantizerAdders },
        layers: layers.map(\.value),
        outputBytes: output.height * output.width * output.channels.count)
    }
  }
}
