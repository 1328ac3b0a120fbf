import DesignReports
import Estimation
import Foundation
import Synthesis

/// What `deepfreeze explore` prints: the design space, and what answers the budgets.
struct ExploreReport: Encodable {
  /// Costs of a variant's fixed layers, by number of them.
  struct Fixed: Encodable {
    var variant: String
    var costs: [FixedLayerCost]
  }

  var model: String
  var space: DesignSpace
  var budgets: Budgets
  var fixed: [Fixed]
  var pareto: [DesignPoint]
  /// Within the budgets; null when no design is.
  var mostEfficient: DesignPoint?
  var fastest: DesignPoint?
  /// When no design keeps to the budgets: the one that misses them by the least factor.
  var nearest: DesignPoint?
  /// The designs that are looked at closely: the most efficient and the fastest within the budgets; without
  /// budgets the ends of the front, the smallest too; the nearest when none keeps to them.
  var chosen: [DesignSpacePlots.Chosen]
  /// Of the chosen ones with fixed layers, when they are to be synthesised.
  var confirmations: [DesignConfirmation]?
  var papers: [PaperComparison]
  private var all: Bool

  private enum CodingKeys: String, CodingKey {
    case model, space, budgets, fixed, pareto, mostEfficient, fastest, nearest, chosen,
      confirmations,
      papers
  }

  init(
    model: String, space: DesignSpace, budgets: Budgets, networks: [ExploredNetwork],
    papers: [PaperComparison], all: Bool
  ) {
    self.model = model
    self.space = space
    self.budgets = budgets
    fixed = networks.filter { !$0.cuts.isEmpty }
      .map { Fixed(variant: $0.variant.name, costs: $0.cuts.map(\.cost)) }
    self.papers = papers
    self.all = all
    let pareto = space.pareto(accuracyLoss: budgets.accuracyLoss)
    let mostEfficient = space.mostEfficient(within: budgets)
    let fastest = space.fastest(within: budgets)
    let nearest = mostEfficient == nil ? space.nearest(to: budgets) : nil
    (self.pareto, self.mostEfficient) = (pareto, mostEfficient)
    (self.fastest, self.nearest) = (fastest, nearest)
    chosen = []
    for (title, point) in [
      ("smallest", budgets.isEmpty ? pareto.first : nil), ("most efficient", mostEfficient),
      ("fastest", fastest), ("nearest", nearest),
    ] {
      guard let point else { continue }
      if let place = chosen.firstIndex(where: { $0.point == point }) {
        chosen[place].title += ", " + title
      } else {
        chosen.append(.init(title: title, point: point))
      }
    }
  }

  /// The chosen designs, and for MobileNetV1 the paper's choice where the space has it.
  var shown: [DesignSpacePlots.Chosen] {
    let paper = space.points.first { $0.name == "11 + C" }
    guard !papers.isEmpty, let paper, !chosen.contains(where: { $0.point == paper }) else {
      return chosen
    }
    return chosen + [.init(title: "the paper's at 2 to 3 mm2", point: paper)]
  }

  /// True when no design keeps to the budgets.
  var isMissed: Bool { mostEfficient == nil }

  /// True when a chosen design keeps to the budgets as it was modelled, and not as it was synthesised.
  var isMissedBySynthesis: Bool {
    (confirmations ?? []).contains { !budgets.admits($0.confirmed) }
  }

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
    for network in all ? fixed : Array(fixed.prefix(1)) {
      let name = space.variants.count == 1 ? "" : ", \(network.variant)"
      lines += ["", "Fixed layers alone\(name):", table(rows(of: network.costs), left: [])]
    }
    if space.variants.count > 1 || space.variants[0].accuracy != nil {
      lines += ["", "Variants, all fixed layers of each:"] + variantLines
    }
    lines += [
      "",
      "\(space.points.count) designs; A to F are NVDLA with 64 to 2048 multipliers, \(pareto.count) are "
        + "beaten by none in area, rate\(measured ? ", energy and accuracy" : " and energy") at once.",
    ]
    if all {
      lines.append(table(rows(space.points), left: [0]))
    } else {
      lines += [
        "Least energy for their area\(measured ? " and accuracy" : ""):",
        table(rows(front(.energy)), left: [0]), "",
        "Highest rate for their area\(measured ? " and accuracy" : ""):",
        table(rows(front(.rate)), left: [0]),
      ]
    }
    lines += [""] + answer + ["", "Their shares of area, operations, energy, and time of a frame:"]
    lines.append(table(shareRows, left: [0, 1]))
    if let confirmations { lines += [""] + confirmationLines(confirmations) }
    for (index, paper) in papers.enumerated() {
      lines += [""] + comparison(paper, first: index == 0)
    }
    return lines.joined(separator: "\n")
  }

  /// True when the accuracy of variants was measured.
  private var measured: Bool { space.variants.contains { !$0.isAsGiven && $0.accuracy != nil } }

  private func front(_ merit: DesignSpace.Merit) -> [DesignPoint] {
    space.pareto([.area, merit, .accuracy], accuracyLoss: budgets.accuracyLoss)
  }

  private func rows(of costs: [FixedLayerCost]) -> [[String]] {
    [
      [
        "layers", "mm2", "adders", "requantizers", "pipeline", "windows", "FIFOs", "control",
        "memories", "frames/s", "uJ a frame", "of it clock", "GMAC",
      ]
    ]
      + costs.map { cost in
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
    let lost = measured ? ["points lost"] : []
    return [
      ["design", "mm2", "frames/s", "uJ a frame", "fixed", "NVDLA", "DRAM", "mW", "TOPS/W"] + lost
    ]
      + points.map { point in
        [
          point.name + (point.isComplete ? "" : " (part)"), interval(point.area),
          interval(point.framesPerSecond), interval(point.energy),
          point.fixedEnergy.map(interval) ?? "", point.acceleratorEnergy.map(interval) ?? "",
          interval(point.dramEnergy), interval(point.power), interval(point.efficiency),
        ] + (measured ? [point.pointsLost.map { decimal($0, 2) } ?? ""] : [])
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

  var budgetText: String {
    [
      budgets.area.map { "\(number($0)) mm2" },
      budgets.framesPerSecond.map { "\(number($0)) frames/s" },
      budgets.power.map { "\(number($0)) mW" },
      budgets.accuracyLoss.map { "\(number($0)) points lost" },
    ].compactMap(\.self).joined(separator: ", ")
  }

  func describe(_ point: DesignPoint) -> String {
    let figures =
      "\(point.name), \(interval(point.area)) mm2, \(interval(point.framesPerSecond)) frames/s, "
      + "\(interval(point.power)) mW, \(interval(point.efficiency)) TOPS/W"
    guard point.variant != NetworkVariant.asGiven else { return figures }
    return figures
      + (point.pointsLost.map { ", \(decimal($0, 2)) points lost" } ?? ", accuracy not measured")
  }
}
