import Estimation
import NeuralGraph
import RTL
import Simulation

/// A module that was mapped and timed.
public struct SynthesisedModule: Hashable, Sendable, Codable {
  public var kind: SynthesisUnit.Kind
  /// The layer's or stage's name; of the top the design's, of a packing its module's.
  public var name: String
  /// Weights of a layer, zeros included; 0 for others.
  public var weights: Int
  /// um2 by part; parts without cells are left out.
  public var areas: [String: Double]
  public var cells: Int
  public var flipFlops: Int
  public var timing: ModuleTiming
  /// The path in ns that ABC sized gates for.
  public var sizedFor: Double

  /// um2.
  public var area: Double { AreaPart.allCases.reduce(0) { $0 + area($1) } }

  /// um2 of one part.
  public func area(_ part: AreaPart) -> Double { areas[part.rawValue] ?? 0 }
}

/// A memory that stays a macro.
public struct SynthesisedMemory: Hashable, Sendable, Codable {
  /// The stage whose lines it holds, or which reads it.
  public var stage: String
  /// True for a skip FIFO's memory, false for a line buffer's.
  public var isSkip: Bool
  public var words: Int
  public var wordBits: Int
  /// um2 by the technology's model; nil where there is none.
  public var area: Quantity?
}

/// An emitted folder's modules on a library's cells: what Yosys and OpenSTA say.
public struct DesignSynthesis: Hashable, Sendable, Codable {
  public var design: String
  /// The library's name and files.
  public var library: String
  public var libraryFiles: [String]
  public var tools: [String]
  /// The clock period that slacks are counted from, ns.
  public var clock: Double
  public var modules: [SynthesisedModule]
  public var memories: [SynthesisedMemory]

  /// Area by part. Memories whose technology has no model are not in it: see `unpricedMemoryBits`.
  public var area: AreaBreakdown {
    let measured = Provenance(.measured, tools + libraryFiles)
    func total(_ part: AreaPart) -> Quantity {
      Quantity(modules.reduce(0) { $0 + $1.area(part) }, .squareMicrometre, measured)
    }
    return AreaBreakdown(
      adders: total(.adders), requantizers: total(.requantizers),
      pipelineRegisters: total(.pipelineRegisters), windowRegisters: total(.windowRegisters),
      fifos: total(.fifos), control: total(.control),
      memories: memories.reduce(total(.memories)) { sum, memory in
        memory.area.map { sum + $0 } ?? sum
      }, batchNorm: total(.batchNorm))
  }

  /// Bits of macros that nothing prices.
  public var unpricedMemoryBits: Int {
    memories.reduce(0) { $0 + ($1.area == nil ? $1.words * $1.wordBits : 0) }
  }

  /// ns that a path from a register of one module to a register of another takes at most: the longest to
  /// an output, through a module, and from an input, whichever they are.
  public var crossing: Double {
    func longest(_ path: KeyPath<ModuleTiming, TimingPath?>) -> Double {
      modules.compactMap { $0.timing[keyPath: path]?.delay }.max() ?? 0
    }
    return longest(\.output) + longest(\.through) + longest(\.input)
  }

  /// The clock period that all paths keep to, ns: those inside modules, and a bound on those across.
  public var period: Double { max(slowest?.timing.period ?? 0, crossing) }

  /// The module whose longest path between registers is longest.
  public var slowest: SynthesisedModule? {
    modules.max { ($0.timing.period, $1.name) < ($1.timing.period, $0.name) }
  }
}

extension Synthesiser {
  /// The memories that stay black boxes: line buffers' above the size of registers, ROMs above that of gates, and skip FIFOs'.
  static func macros(of design: DesignDescription, sram: SRAMModel?) -> [(
    stage: DesignDescription.StageEntry, isSkip: Bool, macro: SRAMModel.Memory
  )] {
    return design.stages.flatMap { stage in
      let lines = stage.memory.map(SRAMModel.Memory.init).flatMap {
        sram?.isMapped($0) == true ? nil : $0
      }
      return [lines].compactMap(\.self).map { (stage, false, $0) }
        + (stage.inputs ?? []).compactMap(\.memory).map { (stage, true, SRAMModel.Memory($0)) }
    }
  }

  /// Maps and times all modules of an emitted folder, `jobs` at once. `clock` in ns; with `mustMeet` a
  /// module that misses it is mapped again for shorter paths, and the first that keeps to it, or else the
  /// fastest, counts. `sram` prices memories, and says which are registers. Of the modules those that `isWanted` names are mapped.
  /// `progress` is called with their number as each is done.
  public func synthesise(
    _ folder: EmittedFolder, clock: Double, mustMeet: Bool = false, sram: SRAMModel?, jobs: Int,
    isWanted: (SynthesisUnit) -> Bool = { _ in true },
    progress: @escaping @Sendable (_ modules: Int) -> Void
  ) async throws(Diagnostics) -> DesignSynthesis {
    let design = folder.design
    let units = units(of: design, sram: sram).filter(isWanted)
    let weights = Dictionary(
      design.layers.map { ($0.name, $0.cost.weights) }, uniquingKeysWith: { first, _ in first })
    // The largest first: the last to end should be small.
    let order = units.indices.sorted {
      let a = weights[units[$0].name] ?? 0
      let b = weights[units[$1].name] ?? 0
      return (a, $1) > (b, $0)
    }
    let found = try await mapConcurrently(order, jobs: jobs) {
      index throws(Diagnostics) -> SynthesisedModule in
      let unit = units[index]
      var best: (mapped: Mapped, timing: ModuleTiming, target: Double)?
      // ABC knows neither a flip-flop's delay nor its setup time: what it takes for met may not be.
      for share in mustMeet ? [1, 0.75, 0.5, 0.25] : [1] {
        let target = share * clock
        let mapped = try await self.map(unit, of: folder, period: target)
        let timing = try await self.time(mapped, module: unit.module, period: clock)
        if best == nil || timing.period < best!.timing.period { best = (mapped, timing, target) }
        if timing.period <= clock || library.buffer == nil { break }
      }
      let (mapped, timing, target) = best!
      progress(units.count)
      return SynthesisedModule(
        kind: unit.kind, name: unit.name,
        weights: unit.kind == .layer ? weights[unit.name] ?? 0 : 0,
        areas: mapped.cells.parts.mapValues(\.area),
        cells: mapped.cells.parts.values.reduce(0) { $0 + $1.cells },
        flipFlops: mapped.cells.parts.values.reduce(0) { $0 + $1.flipFlops }, timing: timing,
        sizedFor: target)
    }
    var modules = [SynthesisedModule?](repeating: nil, count: units.count)
    for (index, module) in zip(order, found) { modules[index] = module }
    return DesignSynthesis(
      design: design.name, library: library.name, libraryFiles: library.files,
      tools: [yosysVersion, timingVersion], clock: clock, modules: modules.map { $0! },
      memories: Self.macros(of: design, sram: sram).map { memory in
        SynthesisedMemory(
          stage: memory.stage.name, isSkip: memory.isSkip, words: memory.macro.words,
          wordBits: memory.macro.wordBits, area: sram?.area(memory.macro))
      })
  }
}
