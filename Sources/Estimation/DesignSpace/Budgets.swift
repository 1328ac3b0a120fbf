import NeuralGraph

/// What a design must keep to. Each is judged by the unfavourable end of the figure's interval.
public struct Budgets: Hashable, Sendable, Codable {
  /// mm2 at most.
  public var area: Double?
  /// At least.
  public var framesPerSecond: Double?
  /// mW at most.
  public var power: Double?
  /// Points of top-1, or of agreement, that the variant may lose at most; one that was not measured misses
  /// it.
  public var accuracyLoss: Double?

  public init(
    area: Double? = nil, framesPerSecond: Double? = nil, power: Double? = nil,
    accuracyLoss: Double? = nil
  ) {
    self.area = area
    self.framesPerSecond = framesPerSecond
    self.power = power
    self.accuracyLoss = accuracyLoss
  }

  public var isEmpty: Bool { self == Budgets() }

  /// Budgets that are none: not above zero, not numbers.
  public func verify() -> [Diagnostic] {
    [("area budget", area), ("frame rate", framesPerSecond), ("power budget", power)]
      .compactMap { name, value in
        guard let value, !(value.isFinite && value > 0) else { return nil }
        return Diagnostic("the \(name) of \(value) is not above zero")
      }
      + [accuracyLoss].compactMap { value in
        guard let value, !(0...100).contains(value) else { return nil }
        return Diagnostic("the budget of \(value) points is not from 0 to 100")
      }
  }

  /// By what factor the point misses the budget that it misses most: 1 or less when it fits.
  public func excess(of point: DesignPoint) -> Double {
    var worst = 0.0
    if let area { worst = max(worst, point.area.high / area) }
    if let framesPerSecond { worst = max(worst, framesPerSecond / point.framesPerSecond.low) }
    if let power { worst = max(worst, point.power.high / power) }
    if let accuracyLoss {
      let lost = point.pointsLost ?? .infinity
      if lost > 0 { worst = max(worst, lost / accuracyLoss) }
    }
    return worst
  }

  public func admits(_ point: DesignPoint) -> Bool { excess(of: point) <= 1 }
}
