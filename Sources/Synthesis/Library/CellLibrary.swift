import Foundation
import NeuralGraph

/// A cell of a library, as far as estimation needs it.
public struct LibraryCell: Hashable, Sendable {
  public var name: String
  /// um2.
  public var area: Double
  public var isFlipFlop: Bool
  /// Names of its output pins.
  public var outputs: Set<String>
  package var energy: CellEnergy
}

/// A standard cell library in liberty format: one file or several that belong together.
public struct CellLibrary: Sendable {
  /// What its `library` group is called; of several files the first.
  public let name: String
  /// The files' names, without folders.
  public let files: [String]
  public let cells: [String: LibraryCell]
  /// Supply, volts.
  public let voltage: Double
  /// One liberty text with all cells: Yosys' passes take a single file.
  package let text: [UInt8]
  /// SHA-256 of `text`.
  let digest: String
  /// Verilog for `df_full_adder` and `df_half_adder` by the library's own cells; empty where it has none.
  package let adderCells: String
  /// The smallest buffer; nil where there is none.
  let buffer: String?

  private static let wanted: Set = [
    "library", "cell", "pin", "ff", "latch", "pg_pin", "leakage_power", "internal_power",
    "rise_power", "fall_power", "power", "power_lut_template", "lu_table_template",
  ]

  /// Joins and checks liberty texts, `(name, bytes)`. Throws for what is no liberty, two cells of one name,
  /// and a library that no pipeline can be built of: without a flip-flop, an inverter, or a NAND or NOR.
  public init(_ sources: [(name: String, bytes: [UInt8])]) throws(Diagnostics) {
    var cells: [String: LibraryCell] = [:]
    var groups: [LibertyGroup] = []
    var text: [UInt8] = []
    var shared: Set<String> = []
    var units: [String: [String]] = [:]
    var name = ""
    var voltage = 1.0
    for (index, source) in sources.enumerated() {
      let library: LibertyGroup
      do throws(Diagnostics) {
        library = try LibertyScanner.read(source.bytes, wanted: Self.wanted)
      } catch {
        throw error.inFile(source.name)
      }
      let reader = CellEnergyReader(library)
      if index == 0 { voltage = reader.voltage }
      let own = Dictionary(
        uniqueKeysWithValues: Self.units.map { ($0, library.attributes[$0] ?? []) })
      if index == 0 {
        name = library.arguments.first ?? source.name
        units = own
        text = Array(source.bytes[..<(library.bytes.upperBound - 1)])
      } else if own != units {
        throw Diagnostics(
          Diagnostic(
            "its units are not those of \(sources[0].name)", file: source.name,
            remedy: "give files of one library"))
      }
      for group in library.groups {
        if index > 0 {
          let key = group.name + " " + group.arguments.joined(separator: ",")
          if group.name == "cell" || shared.insert(key).inserted {
            text.append(10)
            text += source.bytes[group.bytes]
          }
        } else if group.name != "cell" {
          shared.insert(group.name + " " + group.arguments.joined(separator: ","))
        }
        guard group.name == "cell" else { continue }
        guard let cell = group.arguments.first, let area = group.number("area"), area >= 0 else {
          throw Diagnostics(
            Diagnostic(
              "the cell '\(group.arguments.first ?? "")' has no area", file: source.name))
        }
        guard cells[cell] == nil else {
          throw Diagnostics(
            Diagnostic("the cell '\(cell)' is there twice", file: source.name))
        }
        cells[cell] = LibraryCell(
          name: cell, area: area, isFlipFlop: group.groups.contains { $0.name == "ff" },
          outputs: Set(
            group.groups.filter {
              $0.name == "pin" && $0.attributes["direction"]?.first == "output"
            }.flatMap(\.arguments)), energy: reader.read(group))
        groups.append(group)
      }
    }
    self.name = name
    self.voltage = voltage
    self.files = sources.map(\.name)
    self.cells = cells
    text += Array("}\n".utf8)
    self.text = text
    digest = sha256Hex(text)
    let gates = groups.compactMap(LibraryGate.init)
    adderCells = LibraryGate.adderModules(gates)
    buffer = gates.filter(\.isBuffer).min { ($0.area, $0.name) < ($1.area, $1.name) }?.name
    let missing = Self.missing(cells: cells, gates)
    if !missing.isEmpty {
      throw Diagnostics(
        Diagnostic(
          "the library has no \(missing.joined(separator: ", no "))",
          file: sources.map(\.name).joined(separator: ", "),
          remedy: "give all files of the library"))
    }
  }

  private static let units = [
    "time_unit", "voltage_unit", "capacitive_load_unit", "leakage_power_unit", "current_unit",
  ]

  private static func missing(cells: [String: LibraryCell], _ gates: [LibraryGate]) -> [String] {
    var missing: [String] = []
    if !cells.values.contains(where: \.isFlipFlop) { missing.append("flip-flop") }
    if !gates.contains(where: { $0.isInverter }) { missing.append("inverter") }
    if !gates.contains(where: { $0.isNandOrNor }) { missing.append("NAND or NOR of two inputs") }
    return missing
  }

  /// Reads liberty files, packed by gzip or not.
  public static func read(_ paths: [String]) throws(Diagnostics) -> CellLibrary {
    var sources: [(name: String, bytes: [UInt8])] = []
    for path in paths {
      let name = URL(filePath: path).lastPathComponent
      let bytes = try readUnpackedFile(path, limit: 1 << 28)
      sources.append((name.hasSuffix(".gz") ? String(name.dropLast(3)) : name, bytes))
    }
    return try CellLibrary(sources)
  }

  /// True when `df_full_adder` has a cell in the library.
  public var hasFullAdder: Bool { !adderCells.isEmpty }
}
