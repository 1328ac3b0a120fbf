import Estimation
import NeuralGraph
import RTL
import YosysNetlist

/// The cells of a mapped module, by what they are for.
struct MappedCells: Hashable, Sendable, Codable {
  /// Part of the cache's key: changes with this file.
  static let version = 6

  struct Part: Hashable, Sendable, Codable {
    /// um2.
    var area = 0.0
    var cells = 0
    /// Flip-flops among the cells.
    var flipFlops = 0
  }

  /// By `AreaPart.rawValue`.
  var parts: [String: Part] = [:]
  /// Cells by type.
  var types: [String: Int] = [:]
  /// Flip-flops and the declared names of what they hold, by cell name.
  var registerNames: [String: String] = [:]

  var energy = EnergyUse()

  /// um2.
  var area: Double { parts.keys.sorted().reduce(0) { $0 + parts[$1]!.area } }

  /// Reads the netlist and Yosys' own count. Throws when a cell is not in the library, and when the areas
  /// differ from Yosys' sum by more than its printed digits.
  init(json: [UInt8], statistics: [UInt8], unit: SynthesisUnit, library: CellLibrary)
    throws(Diagnostics)
  {
    let netlists = try Netlist.read(json)
    guard let netlist = netlists.first(where: { $0.name == unit.module }) else {
      // Yosys takes a module without contents for a black box and writes none.
      if !unit.hasCells { return }
      throw Diagnostics(Diagnostic("Yosys' netlist has no module \(unit.module)"))
    }
    // Yosys writes the library's cells as modules too.
    let boxes = Set(netlists.map(\.name)).subtracting(library.cells.keys)
    let cells = netlist.cells.filter { !boxes.contains($0.type) }
    for cell in cells where library.cells[cell.type] == nil {
      throw Diagnostics(
        Diagnostic(
          "the module \(unit.module) keeps a cell '\(cell.type)' that the library has not",
          remedy: "give a library with flip-flops and gates that Yosys can map to"))
    }
    let parts = PartFinder(netlist: netlist, cells: cells, unit: unit, library: library)
    registerNames = parts.registerNames
    energy = EnergyUse(cells: cells, word: parts.word, library: library)
    for (index, cell) in cells.enumerated() {
      let known = library.cells[cell.type]!
      types[cell.type, default: 0] += 1
      self.parts[parts.part[index].rawValue, default: Part()].area += known.area
      self.parts[parts.part[index].rawValue]!.cells += 1
      if known.isFlipFlop { self.parts[parts.part[index].rawValue]!.flipFlops += 1 }
    }
    let printed = Self.chipArea(String(decoding: statistics, as: UTF8.self))
    guard abs(printed - area) <= max(1e-3, 1e-6 * area) else {
      throw Diagnostics(
        Diagnostic(
          "Yosys counts \(printed) um2 of cells in \(unit.module), its netlist has \(area)"))
    }
  }

  /// The figure behind "Chip area for module"; 0 when there is none, as for a module of wires.
  private static func chipArea(_ text: String) -> Double {
    for line in text.split(separator: "\n") where line.contains("Chip area for") {
      if let last = line.split(separator: " ").last, let area = Double(last) { return area }
    }
    return 0
  }
}
