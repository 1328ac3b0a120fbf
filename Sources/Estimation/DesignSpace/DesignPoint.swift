/// One way to compute a network: so many convolutions fixed, the rest on an accelerator or nowhere.
public struct DesignPoint: Hashable, Sendable, Encodable {
  /// Convolutions that are fixed; 0 for the accelerator alone.
  public var fixedLayers: Int
  /// The NVDLA configuration's name; nil for the fixed layers alone.
  public var accelerator: String?
  /// The name of the variant of the network that is computed.
  public var variant: String
  /// Points of top-1, or of agreement, that the variant loses; nil where not measured.
  public var pointsLost: Double?
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

  /// "11 + C", "27", "F"; of a variant "11 + C, w6_p30".
  public var name: String {
    let name =
      switch (fixedLayers, accelerator) {
      case (0, let accelerator?): accelerator
      case (let layers, let accelerator?): "\(layers) + \(accelerator)"
      case (let layers, nil): "\(layers)"
      }
    return variant == NetworkVariant.asGiven ? name : "\(name), \(variant)"
  }

  /// The same with other figures for the fixed layers: mm2, and frames a second of them alone. Their energy
  /// stays.
  public func withFixedLayers(area: Quantity, framesPerSecond rate: Quantity) -> DesignPoint {
    var point = self
    point.fixedArea = area
    point.area = acceleratorArea.map { area + $0 } ?? area
    point.fixedRate = rate
    point.framesPerSecond = acceleratorRate.map { rate.slower($0) } ?? rate
    return point
  }
}

extension DesignPoint {
  private enum CodingKeys: String, CodingKey {
    case name, fixedLayers, accelerator, variant, pointsLost, isComplete, fixedArea,
      acceleratorArea, area, fixedRate,
      acceleratorRate, framesPerSecond, fixedEnergy, acceleratorEnergy, dramEnergy, energy,
      multiplyAccumulates, fixedMultiplyAccumulates, power, efficiency
  }

  /// Stored figures and those computed from them.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(fixedLayers, forKey: .fixedLayers)
    try container.encode(accelerator, forKey: .accelerator)
    try container.encode(variant, forKey: .variant)
    try container.encode(pointsLost, forKey: .pointsLost)
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

extension Quantity {
  /// The slower of two rates that wait for one another.
  func slower(_ other: Quantity) -> Quantity {
    precondition(unit == other.unit, "\(unit.rawValue) and \(other.unit.rawValue) do not compare")
    return Quantity(
      low: min(low, other.low), high: min(high, other.high), unit,
      provenance.combined(with: other.provenance))
  }
}

/// How a design's area, work, energy and time are shared out, as in FixyNN's Table 2; shares of the figures'
/// middles, from 0 to 1.
public struct DesignShares: Hashable, Sendable, Codable {
  /// Of the fixed layers.
  public var fixedArea: Double
  public var fixedOperations: Double
  public var fixedEnergy: Double
  /// Of NVDLA and of DRAM; what remains is the fixed layers'.
  public var acceleratorEnergy: Double
  public var dramEnergy: Double
  /// Of the time that one frame takes from the fixed layers' first pixel to the accelerator's last
  /// result, in the fixed layers.
  public var fixedLatency: Double
}

extension DesignPoint {
  public var shares: DesignShares {
    func share(_ part: Double, _ others: Double...) -> Double {
      part > 0 ? part / others.reduce(part, +) : 0
    }
    func time(_ rate: Quantity?) -> Double { rate.map { 1 / $0.middle } ?? 0 }
    let (fixed, accelerator) = (fixedArea?.middle ?? 0, acceleratorArea?.middle ?? 0)
    let energies = [fixedEnergy?.middle ?? 0, acceleratorEnergy?.middle ?? 0, dramEnergy.middle]
    return DesignShares(
      fixedArea: share(fixed, accelerator),
      fixedOperations: share(
        Double(fixedMultiplyAccumulates), Double(multiplyAccumulates - fixedMultiplyAccumulates)),
      fixedEnergy: share(energies[0], energies[1], energies[2]),
      acceleratorEnergy: share(energies[1], energies[0], energies[2]),
      dramEnergy: share(energies[2], energies[0], energies[1]),
      fixedLatency: share(time(fixedRate), time(acceleratorRate)))
  }
}
