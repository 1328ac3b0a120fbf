import Estimation
import NeuralGraph
import RTL
import Simulation

/// The power of one mapped module, mW at the clock that was asked for.
public struct ModulePower: Hashable, Sendable, Codable {
  public var name: String
  /// Clock pins and flip-flops at rest.
  public var clock: Double
  /// Flip-flops that change, and the pins that they drive.
  public var registers: Double
  /// Gates that change, once for each change of the word that they compute.
  public var logic: Double
  public var leakage: Double
  /// Mean transitions a register bit and clock, measured.
  public var activity: Double
  /// Share of register bits whose transitions were measured; the others are taken at the module's mean.
  public var measured: Double

  public var total: Double { clock + registers + logic + leakage }
}

/// The power of a design from measured transitions and liberty energies.
public struct DesignPower: Hashable, Sendable, Codable {
  /// ns.
  public var clockPeriod: Double
  public var cyclesPerFrame: Int
  public var modules: [ModulePower]
  /// Accesses of line memories, mW, by the technology's model; nil where nothing prices a memory.
  public var memories: Quantity?
  /// Two operations a multiply-accumulate of the original network, zeros included.
  public var operationsPerFrame: Int

  /// mW of cells.
  public var cells: Double { modules.reduce(0) { $0 + $1.total } }

  /// mW, with memories where they have a price.
  public var power: Quantity {
    let cells = Quantity(
      cells, .milliwatt,
      Provenance(.measured, ["liberty energies at transitions counted by Verilator"]))
    return memories.map { cells + $0 } ?? cells
  }

  /// uJ: power times the time that a frame takes.
  public var energyPerFrame: Quantity {
    let microseconds = clockPeriod * Double(cyclesPerFrame) * 1e-3
    return Quantity(
      low: power.low * microseconds * 1e-3, high: power.high * microseconds * 1e-3, .microjoule,
      power.provenance)
  }

  public var efficiency: Quantity {
    let operations = Double(operationsPerFrame) * 1e-6
    return Quantity(
      low: operations / energyPerFrame.high, high: operations / energyPerFrame.low,
      .teraOperationsPerWatt, power.provenance)
  }

  /// Mean transitions a register bit and clock of all modules, by bits.
  public var activity: Double
}

/// One module's power from its energies and the transitions of its words.
extension EnergyUse {
  /// `scope` is the module's instance below the top, with a dot; "" for the top. `period` in ns.
  func power(name: String, scope: String, _ activity: Activity, period: Double) -> (
    power: ModulePower, bits: Int
  ) {
    var known = (bits: 0, moves: 0.0)
    var bits = 0
    var rates: [String: Double] = [:]
    for (word, use) in words {
      bits += use.bits
      guard !word.isEmpty, let rate = activity.rate(scope + word) else { continue }
      rates[word] = rate
      known.bits += use.bits
      known.moves += rate * Double(use.bits)
    }
    let mean = known.bits > 0 ? known.moves / Double(known.bits) : 0
    // fJ a ns is uW.
    let scale = 1e-3 / period
    var registers = 0.0
    var logic = 0.0
    for word in words.keys.sorted() {
      let rate = rates[word] ?? mean
      registers += words[word]!.registers * rate * scale
      logic += words[word]!.logic * rate * scale
    }
    return (
      ModulePower(
        name: name, clock: clock * scale, registers: registers, logic: logic,
        leakage: leakage * 1e-6, activity: mean,
        measured: bits > 0 ? Double(known.bits) / Double(bits) : 1), bits
    )
  }
}

extension Synthesiser {
  /// The power of a folder as it was mapped (from the cache), at measured transitions.
  public func power(
    _ folder: EmittedFolder, _ synthesis: DesignSynthesis, sram: SRAMModel?, activity: Activity
  ) async throws(Diagnostics) -> DesignPower {
    let design = folder.design
    let clock = synthesis.clock
    var scopes: [String: String] = [:]
    for stage in design.stages {
      for (index, layer) in stage.layers.enumerated() {
        scopes[layer] = "\(stage.name).layer\(index + 1)."
      }
    }
    var modules: [ModulePower] = []
    var moves = 0.0
    var bits = 0
    for (unit, module) in zip(units(of: design, sram: sram), synthesis.modules) {
      let mapped = try await map(unit, of: folder, period: module.sizedFor)
      let scope: String
      switch unit.kind {
      case .layer: scope = scopes[unit.name] ?? ""
      case .stage: scope = unit.name + "."
      case .top: scope = ""
      }
      let (power, registers) = mapped.cells.energy.power(
        name: unit.name, scope: scope, activity, period: clock)
      modules.append(power)
      moves += power.activity * Double(registers)
      bits += registers
    }
    let cycles = design.latency.period
    var memories: Quantity?
    for (stage, _, macro) in Self.macros(of: design, sram: sram) {
      guard let sram else { break }
      // A step, or a pixel that passes, reads a word and writes one; pJ a ns is mW.
      let accesses = 2 * Double(stage.timing.inputPixels)
      let energy = sram.accessEnergy(macro) * (accesses / (Double(cycles) * clock))
      let power = Quantity(low: energy.low, high: energy.high, .milliwatt, energy.provenance)
      memories = memories.map { $0 + power } ?? power
    }
    let operations = 2 * design.layers.reduce(0) { $0 + $1.cost.multiplyAccumulates }
    return DesignPower(
      clockPeriod: clock, cyclesPerFrame: cycles, modules: modules, memories: memories,
      operationsPerFrame: operations, activity: bits > 0 ? moves / Double(bits) : 0)
  }

  /// The design's units; memories below the model's size are registers.
  func units(of design: DesignDescription, sram: SRAMModel?) -> [SynthesisUnit] {
    SynthesisUnit.units(of: design) { stage in
      guard let memory = stage.memory, let sram else { return false }
      return sram.isRegisters(
        SRAMModel.Memory(words: memory.words, wordBits: memory.wordBits))
    }
  }
}
