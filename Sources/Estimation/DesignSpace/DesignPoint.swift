import NeuralGraph

/// One way to compute a network: so many convolutions fixed, the rest on an accelerator or nowhere.
public struct DesignPoint: Hashable, Sendable, Encodable {
  /// Convolutions that are fixed; 0 for the accelerator alone.
  public var fixedLayers: Int
  /// The NVDLA configuration's name; nil for the fixed layers alone.
  public var accelerator: String?
  /// True when the two together compute the whole network.
  public var isComplete: Bool
  /// mm2: of the fixed layers, of the accelerator, and of both.
  public var fixedArea: Quantity?
  public var acceleratorArea: Quantity?
  public var area: Quantity
  /// Of each alone; nil for one that has nothing to do.
  public var fixedRate: Quantity?
  public var acceleratorRate: Quantity?
  /// Both work on different frames at a time: the slower of the two.
  public var framesPerSecond: Quantity
  /// uJ a frame: of the fixed layers, of the accelerator, of DRAM, and of all.
  public var fixedEnergy: Quantity?
  public var acceleratorEnergy: Quantity?
  public var dramEnergy: Quantity
  public var energy: Quantity
  /// Multiply-accumulates that are computed, of the original network, zeros included; and those fixed.
  public var multiplyAccumulates: Int
  public var fixedMultiplyAccumulates: Int

  /// mW at `framesPerSecond`.
  public var power: Quantity {
    Quantity(
      low: energy.low * framesPerSecond.low * 1e-3, high: energy.high * framesPerSecond.high * 1e-3,
      .milliwatt, energy.provenance.combined(with: framesPerSecond.provenance))
  }

  /// Operations a second and watt, two operations a multiply-accumulate.
  public var efficiency: Quantity {
    let operations = 2 * Double(multiplyAccumulates) * 1e-6
    return Quantity(
      low: operations / energy.high, high: operations / energy.low, .teraOperationsPerWatt,
      energy.provenance)
  }

  /// "11 + C", "27", "F".
  public var name: String {
    switch (fixedLayers, accelerator) {
    case (0, let accelerator?): accelerator
    case (let layers, let accelerator?): "\(layers) + \(accelerator)"
    case (let layers, nil): "\(layers)"
    }
  }
}

extension DesignPoint {
  private enum CodingKeys: String, CodingKey {
    case name, fixedLayers, accelerator, isComplete, fixedArea, acceleratorArea, area, fixedRate,
      acceleratorRate, framesPerSecond, fixedEnergy, acceleratorEnergy, dramEnergy, energy,
      multiplyAccumulates, fixedMultiplyAccumulates, power, efficiency
  }

  /// Stored figures and those computed from them.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(fixedLayers, forKey: .fixedLayers)
    try container.encode(accelerator, forKey: .accelerator)
    try container.encode(isComplete, forKey: .isComplete)
    try container.encode(fixedArea, forKey: .fixedArea)
    try container.encode(acceleratorArea, forKey: .acceleratorArea)
    try container.encode(area, forKey: .area)
    try container.encode(fixedRate, forKey: .fixedRate)
    try container.encode(acceleratorRate, forKey: .acceleratorRate)
    try container.encode(framesPerSecond, forKey: .framesPerSecond)
    try container.encode(fixedEnergy, forKey: .fixedEnergy)
    try container.encode(acceleratorEnergy, forKey: .acceleratorEnergy)
    try container.encode(dramEnergy, forKey: .dramEnergy)
    try container.encode(energy, forKey: .energy)
    try container.encode(multiplyAccumulates, forKey: .multiplyAccumulates)
    try container.encode(fixedMultiplyAccumulates, forKey: .fixedMultiplyAccumulates)
    try container.encode(power, forKey: .power)
    try container.encode(efficiency, forKey: .efficiency)
  }
}

/// What a design must keep to. Each is judged by the unfavourable end of the figure's interval.
public struct Budgets: Hashable, Sendable, Codable {
  /// mm2 at most.
  public var area: Double?
  /// At least.
  public var framesPerSecond: Double?
  /// mW at most.
  public var power: Double?

  public init(area: Double? = nil, framesPerSecond: Double? = nil, power: Double? = nil) {
    self.area = area
    self.framesPerSecond = framesPerSecond
    self.power = power
  }

  public var isEmpty: Bool { area == nil && framesPerSecond == nil && power == nil }

  /// Budgets that are none: not above zero, not numbers.
  public func verify() -> [Diagnostic] {
    [("area budget", area), ("frame rate", framesPerSecond), ("power budget", power)]
      .compactMap { name, value in
        guard let value, !(value.isFinite && value > 0) else { return nil }
        return Diagnostic("the \(name) of \(value) is not above zero")
      }
  }

  /// By what factor the point misses the budget that it misses most: 1 or less when it fits.
  public func excess(of point: DesignPoint) -> Double {
    var worst = 0.0
    if let area { worst = max(worst, point.area.high / area) }
    if let framesPerSecond { worst = max(worst, framesPerSecond / point.framesPerSecond.low) }
    if let power { worst = max(worst, point.power.high / power) }
    return worst
  }

  public func admits(_ point: DesignPoint) -> Bool { excess(of: point) <= 1 }
}
