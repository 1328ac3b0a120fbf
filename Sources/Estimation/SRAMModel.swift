import NeuralGraph
import RTL

/// Area and access energy of a memory macro by depth and width.
///
/// The array is `words` rows of `wordBits` columns. Area of a one-port macro: `bit` a cell, `column` a
/// column (sense amplifier, write driver), `row` a row (word-line driver). A memory with one read and
/// one write port has larger cells: `portFactor` times the area of cells. Energy of an access:
/// `wordBitEnergy` a bit of the word and `cellEnergy` a cell, for the bit lines that move with it.
/// Small memories are registers by choice, below `registersBelowBits` bits.
///
/// A ROM is taken for a memory with one port, whose cells are several times as large as a mask ROM's: an
/// upper bound. Below `romLogicBelowBits` bits it is gates.
public struct SRAMModel: Hashable, Sendable, Codable {
  /// um2.
  public var bit: Quantity
  public var column: Quantity
  public var row: Quantity
  /// The area of a cell with a read and a write port as a multiple of one with one port, and why.
  public var portFactor: Double
  public var portFactorSource: String
  /// pJ.
  public var wordBitEnergy: Quantity
  public var cellEnergy: Quantity
  /// Memories of fewer bits are built of registers.
  public var registersBelowBits: Int

  /// ROMs of fewer bits are mapped to gates: 0.2 um2 a bit on Nangate45.
  public static let romLogicBelowBits = 1 << 14

  /// A memory with one read port and one write port, as `df_sram_1r1w`, or a ROM.
  public struct Memory: Hashable, Sendable {
    public var words: Int
    public var wordBits: Int
    public var isROM: Bool

    public init(words: Int, wordBits: Int, isROM: Bool = false) {
      self.words = words
      self.wordBits = wordBits
      self.isROM = isROM
    }

    public init(_ memory: Stage.Memory) {
      self.init(words: memory.words, wordBits: memory.wordBits, isROM: memory.rom != nil)
    }

    public var bits: Int { words * wordBits }
  }

  /// True when the memory is registers by choice, or a ROM that is gates.
  public func isMapped(_ memory: Memory) -> Bool {
    memory.bits < (memory.isROM ? Self.romLogicBelowBits : registersBelowBits)
  }

  /// The area of the memory as a macro, um2.
  public func area(_ memory: Memory) -> Quantity {
    var cells = bit * (Double(memory.bits) * (memory.isROM ? 1 : portFactor))
    if !memory.isROM {
      cells.provenance = cells.provenance.through(.stated, portFactorSource)
    }
    return cells + column * Double(memory.wordBits) + row * Double(memory.words)
  }

  /// The energy of one read or one write of a word, pJ.
  public func accessEnergy(_ memory: Memory) -> Quantity {
    wordBitEnergy * Double(memory.wordBits) + cellEnergy * Double(memory.bits)
  }

  /// The model at another node, each figure scaled as logic is.
  public func scaled(
    from origin: ProcessNode.Operation, to target: ProcessNode.Operation
  ) -> SRAMModel {
    var model = self
    for figure in [\.bit, \.column, \.row, \.wordBitEnergy, \.cellEnergy]
      as [WritableKeyPath<SRAMModel, Quantity>]
    {
      let scaled = model[keyPath: figure].scaled(from: origin, to: target)
      model[keyPath: figure] = Quantity(
        low: scaled.low.rounded(digits: 5), high: scaled.high.rounded(digits: 5), scaled.unit,
        scaled.provenance)
    }
    return model
  }

  func verify() -> [Diagnostic] {
    var found: [Diagnostic] = []
    found += bit.verify(.squareMicrometre, name: "sram.bit")
    found += column.verify(.squareMicrometre, name: "sram.column")
    found += row.verify(.squareMicrometre, name: "sram.row")
    found += wordBitEnergy.verify(.picojoule, name: "sram.wordBitEnergy")
    found += cellEnergy.verify(.picojoule, name: "sram.cellEnergy")
    if !(1...10).contains(portFactor) {
      found.append(Diagnostic("sram.portFactor is not a number from 1 to 10"))
    }
    if portFactorSource.isEmpty {
      found.append(Diagnostic("sram.portFactor does not say where it comes from"))
    }
    if !(0...1 << 20).contains(registersBelowBits) {
      found.append(Diagnostic("sram.registersBelowBits is not a number from 0 to 1,048,576"))
    }
    return found
  }
}
