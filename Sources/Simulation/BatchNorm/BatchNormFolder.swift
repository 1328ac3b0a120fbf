import NeuralGraph
import RTL

/// `batchnorm/` of an emitted folder: the register map for programs and for C, and the trained values.
enum BatchNormFolder {
  static func files(_ design: DesignDescription, _ graph: QuantizedGraph) -> [EmittedFile] {
    guard let map = design.registerMap else { return [] }
    return [
      EmittedFile("batchnorm/registers.json", StableJSON.encode(MapFile(map))),
      EmittedFile("batchnorm/\(design.name)_batchnorm.h", text: header(map)),
      EmittedFile(
        "batchnorm/trained.json", BatchNormParameters(trained: design, graph).encode()),
    ]
  }

  /// The register map with the registers that all designs have.
  private struct MapFile: Encodable {
    struct Register: Encodable {
      var name: String
      var address: Int
      var access: String
    }

    var control: [Register]
    var fields: [Register]
    var map: RegisterMap

    init(_ map: RegisterMap) {
      control = RegisterMap.Control.allCases.map {
        Register(
          name: "\($0)", address: $0.rawValue, access: $0 == .commit ? "write" : "read")
      }
      fields = RegisterMap.Field.allCases.map {
        Register(name: "\($0)", address: $0.rawValue, access: "read and write")
      }
      self.map = map
    }
  }

  private static func header(_ map: RegisterMap) -> String {
    let prefix = "DF_" + map.design.uppercased()
    func hex(_ value: Int) -> String { "0x" + String(value, radix: 16) + "u" }
    var text = """
      /* The registers of \(map.design)'s adaptive batch norm: byte addresses on its AXI4-Lite port. */
      #ifndef \(prefix)_BATCHNORM_H
      #define \(prefix)_BATCHNORM_H

      /* The control page. */

      """
    for register in RegisterMap.Control.allCases {
      text += "#define \(prefix)_\("\(register)".uppercased()) \(hex(register.rawValue))\n"
    }
    text += """
      #define \(prefix)_ID_VALUE \(hex(Int(RegisterMap.idValue)))
      #define \(prefix)_VERSION_VALUE \(RegisterMap.versionValue)u
      #define \(prefix)_DESIGN_VALUE \(hex(Int(map.designID)))

      /* A layer's channel c: SHADOW + c * CHANNEL_STRIDE + field; the bank in use ACTIVE_OFFSET higher. */
      #define \(prefix)_CHANNEL_STRIDE \(map.channelStride)u
      #define \(prefix)_ACTIVE_OFFSET \(hex(map.activeOffset))

      """
    for field in RegisterMap.Field.allCases {
      text += "#define \(prefix)_FIELD_\("\(field)".uppercased()) \(field.rawValue)u\n"
    }
    for entry in map.layers {
      let name = "\(prefix)_\(entry.layer.uppercased())"
      let registers = entry.adaptation
      text += """

        #define \(name)_SHADOW \(hex(entry.address))
        #define \(name)_CHANNELS \(entry.channels)u
        #define \(name)_BIAS_BITS \(registers.biasBits)u
        #define \(name)_SCALE_BITS \(registers.scaleBits)u

        """
    }
    return text + "\n#endif\n"
  }
}
