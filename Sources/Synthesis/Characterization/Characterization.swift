import Estimation
import NeuralGraph
import RTL
import Simulation

/// What synthesis finds of some layers: areas of all modules, energies of those with adders and registers.
public struct Characterization: Sendable {
  public var modules: [MeasuredModule] = []
  /// Of the fitted layers.
  public var energies: [MeasuredEnergy] = []

  public init() {}
}

extension Synthesiser {
  /// Maps the layers of `source`, and the stages that begin with one of them, for paths of `period` ns.
  public func characterize(
    _ source: CharacterizationSource, period: Double, sram: SRAMModel, jobs: Int,
    progress: @escaping @Sendable (_ modules: Int) -> Void
  ) async throws(Diagnostics) -> Characterization {
    let found = try await synthesise(
      source.folder, clock: period, sram: sram, jobs: jobs, isWanted: source.isWanted,
      progress: progress)
    let units = units(of: source.folder.design, sram: sram).filter(source.isWanted)
    var result = Characterization()
    for (unit, module) in zip(units, found.modules) {
      guard
        let counts = source.modules.first(where: {
          $0.name == unit.name && $0.isStage == (unit.kind == .stage)
        })
      else {
        throw Diagnostics(
          Diagnostic(
            "its network has no module '\(unit.name)'", file: source.folder.path,
            remedy: "emit the design again"))
      }
      var areas: [AreaPart: Double] = [:]
      for part in AreaPart.allCases { areas[part] = module.area(part) }
      let cells = try await map(unit, of: source.folder, period: module.sizedFor).cells
      let unnamed = cells.registerNames.values.count { $0 == PartFinder.unnamed }
      result.modules.append(
        MeasuredModule(
          counts, origin: source.name, areas: areas, isFitted: source.isFitted,
          hasParts: 20 * unnamed <= cells.registerNames.count))
      guard unit.kind == .layer, source.isFitted, module.weights > 0, module.flipFlops > 0 else {
        continue
      }
      let energy = cells.energy
      let words = energy.words.keys.sorted().map { energy.words[$0]! }
      result.energies.append(
        MeasuredEnergy(
          counts.counts, clock: energy.clock, registers: words.reduce(0) { $0 + $1.registers },
          logic: words.reduce(0) { $0 + $1.logic }))
    }
    return result
  }

  /// The longest path between registers of one module, ns, in the layers of `source` and the stages that
  /// begin with one of them, when ABC sizes for paths that it cannot meet.
  public func shortestPeriod(
    _ source: CharacterizationSource, sram: SRAMModel, jobs: Int,
    progress: @escaping @Sendable (_ modules: Int) -> Void
  ) async throws(Diagnostics) -> Quantity {
    let found = try await synthesise(
      source.folder, clock: Self.unmeetable, sram: sram, jobs: jobs, isWanted: source.isWanted,
      progress: progress)
    guard let period = found.slowest?.timing.period, period > 0 else {
      throw Diagnostics(
        Diagnostic("no layer of it has a path between registers", file: source.folder.path))
    }
    let levels = source.folder.design.options.pipelineLevels
    let count = source.layers.count
    return Quantity(
      period.rounded(digits: 5), .nanosecond,
      Provenance(
        .measured,
        "deepfreeze characterize: \(count) emitted layers with \(levels) adder "
          + "\(levels == 1 ? "level" : "levels") a register, \(yosysVersion), \(timingVersion): "
          + "longest path, no wires"))
  }

  /// A clock in ns that no library keeps to.
  private static let unmeetable = 1e-3
}
