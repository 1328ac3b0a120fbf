import NeuralGraph
import Verilog

/// The AXI4-Lite master of a simulation top (`sim/df_batchnorm_master.v`), between it and the design's
/// port.
struct BatchNormMaster {
  private let map: RegisterMap

  /// Nil for a design without adaptive layers.
  init?(_ design: Design) {
    guard let map = design.registerMap else { return nil }
    self.map = map
  }

  private static let prefix = "s_axil_"

  /// The ports of a simulation top: test benches know streams alone.
  static func withoutBus(_ ports: [Port]) -> [Port] {
    ports.filter { !$0.name.hasPrefix(prefix) }
  }

  var wires: [Item] {
    TopBatchNorm.ports(map).map { .wires(width: $0.width, names: [$0.name]) }
  }

  var items: [Item] {
    let ports = TopBatchNorm.ports(map).filter { !$0.name.hasSuffix("prot") }
    return [
      .blank,
      .assign(Assignment(.name(Self.prefix + "awprot"), .constant(width: 3, value: 0))),
      .assign(Assignment(.name(Self.prefix + "arprot"), .constant(width: 3, value: 0))),
      .instance(
        module: "df_batchnorm_master", parameters: [Parameter("ADDRESS_BITS", map.addressBits)],
        name: "batchnorm_master",
        connections: ["aclk", "aresetn", "cycle"].map { Connection($0, $0) }
          + ports.map { Connection(String($0.name.dropFirst(Self.prefix.count)), $0.name) }),
    ]
  }
}
