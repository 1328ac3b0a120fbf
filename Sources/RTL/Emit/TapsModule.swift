import NeuralGraph
import Verilog

/// A point of the hardware where a network value can be read: valid, and all channels.
public struct Tap: Hashable, Sendable, Codable {
  /// Position in the record, from 0.
  public var index: Int
  /// The value's index and name in the `QuantizedGraph`.
  public var value: Int
  public var valueName: String
  /// The layer's name in `design.json`.
  public var layer: String
  /// The stage's index, and the register rank behind its window registers.
  public var stage: Int
  public var rank: Int
  public var height: Int
  public var width: Int
  public var channels: Int
  public var element: QuantizedElement
}

extension Design {
  /// Every network value that exists in hardware, in order.
  public var taps: [Tap] {
    var taps: [Tap] = []
    for (stageIndex, stage) in stages.enumerated() {
      var rank = 0
      for layer in stage.layers {
        rank += layer.schedule.ranks
        taps.append(
          Tap(
            index: taps.count, value: layer.value.index, valueName: layer.valueName,
            layer: layer.name, stage: stageIndex, rank: rank, height: layer.output.height,
            width: layer.output.width, channels: layer.output.channels.count,
            element: layer.output.element))
      }
    }
    return taps
  }
}

/// The simulation top `taps`: the design with recorders on its streams and on every tap, which
/// it reads by hierarchical names. The product's ports are unchanged.
struct TapsModule {
  let design: Design

  var module: Module {
    let master = BatchNormMaster(design)
    let ports = TopModule.ports(design)
    let user = design.options.sidebandBits + 1
    var items: [Item] = [
      .wires(width: 32, names: ["file", "cycle"])
    ]
    items += master?.wires ?? []
    items += [
      .instance(
        module: "df_record_file", parameters: [], name: "record_file",
        connections: [
          Connection("aclk", "aclk"), Connection("file", "file"), Connection("cycle", "cycle"),
        ]),
      .blank,
      .instance(
        module: design.name, parameters: [], name: "dut",
        connections: ports.map { Connection($0.name, $0.name) }),
    ]
    items += master?.items ?? []
    items.append(
      Self.beat("record_input", "i", "s_axis", 8 * design.input.channels.count, user))
    items.append(
      Self.beat("record_output", "o", "m_axis", 8 * design.output.channels.count, user))
    items.append(
      .instance(
        module: "df_record_error", parameters: [], name: "record_error",
        connections: Self.recorded() + [Connection("error", "framing_error")]))
    let taps = design.taps
    var index = 0
    for stage in design.stages {
      for (number, layer) in stage.layers.enumerated() {
        items += tap(taps[index], stage, layer, number + 1)
        index += 1
      }
    }
    return Module(
      name: "taps", ports: BatchNormMaster.withoutBus(ports), items: items)
  }

  private static func recorded() -> [Connection] {
    [
      Connection("aclk", "aclk"), Connection("aresetn", "aresetn"), Connection("file", "file"),
      Connection("cycle", "cycle"),
    ]
  }

  /// The recorder of a stream's beats; `kind` is the first letter of its lines.
  static func beat(
    _ name: String, _ kind: Character, _ stream: String, _ width: Int, _ user: Int,
    data: Expression? = nil
  ) -> Item {
    .instance(
      module: "df_record_beat",
      parameters: [
        Parameter("KIND", .constant(width: 8, value: Int(kind.asciiValue!))),
        Parameter("WIDTH", width), Parameter("USER_BITS", user),
      ], name: name,
      connections: recorded() + [
        Connection("valid", "\(stream)_tvalid"), Connection("ready", "\(stream)_tready"),
        Connection("data", data ?? .name("\(stream)_tdata")), Connection("user", "\(stream)_tuser"),
        Connection("last", "\(stream)_tlast"),
      ])
  }

  private func tap(_ tap: Tap, _ stage: Stage, _ layer: Layer, _ number: Int) -> [Item] {
    let path = "dut.\(stage.name)"
    let data = TopModule.bytes(layer.output) { channel in
      let wire = "\(path).\(StageModule.wire(layer: number, channel: channel))"
      let bits = layer.output.channels[channel].bits
      return (.name(wire), bits == 1 ? .name(wire) : .bit(wire, bits - 1))
    }
    return [
      .blank,
      .comment(["\(tap.layer): \(tap.valueName)"]),
      .instance(
        module: "df_record_tap",
        parameters: [Parameter("TAP", tap.index), Parameter("WIDTH", 8 * tap.channels)],
        name: "record_tap\(tap.index)",
        connections: [
          Connection("aclk", "aclk"), Connection("file", "file"), Connection("cycle", "cycle"),
          Connection("valid", .bit("\(path).valid", tap.rank)), Connection("data", data),
        ]),
    ]
  }
}
