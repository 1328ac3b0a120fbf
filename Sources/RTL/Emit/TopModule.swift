import NeuralGraph
import Verilog

/// The design's top: the AXI4-Stream adapter and the chain of stages.
struct TopModule {
  let design: Design

  /// The ports, in order; `prefix` data widths as in `design.json`.
  static func ports(_ design: Design) -> [Port] {
    let user = design.options.sidebandBits + 1
    return [
      Port(.input, "aclk"), Port(.input, "aresetn"),
      Port(.input, "s_axis_tvalid"), Port(.output, "s_axis_tready"),
      Port(.input, "s_axis_tdata", width: 8 * design.input.channels.count),
      Port(.input, "s_axis_tuser", width: user), Port(.input, "s_axis_tlast"),
      Port(.output, "m_axis_tvalid"), Port(.input, "m_axis_tready"),
      Port(.output, "m_axis_tdata", width: 8 * design.output.channels.count),
      Port(.output, "m_axis_tuser", width: user), Port(.output, "m_axis_tlast"),
      Port(.output, "framing_error"),
    ] + (design.registerMap.map(TopBatchNorm.ports) ?? [])
  }

  /// Eight bits of every channel of `format`, channel 0 lowest: sign- or zero-extended, constant
  /// channels included. `live` gives a live channel's bits.
  static func bytes(_ format: PixelFormat, _ live: (Int) -> (Expression, sign: Expression))
    -> Expression
  {
    var parts: [Expression] = []
    for channel in format.channels.indices.reversed() {
      switch format.channels[channel] {
      case .constant(let value): parts.append(.constant(width: 8, value: value))
      case .live(let interval):
        let (value, sign) = live(channel)
        let missing = 8 - interval.bitCount
        if missing > 0 {
          parts.append(
            interval.isSigned
              ? (missing == 1 ? sign : .replication(missing, sign))
              : .constant(width: missing, value: 0))
        }
        parts.append(value)
      }
    }
    return .concatenation(parts)
  }

  var module: Module {
    let user = design.options.sidebandBits
    let streamUser = design.streamUserBits
    let batchNorm = TopBatchNorm(design)
    let inputBits = 8 * design.input.channels.count
    let last = design.stages.count
    var items: [Item] = []
    items.append(.wires(width: 1, names: ["pixel0_valid", "pixel0_ready"]))
    items.append(.wires(width: user, names: ["pixel0_user"]))
    items.append(.wires(width: inputBits, names: ["pixel0"]))
    items.append(
      .instance(
        module: "df_stream_in",
        parameters: [
          Parameter("DATA_BITS", inputBits), Parameter("USER_BITS", user),
          Parameter("IMAGE_HEIGHT", design.input.height),
          Parameter("IMAGE_WIDTH", design.input.width),
          Parameter(
            "PAD",
            .replication(
              design.input.channels.count,
              .constant(width: 8, value: design.input.zeroPoint))),
        ], name: "stream_in",
        connections: [
          Connection("aclk", "aclk"), Connection("aresetn", "aresetn"),
          Connection("s_axis_tvalid", "s_axis_tvalid"),
          Connection("s_axis_tready", "s_axis_tready"),
          Connection("s_axis_tdata", "s_axis_tdata"),
          Connection("s_axis_tuser", "s_axis_tuser"),
          Connection("s_axis_tlast", "s_axis_tlast"), Connection("out_valid", "pixel0_valid"),
          Connection("out_ready", "pixel0_ready"), Connection("out_data", "pixel0"),
          Connection("out_user", "pixel0_user"), Connection("framing_error", "framing_error"),
        ]))
    items += batchNorm?.control ?? []
    items += fork(nil)
    for (index, stage) in design.stages.enumerated() {
      let number = index + 1
      items += skips(before: index)
      items += join(before: index)
      items.append(.blank)
      items.append(.wires(width: 1, names: ["pixel\(number)_valid", "pixel\(number)_ready"]))
      items.append(.wires(width: 1, names: ["pixel\(number)_first", "pixel\(number)_last"]))
      items.append(.wires(width: streamUser, names: ["pixel\(number)_user"]))
      items.append(
        .wires(width: StageModule.wordBits(stage.output), names: ["pixel\(number)"]))
      let stream = stageInput(index)
      items.append(
        .instance(
          module: stage.module, parameters: [], name: stage.name,
          connections: [
            Connection("aclk", "aclk"), Connection("aresetn", "aresetn"),
            Connection("in_valid", stream.valid),
            Connection("in_ready", stream.ready),
            Connection("in_user", stream.user), Connection("in_pixel", stream.pixel),
            Connection("out_valid", "pixel\(number)_valid"),
            Connection("out_ready", "pixel\(number)_ready"),
            Connection("out_first", "pixel\(number)_first"),
            Connection("out_last", "pixel\(number)_last"),
            Connection("out_user", "pixel\(number)_user"),
            Connection("out_pixel", "pixel\(number)"),
          ] + (batchNorm?.connections(index) ?? [])))
      items += fork(index)
    }
    let format = design.output
    let offsets = StageModule.offsets(format)
    let total = StageModule.wordBits(format)
    let data = Self.bytes(format) { channel in
      let bits = format.channels[channel].bits
      let low = offsets[channel]!
      return (
        StageModule.slice("pixel\(last)", of: total, low: low, bits: bits),
        StageModule.slice("pixel\(last)", of: total, low: low + bits - 1, bits: 1)
      )
    }
    items += [
      .blank,
      .assign(Assignment(.name("m_axis_tvalid"), .name("pixel\(last)_valid"))),
      .assign(Assignment(.name("pixel\(last)_ready"), .name("m_axis_tready"))),
      .assign(Assignment(.name("m_axis_tdata"), data)),
      .assign(
        Assignment(
          .name("m_axis_tuser"),
          .concatenation([
            StageModule.slice("pixel\(last)_user", of: streamUser, low: 0, bits: user),
            .name("pixel\(last)_first"),
          ]))),
      .assign(Assignment(.name("m_axis_tlast"), .name("pixel\(last)_last"))),
      .whenDefined(macro: "VERILATOR", [unused(last)]),
    ]
    return Module(name: design.name, ports: Self.ports(design), items: items)
  }

  /// Only the last stage's marks leave; a stage counts its own lines. A join takes the sideband of one
  /// input.
  private func unused(_ last: Int) -> Item {
    var names: [Expression] = [.constant(width: 1, value: 0)]
    for number in 1..<max(last, 1) {
      names += [.name("pixel\(number)_first"), .name("pixel\(number)_last")]
    }
    names += unreadJoinInputs()
    if !design.adaptiveLayers.isEmpty {
      names.append(.bit("pixel\(last)_user", design.streamUserBits - 1))
    }
    if design.output.pixelBits == 0 { names.append(.name("pixel\(last)")) }
    return .define(
      width: 1, name: "unused", value: .unary(.reduceAnd, .concatenation(names)))
  }
}
