import NeuralGraph
import Verilog

/// What adaptive batch norm adds to the top: the AXI4-Lite port with the control behind it, and the bus
/// to the stages.
struct TopBatchNorm {
  let design: Design
  let map: RegisterMap
  /// Indices of the stages with adaptive layers.
  private let stages: [Int]

  /// Nil for a design without adaptive layers.
  init?(_ design: Design) {
    guard let map = design.registerMap else { return nil }
    self.design = design
    self.map = map
    stages = design.stages.indices.filter { design.stages[$0].swapRank > 0 }
  }

  /// The AXI4-Lite port.
  static func ports(_ map: RegisterMap) -> [Port] {
    [
      Port(.input, "s_axil_awvalid"), Port(.output, "s_axil_awready"),
      Port(.input, "s_axil_awaddr", width: map.addressBits),
      Port(.input, "s_axil_awprot", width: 3),
      Port(.input, "s_axil_wvalid"), Port(.output, "s_axil_wready"),
      Port(.input, "s_axil_wdata", width: 32), Port(.input, "s_axil_wstrb", width: 4),
      Port(.output, "s_axil_bvalid"), Port(.input, "s_axil_bready"),
      Port(.output, "s_axil_bresp", width: 2),
      Port(.input, "s_axil_arvalid"), Port(.output, "s_axil_arready"),
      Port(.input, "s_axil_araddr", width: map.addressBits),
      Port(.input, "s_axil_arprot", width: 3),
      Port(.output, "s_axil_rvalid"), Port(.input, "s_axil_rready"),
      Port(.output, "s_axil_rdata", width: 32), Port(.output, "s_axil_rresp", width: 2),
    ]
  }

  private static let answers = [("word", 32), ("found", 1), ("accepts", 1)]

  private func name(_ stage: Int, _ answer: String) -> String { "bank\(stage + 1)_\(answer)" }

  /// The control, before the stages.
  var control: [Item] {
    let bus = StageBatchNorm.busPorts(map)
    var items: [Item] = [
      .blank,
      .comment(["Adaptive batch norm: AXI4-Lite, and the frame at which banks are swapped."]),
      .wires(width: 1, names: ["batchnorm_mark"]),
      .wires(width: map.layers.count, names: ["bank_select"]),
    ]
    items += bus.map { .wires(width: $0.width, names: [$0.name]) }
    for stage in stages {
      items += Self.answers.map { .wires(width: $1, names: [name(stage, $0)]) }
      items.append(.wires(width: 1, names: [name(stage, "swapped")]))
    }
    func either(_ answer: String) -> Expression {
      StageBatchNorm.either(stages.map { .name(name($0, answer)) })
    }
    let swapped = stages.reversed().map { Expression.name(name($0, "swapped")) }
    items.append(
      .instance(
        module: "df_batchnorm_control",
        parameters: [
          Parameter("LAYERS", map.layers.count), Parameter("LAYER_BITS", map.layerBits),
          Parameter("CHANNEL_BITS", map.channelBits), Parameter("STAGES", stages.count),
          Parameter("PIXELS", design.input.height * design.input.width),
          Parameter("USER_BITS", design.options.sidebandBits),
          Parameter("DESIGN", .constant(width: 32, value: Int(map.designID))),
        ], name: "batchnorm",
        connections: [Connection("aclk", "aclk"), Connection("aresetn", "aresetn")]
          + Self.ports(map).map { Connection($0.name, $0.name) }
          + [Connection("bank_select", "bank_select")]
          + bus.map { Connection($0.name, $0.name) } + [
            Connection("bank_word", either("word")), Connection("bank_found", either("found")),
            Connection("bank_accepts", either("accepts")),
            Connection("pixel_valid", "pixel0_valid"), Connection("pixel_ready", "pixel0_ready"),
            Connection("pixel_user", "pixel0_user"), Connection("mark", "batchnorm_mark"),
            Connection("swapped", swapped.count == 1 ? swapped[0] : .concatenation(swapped)),
          ]))
    return items
  }

  /// What a stage's module has more; nothing for one without adaptive layers.
  func connections(_ stage: Int) -> [Connection] {
    let numbers = design.stages[stage].layers.compactMap { $0.adaptive?.number }
    guard let first = numbers.first else { return [] }
    return [
      Connection(
        "bank_select",
        StageModule.slice(
          "bank_select", of: map.layers.count, low: first - 1, bits: numbers.count))
    ]
      + StageBatchNorm.busPorts(map).map { Connection($0.name, $0.name) }
      + (Self.answers.map(\.0)).map { Connection("bank_\($0)", name(stage, $0)) }
      + [Connection("swapped", name(stage, "swapped"))]
  }
}
