/// A combinational cell by its pins and truth tables.
struct LibraryGate {
  let name: String
  let area: Double
  let inputs: [String]
  let outputs: [(pin: String, function: CellFunction)]

  /// Nil for a cell with state, with an output that has no function, or with more than six inputs.
  init?(_ cell: LibertyGroup) {
    guard let name = cell.arguments.first, let area = cell.number("area"),
      !cell.groups.contains(where: { $0.name == "ff" || $0.name == "latch" })
    else { return nil }
    let pins = cell.groups.filter { $0.name == "pin" && $0.arguments.count == 1 }
    let inputs = pins.filter { $0.attributes["direction"]?.first == "input" }
      .map { $0.arguments[0] }
    var outputs: [(pin: String, function: CellFunction)] = []
    for pin in pins where pin.attributes["direction"]?.first == "output" {
      guard let text = pin.attributes["function"]?.first,
        let function = CellFunction(text, inputs: inputs)
      else { return nil }
      outputs.append((pin.arguments[0], function))
    }
    guard !inputs.isEmpty, !outputs.isEmpty else { return nil }
    self.name = name
    self.area = area
    self.inputs = inputs
    self.outputs = outputs
  }

  var isInverter: Bool {
    inputs.count == 1 && outputs.count == 1 && outputs[0].function.table == 0b01
  }

  /// A clock buffer is one too, by its function.
  var isBuffer: Bool {
    inputs.count == 1 && outputs.count == 1 && outputs[0].function.table == 0b10
  }

  var isNandOrNor: Bool {
    inputs.count == 2 && outputs.count == 1
      && (outputs[0].function.table == 0b0111 || outputs[0].function.table == 0b0001)
  }

  /// Verilog of the templates' adder modules by the smallest cells that are adders, outputs inverted where
  /// the cell's are; empty when a full adder is missing. A missing half adder stays gates.
  static func adderModules(_ gates: [LibraryGate]) -> String {
    let smallest = gates.sorted { ($0.area, $0.name) < ($1.area, $1.name) }
    // Of three inputs: parity 10010110, majority 11101000; of two: 0110 and 1000.
    guard
      let full = smallest.lazy.compactMap({
        $0.module("df_full_adder", ["a", "b", "c"], sum: 0x96, carry: 0xe8)
      }).first
    else { return "" }
    let half = smallest.lazy.compactMap {
      $0.module("df_half_adder", ["a", "b"], sum: 0x6, carry: 0x8)
    }.first
    return full + (half ?? "")
  }

  /// The module `name` of one instance of this cell, when it adds.
  private func module(_ name: String, _ ports: [String], sum: UInt64, carry: UInt64) -> String? {
    guard inputs.count == ports.count, outputs.count == 2 else { return nil }
    let mask = CellFunction.mask(ports.count)
    var connections = zip(inputs, ports).map { ".\($0)(\($1))" }
    var assigns = ""
    for (port, table) in [("sum", sum), ("carry", carry)] {
      if let pin = outputs.first(where: { $0.function.table == table })?.pin {
        connections.append(".\(pin)(\(port))")
      } else if let pin = outputs.first(where: { $0.function.table == ~table & mask })?.pin {
        connections.append(".\(pin)(\(port)_n)")
        assigns += "  wire \(port)_n;\n  assign \(port) = ~\(port)_n;\n"
      } else {
        return nil
      }
    }
    return """
      module \(name) (input \(ports.joined(separator: ", ")), output sum, carry);
      \(assigns)  \(self.name) cell_ (\(connections.joined(separator: ", ")));
      endmodule

      """
  }
}
