import Estimation
import Foundation
import Synthesis

/// The parts of `explore`'s text that are only sometimes there, and how its numbers are written.
extension ExploreReport {
  /// What each variant is, costs and gets right.
  var variantLines: [String] {
    let isMeasured = space.variants.contains { $0.accuracy != nil }
    let isLabelled = space.variants[0].accuracy?.isLabelled == true
    var heading = ["variant", "weight bits", "to save", "adders", "mm2", "uJ a frame"]
    if isMeasured { heading += [isLabelled ? "top-1" : "agreement", "points lost"] }
    var rows = [heading]
    for variant in space.variants {
      let cost = fixed.first { $0.variant == variant.name }?.costs.last
      let energy = cost?.energy.total(clockGating: space.setting.clockGating)
      var row = [
        variant.name, variant.weightBits.map(String.init) ?? "",
        variant.saved > 0 ? "\(number(variant.saved)) %" : "", grouped(variant.adders),
        cost.map { interval($0.area.total.converted(to: .squareMillimetre)) } ?? "",
        energy.map { interval($0.converted(to: .microjoule)) } ?? "",
      ]
      if isMeasured, let accuracy = variant.accuracy {
        let share = 100 * Double(accuracy.right) / Double(accuracy.images)
        row += [decimal(share, 2) + " %", decimal(accuracy.pointsLost, 2)]
      }
      rows.append(row)
    }
    let images = space.variants[0].accuracy.map { "Measured on \(counted($0.images, "image"))." }
    return [
      table(rows, left: [0]),
      images
        ?? "Their accuracy was not measured: --validate IMAGES, and --labels FILE, measure it.",
    ]
  }

  /// FixyNN's Table 2 for the designs shown.
  var shareRows: [[String]] {
    [
      [
        "design", "", "area fixed", "operations fixed", "energy fixed", "NVDLA", "DRAM",
        "time fixed",
      ]
    ]
      + shown.map { choice in
        let shares = choice.point.shares
        return [choice.point.name, choice.title]
          + [
            shares.fixedArea, shares.fixedOperations, shares.fixedEnergy, shares.acceleratorEnergy,
            shares.dramEnergy, shares.fixedLatency,
          ].map(percent)
      }
  }

  /// What synthesis says of the chosen designs.
  func confirmationLines(_ confirmations: [DesignConfirmation]) -> [String] {
    var lines: [String] = []
    for (title, point) in chosen.map({ ($0.title, $0.point) }) {
      guard let found = confirmations.first(where: { $0.point == point }) else {
        lines.append("\(point.name) (\(title)) has no fixed layer: nothing is synthesised.")
        continue
      }
      lines += [
        "\(point.name) (\(title)), fixed layers on \(found.technology) (\(found.library), "
          + "\(found.tools.joined(separator: ", "))), um2:",
        table(areaRows(found), left: [0]),
        "At \(space.setting.node) nm \(area(found.confirmed)), modelled \(area(point)).",
        "The clock of \(decimal(found.clock, 2)) ns that the model takes is "
          + (found.isClockMet ? "met" : "missed")
          + ": all paths take \(decimal(found.period, 2)) ns, "
          + "across modules at most; \(interval(found.confirmed.framesPerSecond)) frames/s, modelled "
          + "\(interval(point.framesPerSecond)).",
      ]
      if !budgets.isEmpty {
        lines.append(
          budgets.admits(found.confirmed)
            ? "It keeps to the budgets (\(budgetText)), area and rate as synthesised, energy as modelled."
            : "It MISSES the budgets (\(budgetText)) by "
              + "\(percent(budgets.excess(of: found.confirmed) - 1)), though the model met them.")
      }
    }
    return lines
  }

  /// mm2 of the fixed layers and with the accelerator.
  private func area(_ point: DesignPoint) -> String {
    let fixed = "\(point.fixedArea.map(interval) ?? "") mm2"
    return point.accelerator.map { "\(fixed), with NVDLA \($0) \(interval(point.area)) mm2" }
      ?? fixed
  }

  private func areaRows(_ found: DesignConfirmation) -> [[String]] {
    func row(_ name: String, _ part: (AreaBreakdown) -> Quantity) -> [String] {
      let (modelled, synthesised) = (part(found.modelled).middle, part(found.synthesised).middle)
      return [
        name, grouped(Int(modelled.rounded())), grouped(Int(synthesised.rounded())),
        synthesised > 0 ? decimal(100 * (modelled / synthesised - 1), 1) + " %" : "",
      ]
    }
    return [
      ["part", "modelled", "synthesised", "deviation"], row("adders", \.adders),
      row("requantizers", \.requantizers), row("pipeline", \.pipelineRegisters),
      row("windows", \.windowRegisters), row("FIFOs", \.fifos), row("control", \.control),
      row("memories", \.memories), row("all", \.total),
    ]
  }

  func comparison(_ paper: PaperComparison, first: Bool) -> [String] {
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
  func number(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    let digits = max(0, 2 - Int(log10(abs(value)).rounded(.down)))
    return String(format: "%.\(min(digits, 6))f", value)
  }

  func interval(_ quantity: Quantity) -> String {
    let low = number(quantity.low)
    let high = number(quantity.high)
    return low == high ? low : "\(low)-\(high)"
  }

  func percent(_ share: Double) -> String { String(format: "%.0f%%", 100 * share) }
}
