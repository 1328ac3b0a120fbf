import Estimation
import NeuralGraph
import RTL
import Simulation
import Synthesis

/// All that is known of an emitted design, for `report.html` and `report.json`.
public struct DesignReport: Sendable, Encodable {
  public var design: DesignDescription
  /// What synthesis said; nil without a cell library.
  public var synthesis: DesignSynthesis?
  /// Power at the transitions that were counted on images; nil when none were given.
  public var power: DesignPower?
  /// What the model says of the same modules, by technology.
  public var modelled: [Modelled]
  /// The design space of the whole network; nil when it was not asked for.
  public var space: DesignSpace?

  /// One technology's modelled areas.
  public struct Modelled: Sendable, Encodable {
    public var technology: String
    public var modules: [ModuleArea]

    public init(technology: String, modules: [ModuleArea]) {
      self.technology = technology
      self.modules = modules
    }
  }

  public init(
    design: DesignDescription, synthesis: DesignSynthesis?, power: DesignPower? = nil,
    modelled: [Modelled], space: DesignSpace?
  ) {
    self.design = design
    self.synthesis = synthesis
    self.power = power
    self.modelled = modelled
    self.space = space
  }

  /// The page. Throws when gnuplot is missing.
  public func html() async throws(Diagnostics) -> String {
    var page = Page(title: "\(design.name): power, performance, area")
    pipeline(&page)
    try await areas(&page)
    paths(&page)
    power(&page)
    try await designSpace(&page)
    return page.text
  }

  private func pipeline(_ page: inout Page) {
    page.heading("Pipeline")
    page.paragraph(
      "A frame of \(design.input.width)x\(design.input.height) pixels every "
        + "\(significant(Double(design.latency.period))) clocks; first output after "
        + "\(significant(Double(design.latency.firstOutput))), last after "
        + "\(significant(Double(design.latency.lastOutput))).")
    var input = "\(design.input.dataBits) bits"
    let layers = Dictionary(
      design.layers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let boxes = design.stages.map { stage in
      let geometry = stage.geometry
      var lines = stage.layers.map { shortened($0) }
      let front =
        stage.steps.map { "serial sums, \($0) steps a pixel, on " }
        ?? "\(geometry.kernelHeight)x\(geometry.kernelWidth) window on "
      lines.append(front + "\(geometry.inputWidth)x\(geometry.inputHeight)")
      lines.append("\(stage.cyclesPerPixel) clocks a pixel")
      lines.append(
        stage.memory.map {
          ($0.rom == nil ? "line memory" : "ROM") + " \($0.words) x \($0.wordBits) bits"
        } ?? "no line memory")
      lines.append("\(stage.ranks) ranks, FIFO of \(stage.fifoDepth)")
      if let inputs = stage.inputs {
        lines += inputs.map { input in
          let name = input.stage.map { design.stages[$0].name } ?? "the input"
          return "reads \(name)"
            + (input.skipDepth > 0 ? " through a skip FIFO of \(input.skipDepth)" : "")
        }
      }
      let box = PipelineDiagram.Box(title: stage.name, lines: lines, input: input)
      let channels = stage.layers.last.flatMap { layers[$0]?.output.last } ?? 0
      input = "\(geometry.outputWidth)x\(geometry.outputHeight)x\(channels)"
      return box
    }
    page.figure(
      PipelineDiagram(boxes: boxes, output: "\(design.output.dataBits) bits").svg,
      caption: "Stages, their windows, buffers and rates; one pixel with all channels a beat.")
  }

  private func shortened(_ name: String) -> String {
    name.count <= 28 ? name : String(name.prefix(13)) + "…" + String(name.suffix(14))
  }

  /// The parts that bars show: batch norm only in designs that have it.
  private var parts: [(part: AreaPart, title: String)] {
    Self.allParts.filter { $0.part != .batchNorm || design.registerMap != nil }
  }

  private static let allParts: [(part: AreaPart, title: String)] = [
    (.adders, "adders"), (.requantizers, "requantizers"), (.pipelineRegisters, "pipeline"),
    (.windowRegisters, "windows"), (.fifos, "FIFOs"), (.control, "control"),
    (.memories, "memories"), (.batchNorm, "batch norm"),
  ]

  private func areas(_ page: inout Page) async throws(Diagnostics) {
    if let synthesis {
      page.heading("Area, synthesised")
      page.paragraph(
        "Cells of \(synthesis.library), \(synthesis.tools.joined(separator: ", ")); each module by "
          + "itself, without wires. Memories by the technology's model.")
      var rows = synthesis.modules.map { module in
        (
          name: module.name, values: parts.map { module.area($0.part) },
          note: significant(module.area) + " um2"
        )
      }
      for memory in synthesis.memories {
        guard let area = memory.area else { continue }
        rows.append(
          (
            name: (memory.isSkip ? "skip FIFO before " : "memory of ") + memory.stage,
            values: parts.map { $0.part == .memories ? area.middle : 0 },
            note: significant(area.middle) + " um2"
          ))
      }
      page.figure(
        StackedBars(parts: parts.map(\.title), rows: rows).svg,
        caption: "Area by module and part. In all "
          + "\(significant(synthesis.area.total.middle)) um2.")
    }
    for model in modelled {
      page.heading("Area, modelled: \(model.technology)")
      page.figure(
        StackedBars(
          parts: parts.map(\.title),
          rows: model.modules.map { module in
            let area = module.area
            let values = parts.map { area[$0.part].middle }
            return (
              name: module.name, values: values, note: significant(area.total.middle) + " um2"
            )
          }
        ).svg, caption: "Counted bits times fitted areas; nothing is synthesised.")
      guard let synthesis else { continue }
      let measured = Dictionary(
        synthesis.modules.map { ($0.name, $0.area) }, uniquingKeysWith: { first, _ in first })
      let points = model.modules.compactMap { module -> (x: Double, y: Double, label: String)? in
        guard let area = measured[module.name], area > 0 else { return nil }
        // Macros are not in a module's cells.
        let cells = module.area.total.middle - (module.isStage ? module.area.memories.middle : 0)
        return cells > 0 ? (area, cells, "") : nil
      }
      let svg = try await Gnuplot.svg(
        x: "synthesised, um2", y: "modelled, um2",
        [
          Series(title: "modules", points: points),
          Series(
            title: "equal",
            points: [points.min { $0.x < $1.x }, points.max { $0.x < $1.x }].compactMap(\.self)
              .map { ($0.x, $0.x, "") }, isLine: true),
        ], lines: ["set logscale xy"])
      let worst = points.max { abs($0.y / $0.x - 1) < abs($1.y / $1.x - 1) }
      page.figure(
        svg,
        caption: "Modelled against synthesised area, each module. Largest deviation "
          + "\(significant(100 * abs((worst.map { $0.y / $0.x } ?? 1) - 1))) %.")
    }
  }

  private func paths(_ page: inout Page) {
    guard let synthesis else { return }
    page.heading("Longest paths")
    page.paragraph(
      "\(synthesis.tools.last ?? ""), without wires, for a clock of "
        + "\(significant(synthesis.clock)) ns; ns from clock edge to setup.")
    var rows = [
      ["module", "between registers", "from", "to", "gates", "from inputs", "to outputs"]
    ]
    for module in synthesis.modules {
      let timing = module.timing
      func delay(_ path: TimingPath?) -> String { path.map { significant($0.delay) } ?? "" }
      rows.append([
        module.name, delay(timing.inside), timing.inside?.from ?? "", timing.inside?.to ?? "",
        timing.inside.map { String($0.gates) } ?? "", delay(timing.input), delay(timing.output),
      ])
    }
    page.table(rows)
  }

  private func power(_ page: inout Page) {
    guard let synthesis, let power else { return }
    page.heading("Power and activity")
    page.paragraph(
      "At a clock of \(significant(power.clockPeriod)) ns and the transitions that Verilator counted over "
        + "whole frames; energies of \(synthesis.library). Without wires, a clock tree and glitches. "
        + (power.memories == nil && !synthesis.memories.isEmpty
          ? "Memories have no price and are left out. " : "")
        + "Operations are two a multiply-accumulate of the network, zeros included.")
    func interval(_ quantity: Quantity) -> String {
      quantity.low == quantity.high
        ? significant(quantity.low)
        : "\(significant(quantity.low)) - \(significant(quantity.high))"
    }
    page.table([
      ["in all", "mW", "uJ a frame", "TOPS/W", "transitions a register bit and clock"],
      [
        "cells\(power.memories == nil ? "" : " and memories")", interval(power.power),
        interval(power.energyPerFrame), interval(power.efficiency), significant(power.activity),
      ],
    ])
    var rows = power.modules.map { module in
      (
        name: module.name,
        values: [module.clock, module.registers, module.logic, module.leakage, 0],
        note: "\(significant(module.total)) mW"
      )
    }
    if let memories = power.memories {
      rows.append(
        ("memories", [0, 0, 0, 0, memories.middle], "\(significant(memories.middle)) mW"))
    }
    page.figure(
      StackedBars(parts: ["clock", "registers", "logic", "leakage", "memories"], rows: rows).svg,
      caption: "Power by module. Activity: mean transitions of a register bit a clock.")
    page.table(
      [
        [
          "module", "activity", "bits measured", "registers, mW", "OpenSTA", "logic, mW", "OpenSTA",
        ]
      ]
        + power.modules.map { module in
          let check = module.check
          return [
            module.name, significant(module.activity), significant(100 * module.measured) + " %",
          ]
            + [check.registers, check.openSTARegisters, check.logic, check.openSTALogic].map(
              significant)
        })
    page.paragraph(
      "Columns in mW check the energies: every net of a module at the mean activity of its register bits, "
        + "without the clock's driver. OpenSTA adds rising and falling energy for each transition, which is "
        + "up to twice as much.")
  }

  private func designSpace(_ page: inout Page) async throws(Diagnostics) {
    guard let space else { return }
    page.heading("Fixed layers beside NVDLA")
    page.paragraph(
      "At \(space.setting.node) nm, from \(space.setting.technologies.joined(separator: " and ")); "
        + "the unfavourable end of intervals. Modelled (docs/estimation.md).")
    for figure in try await DesignSpacePlots(space, networks: [], chosen: []).frontFigures() {
      page.figure(
        figure.svg,
        caption: "\(figure.title) against area. N + C: N convolutions fixed beside NVDLA "
          + "configuration C; lines: designs that no other beats.")
    }
    var rows = [["design", "mm2", "frames/s", "uJ a frame", "mW", "TOPS/W"]]
    for point in space.pareto() {
      rows.append(
        [point.name]
          + [point.area, point.framesPerSecond, point.energy, point.power, point.efficiency].map {
            $0.low == $0.high
              ? significant($0.low) : "\(significant($0.low)) - \(significant($0.high))"
          })
    }
    page.table(rows)
  }
}
