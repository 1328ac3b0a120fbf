import Foundation
import NeuralGraph

/// A module with what it counts and what synthesis found: what coefficients are fitted to.
public struct MeasuredModule: Hashable, Sendable {
  public var module: ModuleCounts
  /// What it was emitted from, for people.
  public var origin: String
  /// um2 by part, macros left out.
  public var areas: [AreaPart: Double]
  /// False for what is compared with the fit and has no part in it.
  public var isFitted: Bool
  /// False where only the whole area is to be relied on: registers have lost their names.
  public var hasParts: Bool

  public init(
    _ module: ModuleCounts, origin: String, areas: [AreaPart: Double], isFitted: Bool,
    hasParts: Bool = true
  ) {
    self.module = module
    self.origin = origin
    self.areas = areas
    self.isFitted = isFitted
    self.hasParts = hasParts
  }

  /// um2.
  public var area: Double { AreaPart.allCases.reduce(0) { $0 + (areas[$1] ?? 0) } }
}

/// The coefficients of `FixedLayerModel` that come nearest to synthesised areas.
///
/// Least squares over modules; of each, the error of its whole area and the errors of its parts, all
/// relative to its whole area. So a large module weighs as much as a small one, and a part counts
/// as far as it matters. Where parts are not known the whole alone counts. Layers and stages are fitted together: both have pipeline registers. Layers
/// without weights (pools) are compared and not fitted: the model is one of weight sums.
public struct AreaFit: Hashable, Sendable {
  /// um2.
  public private(set) var coefficients: [AreaCoefficient: Double]
  /// Largest error of a fitted layer, and of a fitted stage.
  public private(set) var layerError = 0.0
  public private(set) var stageError = 0.0
  /// Numbers of fitted layers and stages.
  public private(set) var layers = 0
  public private(set) var stages = 0

  /// What a fit takes at least: twice as many as there are coefficients of each.
  public static let leastLayers = 8
  public static let leastStages = 4

  /// Fits all modules that are to be fitted. Throws when they are too few, or do not tell the
  /// coefficients apart.
  public init(_ modules: [MeasuredModule]) throws(Diagnostics) {
    let fitted = modules.filter { Self.isFitted($0) }
    layers = fitted.count { !$0.module.isStage }
    stages = fitted.count { $0.module.isStage }
    try Self.check(layers: layers, stages: stages)
    let all = AreaCoefficient.allCases
    var rows: [[Double]] = []
    var values: [Double] = []
    for module in fitted {
      let counts = module.module.counts
      let whole = module.area
      rows.append(all.map { counts.units(of: $0) / whole })
      values.append(1)
      for part in AreaPart.allCases where module.hasParts {
        rows.append(all.map { counts.units(of: $0, in: part) / whole })
        values.append((module.areas[part] ?? 0) / whole)
      }
    }
    let unknown = LeastSquares.dependent(rows: rows).map { all[$0].rawValue }
    guard unknown.isEmpty else {
      throw Diagnostics(
        Diagnostic(
          "the modules do not tell \(unknown.joined(separator: ", ")) from the other coefficients",
          remedy: "give networks with windows, pointwise layers and channels of other numbers"))
    }
    let solution = LeastSquares.nonNegative(rows: rows, values: values)
    coefficients = Dictionary(uniqueKeysWithValues: zip(all, solution))
    func worst(_ isStage: Bool) -> Double {
      fitted.filter { $0.module.isStage == isStage }.map { abs(error($0)) }.max() ?? 0
    }
    layerError = worst(false)
    stageError = worst(true)
  }

  private static func check(layers: Int, stages: Int) throws(Diagnostics) {
    guard layers >= leastLayers, stages >= leastStages else {
      throw Diagnostics(
        Diagnostic(
          "a fit takes \(leastLayers) layers with weights and \(leastStages) stages; there are "
            + "\(layers) and \(stages)",
          remedy: "give more emitted folders, of other networks or other --pipeline-levels"))
    }
  }

  /// Throws when modules that are to be fitted are too few, before any is synthesised.
  public static func checkCounts(_ modules: [ModuleCounts]) throws(Diagnostics) {
    try check(
      layers: modules.count { $0.weights > 0 }, stages: modules.count { $0.isStage })
  }

  /// True for what a fit rests on.
  public static func isFitted(_ module: MeasuredModule) -> Bool {
    module.isFitted && module.area > 0 && (module.module.isStage || module.module.weights > 0)
  }

  /// The modelled area of what a module counts, um2; of one part, or in all.
  public func area(_ counts: AreaCounts, _ part: AreaPart? = nil) -> Double {
    AreaCoefficient.allCases.reduce(0) {
      $0 + (coefficients[$1] ?? 0) * counts.units(of: $1, in: part)
    }
  }

  /// How much larger the modelled area is than the synthesised one, as a share of that; 0 for a module
  /// without cells.
  public func error(_ module: MeasuredModule) -> Double {
    module.area > 0 ? area(module.module.counts) / module.area - 1 : 0
  }

  /// The error of the sum of modules.
  public func totalError(_ modules: [MeasuredModule]) -> Double {
    let measured = modules.reduce(0) { $0 + $1.area }
    let modelled = modules.reduce(0) { $0 + area($1.module.counts) }
    return measured > 0 ? modelled / measured - 1 : 0
  }

  /// The coefficients as a technology has them, to five digits. Those of layers carry the largest
  /// error of a layer, the others that of a stage.
  public func areas(source: String) -> Technology.Areas {
    func quantity(_ coefficient: AreaCoefficient) -> Quantity {
      let isOfLayers = ![.fifoBit, .pixelBit, .stageControl].contains(coefficient)
      return Quantity(
        (coefficients[coefficient] ?? 0).rounded(digits: 5), .squareMicrometre,
        Provenance(
          .fitted, source, error: (isOfLayers ? layerError : stageError).rounded(digits: 3)))
    }
    return Technology.Areas(
      fullAdderBit: quantity(.fullAdderBit), signAdderBit: quantity(.signAdderBit),
      halfAdderBit: quantity(.halfAdderBit),
      requantizer: quantity(.requantizer), pipelineRegisterBit: quantity(.pipelineRegisterBit),
      windowRegisterBit: quantity(.windowRegisterBit), fifoBit: quantity(.fifoBit),
      pixelBit: quantity(.pixelBit), stageControl: quantity(.stageControl))
  }
}

extension Double {
  /// The same to `digits` decimal digits.
  package func rounded(digits: Int) -> Double {
    Double(String(format: "%.\(digits)g", self)) ?? self
  }
}
