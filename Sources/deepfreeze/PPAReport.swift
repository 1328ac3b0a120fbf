import Estimation
import Foundation
import Synthesis

/// What `deepfreeze ppa` prints.
struct PPAReport: Encodable {
  var synthesis: DesignSynthesis
  /// Area by part, and in all, um2; each with its source.
  var area: AreaBreakdown
  var totalArea: Quantity
  var technology: String?
  /// The clock that was asked for, ns; null when none was.
  var clock: Double?
  /// The longest path between registers, ns, and the frequency that it allows.
  var period: Double
  var maximumMegahertz: Double
  var isMissed: Bool

  init(_ synthesis: DesignSynthesis, technology: Technology?, clock: Double?) {
    self.synthesis = synthesis
    self.technology = technology?.title
    self.clock = clock
    area = synthesis.area
    totalArea = area.total
    let period = synthesis.slowest?.timing.period ?? 0
    self.period = period
    maximumMegahertz = period > 0 ? 1000 / period : 0
    isMissed = clock.map { period > $0 } ?? false
  }

  var text: String {
    var lines = [
      "\(synthesis.design) in \(synthesis.library) (\(synthesis.libraryFiles.joined(separator: ", ")))",
      "areas in um2 of cells, \(synthesis.tools[0]); paths in ns without wires, "
        + synthesis.tools[1],
      "",
    ]
    var rows = [["module", "weights"] + PPAReport.parts.map(\.title) + ["all", "cells", "path"]]
    for module in synthesis.modules {
      rows.append(
        [module.name, module.weights > 0 ? grouped(module.weights) : ""]
          + PPAReport.parts.map { part in
            module.area(part.part) > 0 ? Self.area(module.area(part.part)) : ""
          } + [
            Self.area(module.area), grouped(module.cells),
            module.timing.inside.map { Self.time($0.delay) } ?? "",
          ])
    }
    rows.append(
      ["all", grouped(synthesis.modules.reduce(0) { $0 + $1.weights })]
        + PPAReport.parts.map { part in
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
    return lines.joined(separator: "\n") + "\n"
  }

  private static let parts: [(part: AreaPart, title: String)] = [
    (.adders, "adders"), (.requantizers, "requantizers"), (.pipelineRegisters, "pipeline"),
    (.windowRegisters, "window"), (.fifos, "FIFOs"), (.control, "control"),
    (.memories, "memories"),
  ]

  private static func area(_ value: Double) -> String {
    value >= 1000 ? grouped(Int(value.rounded())) : decimal(value, value >= 10 ? 1 : 3)
  }

  private static func time(_ value: Double) -> String { decimal(value, 3) }

  private static func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private var memoryLines: [String] {
    if synthesis.memories.isEmpty { return [] }
    let lines = synthesis.memories.map { memory in
      "memory of \(memory.stage): \(grouped(memory.words)) words of "
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

  private var pathLines: [String] {
    var lines: [String] = []
    func line(_ what: String, _ module: SynthesisedModule, _ path: TimingPath) -> String {
      "\(what): \(Self.time(path.delay)) ns in \(module.name), \(path.from) -> \(path.to), "
        + "\(path.gates) gates"
    }
    if let slowest = synthesis.slowest, let path = slowest.timing.inside {
      lines.append(
        line("longest path", slowest, path) + ", \(Self.decimal(maximumMegahertz, 0)) MHz")
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
    if let clock {
      lines.append(
        isMissed
          ? "the clock of \(Self.time(clock)) ns is missed by \(Self.time(period - clock)) ns"
          : "the clock of \(Self.time(clock)) ns is met, by \(Self.time(clock - period)) ns")
    }
    return lines
  }
}
