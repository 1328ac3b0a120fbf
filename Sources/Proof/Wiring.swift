import YosysNetlist

/// The connections of a module that only connects instances: a stage, or the top.
struct Wiring {
  /// A bit of an instance's port; an instance's name of "" is the module itself.
  struct Pin: Hashable, CustomStringConvertible {
    var instance: String
    var port: String
    var bit: Int

    var description: String {
      (instance.isEmpty ? "" : instance + ".") + port + "[\(bit)]"
    }
  }

  let netlist: Netlist
  private(set) var instances: [String: Netlist.Cell] = [:]
  /// By net, what drives it.
  private var drivers: [Int32: Pin] = [:]
  private(set) var faults: [Fault] = []

  /// `modules` are the modules of the design that it may have instances of, beside templates; `ports` the
  /// ports of others.
  init(
    _ netlist: Netlist, modules: [Netlist], ports others: [String: TemplatePorts.Ports] = [:]
  ) {
    let known = others.merging(modules.map { ($0.name, TemplatePorts.of($0)) }) { first, _ in first
    }
    self.netlist = netlist
    if netlist.hasMemory { faults.append(Fault(.notCovered, "the module has a memory")) }
    for port in netlist.ports where port.direction == .input {
      drive(port.bits, "", port.name)
    }
    for cell in netlist.cells {
      let source = cell.source
      guard let ports = known[cell.type] ?? TemplatePorts.of(cell) else {
        faults.append(
          Fault(
            .notCovered, "the module has a cell of the type '\(cell.type)', or with odd parameters",
            source: source))
        continue
      }
      let widths = ports.inputs.merging(ports.outputs) { first, _ in first }
      for port in Set(widths.keys).union(cell.connections.keys).sorted()
      where widths[port] != cell[port].count {
        fail(
          "\(cell.name).\(port) has \(widths[port].map { "\($0) bits" } ?? "no place"), and "
            + "\(cell[port].count) are connected")
      }
      if instances.updateValue(cell, forKey: cell.name) != nil {
        faults.append(Fault(.wiring, "two instances are called \(cell.name)", source: source))
      }
      for port in ports.outputs.keys.sorted() { drive(cell[port], cell.name, port) }
    }
  }

  private mutating func drive(_ bits: [Netlist.Bit], _ instance: String, _ port: String) {
    for (index, bit) in bits.enumerated() {
      let pin = Pin(instance: instance, port: port, bit: index)
      if !bit.isNet {
        faults.append(Fault(.wiring, "\(pin) drives a constant"))
      } else if let other = drivers.updateValue(pin, forKey: bit.code) {
        faults.append(Fault(.wiring, "\(pin) and \(other) drive one wire"))
      }
    }
  }

  mutating func fail(_ message: String) { faults.append(Fault(.wiring, message)) }

  func driver(_ bit: Netlist.Bit) -> Pin? { drivers[bit.code] }

  /// The bits at an instance's port, or at a port of the module itself.
  func bits(_ instance: String, _ port: String) -> [Netlist.Bit] {
    instance.isEmpty ? netlist.port(port)?.bits ?? [] : instances[instance]?[port] ?? []
  }

  /// Requires that every bit of a port is driven by the same bit of another.
  mutating func require(
    _ instance: String, _ port: String, from source: String, _ sourcePort: String
  ) {
    let bits = bits(instance, port)
    let wanted = self.bits(source, sourcePort)
    if bits.isEmpty || bits != wanted {
      let name = instance.isEmpty ? port : "\(instance).\(port)"
      let from = source.isEmpty ? "the port \(sourcePort)" : "\(source).\(sourcePort)"
      fail("\(name) is not \(from)")
    }
  }

  /// Requires integer parameters of an instance.
  mutating func require(_ instance: String, parameters: [(String, Int)]) {
    guard let cell = instances[instance] else { return }
    for (name, value) in parameters where cell.parameters[name]?.integer != value {
      let found = cell.parameters[name].map { $0.integer.map(String.init) ?? "odd" } ?? "missing"
      fail("the parameter \(name) of \(instance) is \(found), expected \(value)")
    }
  }
}
