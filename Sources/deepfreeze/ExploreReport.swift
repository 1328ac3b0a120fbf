import Estimation
import Foundation
import RTL

/// What `deepfreeze explore` prints: the design space, and what answers the budgets.
struct ExploreReport: Encodable {
  var model: String
  var space: DesignSpace
  var budgets: Budgets
  /// Costs of the fixed layers, by number of them.
  var fixed: [FixedLayerCost]
  var pareto: [DesignPoint]
  /// Within the budgets; null when no design is.
  var mostEfficient: DesignPoint?
  var fastest: DesignPoint?
  /// When no design keeps to the budgets: the one that misses them by the least factor.
  var nearest: DesignPoint?
  var papers: [PaperComparison]
  private var all: Bool

  private enum CodingKeys: String, CodingKey {
    case model, space, budgets, fixed, pareto, mostEfficient, fastest, nearest, papers
  }

  init(
    model: String, space: DesignSpace, budgets: Budgets, fixed: [FixedLayerCost],
    papers: [PaperComparison], all: Bool
  ) {
    self.model = model
    self.space = space
    self.budgets = budgets
    self.fixed = fixed
    self.papers = papers
    self.all = all
    pareto = space.pareto()
    mostEfficient = space.mostEfficient(within: budgets)
    fastest = space.fastest(within: budgets)
    nearest = mostEfficient == nil ? space.nearest(to: budgets) : nil
  }

  /// True when no design keeps to the budgets.
  var isMissed: Bool { mostEfficient == nil }

  var text: String {
    let setting = space.setting
    let dram =
      setting.dramPicojoulesPerByte > 0
      ? "DRAM \(number(setting.dramPicojoulesPerByte)) pJ a byte" : "DRAM not counted"
    var lines = [
      "\(model) at \(setting.node) nm, from \(setting.technologies.joined(separator: " and ")); "
        + "\(dram); \(setting.clockGating ? "ideal clock gating" : "no clock gating")",
      "2 operations a multiply-accumulate of the original network, zeros included; low-high where "
        + "technologies or models differ",
    ]
    if !fixed.isEmpty { lines += ["", "Fixed layers alone:", table(fixedRows, left: [])] }
    lines += [
      "",
      "\(space.points.count) designs; A to F are NVDLA with 64 to 2048 multipliers, \(pareto.count) are "
        + "beaten by none in area, rate and energy at once.",
    ]
    if all {
      lines.append(table(rows(space.points), left: [0]))
    } else {
      lines += [
        "Least energy for their area:", table(rows(space.pareto([.area, .energy])), left: [0]),
        "", "Highest rate for their area:", table(rows(space.pareto([.area, .rate])), left: [0]),
      ]
    }
    lines += [""] + answer
    for (index, paper) in papers.enumerated() {
      lines += [""] + comparison(paper, first: index == 0)
    }
    return lines.joined(separator: "\n")
  }

  private var fixedRows: [[String]] {
    [
      [
        "layers", "mm2", "adders", "requantizers", "pipeline", "windows", "FIFOs", "control",
        "memories", "frames/s", "uJ a frame", "of it clock", "GMAC",
      ]
    ]
      + fixed.map { cost in
        let area = cost.area
        let total = area.total.middle
        func share(_ quantity: Quantity) -> String { percent(quantity.middle / total) }
        let energy = cost.energy.total(clockGating: space.setting.clockGating)
        let clock = space.setting.clockGating ? cost.energy.gatedClock : cost.energy.clock
        return [
          String(cost.convolutions), interval(area.total.converted(to: .squareMillimetre)),
          share(area.adders), share(area.requantizers), share(area.pipelineRegisters),
          share(area.windowRegisters), share(area.fifos), share(area.control),
          share(area.memories), interval(cost.framesPerSecond),
          interval(energy.converted(to: .microjoule)), percent(clock.middle / energy.middle),
          number(Double(cost.multiplyAccumulates) * 1e-9),
        ]
      }
  }

  private func rows(_ points: [DesignPoint]) -> [[String]] {
    [["design", "mm2", "frames/s", "uJ a frame", "fixed", "NVDLA", "DRAM", "mW", "TOPS/W"]]
      + points.map { point in
        [
          point.name + (point.isComplete ? "" : " (part)"), interval(point.area),
          interval(point.framesPerSecond), interval(point.energy),
          point.fixedEnergy.map(interval) ?? "", point.acceleratorEnergy.map(interval) ?? "",
          interval(point.dramEnergy), interval(point.power), interval(point.efficiency),
        ]
      }
  }

  private var answer: [String] {
    guard let mostEfficient, let fastest else {
      guard let nearest else { return ["No design computes the whole network."] }
      return [
        "No design keeps to the budgets (\(budgetText)). Nearest, missing one by "
          + "\(percent(budgets.excess(of: nearest) - 1)): \(describe(nearest))"
      ]
    }
    let title = budgets.isEmpty ? "" : " within \(budgetText)"
    var lines = ["Most efficient\(title): \(describe(mostEfficient))"]
    if let alone = space.isoArea(of: mostEfficient), alone != mostEfficient {
      let ratio = mostEfficient.efficiency.middle / alone.efficiency.middle
      lines.append(
        "  \(number(ratio)) times NVDLA \(alone.name) alone, the largest on that area: "
          + describe(alone))
    }
    lines.append("Fastest\(title): \(describe(fastest))")
    return lines
  }

  private var budgetText: String {
    [
      budgets.area.map { "\(number($0)) mm2" },
      budgets.framesPerSecond.map { "\(number($0)) frames/s" },
      budgets.power.map { "\(number($0)) mW" },
    ].compactMap(\.self).joined(separator: ", ")
  }

  private func describe(_ point: DesignPoint) -> String {
    "\(point.name), \(interval(point.area)) mm2, \(interval(point.framesPerSecond)) frames/s, "
      + "\(interval(point.power)) mW, \(interval(point.efficiency)) TOPS/W"
  }

  private func comparison(_ paper: PaperComparison, first: Bool) -> [String] {
    let setting = paper.setting
    var lines = [
      "Beside FixyNN (SysML 2019), "
        + (setting.dramPicojoulesPerByte > 0 ? "DRAM counted" : "DRAM not counted")
        + (setting.clockGating ? ", ideal clock gating:" : ", no clock gating:"),
      table(
        [["", "paper", "here", "mm2", "TOPS/W", "against NVDLA"]]
          + paper.rows.map { row in
            [
              row.what, row.paper, row.point?.name ?? "none",
              row.point.map { interval($0.area) } ?? "",
              row.point.map { interval($0.efficiency) } ?? "",
              row.ratio.map { number($0) + "x" } ?? "",
            ]
          }, left: [0, 1, 2]),
    ]
    if first {
      lines += ["", "The best on an area, alone and with fixed layers (Figures 7a, 7b):"]
      lines.append(table(areaRows(paper), left: [2, 4, 6, 8]))
      lines.append(
        """
        Why they differ: which width and depth the paper's efficiencies are of is known in part; 11 layers of
        MobileNet-1.0 for the second is our reading. The emitted Verilog clocks every register in every cycle,
        also where a layer has a new pixel every 256 cycles (see "of it clock"); the old tool that the paper
        used left DRAM energy out; NVDLA's performance spreadsheet rounds layers of few channels up to 128
        kernels and has no rule for depthwise layers, which use one multiplier in 8 to 64 by ours
        (docs/estimation.md).
        """)
    }
    return lines
  }

  private func areaRows(_ paper: PaperComparison) -> [[String]] {
    [["mm2", "frames/s", "alone", "frames/s", "fixed", "TOPS/W", "alone", "TOPS/W", "fixed"]]
      + paper.areas.map { row in
        func cells(_ point: DesignPoint?, _ figure: (DesignPoint) -> Quantity) -> [String] {
          guard let point else { return ["", "none"] }
          return [interval(figure(point)), point.name]
        }
        return [number(row.area)] + cells(row.fastestAlone, \.framesPerSecond)
          + cells(row.fastest, \.framesPerSecond) + cells(row.mostEfficientAlone, \.efficiency)
          + cells(row.mostEfficient, \.efficiency)
      }
  }

  /// Three significant digits.
  private func number(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    let digits = max(0, 2 - Int(log10(abs(value)).rounded(.down)))
    return String(format: "%.\(min(digits, 6))f", value)
  }

  private func interval(_ quantity: Quantity) -> String {
    let low = number(quantity.low)
    let high = number(quantity.high)
    return low == high ? low : "\(low)-\(high)"
  }

  private func percent(_ share: Double) -> String { String(format: "%.0f%%", 100 * share) }
}
