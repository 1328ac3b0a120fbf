import Estimation
import NeuralGraph
import RTL
import Simulation

/// Layers of an emitted folder that a technology is fitted to, or that are held out.
public struct CharacterizationSource: Sendable {
  public let folder: EmittedFolder
  /// As the user named it.
  public let name: String
  /// Positions in the design, from 1.
  public let layers: ClosedRange<Int>
  /// False for what is compared with the fit and has no part in it.
  public let isFitted: Bool
  /// What the design's modules count, by name: layers, then stages.
  private let counts: [ModuleCounts]
  /// Names of the wanted layers; and of the stages that begin with one.
  private let wantedLayers: Set<String>
  private let wantedStages: Set<String>

  /// `text` is a folder that `emit` has written, or FOLDER=FIRST-LAST for some of its layers. `sram` says
  /// which memories are registers.
  public init(_ text: String, isFitted: Bool, sram: SRAMModel) throws(Diagnostics) {
    let (path, range) = try Self.parse(text)
    folder = try EmittedFolder(path: path)
    name = text
    self.isFitted = isFitted
    let design = folder.design
    layers = range ?? 1...max(1, design.layers.count)
    guard layers.upperBound <= design.layers.count else {
      throw Diagnostics(
        Diagnostic(
          "it has \(design.layers.count) layers, not \(layers.upperBound)", file: path))
    }
    // The same network and options give the same design.
    let frozen = try Freeze.design(folder.network.graph, options: design.options)
    counts = FixedLayerModel.counts(of: frozen, sram: sram)
    let names = design.layers[(layers.lowerBound - 1)..<layers.upperBound].map(\.name)
    guard Set(names).isSubset(of: counts.filter { !$0.isStage }.map(\.name)) else {
      throw Diagnostics(
        Diagnostic(
          "its layers are not those of its network", file: path, remedy: "emit the design again"))
    }
    wantedLayers = Set(names)
    wantedStages = Set(
      design.stages.filter { stage in stage.layers.first.map(names.contains) ?? false }
        .map(\.name))
  }

  /// The folder, and the layers when there is a FIRST-LAST.
  private static func parse(_ text: String) throws(Diagnostics) -> (String, ClosedRange<Int>?) {
    guard let sign = text.lastIndex(of: "=") else { return (text, nil) }
    let ends = text[text.index(after: sign)...].split(
      separator: "-", omittingEmptySubsequences: false)
    let numbers = ends.compactMap { Int($0) }
    guard ends.count == 2, numbers.count == 2 else { return (text, nil) }
    guard 1 <= numbers[0], numbers[0] <= numbers[1] else {
      throw Diagnostics(
        Diagnostic("'\(text)' names no layers", remedy: "give FOLDER=FIRST-LAST, from 1"))
    }
    return (String(text[..<sign]), numbers[0]...numbers[1])
  }

  /// True for modules whose areas are looked at.
  func isWanted(_ unit: SynthesisUnit) -> Bool {
    switch unit.kind {
    case .layer: wantedLayers.contains(unit.name)
    case .stage: wantedStages.contains(unit.name)
    case .top, .packing: false
    }
  }

  /// What the wanted modules count.
  public var modules: [ModuleCounts] {
    counts.filter { ($0.isStage ? wantedStages : wantedLayers).contains($0.name) }
  }

  /// Throws when layers are both fitted and held out.
  public static func checkHeldOut(_ sources: [CharacterizationSource]) throws(Diagnostics) {
    for held in sources where !held.isFitted {
      for fitted in sources
      where fitted.isFitted && fitted.folder.path == held.folder.path
        && fitted.layers.overlaps(held.layers)
      {
        throw Diagnostics(
          Diagnostic("layers of it are both fitted and held out", file: held.folder.path))
      }
    }
  }
}
