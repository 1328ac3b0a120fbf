/// An energy by slew and load: liberty's `rise_power` and `fall_power`.
struct EnergyTable: Hashable, Sendable {
  /// fF at the output; empty for a table that does not depend on it.
  var loads: [Double]
  /// fJ at each load, at the middle slew of the table; one value when there are no loads.
  var values: [Double]

  /// fJ at `load` fF: between entries linear, outside the ends held.
  func energy(load: Double) -> Double {
    guard loads.count > 1, let last = values.last else { return values.first ?? 0 }
    guard let upper = loads.firstIndex(where: { $0 >= load }) else { return last }
    if upper == 0 { return values[0] }
    let share = (load - loads[upper - 1]) / (loads[upper] - loads[upper - 1])
    return values[upper - 1] + share * (values[upper] - values[upper - 1])
  }
}

/// What a cell takes, from its liberty groups: leakage, pins' capacitances, internal energies.
package struct CellEnergy: Hashable, Sendable {
  /// nW, the mean of all states.
  package var leakage = 0.0
  /// fF by input pin.
  package var capacitance: [String: Double] = [:]
  /// By output pin: fJ of a transition, the mean over its arcs, of rising and falling.
  var transition: [String: [EnergyTable]] = [:]
  /// fJ inside the cell of a clock cycle without a transition at the output: both edges of its clock.
  var clock = 0.0
  /// The clock pin of a flip-flop.
  var clockPin: String?
  /// fJ inside the cell of a transition of an input that does not reach the output.
  var input = 0.0

  /// fJ inside the cell of one transition at `pin` with `load` fF.
  package func transition(_ pin: String, load: Double) -> Double {
    guard let tables = transition[pin], !tables.isEmpty else { return 0 }
    return tables.reduce(0) { $0 + $1.energy(load: load) } / Double(tables.count)
  }
}

/// Reads `CellEnergy` of a library's cells: units and table templates are the library's.
struct CellEnergyReader {
  /// Names of `variable_1` and `variable_2` by template.
  private var templates: [String: [String]] = [:]
  /// Files' capacitances in fF, energies in fJ, leakage in nW.
  private let capacitanceUnit: Double
  private let energyUnit: Double
  private let leakageUnit: Double
  let voltage: Double

  init(_ library: LibertyGroup) {
    func scale(_ prefix: Character?) -> Double {
      switch prefix {
      case "f": 1e-15
      case "p": 1e-12
      case "n": 1e-9
      case "u": 1e-6
      case "m": 1e-3
      default: 1
      }
    }
    /// "1nW", "100ps": the number times its prefix.
    func unit(_ name: String, _ usual: Double) -> Double {
      guard let text = library.attributes[name]?.first else { return usual }
      let digits = text.prefix { $0.isNumber || $0 == "." }
      return (Double(digits) ?? 1) * scale(text.dropFirst(digits.count).first)
    }
    let load = library.attributes["capacitive_load_unit"] ?? ["1", "pf"]
    let farads = (Double(load[0]) ?? 1) * scale(load.dropFirst().first?.lowercased().first)
    let volts = unit("voltage_unit", 1)
    capacitanceUnit = farads * 1e15
    energyUnit = farads * volts * volts * 1e15
    leakageUnit = unit("leakage_power_unit", 1e-9) * 1e9
    voltage = (library.number("nom_voltage") ?? 1) * volts
    for group in library.groups
    where group.name == "power_lut_template" || group.name == "lu_table_template" {
      guard let name = group.arguments.first else { continue }
      templates[name] = ["variable_1", "variable_2"].compactMap { group.attributes[$0]?.first }
    }
  }

  func read(_ cell: LibertyGroup) -> CellEnergy {
    var energy = CellEnergy()
    let grounds = Set(
      cell.groups.filter {
        $0.name == "pg_pin" && $0.attributes["pg_type"]?.first == "primary_ground"
      }.flatMap(\.arguments))
    let states = cell.groups.filter { $0.name == "leakage_power" }
      .filter { !grounds.contains($0.attributes["related_pg_pin"]?.first ?? "") }
      .compactMap { $0.number("value") }
    energy.leakage =
      leakageUnit
      * (cell.number("cell_leakage_power")
        ?? (states.isEmpty ? 0 : states.reduce(0, +) / Double(states.count)))
    var inputs: [Double] = []
    for pin in cell.groups where pin.name == "pin" {
      guard let name = pin.arguments.first else { continue }
      let powers = pin.groups.filter {
        $0.name == "internal_power"
          && !grounds.contains($0.attributes["related_pg_pin"]?.first ?? "")
      }
      let tables = powers.map { $0.groups.compactMap(table) }
      if pin.attributes["direction"]?.first == "output" {
        energy.transition[name] = tables.flatMap(\.self)
        continue
      }
      energy.capacitance[name] = capacitanceUnit * (pin.number("capacitance") ?? 0)
      // A rising and a falling edge; the mean over the states in which they come.
      let edges = tables.map { $0.reduce(0) { $0 + $1.energy(load: 0) } }
      let mean = edges.isEmpty ? 0 : edges.reduce(0, +) / Double(edges.count)
      if pin.attributes["clock"]?.first == "true" {
        energy.clockPin = name
        energy.clock = mean
      } else {
        inputs.append(mean / 2)
      }
    }
    energy.input = inputs.isEmpty ? 0 : inputs.reduce(0, +) / Double(inputs.count)
    return energy
  }

  private static func numbers(_ texts: [String]?) -> [Double] {
    (texts ?? []).flatMap { $0.split { !"0123456789+-.eE".contains($0) } }.compactMap {
      Double($0)
    }
  }

  /// A `rise_power`, `fall_power` or `power` group; nil for anything else.
  private func table(_ group: LibertyGroup) -> EnergyTable? {
    guard ["rise_power", "fall_power", "power"].contains(group.name) else { return nil }
    let values = Self.numbers(group.attributes["values"]).map { $0 * energyUnit }
    let first = Self.numbers(group.attributes["index_1"])
    let second = Self.numbers(group.attributes["index_2"])
    let variables = templates[group.arguments.first ?? ""] ?? []
    let isLoadFirst = variables.first?.contains("capacitance") ?? false
    let rows = max(1, first.count)
    let columns = max(1, second.count)
    guard values.count == rows * columns else {
      return values.isEmpty ? nil : EnergyTable(loads: [], values: [values[values.count / 2]])
    }
    if isLoadFirst {
      let column = columns / 2
      return EnergyTable(
        loads: first.map { $0 * capacitanceUnit },
        values: (0..<rows).map { values[$0 * columns + column] })
    }
    let row = rows / 2
    return EnergyTable(
      loads: second.map { $0 * capacitanceUnit },
      values: Array(values[row * columns..<(row + 1) * columns]))
  }
}
