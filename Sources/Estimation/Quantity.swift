/// Units of the figures that estimation knows.
public enum QuantityUnit: String, Hashable, Sendable, Codable {
  case squareMicrometre = "um2"
  case squareMillimetre = "mm2"
  case picojoule = "pJ"
  case microjoule = "uJ"
  case milliwatt = "mW"
  case nanosecond = "ns"
  case framesPerSecond = "frames/s"
  /// 10^12 operations a second and watt: operations a picojoule.
  case teraOperationsPerWatt = "TOPS/W"
}

/// A figure: an interval (a point when both ends are equal), its unit, and where it comes from.
public struct Quantity: Hashable, Sendable, Codable {
  public var low: Double
  public var high: Double
  public var unit: QuantityUnit
  public var provenance: Provenance

  /// Traps on numbers that are not finite, and on ends in the wrong order.
  public init(low: Double, high: Double, _ unit: QuantityUnit, _ provenance: Provenance) {
    precondition(low.isFinite && high.isFinite && low <= high, "a quantity is a finite interval")
    self.low = low
    self.high = high
    self.unit = unit
    self.provenance = provenance
  }

  public init(_ value: Double, _ unit: QuantityUnit, _ provenance: Provenance) {
    self.init(low: value, high: value, unit, provenance)
  }

  /// The geometric mean of the ends; the arithmetic one when an end is not above zero.
  public var middle: Double {
    low > 0 ? (low * high).squareRoot() : (low + high) / 2
  }

  /// The sum of two quantities of one unit.
  public static func + (a: Quantity, b: Quantity) -> Quantity {
    precondition(a.unit == b.unit, "\(a.unit.rawValue) and \(b.unit.rawValue) have no sum")
    return Quantity(
      low: a.low + b.low, high: a.high + b.high, a.unit,
      a.provenance.combined(with: b.provenance))
  }

  /// The quantity `factor` times, which is not negative.
  public static func * (a: Quantity, factor: Double) -> Quantity {
    precondition(factor >= 0, "a factor is not negative")
    return Quantity(low: a.low * factor, high: a.high * factor, a.unit, a.provenance)
  }

  /// The smallest interval that holds both: two ways to find one figure.
  public func hull(_ other: Quantity) -> Quantity {
    precondition(unit == other.unit, "\(unit.rawValue) and \(other.unit.rawValue) have no hull")
    return Quantity(
      low: min(low, other.low), high: max(high, other.high), unit,
      provenance.combined(with: other.provenance))
  }

  /// The same size in a unit of the same kind.
  public func converted(to target: QuantityUnit) -> Quantity {
    if unit == target { return self }
    let factor: Double
    switch (unit, target) {
    case (.squareMicrometre, .squareMillimetre), (.picojoule, .microjoule): factor = 1e-6
    case (.squareMillimetre, .squareMicrometre), (.microjoule, .picojoule): factor = 1e6
    default: preconditionFailure("\(unit.rawValue) is no \(target.rawValue)")
    }
    return Quantity(low: low * factor, high: high * factor, target, provenance)
  }
}
