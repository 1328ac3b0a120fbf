import NeuralGraph
import RTL

/// The area of fixed layers by what takes it, um2 (or mm2, all alike).
public struct AreaBreakdown: Hashable, Sendable, Codable {
  /// Adders of the weight sums.
  public var adders: Quantity
  public var requantizers: Quantity
  /// Registers behind windows.
  public var pipelineRegisters: Quantity
  /// Registers of windows and accumulators.
  public var windowRegisters: Quantity
  public var fifos: Quantity
  /// Counters, credits, valid bits, and the line buffers' registers around their memories.
  public var control: Quantity
  /// Line memories: macros, or registers where they are small.
  public var memories: Quantity
  /// Registers of adaptive batch norm, both banks, and their bus. Its multipliers are requantizers.
  public var batchNorm: Quantity

  public init(
    adders: Quantity, requantizers: Quantity, pipelineRegisters: Quantity,
    windowRegisters: Quantity, fifos: Quantity, control: Quantity, memories: Quantity,
    batchNorm: Quantity = Quantity(0, .squareMicrometre, Provenance(.measured, []))
  ) {
    self.batchNorm = batchNorm
    self.adders = adders
    self.requantizers = requantizers
    self.pipelineRegisters = pipelineRegisters
    self.windowRegisters = windowRegisters
    self.fifos = fifos
    self.control = control
    self.memories = memories
  }

  /// The sum of the parts.
  public var total: Quantity {
    let frozen =
      adders + requantizers + pipelineRegisters + windowRegisters + fifos + control + memories
    // Nothing has no provenance to add.
    return batchNorm.high > 0 ? frozen + batchNorm : frozen
  }

  /// The same with every part changed.
  public func mapped(_ change: (Quantity) -> Quantity) -> AreaBreakdown {
    AreaBreakdown(
      adders: change(adders), requantizers: change(requantizers),
      pipelineRegisters: change(pipelineRegisters), windowRegisters: change(windowRegisters),
      fifos: change(fifos), control: change(control), memories: change(memories),
      batchNorm: change(batchNorm))
  }

  /// Part by part.
  public func combined(
    with other: AreaBreakdown, _ combine: (Quantity, Quantity) -> Quantity
  ) -> AreaBreakdown {
    AreaBreakdown(
      adders: combine(adders, other.adders),
      requantizers: combine(requantizers, other.requantizers),
      pipelineRegisters: combine(pipelineRegisters, other.pipelineRegisters),
      windowRegisters: combine(windowRegisters, other.windowRegisters),
      fifos: combine(fifos, other.fifos), control: combine(control, other.control),
      memories: combine(memories, other.memories), batchNorm: combine(batchNorm, other.batchNorm))
  }
}

/// The energy of fixed layers for one frame, pJ. Leakage is not in it.
public struct EnergyBreakdown: Hashable, Sendable, Codable {
  /// Clock pins of all registers, in every cycle of the frame: the emitted Verilog gates no clock.
  public var clock: Quantity
  /// The same if every register were clocked only when it takes a new value: what ideal clock gating
  /// would leave.
  public var gatedClock: Quantity
  /// Registers that take new values.
  public var registers: Quantity
  /// Adders and the rest of the trees.
  public var logic: Quantity
  /// Accesses of line memories.
  public var memories: Quantity

  public init(
    clock: Quantity, gatedClock: Quantity, registers: Quantity, logic: Quantity, memories: Quantity
  ) {
    self.clock = clock
    self.gatedClock = gatedClock
    self.registers = registers
    self.logic = logic
    self.memories = memories
  }

  /// All of it; with ideal clock gating if wanted.
  public func total(clockGating: Bool) -> Quantity {
    (clockGating ? gatedClock : clock) + registers + logic + memories
  }

  /// The same with every part changed.
  public func mapped(_ change: (Quantity) -> Quantity) -> EnergyBreakdown {
    EnergyBreakdown(
      clock: change(clock), gatedClock: change(gatedClock), registers: change(registers),
      logic: change(logic), memories: change(memories))
  }

  /// Part by part.
  public func combined(
    with other: EnergyBreakdown, _ combine: (Quantity, Quantity) -> Quantity
  ) -> EnergyBreakdown {
    EnergyBreakdown(
      clock: combine(clock, other.clock), gatedClock: combine(gatedClock, other.gatedClock),
      registers: combine(registers, other.registers), logic: combine(logic, other.logic),
      memories: combine(memories, other.memories))
  }
}

/// What the first layers of a design cost as hardware, however it was found: by the model here, or by
/// synthesis. Figures are of one technology, or of several scaled to one node.
public struct FixedLayerCost: Hashable, Sendable, Codable {
  /// Convolutions that are fixed.
  public var convolutions: Int
  /// Multiply-accumulates of the fixed layers a frame, zeros included.
  public var multiplyAccumulates: Int
  /// Clock cycles a frame.
  public var cyclesPerFrame: Int
  public var area: AreaBreakdown
  public var energy: EnergyBreakdown
  /// ns.
  public var clockPeriod: Quantity

  public init(
    convolutions: Int, multiplyAccumulates: Int, cyclesPerFrame: Int, area: AreaBreakdown,
    energy: EnergyBreakdown, clockPeriod: Quantity
  ) {
    self.convolutions = convolutions
    self.multiplyAccumulates = multiplyAccumulates
    self.cyclesPerFrame = cyclesPerFrame
    self.area = area
    self.energy = energy
    self.clockPeriod = clockPeriod
  }

  /// Frames a second, one after the other without a gap.
  public var framesPerSecond: Quantity {
    Quantity(
      low: 1e9 / (clockPeriod.high * Double(cyclesPerFrame)),
      high: 1e9 / (clockPeriod.low * Double(cyclesPerFrame)), .framesPerSecond,
      clockPeriod.provenance)
  }

  /// The same at another node.
  public func scaled(
    from origin: ProcessNode.Operation, to target: ProcessNode.Operation
  ) -> FixedLayerCost {
    var cost = self
    cost.area = area.mapped { $0.scaled(from: origin, to: target) }
    cost.energy = energy.mapped { $0.scaled(from: origin, to: target) }
    cost.clockPeriod = clockPeriod.scaled(from: origin, to: target)
    return cost
  }

  /// The same layers found in two ways: intervals that hold both.
  public func hull(_ other: FixedLayerCost) -> FixedLayerCost {
    precondition(
      convolutions == other.convolutions && cyclesPerFrame == other.cyclesPerFrame,
      "the two are costs of different layers")
    var cost = self
    cost.area = area.combined(with: other.area) { $0.hull($1) }
    cost.energy = energy.combined(with: other.energy) { $0.hull($1) }
    cost.clockPeriod = clockPeriod.hull(other.clockPeriod)
    return cost
  }
}
