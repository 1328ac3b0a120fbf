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
  public var check: Check

  /// OpenSTA's power of the same cells beside this tool's, mW, when every net makes `activity`
  /// transitions a clock. No part of OpenSTA's is computed here. OpenSTA 2.0.17 adds a cell's energies of
  /// rising and of falling for each transition, which is nearly twice what liberty means.
  public struct Check: Hashable, Sendable, Codable {
    /// Flip-flops: clock pins inside, transitions, the pins that they drive, leakage; without what the
    /// clock's driver spends.
    public var registers: Double
    public var openSTARegisters: Double
    /// The other cells.
    public var logic: Double
    public var openSTALogic: Double
  }

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

  /// The checks of all modules together.
  public var check: ModulePower.Check {
    func sum(_ figure: (ModulePower.Check) -> Double) -> Double {
      modules.reduce(0) { $0 + figure($1.check) }
    }
    return ModulePower.Check(
      registers: sum(\.registers), openSTARegisters: sum(\.openSTARegisters), logic: sum(\.logic),
      openSTALogic: sum(\.openSTALogic))
  }

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
    // In one order: sums of floating point depend on it.
    for (word, use) in words.sorted(by: { $0.key < $1.key }) {
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
    func moving(_ energy: KeyPath<Word, Double>) -> Double {
      words.values.map { $0[keyPath: energy] }.sorted().reduce(0, +) * mean * scale
    }
    let check = ModulePower.Check(
      registers: (clock - clockPins) * scale + moving(\.registers) + registerLeakage * 1e-6,
      openSTARegisters: 0, logic: moving(\.logic) + (leakage - registerLeakage) * 1e-6,
      openSTALogic: 0)
    return (
      ModulePower(
        name: name, clock: clock * scale, registers: registers, logic: logic,
        leakage: leakage * 1e-6, activity: mean,
        measured: bits > 0 ? Double(known.bits) / Double(bits) : 1, check: check), bits
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
      case .top, .packing: scope = ""
      }
      var (power, registers) = mapped.cells.energy.power(
        name: unit.name, scope: scope, activity, period: clock)
      let found = try await openSTAPower(
        mapped, module: unit.module, period: clock, activity: power.activity)
      power.check.openSTARegisters = found.registers
      power.check.openSTALogic = found.logic
      modules.append(power)
      moves += power.activity * Double(registers)
      bits += registers
    }
    let cycles = design.latency.period
    var memories: Quantity?
    for (stage, _, macro) in Self.macros(of: design, sram: sram) {
      guard let sram else { break }
      // A step, or a pixel that passes, reads a word and writes one; serial sums read one a clock. pJ a ns
      // is mW.
      let accesses = macro.isROM ? Double(macro.words) : 2 * Double(stage.timing.inputPixels)
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
      return sram.isMapped(SRAMModel.Memory(memory))
    }
  }
}
