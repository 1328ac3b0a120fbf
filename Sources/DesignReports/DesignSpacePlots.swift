import Estimation
import NeuralGraph
import Simulation

/// A design space as plots: the shapes of FixyNN's Figures 6 to 8 and of its Table 2.
public struct DesignSpacePlots: Sendable {
  /// A plot as a file of its own.
  public struct File: Hashable, Sendable {
    public var name: String
    public var svg: String
  }

  /// A design whose shares are drawn, and what it is in the space.
  public struct Chosen: Hashable, Sendable, Encodable {
    public var title: String
    public var point: DesignPoint

    public init(title: String, point: DesignPoint) {
      self.title = title
      self.point = point
    }
  }

  private let space: DesignSpace
  private let networks: [ExploredNetwork]
  private let chosen: [Chosen]

  /// `networks` are those that the space was made of.
  public init(_ space: DesignSpace, networks: [ExploredNetwork], chosen: [Chosen]) {
    self.space = space
    self.networks = networks
    self.chosen = chosen
  }

  /// Two merits against area. Figures are the unfavourable ends of their intervals, as budgets and fronts
  /// take them.
  private struct Axis {
    var title: String
    var name: String
    var merit: DesignSpace.Merit
    var value: @Sendable (DesignPoint) -> Double
  }

  private static let axes = [
    Axis(title: "TOPS/W", name: "efficiency", merit: .energy, value: { $0.efficiency.low }),
    Axis(title: "frames a second", name: "rate", merit: .rate, value: { $0.framesPerSecond.low }),
  ]

  /// All files. Throws when gnuplot is missing or fails.
  public func files() async throws(Diagnostics) -> [File] {
    var files: [File] = []
    for axis in Self.axes {
      files.append(
        File(
          name: "\(axis.name)-by-layers.svg",
          svg: try await Gnuplot.svg(
            x: "mm2", y: axis.title, byLayers(axis),
            title: "\(axis.title) against area at \(space.setting.node) nm, by fixed layers",
            lines: Self.outside)))
      files.append(
        File(
          name: "\(axis.name)-fronts.svg",
          svg: try await Gnuplot.svg(
            x: "mm2", y: axis.title, fronts(axis),
            title: "\(axis.title) against area at \(space.setting.node) nm, the best designs",
            lines: Self.outside)))
    }
    if networks.contains(where: { !$0.cuts.isEmpty }) {
      files.append(
        File(
          name: "fixed-area.svg",
          svg: try await Gnuplot.svg(
            x: "fixed layers", y: "mm2", fixedAreas,
            title: "Area of the fixed layers at \(space.setting.node) nm",
            lines: ["set key left Left reverse"]))
      )
    }
    files.append(File(name: "shares.svg", svg: standaloneSVG(shares.svg)))
    return files
  }

  /// The fronts for a page, with what each shows.
  func frontFigures() async throws(Diagnostics) -> [(title: String, svg: String)] {
    var figures: [(title: String, svg: String)] = []
    for axis in Self.axes {
      figures.append(
        (
          axis.title,
          try await Gnuplot.svg(x: "mm2", y: axis.title, fronts(axis), lines: Self.outside)
        ))
    }
    return figures
  }

  private static let outside = ["set logscale y", "set key outside right top Left reverse"]

  /// The accelerator alone, and numbers of layers of the network as given: evenly spaced, and all.
  private func byLayers(_ axis: Axis) -> [Series] {
    let given = space.points.filter { $0.isComplete && $0.variant == NetworkVariant.asGiven }
    let counts = Set(given.map(\.fixedLayers)).subtracting([0]).sorted()
    let shown = Set((1...5).map { max(1, counts.count * $0 / 5) - 1 })
    let layers = counts.indices.filter(shown.contains).map { counts[$0] }
    return ([0] + layers).map { count in
      line(
        count == 0 ? "NVDLA alone" : "\(count) fixed",
        given.filter { $0.fixedLayers == count }.sorted { $0.area.high < $1.area.high }, axis
      ) { point in
        switch point.accelerator {
        case let accelerator?: count == 0 || count == layers.last ? accelerator : ""
        case nil: "no NVDLA"
        }
      }
    }
  }

  /// All designs, the accelerator alone, and of each variant the designs with fixed layers that no other of
  /// it beats.
  private func fronts(_ axis: Axis) -> [Series] {
    let complete = space.points.filter(\.isComplete)
    let all = Series(
      title: "all designs", points: complete.map { ($0.area.high, axis.value($0), "") },
      isGround: true)
    let alone = complete.filter { $0.fixedLayers == 0 }
    return [all, line("NVDLA alone", alone, axis) { $0.name }]
      + space.variants.map { variant in
        var own = space
        own.points = complete.filter { $0.variant == variant.name && $0.fixedLayers > 0 }
        return line(
          space.variants.count == 1 ? "with fixed layers" : variant.name,
          own.pareto([.area, axis.merit]), axis
        ) { variant.isAsGiven ? $0.name : "" }
      }
  }

  private func line(
    _ title: String, _ points: [DesignPoint], _ axis: Axis, label: (DesignPoint) -> String
  ) -> Series {
    // Names of points that are close would lie on one another.
    var last = 0.0
    return Series(
      title: title,
      points: points.map { point in
        let isApart = point.area.high > 1.3 * last
        if isApart { last = point.area.high }
        return (point.area.high, axis.value(point), isApart ? label(point) : "")
      }, isLine: true)
  }

  private var fixedAreas: [Series] {
    networks.filter { !$0.cuts.isEmpty }.map { network in
      Series(
        title: network.variant.name,
        points: network.cuts.map {
          (
            Double($0.cost.convolutions), $0.cost.area.total.converted(to: .squareMillimetre).high,
            ""
          )
        }, isLine: true)
    }
  }

  /// Area, operations, energy and latency of the chosen points, each a bar of 100 percent.
  private var shares: StackedBars {
    StackedBars(
      parts: ["fixed layers", "NVDLA", "DRAM"],
      rows: chosen.flatMap { chosen in
        let shares = chosen.point.shares
        func row(_ what: String, _ values: [Double]) -> (
          name: String, values: [Double], note: String
        ) {
          (
            "\(chosen.point.name): \(what)", values.map { 100 * $0 },
            "\(significant(100 * values[0])) % fixed"
          )
        }
        return [
          row("area", [shares.fixedArea, 1 - shares.fixedArea]),
          row("operations", [shares.fixedOperations, 1 - shares.fixedOperations]),
          row("energy", [shares.fixedEnergy, shares.acceleratorEnergy, shares.dramEnergy]),
          row("latency", [shares.fixedLatency, 1 - shares.fixedLatency]),
        ]
      })
  }
}
