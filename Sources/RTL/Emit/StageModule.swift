import NeuralGraph
import Verilog

/// The Verilog module of one stage: control, line buffer, layers, valid pipeline, FIFO.
struct StageModule {
  let stage: Stage
  /// Bits of the sideband inside the design.
  let userBits: Int
  /// Of the design's adaptive layers; nil without any.
  let map: RegisterMap?

  /// Bits of the pixel word; at least 1, for a map whose channels are all constant.
  static func wordBits(_ format: PixelFormat) -> Int { max(1, format.pixelBits) }

  /// The wire in the stage that carries a layer's output channel.
  static func wire(layer: Int, channel: Int) -> String { "l\(layer)_q\(channel)" }

  /// The lowest bit of each live channel in a packed pixel.
  static func offsets(_ format: PixelFormat) -> [Int: Int] {
    var offsets: [Int: Int] = [:]
    var bit = 0
    for channel in format.liveChannels {
      offsets[channel] = bit
      bit += format.channels[channel].bits
    }
    return offsets
  }

  static func slice(_ name: String, of total: Int, low: Int, bits: Int) -> Expression {
    if total == bits { return .name(name) }
    return bits == 1 ? .bit(name, low) : .slice(name, high: low + bits - 1, low: low)
  }

  var module: Module {
    let inputBits = Self.wordBits(stage.input)
    let outputBits = Self.wordBits(stage.output)
    let ports = [
      Port(.input, "aclk"), Port(.input, "aresetn"),
      Port(.input, "in_valid"), Port(.output, "in_ready"),
      Port(.input, "in_user", width: userBits), Port(.input, "in_pixel", width: inputBits),
      Port(.output, "out_valid"), Port(.input, "out_ready"),
      Port(.output, "out_first"), Port(.output, "out_last"),
      Port(.output, "out_user", width: userBits), Port(.output, "out_pixel", width: outputBits),
    ]
    let batchNorm = StageBatchNorm(stage: stage, map: map, userBits: userBits)
    let serial = SerialText(stage, userBits: userBits)
    var items: [Item] = [
      .wires(width: 1, names: (serial == nil ? [] : ["load"]) + ["step", "credit_return"])
    ]
    items += serial?.items ?? control() + lineBuffer(inputBits)
    items += (batchNorm?.swapPipeline ?? []) + (batchNorm?.wires ?? [])
    for index in stage.layers.indices {
      items += layer(index, more: batchNorm?.connections(index) ?? [])
      items += batchNorm?.bank(index) ?? []
    }
    items += batchNorm?.answers ?? []
    items += tail(outputBits)
    items += unused()
    return Module(
      name: stage.module, ports: ports + (batchNorm?.ports ?? []), items: items)
  }

  private var geometry: WindowGeometry {
    switch stage.layers[0].form {
    case .window(let geometry): geometry
    default: .pointwise(height: stage.input.height, width: stage.input.width)
    }
  }

  private func control() -> [Item] {
    let geometry = geometry
    switch stage.layers[0].form {
    case .window:
      return [
        .wires(
          width: 1, names: ["column_step", "window_valid", "window_first", "window_last"]),
        .wires(width: geometry.kernelHeight, names: ["row_real"]),
        .wires(width: geometry.kernelWidth, names: ["column_real"]),
        .wires(width: userBits, names: ["window_user"]),
        .blank,
        .instance(
          module: "df_window_control",
          parameters: [
            Parameter("IMAGE_HEIGHT", geometry.inputHeight),
            Parameter("IMAGE_WIDTH", geometry.inputWidth),
            Parameter("KERNEL_HEIGHT", geometry.kernelHeight),
            Parameter("KERNEL_WIDTH", geometry.kernelWidth),
            Parameter("STRIDE_Y", geometry.strideY), Parameter("STRIDE_X", geometry.strideX),
            Parameter("DILATION_Y", geometry.dilationY),
            Parameter("DILATION_X", geometry.dilationX),
            Parameter("PAD_TOP", geometry.padTop), Parameter("PAD_LEFT", geometry.padLeft),
            Parameter("OUTPUT_HEIGHT", geometry.outputHeight),
            Parameter("OUTPUT_WIDTH", geometry.outputWidth),
            Parameter("USER_BITS", userBits), Parameter("CREDITS", stage.timing.fifoDepth),
          ], name: "control",
          connections: same(
            "aclk", "aresetn", "in_valid", "in_ready", "in_user", "step", "column_step",
            "window_valid", "row_real", "column_real", "window_first", "window_last",
            "window_user", "credit_return")),
      ]
    case .accumulator, .pointwise, .serial:
      return [
        .wires(
          width: 1,
          names: ["column_step", "accumulate_first", "window_valid", "window_first", "window_last"]),
        .wires(width: userBits, names: ["window_user"]),
        .blank,
        .instance(
          module: "df_frame_accumulator_control",
          parameters: [
            Parameter("IMAGE_HEIGHT", stage.input.height),
            Parameter("IMAGE_WIDTH", stage.input.width), Parameter("USER_BITS", userBits),
            Parameter("CREDITS", stage.timing.fifoDepth),
          ], name: "control",
          connections: same("aclk", "aresetn", "in_valid", "in_ready", "in_user", "step") + [
            Connection("accumulate_step", "column_step"),
            Connection("accumulate_first", "accumulate_first"),
            Connection("result_valid", "window_valid"),
            Connection("result_first", "window_first"),
            Connection("result_last", "window_last"), Connection("result_user", "window_user"),
            Connection("credit_return", "credit_return"),
          ]),
      ]
    }
  }

  private func same(_ names: String...) -> [Connection] { names.map { Connection($0, $0) } }

  private func lineBuffer(_ inputBits: Int) -> [Item] {
    let geometry = geometry
    return [
      .blank,
      .comment(["One pixel a kernel row, the top row in the most significant bits."]),
      .wires(width: geometry.kernelHeight * inputBits, names: ["column"]),
      .instance(
        module: "df_line_buffer",
        parameters: [
          Parameter("PIXEL_BITS", inputBits),
          Parameter("KERNEL_HEIGHT", geometry.kernelHeight),
          Parameter("DILATION_Y", geometry.dilationY),
          Parameter("IMAGE_WIDTH", geometry.inputWidth),
        ], name: "line_buffer",
        connections: same("aclk", "aresetn", "step", "column_step") + [
          Connection("pixel", "in_pixel"), Connection("column", "column"),
        ]),
    ]
  }

  private func layer(_ index: Int, more: [Connection]) -> [Item] {
    let layer = stage.layers[index]
    let format = layer.input
    let offsets = Self.offsets(format)
    let inputBits = Self.wordBits(format)
    var wires: [Int: [String]] = [:]
    for channel in layer.output.liveChannels {
      wires[layer.output.channels[channel].bits, default: []]
        .append(Self.wire(layer: index + 1, channel: channel))
    }
    var items: [Item] = [.blank, .comment(["\(layer.name): \(layer.valueName), \(layer.kind)"])]
    for bits in wires.keys.sorted() { items.append(.wires(width: bits, names: wires[bits]!)) }
    var connections = [Connection("aclk", "aclk")] + more
    switch layer.form {
    case .pointwise: break
    case .serial:
      connections += SerialText(stage, userBits: userBits)!.connections
    case .window:
      connections.append(Connection("column_step", "column_step"))
      connections += layer.maskRows.map {
        Connection(
          Layer.rowPort($0),
          Self.slice("row_real", of: geometry.kernelHeight, low: $0, bits: 1))
      }
      connections += layer.maskColumns.map {
        Connection(
          Layer.columnPort($0),
          Self.slice("column_real", of: geometry.kernelWidth, low: $0, bits: 1))
      }
    case .accumulator:
      connections.append(Connection("accumulate_step", "column_step"))
      connections.append(Connection("accumulate_first", "accumulate_first"))
    }
    for (channel, row) in layer.pixelInputs {
      let port = Layer.inputPort(channel: channel, row: row)
      let bits = format.channels[channel].bits
      if layer.form == .pointwise {
        connections.append(Connection(port, Self.wire(layer: index, channel: channel)))
      } else {
        let rows = geometry.kernelHeight
        let low = (rows - 1 - (row ?? 0)) * inputBits + offsets[channel]!
        connections.append(
          Connection(port, Self.slice("column", of: rows * inputBits, low: low, bits: bits)))
      }
    }
    for channel in layer.output.liveChannels {
      connections.append(
        Connection(
          Layer.outputPort(channel: channel), Self.wire(layer: index + 1, channel: channel)))
    }
    items.append(
      .instance(
        module: layer.module, parameters: [], name: "layer\(index + 1)",
        connections: connections))
    return items
  }

  /// The valid pipeline and the FIFO.
  private func tail(_ outputBits: Int) -> [Item] {
    let ranks = stage.timing.ranks
    let word = outputBits + userBits + 2
    let live = stage.output.liveChannels
    let pixel: Expression =
      live.isEmpty
      ? .constant(width: 1, value: 0)
      : .concatenation(
        live.reversed().map { .name(Self.wire(layer: stage.layers.count, channel: $0)) })
    return [
      .blank,
      .comment(["valid[r]: rank r of the trees holds an output."]),
      .wires(width: ranks + 1, names: ["valid"]),
      .wires(width: 1, names: ["tree_first", "tree_last"]),
      .wires(width: userBits, names: ["tree_user"]),
      .instance(
        module: "df_valid_pipeline",
        parameters: [Parameter("RANKS", ranks), Parameter("USER_BITS", userBits)],
        name: "valid_pipeline",
        connections: same("aclk", "aresetn") + [
          Connection("in_valid", "window_valid"), Connection("in_first", "window_first"),
          Connection("in_last", "window_last"), Connection("in_user", "window_user"),
          Connection("valid", "valid"), Connection("out_first", "tree_first"),
          Connection("out_last", "tree_last"), Connection("out_user", "tree_user"),
        ]),
      .define(width: outputBits, name: "tree_pixel", value: pixel),
      .instance(
        module: "df_fifo",
        parameters: [Parameter("WIDTH", word), Parameter("DEPTH", stage.timing.fifoDepth)],
        name: "fifo",
        connections: same("aclk", "aresetn") + [
          Connection("in_valid", .bit("valid", ranks)),
          Connection(
            "in_data",
            .concatenation([
              .name("tree_user"), .name("tree_first"), .name("tree_last"), .name("tree_pixel"),
            ])),
          Connection("out_valid", "out_valid"), Connection("out_ready", "out_ready"),
          Connection(
            "out_data",
            .concatenation([
              .name("out_user"), .name("out_first"), .name("out_last"), .name("out_pixel"),
            ])), Connection("credit_return", "credit_return"),
        ]),
    ]
  }

  /// Nets of which only some bits are read here; test benches read the others.
  private func unused() -> [Item] {
    var names = ["valid"]
    if case .serial = stage.layers[0].form { names += ["sums"] } else { names += ["column"] }
    if case .window = stage.layers[0].form { names += ["row_real", "column_real"] }
    if stage.swapRank > 0 { names.append("swap") }
    for (index, layer) in stage.layers.enumerated() {
      // A channel that the next layer has no weight for.
      names += layer.output.liveChannels.map { Self.wire(layer: index + 1, channel: $0) }
    }
    return [
      .whenDefined(
        macro: "VERILATOR",
        [
          .define(
            width: 1, name: "unused",
            value: .unary(
              .reduceAnd,
              .concatenation([.constant(width: 1, value: 0)] + names.map { .name($0) })))
        ])
    ]
  }
}
