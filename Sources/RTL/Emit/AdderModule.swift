import AdderGraph
import RTLTemplates
import Verilog

/// An adder graph as one combinational Verilog module: inputs `x0`, `x1`, …, outputs `y0`, `y1`, …, each
/// as wide as its exact interval, in two's complement where that holds a negative number.
public struct AdderModule {
  private let name: String
  private let graph: AdderGraph
  private let inputs: [ClosedRange<Int>]
  private let outputs: [SignalWidth]

  /// A module of that name, a legal identifier, for inputs out of the given intervals.
  public init(name: String, graph: AdderGraph, inputs: [ClosedRange<Int>]) {
    self.name = name
    self.graph = graph
    self.inputs = inputs
    let intervals = graph.intervals(inputs: inputs)
    outputs = graph.outputs.map { term in
      guard let term else { return SignalWidth(of: 0...0) }
      let range = intervals[term.node.index].scaled(by: (term.isNegated ? -1 : 1) << term.shift)
      return SignalWidth(of: range)
    }
  }

  /// The module with everything that it needs, as the text of one file.
  public func text(style: AdderStyle, finalAdder: BitHeap.FinalAdder = .ripple) -> String {
    var header = [
      "\(name): \(graph.inputCount) inputs times a constant matrix, \(graph.outputs.count) outputs",
      "\(graph.adderCount) two-operand adders, at most \(graph.depth) after one another",
    ]
    let items: [Item]
    var templates: [String] = []
    switch style {
    case .words: items = words()
    case .heap:
      let heap = graph.bitHeap(inputs: inputs, finalAdder: finalAdder)
      header.append(
        "as bit heaps: \(heap.fullAdderCount) full and \(heap.halfAdderCount) half adders"
          + (finalAdder == .word ? ", \(heap.finalAdderBits) bits of final adders" : ""))
      items = bits(heap)
      templates = ["df_half_adder.v", "df_full_adder.v"]
    }
    let source = SourceFile(
      header: header, module: Module(name: name, ports: ports, items: items))
    let modules = RTLTemplates.all.filter { templates.contains($0.fileName) }.map(\.text)
    if modules.isEmpty { return source.text }
    // The cells stand in the file of the module that they make up.
    return "/* verilator lint_off DECLFILENAME */\n" + modules.joined(separator: "\n") + "\n"
      + source.text
  }

  private var ports: [Port] {
    inputs.indices.map { Port(.input, "x\($0)", width: inputs[$0].bitCount) }
      + outputs.indices.map { Port(.output, "y\($0)", width: max(1, outputs[$0].bits)) }
  }

  // MARK: Bits

  private func bits(_ heap: BitHeap) -> [Item] {
    var number = 0
    let names = heap.words.map { word -> String in
      if case .output(let output) = word.row.target { return "y\(output)" }
      number += 1
      return "sum\(number)"
    }
    let text = BitHeapText(
      heap,
      inputs: inputs.indices.map { .init(name: "x\($0)", width: inputs[$0].bitCount) },
      rowNames: names)
    return text.items + Self.unused(text.unread)
  }

  /// Names what nothing reads, so that lint knows it is meant.
  private static func unused(_ parts: [Expression]) -> [Item] {
    guard !parts.isEmpty else { return [] }
    return [
      .whenDefined(
        macro: "VERILATOR",
        [
          .comment(["Carries and bits that sums modulo a power of two leave are not read."]),
          .define(
            width: 1, name: "unused",
            value: .unary(.reduceAnd, .concatenation([.constant(width: 1, value: 0)] + parts))),
        ])
    ]
  }

  // MARK: Words

  private func words() -> [Item] {
    var builder = DatapathBuilder()
    let signals = inputs.enumerated().map { builder.input(.pixel(channel: $0), "x\($0)", $1) }
    let sums = builder.appendSums(graph, on: signals)
    let ends = sums.enumerated().map { output, operand -> Datapath.Operand? in
      guard let operand, operand.isNegated else { return operand }
      return Datapath.Operand(builder.adding(0, to: operand, "negated\(output)"))
    }
    builder.setOutputs(ends.compactMap { $0?.signal })
    let datapath = builder.datapath
    let count = datapath.signals.count
    let widths = SignalWidths(datapath)
    let schedule = Schedule(
      period: Array(repeating: 0, count: count), lastUse: Array(repeating: 0, count: count),
      ranks: 0)
    let text = SignalText(datapath, widths, schedule)
    var items: [Item] = []
    var isRead = [Bool](repeating: false, count: count)
    var cut: [Expression] = []
    for (index, signal) in datapath.signals.enumerated() {
      guard case .add(let a, let b) = signal.operation else { continue }
      for operand in [a, b] {
        isRead[operand.signal.index] = true
        let held = widths.bits[operand.signal.index] + operand.shift
        if held > widths.bits[index], !datapath[operand.signal].operation.isConstant {
          cut.append(.name(datapath[operand.signal].name))
        }
      }
      items.append(
        .define(
          width: widths.bits[index], name: signal.name, value: text.expression(SignalID(index))))
    }
    for (output, end) in ends.enumerated() {
      let width = max(1, outputs[output].bits)
      guard let end else {
        items.append(
          .assign(Assignment(.name("y\(output)"), .constant(width: width, value: 0))))
        continue
      }
      isRead[end.signal.index] = true
      items.append(
        .assign(Assignment(.name("y\(output)"), text.shifted(end, 0, width: width))))
    }
    for signal in signals where !isRead[signal.index] {
      cut.append(.name(datapath[signal].name))
    }
    return items + Self.unused(cut)
  }
}
