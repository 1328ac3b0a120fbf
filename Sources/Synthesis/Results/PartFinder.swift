import Estimation
import RTL
import YosysNetlist

/// Says of every cell of a mapped module what it is for. Flip-flops by the declared names of what they
/// hold; gates by the first register that they lead to, in the order of `order`: a gate that both a sum
/// and its scaling read counts with the sum.
package struct PartFinder {
  private(set) var part: [AreaPart]
  private(set) var registerNames: [String: String] = [:]
  /// By cell: the declared word of registers that it is, or leads to; "" for none.
  private(set) var word: [String]

  /// What a register without a declared name is called.
  static let unnamed = "unnamed"

  /// Gates are given to these in turn.
  private static let order: [AreaPart] = [
    .memories, .windowRegisters, .adders, .requantizers, .fifos, .batchNorm, .control,
  ]

  init(
    netlist: Netlist, cells: [Netlist.Cell], unit: SynthesisUnit, library: CellLibrary
  ) {
    part = [AreaPart](repeating: .control, count: cells.count)
    word = [String](repeating: "", count: cells.count)
    // The cell that drives a net.
    var driver = [Int32](repeating: -1, count: netlist.netCount)
    let outputs = cells.map { library.cells[$0.type]!.outputs }
    for (index, cell) in cells.enumerated() {
      for (pin, bits) in cell.connections {
        for bit in bits where bit.isNet {
          if outputs[index].contains(pin) { driver[Int(bit.code)] = Int32(index) }
        }
      }
    }
    // Where the gates before a register, or before a port, belong.
    var starts: [AreaPart: [(bit: Netlist.Bit, word: String)]] = [:]
    var isFlipFlop = [Bool](repeating: false, count: cells.count)
    for (index, cell) in cells.enumerated() where library.cells[cell.type]!.isFlipFlop {
      isFlipFlop[index] = true
      let name = Self.declaredName(ofFlipFlop: cell.name, module: unit.module)
      registerNames[cell.name] = name ?? Self.unnamed
      let role = Self.role(of: name ?? "", unit.kind)
      word[index] = String((name ?? "").prefix { $0 != "[" })
      part[index] = role.register
      for (pin, bits) in cell.connections where !outputs[index].contains(pin) {
        starts[role.logic, default: []] += bits.filter(\.isNet).map { ($0, word[index]) }
      }
    }
    var isTaken = isFlipFlop
    let ports = netlist.ports.filter { $0.direction == .output }.flatMap(\.bits)
    starts[unit.kind == .layer ? .requantizers : .control, default: []] +=
      ports.filter(\.isNet).map { ($0, "") }
    for role in Self.order {
      var stack = starts[role] ?? []
      while let (bit, name) = stack.popLast() {
        let index = Int(driver[Int(bit.code)])
        guard index >= 0, !isTaken[index] else { continue }
        isTaken[index] = true
        part[index] = role
        word[index] = name
        for (pin, bits) in cells[index].connections where !outputs[index].contains(pin) {
          stack += bits.filter(\.isNet).map { ($0, name) }
        }
      }
    }
  }

  /// The declared name that `synthesise.tcl` gives a flip-flop, before the type that it had; nil for one
  /// that holds nothing declared. In a module that was mapped in parts `MODULE_df_partN.` stands before it.
  private static func declaredName(ofFlipFlop name: String, module: String) -> String? {
    guard let end = name.range(of: "$_"), end.lowerBound > name.startIndex else { return nil }
    let declared = name[..<end.lowerBound]
    guard declared.hasPrefix(module + "_df_part"), let dot = declared.firstIndex(of: ".") else {
      return String(declared)
    }
    return String(declared[declared.index(after: dot)...])
  }

  /// What a register is, and what the gates before it are for, by its declared name (docs/verilog.md).
  package static func role(of name: String, _ kind: SynthesisUnit.Kind) -> (
    register: AreaPart, logic: AreaPart
  ) {
    switch kind {
    case .top:
      if name.hasPrefix("batchnorm.") { return (.batchNorm, .batchNorm) }
      return name.hasPrefix("skip") ? (.fifos, .fifos) : (.control, .control)
    case .packing:
      // The pixel whose atoms are leaving.
      return name.hasPrefix(PackedOutput.packer + ".atoms[")
        ? (.fifos, .fifos) : (.control, .control)
    case .stage:
      // The FIFO's head is what leaves the stage; what enters it is the valid pipeline's last rank.
      if name.hasPrefix("fifo.in_") { return (.control, .control) }
      if name.hasPrefix("fifo.") || name.hasPrefix("out_") { return (.fifos, .fifos) }
      if name.contains("_bank.") || name.hasPrefix("swap_ranks") { return (.batchNorm, .batchNorm) }
      if name.contains(".words[") || name.hasPrefix("rom.") { return (.memories, .memories) }
      // The codes' row, products and accumulators; gates before them multiply and add.
      if name.hasPrefix("serial.") || name.hasPrefix("sums[") {
        return (.windowRegisters, .adders)
      }
      return (.control, .control)
    case .layer: break
    }
    let base = name.prefix { $0 != "[" }
    let isDelayed = base.contains("_d")
    let letters = base.prefix { $0.isLetter }
    if !isDelayed {
      // `in_r2`, `w0_r2p1`, `x3_r0c1`: the window; `sumN` of a frame accumulator has no delay either,
      // but neither has any other sum: those count with the pipeline.
      if letters == "in" || letters == "w" || (letters == "x" && base.contains("_r")) {
        return (.windowRegisters, .windowRegisters)
      }
    }
    switch letters {
    case "bias", "scale",
      "shift" where !isDelayed:
      return (.batchNorm, .batchNorm)
    case "biased", "negative", "cut", "mul", "even", "prod", "y", "q", "total", "half", "near",
      "whole", "away", "twice", "moved":
      return (.pipelineRegisters, .requantizers)
    default: return (.pipelineRegisters, .adders)
    }
  }
}
