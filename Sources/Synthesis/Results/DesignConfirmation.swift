import Estimation
import NeuralGraph
import RTL
import Simulation

/// A point of a design space, its fixed layers synthesised: what the model said beside what Yosys and OpenSTA
/// say.
public struct DesignConfirmation: Hashable, Sendable, Encodable {
  /// As it was modelled.
  public var point: DesignPoint
  /// The technology whose library was mapped onto, and the library and tools.
  public var technology: String
  public var library: String
  public var tools: [String]
  /// um2 of the fixed layers, emitted as a design of their own, at the technology's own node, by part.
  /// Memories are the technology's model's in both, but those that are registers by their size are mapped.
  public var modelled: AreaBreakdown
  public var synthesised: AreaBreakdown
  /// The clock period that the model takes the layers to have, ns, and the one that all paths keep to.
  public var clock: Double
  public var period: Double
  /// The point with the synthesised area and clock, scaled to the space's node; its energy is the model's.
  public var confirmed: DesignPoint

  /// Modelled over synthesised area of the fixed layers, less 1.
  public var deviation: Double {
    modelled.total.middle / max(synthesised.total.middle, .leastNormalMagnitude) - 1
  }

  public var isClockMet: Bool { period <= clock }

  private enum CodingKeys: String, CodingKey {
    case point, technology, library, tools, modelled, synthesised, deviation, clock, period,
      isClockMet, confirmed
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(point, forKey: .point)
    try container.encode(technology, forKey: .technology)
    try container.encode(library, forKey: .library)
    try container.encode(tools, forKey: .tools)
    try container.encode(modelled, forKey: .modelled)
    try container.encode(synthesised, forKey: .synthesised)
    try container.encode(deviation, forKey: .deviation)
    try container.encode(clock, forKey: .clock)
    try container.encode(period, forKey: .period)
    try container.encode(isClockMet, forKey: .isClockMet)
    try container.encode(confirmed, forKey: .confirmed)
  }
}

extension Synthesiser {
  /// Emits the fixed layers of `point`, which has some, and maps and times them as `synthesise` does for the
  /// clock that the model takes them to have. `network` is the point's variant; `technology` is the
  /// library's; figures are scaled to `node`. `progress` is called with the number of modules as each
  /// is done.
  ///
  /// Throws what keeps so many layers from being a design of their own, and what keeps the tools from
  /// their work.
  public func confirm(
    _ point: DesignPoint, of network: ExploredNetwork, technology: Technology, node: ProcessNode,
    jobs: Int, progress: @escaping @Sendable (_ modules: Int) -> Void = { _ in }
  ) async throws(Diagnostics) -> DesignConfirmation {
    guard let cut = network.cuts.first(where: { $0.cost.convolutions == point.fixedLayers }) else {
      preconditionFailure("the point has fixed layers of the network")
    }
    var options = network.options
    if cut.cost.convolutions != network.cuts.last?.cost.convolutions {
      options.fixedLayers = point.fixedLayers
    }
    let design = try Freeze.design(cut.graph, options: options)
    let modelled = FixedLayerModel(technology).cost(of: design, layers: design.layers.count)
    let clock = modelled.clockPeriod.high
    let synthesis = try await ScratchFolder.with { folder throws(Diagnostics) in
      let path = folder.path + "/design"
      try FolderWriter.write(
        design.emittedFiles(network: NetworkFile(graph: cut.graph)), to: path)
      return try await synthesise(
        try EmittedFolder(path: path), clock: clock, sram: technology.sram, jobs: jobs,
        progress: progress)
    }
    let measured = Provenance(.measured, synthesis.tools + synthesis.libraryFiles)
    var found = modelled
    found.area = synthesis.area
    // A design without a path between registers has no clock of its own.
    let period = synthesis.period > 0 ? synthesis.period : clock
    found.clockPeriod = Quantity(period, .nanosecond, measured)
    let scaled = found.scaled(from: try technology.operation, to: try node.operation())
    return DesignConfirmation(
      point: point, technology: technology.name, library: synthesis.library,
      tools: synthesis.tools, modelled: modelled.area, synthesised: synthesis.area, clock: clock,
      period: period,
      confirmed: point.withFixedLayers(
        area: scaled.area.total.converted(to: .squareMillimetre),
        framesPerSecond: scaled.framesPerSecond))
  }
}
