import NeuralGraph
import RTL

/// FixyNN's design space: every number of fixed layers of every variant of a network beside every NVDLA
/// configuration, or none.
///
/// The two halves are a pipeline of frames: each works on another frame, and the slower sets the rate.
/// The accelerator reads what the fixed layers made from DRAM, where they write it.
public struct DesignSpace: Hashable, Sendable, Encodable {
  /// What the figures are of.
  public struct Setting: Hashable, Sendable, Codable {
    /// Nanometres.
    public var node: Int
    /// Technologies whose figures make the intervals.
    public var technologies: [String]
    /// Energy of a byte that crosses to DRAM, pJ; 0 leaves DRAM out.
    public var dramPicojoulesPerByte: Double
    /// True when registers are taken to be clocked only when they take a new value.
    public var clockGating: Bool

    public init(
      node: Int, technologies: [String], dramPicojoulesPerByte: Double, clockGating: Bool
    ) {
      self.node = node
      self.technologies = technologies
      self.dramPicojoulesPerByte = dramPicojoulesPerByte
      self.clockGating = clockGating
    }
  }

  /// FixyNN's constant for LPDDR, pJ a byte.
  public static let usualDRAMEnergy = 120.0

  public var setting: Setting
  /// The network as given first.
  public var variants: [NetworkVariant]
  /// All points, by variant, by number of fixed layers, then by accelerator, the smallest first, none
  /// last. An accelerator alone is there once: what it costs depends on no weight.
  public var points: [DesignPoint]

  /// Explores one network as it is given; `fixed` are the costs of `design`'s cuts
  /// (`FixedLayerModel.costs`), at the setting's node; no design for a network of which nothing can be
  /// fixed.
  public init(
    _ graph: QuantizedGraph, design: Design?, fixed: [FixedLayerCost], setting: Setting,
    accelerators: [NVDLAConfiguration] = NVDLAConfiguration.published
  ) throws(Diagnostics) {
    try self.init(
      [ExploredNetwork(NetworkVariant(), graph: graph, design: design, fixed: fixed)],
      setting: setting, accelerators: accelerators)
  }

  /// Explores variants of one network, which have its layers; the network as given is the first.
  public init(
    _ networks: [ExploredNetwork], setting: Setting,
    accelerators: [NVDLAConfiguration] = NVDLAConfiguration.published
  ) throws(Diagnostics) {
    precondition(networks.first?.variant.isAsGiven == true, "the network as given is the first")
    self.setting = setting
    variants = networks.map(\.variant)
    let target = try ProcessNode(setting.node).operation()
    let layers = LayerShape.layers(of: networks[0].graph)
    let macs = layers.reduce(0) { $0 + $1.shape.multiplyAccumulates }
    guard macs > 0 else {
      throw Diagnostics(Diagnostic("the network multiplies nothing: there is nothing to explore"))
    }
    guard (0...1e9).contains(setting.dramPicojoulesPerByte) else {
      throw Diagnostics(
        Diagnostic(
          "a DRAM energy of \(setting.dramPicojoulesPerByte) pJ a byte is not from 0 to 1e9"))
    }
    let builder = PointBuilder(
      setting: setting, target: target, base: try ProcessNode(16).operation(),
      macs: macs)
    points = accelerators.map {
      builder.point(nil, of: networks[0].variant, $0, layers.map(\.shape))
    }
    for network in networks {
      points += Self.points(of: network, builder, accelerators)
    }
  }

  /// The points with fixed layers of one variant.
  private static func points(
    of network: ExploredNetwork, _ builder: PointBuilder, _ accelerators: [NVDLAConfiguration]
  ) -> [DesignPoint] {
    var points: [DesignPoint] = []
    for cut in network.cuts {
      let done = Set(cut.layers)
      let rest = LayerShape.layers(of: cut.graph).filter { !done.contains($0.value) }.map(\.shape)
      for accelerator in accelerators where !rest.isEmpty {
        points.append(builder.point(cut, of: network.variant, accelerator, rest))
      }
      points.append(builder.point(cut, of: network.variant, nil, rest))
    }
    return points
  }

  /// What a design is good for. Each is judged by the unfavourable end of its interval; less is better.
  public enum Merit: String, Hashable, Sendable, Codable, CaseIterable {
    case area, rate, energy
    /// Points of top-1, or of agreement, that are not lost; the same for all where nothing measured
    /// it.
    case accuracy

    func value(_ point: DesignPoint) -> Double {
      switch self {
      case .area: point.area.high
      case .rate: -point.framesPerSecond.low
      case .energy: point.energy.high
      case .accuracy: point.pointsLost ?? 0
      }
    }
  }

  /// Complete points within the budget of accuracy that no other one beats: none is as good in all of
  /// `merits` and better in one. By area.
  public func pareto(
    _ merits: [Merit] = Merit.allCases, accuracyLoss: Double? = nil
  ) -> [DesignPoint] {
    let accuracy = Budgets(accuracyLoss: accuracyLoss)
    let complete = points.filter { $0.isComplete && accuracy.admits($0) }
    let values = complete.map { point in merits.map { $0.value(point) } }
    return complete.indices.filter { index in
      !values.contains { other in
        other != values[index] && zip(other, values[index]).allSatisfy { $0 <= $1 }
      }
    }.map { complete[$0] }.sorted {
      (Merit.area.value($0), Merit.energy.value($0))
        < (Merit.area.value($1), Merit.energy.value($1))
    }
  }

  /// The complete point of the highest efficiency (by its low end) within the budgets; nil if none.
  public func mostEfficient(within budgets: Budgets) -> DesignPoint? {
    best(within: budgets) { $0.efficiency.low }
  }

  /// The complete point of the highest frame rate (by its low end) within the budgets; of several
  /// the one of least energy.
  public func fastest(within budgets: Budgets) -> DesignPoint? {
    guard let rate = best(within: budgets, { $0.framesPerSecond.low })?.framesPerSecond.low
    else { return nil }
    var within = budgets
    within.framesPerSecond = max(rate, budgets.framesPerSecond ?? 0)
    return mostEfficient(within: within)
  }

  /// The complete point that misses the budgets by the least factor.
  public func nearest(to budgets: Budgets) -> DesignPoint? {
    points.filter(\.isComplete).min { budgets.excess(of: $0) < budgets.excess(of: $1) }
  }

  private func best(
    within budgets: Budgets, _ merit: (DesignPoint) -> Double
  ) -> DesignPoint? {
    points.filter { $0.isComplete && budgets.admits($0) }
      .enumerated().max { a, b in
        (merit(a.element), -a.offset) < (merit(b.element), -b.offset)
      }?.element
  }

  /// The accelerator alone of the largest area that is no larger than the point: what the same silicon
  /// does without fixed layers.
  public func isoArea(of point: DesignPoint) -> DesignPoint? {
    points.filter { $0.fixedLayers == 0 && $0.area.high <= point.area.high }
      .max { $0.area.high < $1.area.high }
  }
}

/// Makes points of one space.
private struct PointBuilder {
  let setting: DesignSpace.Setting
  let target: ProcessNode.Operation
  /// 16 nm, where NVDLA's figures are published.
  let base: ProcessNode.Operation
  let macs: Int

  private static let dramSource = "120 pJ/byte: FixyNN, SysML 2019"
  private static let areaProvenance = Provenance(.published, NVDLAConfiguration.source)

  /// What leaves the fixed layers of `cut` goes to DRAM, unless they leave nothing to do.
  func point(
    _ cut: ExploredNetwork.Cut?, of variant: NetworkVariant, _ accelerator: NVDLAConfiguration?,
    _ rest: [LayerShape]
  ) -> DesignPoint {
    let fixed = cut?.cost
    let bytesOut = rest.isEmpty ? 0 : cut?.outputBytes ?? 0
    let fixedArea = fixed?.area.total.converted(to: .squareMillimetre)
    let fixedEnergy = fixed?.energy.total(clockGating: setting.clockGating)
      .converted(to: .microjoule)
    let performance = accelerator.map { NVDLAPerformance($0, rest) }
    let acceleratorArea = accelerator.map {
      Quantity($0.area16, .squareMillimetre, Self.areaProvenance).scaled(from: base, to: target)
    }
    let acceleratorEnergy = performance?.energy16.scaled(from: base, to: target)
    let bytes = (performance?.dramBytes ?? 0) + bytesOut
    let source =
      setting.dramPicojoulesPerByte == DesignSpace.usualDRAMEnergy
      ? Self.dramSource : "\(setting.dramPicojoulesPerByte) pJ/byte: given"
    let dram = Quantity(
      Double(bytes) * setting.dramPicojoulesPerByte * 1e-6, .microjoule,
      Provenance(.modelled, [NVDLAConfiguration.performanceSource, source]))
    let rates = [fixed?.framesPerSecond, performance?.framesPerSecond].compactMap(\.self)
    let fixedMACs = fixed?.multiplyAccumulates ?? 0
    return DesignPoint(
      fixedLayers: fixed?.convolutions ?? 0, accelerator: accelerator?.name,
      variant: variant.name,
      pointsLost: variant.isAsGiven ? 0 : cut?.accuracy?.pointsLost,
      isComplete: accelerator != nil || rest.isEmpty, fixedArea: fixedArea,
      acceleratorArea: acceleratorArea,
      area: sum([fixedArea, acceleratorArea]), fixedRate: fixed?.framesPerSecond,
      acceleratorRate: performance?.framesPerSecond,
      framesPerSecond: rates.dropFirst().reduce(rates[0]) { $0.slower($1) },
      fixedEnergy: fixedEnergy, acceleratorEnergy: acceleratorEnergy, dramEnergy: dram,
      energy: sum([fixedEnergy, acceleratorEnergy, setting.dramPicojoulesPerByte > 0 ? dram : nil]),
      multiplyAccumulates: accelerator != nil ? macs : fixedMACs,
      fixedMultiplyAccumulates: fixedMACs)
  }

  /// The sum of those that there are, at least one.
  private func sum(_ quantities: [Quantity?]) -> Quantity {
    let present = quantities.compactMap(\.self)
    return present.dropFirst().reduce(present[0], +)
  }
}
