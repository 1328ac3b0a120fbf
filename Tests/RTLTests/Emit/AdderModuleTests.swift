import AdderGraph
import Foundation
import RTL
import Testing

@Suite("Adder graphs as modules", .serialized) struct AdderModuleTests {
  /// A random graph of 8-bit weights with a repeated, a negated, a doubled and a zero column.
  private static func graph(seed: UInt64) -> AdderGraph {
    var g = SeededGenerator(seed)
    let inputs = g.pick(1...6)
    var columns = (0..<g.pick(1...6)).map { _ in (0..<inputs).map { _ in g.pick(-255...255) } }
    columns += [columns[0], columns[0].map { -$0 }, columns[0].map { 2 * $0 }]
    columns.append(Array(repeating: 0, count: inputs))
    let matrix = ConstantMatrix(
      inputs: inputs, outputs: columns.count,
      values: (0..<inputs).flatMap { input in columns.map { $0[input] } })
    return AdderGraph.optimise(matrix, options: .init(effort: .quick))
  }

  private static func ranges(_ graph: AdderGraph, seed: UInt64) -> [ClosedRange<Int>] {
    (0..<graph.inputCount).map { [0...255, -128...127, 0...1][(Int(seed) + $0) % 3] }
  }

  private static let styles: [(AdderStyle, BitHeap.FinalAdder)] = [
    (.words, .ripple), (.heap, .ripple), (.heap, .word),
  ]

  private static func runs(_ tool: String) -> Bool {
    TemporaryFolder.isInstalled(tool) || TemporaryFolder.isCI
  }

  private func lint(seed: UInt64, _ command: [String]) throws {
    let graph = Self.graph(seed: seed)
    for (style, finalAdder) in Self.styles {
      let folder = try TemporaryFolder()
      defer { folder.remove() }
      let module = AdderModule(
        name: "sums", graph: graph, inputs: Self.ranges(graph, seed: seed))
      try folder.write(module.text(style: style, finalAdder: finalAdder), to: "sums.v")
      #expect(try folder.run(command) == "", "\(style) \(finalAdder)")
    }
  }

  @Test("Verilator has no warning", .enabled(if: runs("verilator")), arguments: 0..<4)
  func verilator(seed: Int) throws {
    try lint(
      seed: UInt64(seed),
      ["verilator", "--lint-only", "-Wall", "--top-module", "sums", "sums.v"])
  }

  @Test("Yosys finds nothing to complain about", .enabled(if: runs("yosys")), arguments: 0..<4)
  func yosys(seed: Int) throws {
    try lint(
      seed: UInt64(seed),
      [
        "yosys", "-q", "-p",
        "read_verilog sums.v; hierarchy -check -top sums; proc; check -assert",
      ])
  }

  @Test(
    "Icarus computes the graph's outputs without a warning", .enabled(if: runs("iverilog")),
    arguments: 0..<6)
  func icarus(seed: Int) throws {
    let graph = Self.graph(seed: UInt64(seed))
    let ranges = Self.ranges(graph, seed: UInt64(seed))
    var g = SeededGenerator(UInt64(seed))
    let trials = (0..<50).map { trial in
      ranges.map { trial == 0 ? $0.lowerBound : trial == 1 ? $0.upperBound : g.pick($0) }
    }
    let outputs = graph.outputs.indices
    let expected = trials.map { graph.evaluate($0).map(String.init).joined(separator: " ") }
    for (style, finalAdder) in Self.styles {
      let folder = try TemporaryFolder()
      defer { folder.remove() }
      let module = AdderModule(name: "sums", graph: graph, inputs: ranges)
      let text = module.text(style: style, finalAdder: finalAdder)
      // Ports as the module declares them, its outputs read as they are signed.
      let widths = graph.outputs.map { term -> (bits: Int, isSigned: Bool) in
        guard let term else { return (1, false) }
        let range = graph.intervals(inputs: ranges)[term.node.index]
        let ends = [range.lowerBound, range.upperBound].map {
          ($0 << term.shift) * (term.isNegated ? -1 : 1)
        }
        let width = SignalWidth(of: ends.min()!...ends.max()!)
        return (max(1, width.bits), width.isSigned)
      }
      var bench = "module bench;\n"
      for input in ranges.indices { bench += "  reg signed [15:0] x\(input);\n" }
      for (output, width) in widths.enumerated() {
        bench += "  wire \(width.isSigned ? "signed " : "")[\(width.bits - 1):0] y\(output);\n"
      }
      let connections =
        ranges.enumerated().map { input, range in
          ".x\(input)(x\(input)[\(SignalWidth(of: range).bits - 1):0])"
        } + outputs.map { ".y\($0)(y\($0))" }
      bench += "  sums dut (\(connections.joined(separator: ", ")));\n  initial begin\n"
      for trial in trials {
        for (input, value) in trial.enumerated() { bench += "    x\(input) = \(value);\n" }
        let format = outputs.map { _ in "%0d" }.joined(separator: " ")
        bench +=
          "    #1 $display(\"\(format)\", \(outputs.map { "y\($0)" }.joined(separator: ", ")));\n"
      }
      bench += "  end\nendmodule\n"
      try folder.write(text, to: "sums.v")
      try folder.write(bench, to: "bench.v")
      let warnings = try folder.run(
        ["iverilog", "-g2005", "-Wall", "-o", "bench.vvp", "-s", "bench", "sums.v", "bench.v"])
      #expect(!warnings.contains("sums.v"))
      let lines = try folder.run(["vvp", "-n", "bench.vvp"]).split(separator: "\n").map(String.init)
      #expect(lines == expected, "\(style) \(finalAdder)")
    }
  }
}
