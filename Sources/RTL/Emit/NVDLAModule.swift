import NeuralGraph
import RTLTemplates
import Verilog

/// The design with NVDLA's feature data as its output, and a simulation top that records it.
struct NVDLAModule {
  let design: Design
  let stream: DesignDescription.Stream

  init(_ design: Design, _ stream: DesignDescription.Stream) {
    self.design = design
    self.stream = stream
  }

  var name: String { Self.name(design.name) }

  /// The module's name by the design's.
  static func name(_ design: String) -> String { design + "_nvdla" }

  private var cube: FeatureCube { FeatureCube(stream) }
  private var userBits: Int { design.options.sidebandBits + 1 }
  private static let atomBits = 8 * FeatureCube.atom

  /// The design's own ports, with atoms for pixels.
  private var ports: [Port] {
    TopModule.ports(design).flatMap { port -> [Port] in
      guard port.name == "m_axis_tdata" else { return [port] }
      return [
        Port(.output, "m_axis_tdata", width: Self.atomBits),
        Port(.output, "m_axis_taddr", width: cube.addressBits),
      ]
    }
  }

  var header: [String] {
    [
      "\(name): \(design.name) with its output as NVDLA's feature data, int8, an atom of 32 bytes a beat.",
      "out: \(stream.height)x\(stream.width)x\(stream.channels) in \(cube.surfaces) surfaces of "
        + "\(cube.surfaceStride) bytes, lines of \(cube.lineStride), zero point \(cube.zeroPoint)",
      "m_axis_taddr: the atom's byte in the cube of \(cube.size); tuser[0]: a frame's first atom, above: the",
      "sideband; tlast: a frame's last atom.",
    ]
  }

  var module: Module {
    let streams = ["tvalid", "tready", "tdata", "tuser", "tlast"]
    func address(_ value: Int) -> Expression { .constant(width: cube.addressBits, value: value) }
    return Module(
      name: name, ports: ports,
      items: [
        .wires(width: 1, names: ["pixel_tvalid", "pixel_tready", "pixel_tlast"]),
        .wires(width: stream.dataBits, names: ["pixel_tdata"]),
        .wires(width: userBits, names: ["pixel_tuser"]),
        .instance(
          module: design.name, parameters: [], name: "fixed_layers",
          connections: TopModule.ports(design).map { port in
            Connection(port.name, port.name.replacing("m_axis", with: "pixel"))
          }),
        .instance(
          module: "df_nvdla_packer",
          parameters: [
            Parameter("CHANNELS", stream.channels), Parameter("USER_BITS", userBits),
            Parameter("ADDRESS_BITS", cube.addressBits),
            Parameter("LINE_STRIDE", address(cube.lineStride)),
            Parameter("SURFACE_STRIDE", address(cube.surfaceStride)),
            Parameter(
              "LAST_LINE",
              address(cube.address(row: stream.height - 1, column: 0, surface: 0))),
            Parameter(
              "FLIP", .constant(width: 8, value: stream.element == .uint8 ? 0x80 : 0)),
          ], name: PackedOutput.packer,
          connections: [Connection("aclk", "aclk"), Connection("aresetn", "aresetn")]
            + streams.map { Connection("s_axis_\($0)", "pixel_\($0)") }
            + (streams + ["taddr"]).map { Connection("m_axis_\($0)", "m_axis_\($0)") }),
      ])
  }

  /// The simulation top `taps`: atoms are recorded as output beats, 64 bits of address above them.
  var taps: Module {
    let address = "m_axis_taddr"
    let master = BatchNormMaster(design)
    return Module(
      name: "taps", ports: BatchNormMaster.withoutBus(ports).filter { $0.name != address },
      items: [.wires(width: 32, names: ["file", "cycle"])] + (master?.wires ?? []) + [
        .wires(width: cube.addressBits, names: [address]),
        .instance(
          module: "df_record_file", parameters: [], name: "record_file",
          connections: [
            Connection("aclk", "aclk"), Connection("file", "file"), Connection("cycle", "cycle"),
          ]),
        .instance(
          module: name, parameters: [], name: "dut",
          connections: ports.map { Connection($0.name, $0.name) }),
        TapsModule.beat(
          "record_output", "o", "m_axis", Self.atomBits + 64, userBits,
          data: .concatenation([
            .constant(width: 64 - cube.addressBits, value: 0), .name(address),
            .name("m_axis_tdata"),
          ])),
      ] + (master?.items ?? []))
  }
}
