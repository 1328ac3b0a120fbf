import NeuralGraph

extension Netlist {
  /// Most bits of one module: 16 million, far more than Yosys itself can hold in reasonable memory.
  private static let mostNets = 1 << 24

  /// Reads the modules that Yosys' `write_json` wrote, by name. With `portsOnly` cells and names are
  /// left out. Throws what makes the file no such netlist.
  package static func read(_ bytes: [UInt8], portsOnly: Bool = false) throws(Diagnostics)
    -> [Netlist]
  {
    var modules: [Netlist] = []
    var failure: Diagnostics?
    bytes.withUnsafeBufferPointer { buffer in
      do throws(Diagnostics) {
        var scanner = JSONScanner(buffer)
        try scanner.object { scanner, key throws(Diagnostics) in
          guard key == "modules" else { return try scanner.skip() }
          try scanner.object { scanner, name throws(Diagnostics) in
            modules.append(try module(name, &scanner, portsOnly))
          }
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return modules
  }

  private static func module(
    _ name: String, _ scanner: inout JSONScanner, _ portsOnly: Bool
  ) throws(Diagnostics) -> Netlist {
    var result = Netlist()
    result.name = name
    var highest = 1
    try scanner.object { scanner, key throws(Diagnostics) in
      switch key {
      case "ports":
        try scanner.object { scanner, name throws(Diagnostics) in
          result.ports.append(try port(name, &scanner, &highest))
        }
      case "cells" where !portsOnly:
        try scanner.object { scanner, name throws(Diagnostics) in
          result.cells.append(try cell(name, &scanner, &highest))
        }
      case "netnames" where !portsOnly:
        try scanner.object { scanner, name throws(Diagnostics) in
          try netName(name, &scanner, &result, &highest)
        }
      case "memories":
        result.hasMemory = true
        try scanner.skip()
      default: try scanner.skip()
      }
    }
    result.netCount = highest + 1
    return result
  }

  private static func bits(_ scanner: inout JSONScanner, _ highest: inout Int)
    throws(Diagnostics) -> [Bit]
  {
    var bits: [Bit] = []
    var largest = highest
    try scanner.array { scanner throws(Diagnostics) in
      if scanner.peek() == UInt8(ascii: "\"") {
        switch try scanner.string() {
        case "0": bits.append(.zero)
        case "1": bits.append(.one)
        default: bits.append(.undefined)
        }
      } else {
        let net = try scanner.integer()
        guard (2..<mostNets).contains(net) else { throw scanner.malformed("net \(net)") }
        largest = max(largest, net)
        bits.append(Bit(code: Int32(net)))
      }
    }
    highest = largest
    return bits
  }

  private static func port(
    _ name: String, _ scanner: inout JSONScanner, _ highest: inout Int
  ) throws(Diagnostics) -> Port {
    var port = Port(name: name, direction: .other, bits: [])
    var largest = highest
    try scanner.object { scanner, key throws(Diagnostics) in
      switch key {
      case "direction":
        port.direction = Port.Direction(rawValue: try scanner.string()) ?? .other
      case "bits": port.bits = try bits(&scanner, &largest)
      default: try scanner.skip()
      }
    }
    highest = largest
    return port
  }

  private static func cell(
    _ name: String, _ scanner: inout JSONScanner, _ highest: inout Int
  ) throws(Diagnostics) -> Cell {
    var cell = Cell()
    cell.name = name
    var largest = highest
    try scanner.object { scanner, key throws(Diagnostics) in
      switch key {
      case "type": cell.type = try scanner.string()
      case "parameters":
        try scanner.object { scanner, name throws(Diagnostics) in
          if scanner.peek() == UInt8(ascii: "\"") {
            cell.parameters[name] = Parameter(bits: try scanner.string())
          } else {
            try scanner.skip()
          }
        }
      case "attributes":
        try scanner.object { scanner, name throws(Diagnostics) in
          if name == "src", scanner.peek() == UInt8(ascii: "\"") {
            cell.source = try scanner.string()
          } else {
            try scanner.skip()
          }
        }
      case "connections":
        try scanner.object { scanner, name throws(Diagnostics) in
          cell.connections[name] = try bits(&scanner, &largest)
        }
      default: try scanner.skip()
      }
    }
    highest = largest
    return cell
  }

  private static func netName(
    _ name: String, _ scanner: inout JSONScanner, _ module: inout Netlist, _ highest: inout Int
  ) throws(Diagnostics) {
    var isHidden = false
    var nets: [Bit] = []
    var largest = highest
    try scanner.object { scanner, key throws(Diagnostics) in
      switch key {
      case "hide_name": isHidden = try scanner.integer() != 0
      case "bits": nets = try bits(&scanner, &largest)
      default: try scanner.skip()
      }
    }
    highest = largest
    // `$0\name` is what a process will put into the register `name`.
    let isUseful = !isHidden && !name.hasPrefix("$")
    if isUseful, nets.count > 1 { module.vectors.append(nets) }
    for bit in nets where isUseful && bit.isNet && module.netNames[bit.code] == nil {
      module.netNames[bit.code] = name
    }
  }
}
