import NeuralGraph
import RTLTemplates
import Verilog

/// A design as Verilog text: whole, in a stable order, nothing written anywhere.
public struct VerilogSource: Hashable, Sendable {
  /// One file: its name without folders, and its text.
  public struct File: Hashable, Sendable {
    public var name: String
    public var text: String

    public init(name: String, text: String) {
      self.name = name
      self.text = text
    }
  }

  /// The design: templates first, then layers, stages and the top; in compile order.
  public var rtl: [File]
  /// The simulation top `taps`.
  public var taps: File
}

extension Design {
  /// The design's Verilog-2001. Cost: linear in the number of signals.
  public func emitVerilog() -> VerilogSource {
    var rtl = usedTemplates.map { VerilogSource.File(name: $0.fileName, text: $0.text) }
    for stage in stages {
      for layer in stage.layers {
        if case .serial(let sums) = layer.form {
          rtl.append(file(SerialText.romHeader(layer, sums), SerialText.rom(layer, sums)))
        }
        rtl.append(file(layerHeader(layer, in: stage), LayerModule(layer, options).module))
      }
      rtl.append(
        file(
          stageHeader(stage),
          StageModule(stage: stage, userBits: streamUserBits, map: registerMap).module))
    }
    rtl.append(file(topHeader, TopModule(design: self).module))
    let taps = file(
      ["\(name) with recorders on its streams and on every layer's output."],
      TapsModule(design: self).module)
    return VerilogSource(rtl: rtl, taps: taps)
  }

  /// NVDLA's form of the output: the modules besides `emitVerilog`'s, in compile order, and the simulation
  /// top, with which they replace `taps`.
  public func emitNVDLAOutput(_ stream: DesignDescription.Stream) -> (
    rtl: [VerilogSource.File], taps: VerilogSource.File, module: String
  ) {
    let packer = RTLTemplates.nvdlaPacker
    let nvdla = NVDLAModule(self, stream)
    return (
      [
        VerilogSource.File(name: packer.fileName, text: packer.text),
        file(nvdla.header, nvdla.module),
      ],
      file(["\(nvdla.name) with recorders on its output."], nvdla.taps), nvdla.name
    )
  }

  private func file(_ header: [String], _ module: Module) -> VerilogSource.File {
    let source = SourceFile(header: header, module: module)
    return VerilogSource.File(name: source.fileName, text: source.text)
  }

  private var usedTemplates: [RTLTemplates.Template] {
    let accumulates = stages.contains {
      if case .frameAccumulator = $0.timing.kind { true } else { false }
    }
    let hasSerial = stages.contains { if case .serial = $0.timing.kind { true } else { false } }
    let windows = stages.contains { if case .window = $0.timing.kind { true } else { false } }
    let forks = ([nil] + stages.indices.map { $0 }).contains { timing.readers(of: $0).count > 1 }
    return RTLTemplates.all.filter { template in
      switch template.fileName {
      case "df_frame_accumulator_control.v": accumulates
      case "df_window_control.v": windows
      case "df_serial_control.v", "df_serial_accumulator.v": hasSerial
      case "df_fork.v": forks
      case "df_join.v": stages.contains { $0.inputs.count > 1 }
      case "df_skip_fifo.v": !skipFIFOs.isEmpty
      case "df_batchnorm_bank.v", "df_batchnorm_control.v": !adaptiveLayers.isEmpty
      case "df_full_adder.v", "df_half_adder.v": options.adderStyle == .heap
      default: true
      }
    }
  }

  private func layerHeader(_ layer: Layer, in stage: Stage) -> [String] {
    let cost = layer.cost
    var lines = ["\(layer.name): \(printable(layer.valueName))", layer.kind]
    lines.append(
      "\(layer.input.height)x\(layer.input.width)x\(layer.input.channels.count) -> "
        + "\(layer.output.height)x\(layer.output.width)x\(layer.output.channels.count) "
        + "\(layer.output.element.rawValue)")
    if cost.weights > 0 {
      lines.append("\(cost.weights) weights, \(cost.zeroWeights) of them zero")
    }
    if let multipliers = cost.multipliers, let bits = cost.romBits {
      lines.append(
        "serial sums of \(multipliers) multipliers, weights in a ROM of \(bits) bits, both in the stage"
      )
    }
    if let registers = layer.adaptive?.adaptation {
      lines.append(
        "adaptive batch norm: biases of \(registers.biasBits) bits and scales of "
          + "\(registers.scaleBits) are registers")
    }
    if cost.constantChannels > 0 {
      lines.append("\(cost.constantChannels) output channels are constant and not built")
    }
    lines.append(
      "\(cost.sumAdders) adders in sums, \(cost.requantizerAdders) in requantizers, "
        + "\(cost.adderBits) adder bits, at most \(cost.maximumWidth) bits wide")
    lines.append(
      "latency \(layer.schedule.ranks) clocks, \(cost.registerBits) bits of pipeline registers")
    lines.append("sumN: shared sum; accC: accumulator of channel C; mulC_N, prodC: its scaling;")
    lines.append("yC, qC: its code; NAME_dN: NAME, N clocks later; NAME_fN: copy for fan-out")
    return lines
  }

  private func stageHeader(_ stage: Stage) -> [String] {
    [
      "\(stage.name): " + stage.layers.map(\.name).joined(separator: ", "),
      "latency \(stage.timing.ranks) clocks behind the window, FIFO of \(stage.timing.fifoDepth)",
    ]
  }

  private var topHeader: [String] {
    [
      "\(name): the fixed layers as a stream processor, one pixel a clock.",
      "in:  \(input.height)x\(input.width)x\(input.channels.count) \(input.element.rawValue), "
        + "zero point \(input.zeroPoint)",
      "out: \(output.height)x\(output.width)x\(output.channels.count) "
        + "\(output.element.rawValue), zero point \(output.zeroPoint)",
      "tdata: channel c in bits 8c+7 ... 8c; tuser[0]: start of frame, above: the frame's sideband;",
      "tlast: end of line.",
    ]
  }

  /// A model's name in a comment: one line of printable ASCII.
  private func printable(_ name: String) -> String {
    String(name.unicodeScalars.map { (" "..."~").contains($0) ? Character($0) : "?" }.prefix(160))
  }
}
