/// What is known of FixyNN's own results on MobileNetV1, beside this design space's.
///
/// Source: P. Whatmough et al., "FixyNN: efficient hardware for mobile computer vision via transfer
/// learning", SysML 2019 (16 nm).
public struct PaperComparison: Hashable, Sendable, Encodable {
  /// One known result.
  public struct Row: Hashable, Sendable, Encodable {
    public var what: String
    public var paper: String
    /// The point here that answers it; nil when the space has none.
    public var point: DesignPoint?
    /// Its efficiency as a multiple of the accelerator's alone on the same area, both by their middles.
    public var ratio: Double?
  }

  /// The best on one area, of the accelerator alone and with fixed layers, as in Figures 7a and 7b.
  public struct AreaRow: Hashable, Sendable, Encodable {
    /// mm2 that no point is larger than.
    public var area: Double
    /// Of the accelerator alone: the fastest and the most efficient; nil when none is so small.
    public var fastestAlone: DesignPoint?
    public var mostEfficientAlone: DesignPoint?
    /// Of those with fixed layers.
    public var fastest: DesignPoint?
    public var mostEfficient: DesignPoint?
  }

  public var setting: DesignSpace.Setting
  public var rows: [Row]
  public var areas: [AreaRow]

  public init(_ space: DesignSpace) {
    setting = space.setting
    func row(_ what: String, _ paper: String, _ suits: (DesignPoint) -> Bool) -> Row {
      let point = space.points.filter { $0.isComplete && suits($0) }
        .max { $0.efficiency.middle < $1.efficiency.middle }
      let alone = point.flatMap(space.isoArea)
      return Row(
        what: what, paper: paper, point: point,
        ratio: point.flatMap { point in alone.map { point.efficiency.middle / $0.efficiency.middle }
        }
      )
    }
    rows = [
      row("most efficient, any area", "26.6 TOPS/W, 4.81x") { $0.fixedLayers > 0 },
      row("11 layers fixed; paper: < 1 % accuracy lost", "11.2 TOPS/W, nearly 2x") {
        $0.fixedLayers == 11
      },
      row("most efficient at 2 to 3 mm2", "11 + C") {
        $0.area.middle >= 2 && $0.area.middle <= 3
      },
    ]
    areas = Self.areaRows(space)
  }

  /// The areas of the accelerators alone, and round numbers beyond the largest.
  private static func areaRows(_ space: DesignSpace) -> [AreaRow] {
    let complete = space.points.filter(\.isComplete)
    let alone = complete.filter { $0.fixedLayers == 0 }
    let largest = alone.map(\.area.high).max() ?? 0
    let beyond = complete.contains { $0.area.high > 1.2 * largest } ? [1.5, 2.5] : []
    let areas = alone.map(\.area.high) + beyond.map { $0 * largest }
    return areas.sorted().map { area in
      func best(_ fixed: Bool, _ merit: (DesignPoint) -> Double) -> DesignPoint? {
        complete.filter { ($0.fixedLayers > 0) == fixed && $0.area.high <= area }
          .max { merit($0) < merit($1) }
      }
      return AreaRow(
        area: area, fastestAlone: best(false) { $0.framesPerSecond.middle },
        mostEfficientAlone: best(false) { $0.efficiency.middle },
        fastest: best(true) { $0.framesPerSecond.middle },
        mostEfficient: best(true) { $0.efficiency.middle })
    }
  }

  /// True for layers that are MobileNetV1's: a full 3x3 convolution of stride 2, then 13 times a
  /// depthwise 3x3 and a pointwise one.
  public static func isMobileNetV1(_ layers: [LayerShape]) -> Bool {
    let convolutions = layers.filter { $0.kind == .convolution }.prefix(27)
    guard convolutions.count == 27, let first = convolutions.first, first.groups == 1,
      first.kernelHeight == 3, first.strideY == 2
    else { return false }
    return convolutions.dropFirst().enumerated().allSatisfy { index, layer in
      index.isMultiple(of: 2)
        ? layer.groups == layer.inputChannels && layer.kernelHeight == 3
        : layer.groups == 1 && layer.kernelHeight == 1
    }
  }
}
