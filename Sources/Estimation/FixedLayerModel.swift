import NeuralGraph
import RTL

/// The cost of a design's first layers from what the design counts: bits of adders, registers, FIFOs
/// and memories, times a technology's coefficients. Nothing is synthesised.
public struct FixedLayerModel: Hashable, Sendable {
  public var technology: Technology

  public init(_ technology: Technology) { self.technology = technology }

  /// Where a design can be cut: behind each convolution, or behind the layer before the next one at which
  /// the branches around it have come together, and behind the last layer. The number of layers, the
  /// fewest first; none for a design without convolutions.
  public static func cuts(of design: Design) -> [Int] {
    let layers = design.layers
    let convolutions = layers.indices.filter { layers[$0].cost.convolution != nil }
    guard !convolutions.isEmpty else { return [] }
    // What follows the last convolution belongs to the cut at the end.
    return zip(convolutions, convolutions.dropFirst()).compactMap { this, next in
      (this..<next).first { isOneStream(design, behind: $0) }.map { $0 + 1 }
    } + [layers.count]
  }

  /// True when all that stages behind the layer `index` read comes from its own stage or from behind
  /// it: no stream goes around the cut.
  private static func isOneStream(_ design: Design, behind index: Int) -> Bool {
    var count = 0
    guard
      let stage = design.stages.firstIndex(where: {
        count += $0.layers.count
        return count > index
      })
    else { return true }
    return design.stages[(stage + 1)...].allSatisfy { later in
      later.inputs.allSatisfy { ($0.stage ?? -1) >= stage }
    }
  }

  /// The cost of the first `count` layers, at the technology's own node. A cut inside a stage leaves the
  /// stage's window and puts its FIFO there, as deep as the ranks before it need.
  public func cost(of design: Design, layers count: Int) -> FixedLayerCost {
    precondition((1...design.layers.count).contains(count), "a cut lies behind a layer")
    let stages = Self.cut(design, layers: count)
    let cycles = design.timing.inputPixels
    var sums = Sums(cycles: Double(cycles))
    var convolutions = 0
    var multiplyAccumulates = 0
    for skip in design.skipFIFOs where skip.stage < stages.count {
      sums.add(skip, before: stages[skip.stage], technology.sram)
    }
    for stage in stages {
      sums.add(stage, sidebandBits: design.streamUserBits, technology.sram)
      for layer in stage.layers {
        if layer.cost.convolution != nil { convolutions += 1 }
        multiplyAccumulates += layer.cost.multiplyAccumulates
      }
    }
    return FixedLayerCost(
      convolutions: convolutions, multiplyAccumulates: multiplyAccumulates, cyclesPerFrame: cycles,
      area: area(sums), energy: energy(sums),
      clockPeriod: modelled(
        technology.clockPeriod(levels: design.options.pipelineLevels)))
  }

  /// The stages of the first layers, the last one's FIFO sized for the layers that it keeps.
  private static func cut(_ design: Design, layers count: Int) -> [Stage] {
    var stages: [Stage] = []
    var left = count
    for var stage in design.stages where left > 0 {
      if stage.layers.count > left {
        stage.layers.removeLast(stage.layers.count - left)
        stage.timing = StageTiming(
          stage.timing.kind, ranks: max(1, stage.layers.reduce(0) { $0 + $1.schedule.ranks }))
        let kept = stages + [stage]
        let timing = StreamTiming(
          stages: kept.map(\.timing), inputs: kept.map(\.inputs),
          inputHeight: design.input.height, inputWidth: design.input.width)
        stage.timing.fifoDepth = timing.safeFIFODepths[kept.count - 1]
      }
      left -= stage.layers.count
      stages.append(stage)
    }
    return stages
  }

  /// Counts of one cut: units that take area, and bits times how often they move in a frame.
  private struct Sums {
    let cycles: Double
    var counts = AreaCounts()
    /// Bits times moves.
    var adderMoves = 0.0
    var windowMoves = 0.0
    var registerMoves = 0.0
    var macros: [(memory: SRAMModel.Memory, accesses: Double)] = []

    init(cycles: Double) { self.cycles = cycles }

    mutating func add(_ stage: Stage, sidebandBits: Int, _ sram: SRAMModel) {
      for layer in stage.layers { add(layer, steps: Double(stage.timing.inputPixels)) }
      addFrame(of: stage, sidebandBits: sidebandBits, sram)
    }

    /// Trees behind a window move with each of its steps, whether or not the step emits.
    mutating func add(_ layer: Layer, steps: Double) {
      let cost = layer.cost
      let bits = AdderBits(layer)
      counts[.sumFullBits] += Double(bits.sums.full)
      counts[.sumSignBits] += Double(bits.sums.sign)
      counts[.sumHalfBits] += Double(bits.sums.half)
      counts[.requantizerFullBits] += Double(bits.requantizers.full)
      counts[.requantizerSignBits] += Double(bits.requantizers.sign)
      counts[.requantizerHalfBits] += Double(bits.requantizers.half)
      counts[.requantizers] += Double(cost.requantizers)
      let tables = Double(cost.tableDecisions ?? 0) / 6
      counts[.tableDecisions] += tables
      counts[.pipelineBits] += Double(cost.registerBits)
      counts[.windowBits] += Double(cost.windowRegisterBits)
      counts[.parameterBits] += Double(layer.parameterRegisterBits)
      adderMoves += (Double(bits.sums.all + bits.requantizers.all) + tables) * steps
      windowMoves += Double(cost.windowRegisterBits) * steps
      registerMoves += Double(cost.registerBits + cost.windowRegisterBits) * steps
    }

    /// The stage without its layers: FIFO, line buffer, control.
    mutating func addFrame(of stage: Stage, sidebandBits: Int, _ sram: SRAMModel) {
      let steps = Double(stage.timing.inputPixels)
      let outputs = Double(stage.timing.outputPixels)
      counts[.stages] += 1
      // Start of frame, end of line, and the sideband travel with a pixel.
      let marks = Double(sidebandBits + 2)
      let word = Double(max(1, stage.output.pixelBits)) + marks
      counts[.fifoBits] += Double(stage.timing.fifoDepth) * word
      registerMoves += word * outputs
      let ranks = Double(stage.timing.ranks) * (marks + 1)
      counts[.markBits] += ranks
      registerMoves += ranks * outputs
      if case .serial(let sums) = stage.layers[0].form {
        add(sums)
      } else {
        let input = Double(stage.input.pixelBits)
        counts[.pixelBits] += input
        registerMoves += input * steps
      }
      if let memory = stage.memory {
        let macro = SRAMModel.Memory(memory)
        if macro.isROM {
          if sram.isMapped(macro) {
            counts[.romBits] += Double(macro.bits) * Self.fullAdderBitsPerROMBit
          } else {
            macros.append((macro, Double(macro.words)))
          }
        } else if sram.isMapped(macro) {
          counts[.memoryBits] += Double(macro.bits)
          registerMoves += Double(macro.wordBits) * steps
        } else {
          // A step reads a word and writes one.
          macros.append((macro, 2 * steps))
        }
      }
    }

    /// Mapped words of weights: 0.2 um2 a bit on Nangate45, where a full adder bit has 5.4.
    private static let fullAdderBitsPerROMBit = 0.04

    /// Multipliers, accumulators, and the registers of codes and products: they move with every step.
    private mutating func add(_ sums: SerialSums) {
      let product = sums.codeBits + sums.weightBits
      let trees = sums.lanes * (sums.unroll - 1)
      let bits =
        sums.multipliers * sums.codeBits * sums.weightBits + trees * product
        + sums.lanes * sums.sumBits
      counts[.sumFullBits] += Double(bits)
      let working =
        sums.unroll * sums.codeBits + (sums.multipliers + trees) * product + sums.wordBits
        + sums.lanes * sums.sumBits
      let held = sums.groupSteps * sums.unroll * sums.codeBits
      let waiting = sums.lanes * (sums.groups - 1) * sums.sumBits
      counts[.windowBits] += Double(working + held + waiting)
      let steps = Double(sums.words)
      adderMoves += Double(bits) * steps
      windowMoves += Double(working + held) * steps
      registerMoves += Double(working + held) * steps
      registerMoves += Double(waiting * sums.groups * sums.height * sums.width)
    }

    /// A skip FIFO: each pixel that passes writes a word and reads one.
    mutating func add(_ skip: Design.SkipFIFO, before stage: Stage, _ sram: SRAMModel) {
      let macro = SRAMModel.Memory(skip.memory)
      macros.append((macro, 2 * Double(stage.timing.inputPixels)))
    }

    var allRegisterBits: Double {
      let terms: [AreaTerm] = [
        .pipelineBits, .windowBits, .fifoBits, .pixelBits, .markBits, .memoryBits,
      ]
      return terms.reduce(0) { $0 + counts[$1] }
    }
  }

  private func area(_ sums: Sums) -> AreaBreakdown {
    var area = area(sums.counts)
    for (macro, _) in sums.macros { area.memories = area.memories + technology.sram.area(macro) }
    return area.mapped(modelled)
  }

  /// The area of what is counted, without macros: the sum of counts times coefficients, by part.
  private func area(_ counts: AreaCounts) -> AreaBreakdown {
    var parts: [AreaPart: Quantity] = [:]
    for term in AreaTerm.allCases {
      let area = technology.areas[keyPath: term.coefficient.place] * counts[term]
      parts[term.part] = parts[term.part].map { $0 + area } ?? area
    }
    let zero = Quantity(0, .squareMicrometre, Provenance(.measured, []))
    var area = AreaBreakdown(
      adders: zero, requantizers: zero, pipelineRegisters: zero, windowRegisters: zero,
      fifos: zero, control: zero, memories: zero)
    for (part, found) in parts { area[part] = found }
    return area
  }

  private func energy(_ sums: Sums) -> EnergyBreakdown {
    let energies = technology.energies
    var memories = technology.sram.wordBitEnergy * 0
    for (macro, accesses) in sums.macros {
      memories = memories + technology.sram.accessEnergy(macro) * accesses
    }
    return EnergyBreakdown(
      clock: energies.registerClock * (sums.allRegisterBits * sums.cycles),
      gatedClock: energies.registerClock * sums.registerMoves,
      registers: energies.registerData * sums.registerMoves,
      logic: energies.adderBit * sums.adderMoves + energies.windowBit * sums.windowMoves,
      memories: memories
    ).mapped(modelled)
  }

  private func modelled(_ quantity: Quantity) -> Quantity {
    var quantity = quantity
    quantity.provenance = quantity.provenance.through(.modelled, technology.title)
    return quantity
  }
}

/// The modelled area of one emitted module.
public struct ModuleArea: Hashable, Sendable, Codable {
  /// The layer's or stage's name.
  public var name: String
  /// True for a stage without its layers: FIFO, line buffer, control, memory.
  public var isStage: Bool
  /// Weights of a layer, zeros included; 0 for a stage.
  public var weights: Int
  /// um2.
  public var area: AreaBreakdown
}

/// What one emitted module counts, macros left out.
public struct ModuleCounts: Hashable, Sendable {
  /// The layer's or stage's name.
  public var name: String
  public var isStage: Bool
  /// Weights of a layer, zeros included; 0 for a stage.
  public var weights: Int
  public var counts: AreaCounts

  public init(name: String, isStage: Bool, weights: Int, counts: AreaCounts) {
    self.name = name
    self.isStage = isStage
    self.weights = weights
    self.counts = counts
  }
}

extension FixedLayerModel {
  /// The area of each layer's module, then of each stage's, as synthesis maps them.
  public func modules(of design: Design) -> [ModuleArea] {
    Self.sums(of: design, technology.sram).map { module, sums in
      ModuleArea(
        name: module.name, isStage: module.isStage, weights: module.weights, area: area(sums))
    }
  }

  /// What each layer's module counts, then each stage's; `sram` says which memories are registers.
  public static func counts(of design: Design, sram: SRAMModel) -> [ModuleCounts] {
    sums(of: design, sram).map(\.module)
  }

  private static func sums(of design: Design, _ sram: SRAMModel) -> [(
    module: ModuleCounts, sums: Sums
  )] {
    let cycles = Double(design.timing.inputPixels)
    let layers = design.layers.map { layer in
      var sums = Sums(cycles: cycles)
      sums.add(layer, steps: 0)
      return (
        ModuleCounts(
          name: layer.name, isStage: false, weights: layer.cost.weights, counts: sums.counts), sums
      )
    }
    let stages = design.stages.enumerated().map { index, stage in
      var sums = Sums(cycles: cycles)
      for skip in design.skipFIFOs where skip.stage == index {
        sums.add(skip, before: stage, sram)
      }
      sums.addFrame(of: stage, sidebandBits: design.streamUserBits, sram)
      return (
        ModuleCounts(name: stage.name, isStage: true, weights: 0, counts: sums.counts), sums
      )
    }
    return layers + stages
  }

  /// The cost of every cut of `design` at `node` as intervals from all `technologies`, in the order of
  /// `cuts(of:)`.
  public static func costs(
    of design: Design, technologies: [Technology], at node: ProcessNode
  ) throws(Diagnostics) -> [FixedLayerCost] {
    precondition(!technologies.isEmpty, "a cost is a technology's")
    let target = try node.operation()
    var origins: [ProcessNode.Operation] = []
    for technology in technologies { origins.append(try technology.operation) }
    return cuts(of: design).map { cut in
      let found = zip(technologies, origins).map { technology, origin in
        FixedLayerModel(technology).cost(of: design, layers: cut).scaled(from: origin, to: target)
      }
      return found.dropFirst().reduce(found[0]) { $0.hull($1) }
    }
  }
}
