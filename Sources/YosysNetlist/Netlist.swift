/// One Verilog module as Yosys reads it: ports, and cells on bits.
package struct Netlist: Sendable {
  /// A bit of a wire: a constant, or a net that has one driver.
  package struct Bit: Hashable, Sendable {
    /// From 2 a net; below, one of the constants.
    package var code: Int32

    package init(code: Int32) { self.code = code }

    package static let zero = Bit(code: 0)
    package static let one = Bit(code: 1)
    /// `x` or `z`: no value.
    package static let undefined = Bit(code: -1)

    package var isNet: Bool { code >= 2 }
    /// The net's number.
    package var net: Int { Int(code) }
  }

  package struct Port: Sendable {
    package enum Direction: String, Sendable { case input, output, other }
    package var name: String
    package var direction: Direction
    package var bits: [Bit]
  }

  /// An operator of Yosys (`$add`, `$dff`, …) or an instance of a module.
  package struct Cell: Sendable {
    package var name = ""
    package var type = ""
    /// Numbers; texts are left out.
    package var parameters: [String: Parameter] = [:]
    package var connections: [String: [Bit]] = [:]
    /// `FILE:LINE.COLUMN-…` as Yosys says it.
    package var source = ""

    /// The bits at a port; none when it is not connected.
    package subscript(port: String) -> [Bit] { connections[port] ?? [] }

    /// True when the parameter is there and not zero.
    package func flag(_ name: String) -> Bool { parameters[name]?.bits.contains("1") ?? false }
  }

  /// A parameter's bits, most significant first.
  package struct Parameter: Hashable, Sendable {
    package var bits: String
    /// Its value as a 32-bit integer of Verilog; nil for one that is longer or undefined.
    package var integer: Int? {
      guard bits.count == 32, let value = UInt32(bits, radix: 2) else { return nil }
      return Int(Int32(bitPattern: value))
    }
  }

  package var name = ""
  package var ports: [Port] = []
  package var cells: [Cell] = []
  /// Names of nets: by net, that of the declared wire whose bit it is first.
  package var netNames: [Int32: String] = [:]
  /// The bits of declared wires of two bits and more, in order of their names.
  package var vectors: [[Bit]] = []
  /// True when it declares a memory.
  package var hasMemory = false
  /// One more than the highest net.
  package var netCount = 2

  package func port(_ name: String) -> Port? { ports.first { $0.name == name } }
}
