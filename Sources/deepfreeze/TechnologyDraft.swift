import Estimation
import NeuralGraph
import Synthesis

/// What is known of a technology before its areas and energies are fitted: all else of one that exists, or
/// what the user says of a new one.
struct TechnologyDraft: Sendable {
  /// The technology that is fitted anew; nil for a new one.
  private let known: Technology?
  let name: String
  private let title: String
  private let node: Int
  private let supplyVoltage: Double
  private let liberty: [String]
  let sram: SRAMModel
  /// Mean transitions a net and clock that energies hold at.
  let activity: Double
  /// Empty when they have to be found.
  let clockPeriods: [Quantity]
  private let notes: [String]

  /// `memories` names the technology whose memories are scaled to the node of a new one.
  init(
    _ known: Technology?, _ library: CellLibrary, name: String?, title: String?, node: Int?,
    memories: String
  ) throws(Diagnostics) {
    self.known = known
    liberty = library.files
    supplyVoltage = library.voltage
    if let known {
      guard node == nil || node == known.node else {
        throw Diagnostics(
          Diagnostic(
            "\(known.title) is of \(known.node) nm", remedy: "leave --node out"))
      }
      guard Set(known.liberty) == Set(library.files) else {
        throw Diagnostics(
          Diagnostic(
            "\(known.title) is fitted to \(known.liberty.joined(separator: ", ")), not to "
              + library.files.joined(separator: ", "),
            remedy: "give --name and --node for a new technology, without --technology"))
      }
      self.name = name ?? known.name
      self.title = title ?? known.title
      self.node = known.node
      sram = known.sram
      activity = known.energies.activity
      clockPeriods = known.clockPeriods
      notes = known.notes
      return
    }
    guard let name, let node else {
      throw Diagnostics(
        Diagnostic(
          "no technology is known for \(library.files.joined(separator: ", "))",
          remedy: "give --name and --node, or --technology for one that is fitted anew"))
    }
    self.name = name
    self.title = title ?? "\(library.name), \(node) nm"
    self.node = node
    let process = try ProcessNode(node)
    let usual = try process.operation()
    let target = (try? process.operation(voltage: library.voltage)) ?? usual
    let origin = try Technology.named(memories)
    sram = origin.sram.scaled(from: try origin.operation, to: target)
    activity = origin.energies.activity
    clockPeriods = []
    notes =
      origin.node == node
      ? [] : ["Memories are those of \(origin.title), scaled from \(origin.node) nm."]
  }

  /// The whole technology.
  func technology(
    areas: Technology.Areas, energies: Technology.Energies, clockPeriods: [Quantity]
  ) throws(Diagnostics) -> Technology {
    guard var technology = known else {
      return try Technology(
        name: name, title: title, node: node, supplyVoltage: supplyVoltage, liberty: liberty,
        areas: areas, energies: energies, clockPeriods: clockPeriods, sram: sram, notes: notes)
    }
    technology.name = name
    technology.title = title
    technology.areas = areas
    technology.energies = energies
    technology.clockPeriods = clockPeriods
    let found = technology.verify()
    guard found.isEmpty else { throw Diagnostics(found) }
    return technology
  }
}
