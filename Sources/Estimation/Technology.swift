import NeuralGraph

/// What gates, registers and memories cost in one technology: one JSON file.
///
/// `docs/estimation.md` says how to add one.
public struct Technology: Hashable, Sendable, Codable {
  /// What one unit of each thing that a design counts takes, in um2.
  public struct Areas: Hashable, Sendable, Codable {
    /// A bit of an adder where two operands and a carry meet; an operand, the sign of a shorter one and a
    /// carry; an operand, or a constant, and a carry.
    public var fullAdderBit: Quantity
    public var signAdderBit: Quantity
    public var halfAdderBit: Quantity
    /// The rest of a channel's requantizer: cut, clamp.
    public var requantizer: Quantity
    /// A bit of a register behind the window.
    public var pipelineRegisterBit: Quantity
    /// A bit of a window register or an accumulator: it has an enable.
    public var windowRegisterBit: Quantity
    /// A bit of a FIFO's word, with its share of the multiplexer that reads it.
    public var fifoBit: Quantity
    /// A bit of a stage's input pixel: the line buffer's registers around its memory.
    public var pixelBit: Quantity
    /// The control of a stage: counters, credits, valid bits.
    public var stageControl: Quantity
  }

  /// What one unit of each thing takes, in pJ.
  public struct Energies: Hashable, Sendable, Codable {
    /// A register bit, a clock cycle, whether or not its data changes.
    public var registerClock: Quantity
    /// A register bit that takes a new pixel, besides its clock.
    public var registerData: Quantity
    /// A bit of a window register that moves: what lies between it and the next.
    public var windowBit: Quantity
    /// An adder's result bit that computes a new pixel.
    public var adderBit: Quantity
    /// Mean transitions a net and clock at which the above hold.
    public var activity: Double
  }

  public static let formatName = "deepfreeze-technology"
  public static let currentVersion = 2

  public var format: String
  public var version: Int
  /// What `--technology` calls it.
  public var name: String
  public var title: String
  /// Nanometres; one of `ProcessNode.all`.
  public var node: Int
  /// Volts that the library was characterised at.
  public var supplyVoltage: Double
  /// Volts that figures are scaled from: `supplyVoltage` but where the polynomial does not reach it.
  public var scalingVoltage: Double
  /// What a reader of the figures must know.
  public var notes: [String]
  /// File names of the liberty that the figures were measured with.
  public var liberty: [String]
  public var areas: Areas
  public var energies: Energies
  /// The longest path between registers, ns, with one adder level between them, with two, and so on.
  public var clockPeriods: [Quantity]
  public var sram: SRAMModel

  /// A technology of measured figures. Figures are scaled from the supply of the library where the node's
  /// delay polynomial reaches it, else from the node's usual one, and a note says so. Throws what
  /// makes it unusable.
  public init(
    name: String, title: String, node: Int, supplyVoltage: Double, liberty: [String],
    areas: Areas, energies: Energies, clockPeriods: [Quantity], sram: SRAMModel, notes: [String]
  ) throws(Diagnostics) {
    let process = try ProcessNode(node)
    var notes = notes
    if (try? process.operation(voltage: supplyVoltage)) != nil {
      scalingVoltage = supplyVoltage
    } else {
      scalingVoltage = try process.operation().voltage
      let note =
        "Scaled from \(scalingVoltage) V: \(supplyVoltage) V, where the library was characterised, lies "
        + "outside the delay polynomial of \(node) nm."
      if !notes.contains(note) { notes.append(note) }
    }
    format = Self.formatName
    version = Self.currentVersion
    self.name = name
    self.title = title
    self.node = node
    self.supplyVoltage = supplyVoltage
    self.notes = notes
    self.liberty = liberty
    self.areas = areas
    self.energies = energies
    self.clockPeriods = clockPeriods
    self.sram = sram
    let found = verify()
    guard found.isEmpty else { throw Diagnostics(found) }
  }

  /// Reads a technology's JSON; `file` names it in diagnostics.
  public init(json: [UInt8], file: String) throws(Diagnostics) {
    self = try StableJSON.decode(Technology.self, json, file: file)
    let found = verify()
    guard found.isEmpty else { throw Diagnostics(found).inFile(file) }
  }

  /// Reads the technology of the file at `path`.
  public init(path: String) throws(Diagnostics) {
    try self.init(json: try readFile(path, limit: 1 << 20), file: path)
  }

  /// The node and voltage that figures are scaled from. Its existence is what `verify` checks.
  public var operation: ProcessNode.Operation {
    get throws(Diagnostics) { try ProcessNode(node).operation(voltage: scalingVoltage) }
  }

  /// Everything that makes the technology unusable; a file may hold anything.
  public func verify() -> [Diagnostic] {
    guard format == Self.formatName, version == Self.currentVersion else {
      return [
        Diagnostic(
          "it is not a technology of deepfreeze, version \(Self.currentVersion), but '\(format)', "
            + "version \(version)",
          remedy: "see docs/estimation.md")
      ]
    }
    var found: [Diagnostic] = []
    if name.isEmpty { found.append(Diagnostic("the technology has no name")) }
    do throws(Diagnostics) { _ = try operation } catch { found += error.all }
    if !(0.1...10).contains(supplyVoltage) {
      found.append(Diagnostic("\(supplyVoltage) V is no supply voltage"))
    }
    if !(0...2).contains(energies.activity) || energies.activity == 0 {
      found.append(Diagnostic("an activity of \(energies.activity) transitions a clock is absurd"))
    }
    func require(_ quantity: Quantity, _ unit: QuantityUnit, _ name: String) {
      found += quantity.verify(unit, name: name)
    }
    for coefficient in AreaCoefficient.allCases {
      require(
        areas[keyPath: coefficient.place], .squareMicrometre, "areas.\(coefficient.rawValue)")
    }
    require(energies.registerClock, .picojoule, "energies.registerClock")
    require(energies.registerData, .picojoule, "energies.registerData")
    require(energies.windowBit, .picojoule, "energies.windowBit")
    require(energies.adderBit, .picojoule, "energies.adderBit")
    if !(1...64).contains(clockPeriods.count) {
      found.append(
        Diagnostic("clockPeriods has not 1 to 64 entries, one for each number of levels"))
    }
    for period in clockPeriods.prefix(64) {
      require(period, .nanosecond, "clockPeriods")
      if period.low < 1e-6 { found.append(Diagnostic("a clock period is below 1e-6 ns")) }
    }
    for (less, more) in zip(clockPeriods, clockPeriods.dropFirst()) where less.high > more.high {
      found.append(Diagnostic("clockPeriods fall with the number of levels"))
    }
    for (name, energy) in [
      ("registerClock", energies.registerClock), ("registerData", energies.registerData),
      ("adderBit", energies.adderBit),
    ] where energy.low < 1e-12 {
      found.append(Diagnostic("energies.\(name) is below 1e-12 pJ"))
    }
    return found + sram.verify()
  }
}

extension Technology {
  /// The longest path with `levels` adder levels between registers. Beyond the table each level adds as
  /// much as its last; one entry alone counts for all.
  public func clockPeriod(levels: Int) -> Quantity {
    Self.clockPeriod(levels: levels, of: clockPeriods)
  }

  /// The same of a table, which is not empty, without the rest of a technology.
  public static func clockPeriod(levels: Int, of clockPeriods: [Quantity]) -> Quantity {
    precondition(levels >= 1, "a register covers a level at least")
    if levels <= clockPeriods.count { return clockPeriods[levels - 1] }
    let last = clockPeriods[clockPeriods.count - 1]
    guard clockPeriods.count > 1 else { return last }
    let before = clockPeriods[clockPeriods.count - 2]
    let more = Double(levels - clockPeriods.count)
    return Quantity(
      low: last.low + more * max(0, last.low - before.low),
      high: last.high + more * max(0, last.high - before.high), last.unit,
      last.provenance.through(.modelled, "as much for each level as for the last"))
  }

  /// The most adder levels between registers, up to the table's end, whose longest path keeps to a clock
  /// of `period` ns: registers are most of the area, so the most levels take the least. Throws, with the
  /// shortest period, when not even one does.
  public func pipelineLevels(period: Double) throws(Diagnostics) -> Int {
    if let levels = clockPeriods.indices.last(where: { clockPeriods[$0].high <= period }) {
      return levels + 1
    }
    throw Diagnostics(
      Diagnostic(
        "a clock of \(period) ns is shorter than any path of \(title)",
        remedy: "one adder level between registers takes \(clockPeriods[0].high) ns"))
  }
}

extension Quantity {
  /// What is wrong with a figure that a file holds: another unit, no interval, negative, absurd.
  func verify(_ unit: QuantityUnit, name: String) -> [Diagnostic] {
    guard self.unit == unit else {
      return [Diagnostic("\(name) is in \(self.unit.rawValue), not in \(unit.rawValue)")]
    }
    guard low.isFinite, high.isFinite, 0 <= low, low <= high, high <= 1e9 else {
      return [Diagnostic("\(name) is not an interval of numbers from 0 to 1e9")]
    }
    guard !provenance.sources.isEmpty else {
      return [Diagnostic("\(name) does not say where it comes from", remedy: "add sources")]
    }
    return []
  }
}

extension Technology {
  /// The technologies that the program carries, by name.
  public static let builtIn: [Technology] = {
    [
      ("nangate45.json", PackageResources.nangate45_json),
      ("asap7.json", PackageResources.asap7_json),
      ("osu018.json", PackageResources.osu018_json),
    ].map { file, bytes in
      do throws(Diagnostics) {
        return try Technology(json: bytes, file: file)
      } catch {
        preconditionFailure("a technology of the program is corrupt: \(error)")
      }
    }
  }()

  /// The technologies whose figures make an interval unless others are named: of 45 and of 7 nm. Nearer
  /// to 16 nm than any other, on both sides.
  public static var usualInterval: [Technology] {
    builtIn.filter { ["nangate45", "asap7"].contains($0.name) }
  }

  /// The technology called `name` that the program carries, or that of the JSON file at that path.
  public static func named(_ name: String) throws(Diagnostics) -> Technology {
    if let found = builtIn.first(where: { $0.name == name }) { return found }
    guard name.hasSuffix(".json") else {
      throw Diagnostics(
        Diagnostic(
          "no technology is called '\(name)'",
          remedy: "give one of \(builtIn.map(\.name).joined(separator: ", ")), or a .json file"))
    }
    return try Technology(path: name)
  }
}
