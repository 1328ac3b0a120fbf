import NeuralGraph
import RTL

/// A network that layers are fixed of: as the model gives it, or with fewer weight bits, or pruned.
public struct NetworkVariant: Hashable, Sendable, Codable {
  /// The name of the network that the model gives.
  public static let asGiven = "as given"

  public var name: String
  /// Bits that all weights were quantized to; nil for a network that came in integers.
  public var weightBits: Int?
  /// Percent of the adders that digit pruning was to save; 0 for none.
  public var saved: Double
  /// Two-input adders of all layers that can be fixed.
  public var adders: Int
  /// nil where it was not measured.
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

  public init(
    name: String = asGiven, weightBits: Int? = nil, saved: Double = 0, adders: Int = 0,
    accuracy: Accuracy? = nil
  ) {
    self.name = name
    self.weightBits = weightBits
    self.saved = saved
    self.adders = adders
    self.accuracy = accuracy
  }

  public var isAsGiven: Bool { name == Self.asGiven }

  /// Points lost against the network as given, which itself loses none; nil where not measured.
  public var pointsLost: Double? { isAsGiven ? 0 : accuracy?.pointsLost }
}

/// A variant, its hardware, and what each number of fixed layers of it costs.
public struct ExploredNetwork: Hashable, Sendable {
  public var variant: NetworkVariant
  public var graph: QuantizedGraph
  /// nil for a network that nothing can be fixed of.
  public var design: Design?
  /// `FixedLayerModel.costs` of the design's cuts, at the node of the space.
  public var fixed: [FixedLayerCost]

  /// Counts the variant's adders in the design. `fixed` has one cost for each cut.
  public init(
    _ variant: NetworkVariant, graph: QuantizedGraph, design: Design?, fixed: [FixedLayerCost]
  ) {
    precondition(
      (design.map(FixedLayerModel.cuts) ?? []).count == fixed.count, "every cut has its cost")
    self.variant = variant
    self.variant.adders = (design?.layers ?? []).reduce(0) {
      $0 + $1.cost.sumAdders + $1.cost.requantizerAdders
    }
    self.graph = graph
    self.design = design
    self.fixed = fixed
  }
}
