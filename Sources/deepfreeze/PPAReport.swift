import Estimation
import Foundation
import Synthesis

/// What `deepfreeze ppa` prints.
struct PPAReport: Encodable {
  var synthesis: DesignSynthesis
  /// Null when no images were given.
  var power: DesignPower?
  /// Area by part, and in all, um2; each with its source.
  var area: AreaBreakdown
  var totalArea: Quantity
  var technology: String?
  /// The clock that was asked for, ns; null when none was.
  var clock: Double?
  /// What the longest path between registers takes, ns, inside modules or across them at most, and the
  /// frequency that it allows.
  var period: Double
  var maximumMegahertz: Double
  var isMissed: Bool

  init(
    _ synthesis: DesignSynthesis, power: DesignPower?, technology: Technology?, clock: Double?
  ) {
    self.synthesis = synthesis
    self.power = power
    self.technology = technology?.title
    self.clock = clock
    area = synthesis.area
    totalArea = area.total
    let period = synthesis.period
    self.period = period
    maximumMegahertz = period > 0 ? 1000 / period : 0
    isMissed = clock.map { period > $0 } ?? false
  }

  var text: String {
    let parts = PPAReport.parts { synthesis.area[$0].high > 0 }
    var lines = [
      "\(synthesis.design) in \(synthesis.library) (\(synthesis.libraryFiles.joined(separator: ", ")))",
      "areas in um2 of cells, \(synthesis.tools[0]); paths in ns without wires, "
        + synthesis.tools[1],
      "",
    ]
    var rows = [["module", "weights"] + parts.map(\.title) + ["all", "cells", "path"]]
    for module in synthesis.modules {
      rows.append(
        [module.name, module.weights > 0 ? grouped(module.weights) : ""]
          + parts.map { part in
            module.area(part.part) > 0 ? Self.area(module.area(part.part)) : ""
          } + [
            Self.area(module.area), grouped(module.cells),
            module.timing.inside.map { Self.time($0.delay) } ?? "",
          ])
    }
    rows.append(
      ["all", grouped(synthesis.modules.reduce(0) { $0 + $1.weights })]
        + parts.map { part in
          Self.area(synthesis.modules.reduce(0) { $0 + $1.area(part.part) })
        } + [
          Self.area(synthesis.modules.reduce(0) { $0 + $1.area }),
          grouped(synthesis.modules.reduce(0) { $0 + $1.cells }), Self.time(period),
        ])
    lines.append(table(rows, left: [0]))
    lines.append("")
    lines += memoryLines
    lines.append(
      "in all \(Self.area(totalArea.low)) um2"
        + (totalArea.high > totalArea.low ? " to \(Self.area(totalArea.high))" : "")
        + (synthesis.unpricedMemoryBits > 0 ? ", without memories" : ", with memories"))
    lines.append("")
    lines += pathLines
    lines += powerLines
    return lines.joined(separator: "\n") + "\n"
  }

  /// The columns: batch norm only where it is there.
  static func parts(_ isThere: (AreaPart) -> Bool) -> [(part: AreaPart, title: String)] {
    allParts.filter { $0.part != .batchNorm || isThere($0.part) }
  }

  private static let allParts: [(part: AreaPart, title: String)] = [
    (.adders, "adders"), (.requantizers, "requantizers"), (.pipelineRegisters, "pipeline"),
    (.windowRegisters, "window"), (.fifos, "FIFOs"), (.control, "control"),
    (.memories, "memories"), (.batchNorm, "batch norm"),
  ]

  static func area(_ value: Double) -> String {
    value >= 1000 ? grouped(Int(value.rounded())) : decimal(value, value >= 10 ? 1 : 3)
  }

  private static func time(_ value: Double) -> String { decimal(value, 3) }

  private static func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private var memoryLines: [String] {
    if synthesis.memories.isEmpty { return [] }
    let lines = synthesis.memories.map { memory in
      "\(memory.isSkip ? "skip FIFO before" : "memory of") \(memory.stage): \(grouped(memory.words)) words of "
        + "\(grouped(memory.wordBits)) bits"
        + (memory.area.map { ", \(Self.area($0.low)) um2 by the model of \(technology ?? "")" }
          ?? ", not priced")
    }
    guard synthesis.unpricedMemoryBits > 0 else { return lines }
    return lines + [
      "\(grouped(synthesis.unpricedMemoryBits)) bits of memories have no price: "
        + "--technology FILE gives one (docs/estimation.md)"
    ]
  }

  private var powerLines: [String] {
    guard let power else { return [] }
    var rows = [
      [
        "module", "mW clock", "registers", "logic", "leakage", "all", "activity", "measured bits",
      ]
    ]
    func row(_ name: String, _ figures: [Double], _ activity: Double, _ measured: String)
      -> [String]
    {
      [name] + figures.map { Self.decimal($0, 3) } + [Self.decimal(activity, 3), measured]
    }
    for module in power.modules {
      rows.append(
        row(
          module.name,
          [module.clock, module.registers, module.logic, module.leakage, module.total],
          module.activity, Self.decimal(100 * module.measured, 0) + "%"))
    }
    func sum(_ figure: (ModulePower) -> Double) -> Double {
      power.modules.reduce(0) { $0 + figure($1) }
    }
    rows.append(
      row(
        "all", [sum(\.clock), sum(\.registers), sum(\.logic), sum(\.leakage), power.cells],
        power.activity, ""))
    let check = power.check
    func interval(_ quantity: Quantity) -> String {
      let low = Self.decimal(quantity.low, 3)
      let high = Self.decimal(quantity.high, 3)
      return low == high ? low : "\(low)-\(high)"
    }
    return [
      "",
      "power at a clock of \(Self.time(power.clockPeriod)) ns; activity: mean transitions of a "
        + "register bit a clock, counted by Verilator; glitches and wires are not in it",
      table(rows, left: [0]), "",
      "cross-check, every net of a module at the mean activity of its register bits: registers "
        + "\(Self.decimal(check.registers, 3)) mW, OpenSTA \(Self.decimal(check.openSTARegisters, 3)) "
        + "(without the clock's driver); logic \(Self.decimal(check.logic, 3)) mW, OpenSTA "
        + "\(Self.decimal(check.openSTALogic, 3)): it adds rising and falling energy for each "
        + "transition, which is up to twice as much",
      power.memories.map { "memories \(interval($0)) mW by the model of \(technology ?? "")" }
        ?? "memories have no price: they are not in it",
      "\(interval(power.power)) mW, \(interval(power.energyPerFrame)) uJ a frame of "
        + "\(grouped(power.cyclesPerFrame)) clocks, \(interval(power.efficiency)) TOPS/W "
        + "(2 operations a multiply-accumulate of the network, zeros included)",
    ]
  }

  private var pathLines: [String] {
    var lines: [String] = []
    func line(_ what: String, _ module: SynthesisedModule, _ path: TimingPath) -> String {
      "\(what): \(Self.time(path.delay)) ns in \(module.name), \(path.from) -> \(path.to), "
        + "\(path.gates) gates"
    }
    if let slowest = synthesis.slowest, let path = slowest.timing.inside {
      lines.append(
        line("longest path inside a module", slowest, path))
    }
    for (what, keyPath) in [
      ("longest from an input", \ModuleTiming.input), ("longest to an output", \.output),
      ("longest from input to output", \.through),
    ] as [(String, KeyPath<ModuleTiming, TimingPath?> & Sendable)] {
      let paths = synthesis.modules.compactMap { module in
        module.timing[keyPath: keyPath].map { (module, $0) }
      }
      if let (module, path) = paths.max(by: { $0.1.delay < $1.1.delay }) {
        lines.append(line(what, module, path))
      }
    }
    lines.append(
      "across modules at most \(Self.time(synthesis.crossing)) ns; in all \(Self.time(period)) ns, "
        + "\(Self.decimal(maximumMegahertz, 0)) MHz")
    if let clock {
      lines.append(
        isMissed
          ? "the clock of \(Self.time(clock)) ns is missed by \(Self.time(period - clock)) ns"
          : "the clock of \(Self.time(clock)) ns is met, by \(Self.time(clock - period)) ns")
    }
    return lines
  }
}

/// What `deepfreeze ppa --model` prints.
struct ModelledPPAReport: Encodable {
  var technology: String
  /// um2, each with its source.
  var modules: [ModuleArea]
  var totalArea: Quantity

  init(technology: Technology, modules: [ModuleArea]) {
    self.technology = technology.title
    self.modules = modules
    totalArea = modules.dropFirst().reduce(modules[0].area.total) { $0 + $1.area.total }
  }

  var text: String {
    let columns = PPAReport.parts { part in modules.contains { $0.area[part].high > 0 } }
    var rows = [["module", "weights"] + columns.map(\.title) + ["all"]]
    for module in modules {
      let area = module.area
      let parts = columns.map { area[$0.part] }
      rows.append(
        [module.name, module.weights > 0 ? grouped(module.weights) : ""]
          + parts.map { $0.middle > 0 ? PPAReport.area($0.middle) : "" }
          + [PPAReport.area(area.total.middle)])
    }
    let provenance = totalArea.provenance
    return """
      areas in um2 by the model of \(technology); nothing is synthesised
      \(table(rows, left: [0]))
      in all \(PPAReport.area(totalArea.low)) um2\(totalArea.high > totalArea.low ? " to " + PPAReport.area(totalArea.high) : "")
      \(provenance.kind.rawValue)\(provenance.error.map { String(format: ", largest error of what it rests on %.0f%%", 100 * $0) } ?? ""): \(provenance.sources.joined(separator: "; "))

      """
  }
}
