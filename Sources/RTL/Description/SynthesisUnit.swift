/// A module that is mapped on its own: a layer, a stage around its layers, the top around its stages, or what
/// packs the top's output.
public struct SynthesisUnit: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, Codable {
    case layer, stage, top, packing
  }

  public var kind: Kind
  /// The layer's or stage's name in `design.json`; of the top the design's, of a packing its module's.
  public var name: String
  /// The Verilog module.
  public var module: String
  /// Files of the module and of what it may have instances of, relative to the emitted folder.
  public var sources: [String]
  /// Files of modules that stay black boxes.
  public var boxes: [String]
  /// False for a layer whose channels are all constant: its module holds nothing.
  public var hasCells: Bool

  static let memory = "rtl/df_sram_1r1w.v"

  /// All units of a design: layers, then stages, then the top, then its packing if it has one. The memories of stages for which
  /// `isMapped` holds are mapped to cells; all others stay black boxes.
  public static func units(
    of design: DesignDescription, isMapped: (DesignDescription.StageEntry) -> Bool
  ) -> [SynthesisUnit] {
    func file(_ module: String) -> String { "rtl/\(module).v" }
    let layers = Set(design.layers.map { file($0.module) })
    let stages = Set(design.stages.map { file($0.module) })
    let top = file(design.name)
    let roms = Set(design.stages.compactMap { $0.memory?.rom }.map(file))
    let shared = design.rtlFiles.filter { name in
      name.hasSuffix(".v") && name != memory && name != top && !layers.contains(name)
        && !stages.contains(name) && !roms.contains(name)
    }
    let modules = Dictionary(
      design.layers.map { ($0.name, file($0.module)) }, uniquingKeysWith: { first, _ in first })
    var units = design.layers.map { layer in
      SynthesisUnit(
        kind: .layer, name: layer.name, module: layer.module,
        sources: shared + [file(layer.module)], boxes: [],
        hasCells: layer.cost.adderBits + layer.cost.registerBits + layer.cost.windowRegisterBits > 0
      )
    }
    let hasMemory = design.rtlFiles.contains(memory)
    units += design.stages.map { stage in
      let boxes = stage.layers.compactMap { modules[$0] }
      let asCells = stage.memory != nil && isMapped(stage)
      let rom = stage.memory?.rom.map(file)
      let memories = rom.map { [$0] } ?? (hasMemory ? [memory] : [])
      return SynthesisUnit(
        kind: .stage, name: stage.name, module: stage.module,
        sources: shared + (asCells ? memories : []) + [file(stage.module)],
        boxes: (asCells ? [] : memories) + boxes, hasCells: true)
    }
    units.append(
      SynthesisUnit(
        kind: .top, name: design.name, module: design.name, sources: shared + [top],
        boxes: (hasMemory ? [memory] : []) + design.stages.map { file($0.module) },
        hasCells: true))
    if let packed = design.packedOutput {
      units.append(
        SynthesisUnit(
          kind: .packing, name: packed.module, module: packed.module, sources: packed.rtlFiles,
          boxes: [top], hasCells: true))
    }
    return units
  }
}
