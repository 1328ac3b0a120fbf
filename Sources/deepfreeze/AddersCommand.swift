import AdderGraph
import ArgumentParser
import Foundation
import NeuralGraph
import RTL
import TensorFiles
import Verilog

extension AdderGraph.Objective: ExpressibleByArgument {}
extension AdderStyle: ExpressibleByArgument {}
extension FullyConnectedStyle: ExpressibleByArgument {}
extension BitHeap.FinalAdder: ExpressibleByArgument {}

/// `deepfreeze adders`: the constant matrix-vector optimiser alone.
struct AddersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adders",
    abstract: "Multiplies a vector by a constant integer matrix in as few adders as it can.")

  @Argument(help: "A .npy file of integers, inputs x outputs.")
  var matrix: String

  @OptionGroup var output: OutputOptions

  @Option(help: "0 greedy sharing, 1 tenths of a second of search, 2 seconds, 3 up to two minutes.")
  var effort = 0

  @Option(help: "What to have few of: adders, gates (of heaps), luts, or depth (then adders).")
  var objective: AdderGraph.Objective = .adders

  @Option(
    help: ArgumentHelp(
      "How sums are written: words (two-operand adders) or heap (full and half adders)."))
  var adderStyle: AdderStyle = .words

  @Option(help: "The last two operands of a heap's sum: ripple (fewest gates) or word (+, faster).")
  var finalAdder: BitHeap.FinalAdder = .ripple

  @Option(help: "A file to write the graph to, as one combinational Verilog module.")
  var verilog: String?

  @Option(
    help: "A file with a graph, in the form of docs/adder-graph.md, to take instead of a search.")
  var graph: String?

  @Option(help: "The most adder levels from an input to an output.")
  var maxDepth: Int?

  @Flag(help: "Show too what the fewest adder levels cost, and one and two more.")
  var depths = false

  @Flag(help: "Share nothing between outputs: the filters of a depthwise layer.")
  var separateOutputs = false

  func validate() throws {
    if AdderGraph.Effort(rawValue: effort) == nil {
      throw ValidationError("--effort takes 0, 1, 2 or 3")
    }
    if separateOutputs && (verilog != nil || graph != nil) {
      throw ValidationError(
        "--verilog and --graph are of one graph; with --separate-outputs every output has its own")
    }
    if let maxDepth, maxDepth < 0 { throw ValidationError("--max-depth takes a number from 0") }
    if graph != nil && (maxDepth != nil || depths) {
      throw ValidationError(
        "--max-depth and --depths are of a search; --graph takes a graph as it is")
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      let matrix = try ConstantMatrix(file: self.matrix)
      let minimum = AdderGraph.minimumDepth(matrix)
      if let maxDepth, maxDepth < minimum {
        throw Diagnostic(
          "the matrix takes \(minimum) adder levels at least, more than \(maxDepth)",
          file: self.matrix, remedy: "allow \(minimum) levels")
      }
      let clock = ContinuousClock()
      let start = clock.now
      let graphs =
        if let graph {
          [try Self.graph(graph, of: matrix)]
        } else {
          optimised(matrix, maxDepth: maxDepth)
        }
      let seconds = (clock.now - start) / .seconds(1)
      let memory = peakMemory()
      let proofStart = clock.now
      prove(graphs, matrix)
      let proofSeconds = (clock.now - proofStart) / .seconds(1)
      if let verilog { try write(graphs[0], to: verilog) }
      var result = AddersResult(
        matrix, graphs, separateOutputs: separateOutputs, style: adderStyle,
        finalAdder: finalAdder)
      result.seconds = seconds
      result.proofSeconds = proofSeconds
      result.peakMemoryBytes = memory
      if depths {
        result.depths = (minimum...minimum + 2).map { limit in
          let graphs = optimised(matrix, maxDepth: limit)
          prove(graphs, matrix)
          return AddersResult.Depth(
            limit: limit, adders: graphs.reduce(0) { $0 + $1.adderCount },
            depth: graphs.map(\.depth).max() ?? 0)
        }
      }
      if output.json { printJSON(result) } else { print(result.text) }
    }
  }

  /// A graph out of a file, proved to be the matrix.
  private static func graph(_ path: String, of matrix: ConstantMatrix) throws(Diagnostics)
    -> AdderGraph
  {
    let text = String(decoding: try readFile(path), as: UTF8.self)
    let graph: AdderGraph
    do throws(AdderGraph.UnreadableLine) {
      graph = try AdderGraph(text: text)
    } catch {
      throw Diagnostics(Diagnostic("\(error)")).inFile(path)
    }
    let problems = graph.verify(equals: matrix)
    guard problems.isEmpty else {
      throw Diagnostics(problems.prefix(20).map { Diagnostic("\($0)") }).inFile(path)
    }
    return graph
  }

  /// The range of inputs that widths are computed for.
  static let inputRange = 0...255

  private func write(_ graph: AdderGraph, to path: String) throws(Diagnostics) {
    var names = LegalNames(reserved: ["df_full_adder", "df_half_adder"])
    let file = URL(fileURLWithPath: path)
    let module = AdderModule(
      name: names.legalize(file.deletingPathExtension().lastPathComponent), graph: graph,
      inputs: Array(repeating: Self.inputRange, count: graph.inputCount))
    let text = module.text(style: adderStyle, finalAdder: finalAdder)
    try writeFile(Array(text.utf8), to: path)
  }

  private func optimised(_ matrix: ConstantMatrix, maxDepth: Int?) -> [AdderGraph] {
    var options = AdderGraph.Options(
      effort: AdderGraph.Effort(rawValue: effort)!, objective: objective)
    options.maxDepth = maxDepth
    return separateOutputs
      ? AdderGraph.optimiseColumns(matrix, options: options)
      : [AdderGraph.optimise(matrix, options: options)]
  }

  private func prove(_ graphs: [AdderGraph], _ matrix: ConstantMatrix) {
    let problems = graphs.enumerated().flatMap { column, graph in
      graph.verify(equals: separateOutputs ? matrix.columnMatrix(column) : matrix)
    }
    precondition(problems.isEmpty, "an optimised graph equals its matrix: \(problems)")
  }
}

/// What the optimiser made of a matrix, for people and machines.
private struct AddersResult: Encodable {
  var inputs: Int
  var outputs: Int
  var weights: Int
  var zeros: Int
  var unsharedAdders: Int
  var adders: Int
  var addersPerWeight: Double
  /// Below this number of adders no graph can come; only known where outputs share nothing.
  var floor: Int?
  var depth: Int
  /// No graph has fewer levels.
  var minimumDepth: Int
  /// For inputs 0 ... 255.
  var adderBits: Int
  /// The same with 32 bits an adder, widths from the operands' widths, and that of the widest output.
  var adderBits32: Int
  var adderBitsByType: Int
  var adderBitsByOutput: Int
  var negatedOutputs: Int
  var adderStyle: String
  /// Of the heap style.
  var fullAdders: Int?
  var halfAdders: Int?
  var finalAdderBits: Int?
  /// NAND2 equivalents, estimated: docs/adder-graph.md.
  var estimatedGates: Int
  var seconds = 0.0
  /// Of the check that the graph is the matrix.
  var proofSeconds = 0.0
  /// The process's largest resident set when the graph was found.
  var peakMemoryBytes = 0
  /// What limits of depth cost.
  var depths: [Depth]?

  struct Depth: Encodable {
    var limit: Int
    var adders: Int
    var depth: Int
  }

  init(
    _ matrix: ConstantMatrix, _ graphs: [AdderGraph], separateOutputs: Bool, style: AdderStyle,
    finalAdder: BitHeap.FinalAdder
  ) {
    inputs = matrix.inputs
    outputs = matrix.outputs
    weights = matrix.values.count
    zeros = matrix.zeroCount
    unsharedAdders = matrix.unsharedAdderCount
    adders = graphs.reduce(0) { $0 + $1.adderCount }
    addersPerWeight = Double(adders) / Double(weights)
    if separateOutputs {
      floor = (0..<matrix.outputs).reduce(0) { $0 + AdderGraph.adderFloor(matrix.column($1)) }
    }
    minimumDepth = AdderGraph.minimumDepth(matrix)
    depth = graphs.map(\.depth).max() ?? 0
    let range = [ClosedRange<Int>](repeating: AddersCommand.inputRange, count: matrix.inputs)
    let bits = graphs.map { $0.adderBitTotals(inputs: range) }
    adderBits = bits.reduce(0) { $0 + $1.proved }
    adderBits32 = bits.reduce(0) { $0 + $1.words }
    adderBitsByType = bits.reduce(0) { $0 + $1.byType }
    adderBitsByOutput = bits.reduce(0) { $0 + $1.byOutput }
    negatedOutputs = graphs.reduce(0) { $0 + $1.outputs.count { $0?.isNegated ?? false } }
    adderStyle = style.rawValue
    switch style {
    case .words: estimatedGates = adderBits * AdderGraph.gatesPerAdderBit
    case .heap:
      let heaps = graphs.map { $0.bitHeap(inputs: range, finalAdder: finalAdder) }
      fullAdders = heaps.reduce(0) { $0 + $1.fullAdderCount }
      halfAdders = heaps.reduce(0) { $0 + $1.halfAdderCount }
      finalAdderBits = heaps.reduce(0) { $0 + $1.finalAdderBits }
      estimatedGates = heaps.reduce(0) { $0 + $1.estimatedGates }
    }
  }

  var text: String {
    var rows =
      [
        ["matrix", "\(inputs) x \(outputs)"],
        ["weights", grouped(weights)],
        ["zeros", grouped(zeros)],
        ["adders unshared", grouped(unsharedAdders)],
        ["adders", grouped(adders)],
      ]
    if let floor { rows.append(["floor of any adders", grouped(floor)]) }
    rows +=
      [
        ["adders a weight", decimals(addersPerWeight, 3)],
        ["depth", "\(depth)"],
        ["fewest levels", "\(minimumDepth)"],
        ["adder bits", grouped(adderBits)],
        ["with 32 bits an adder", grouped(adderBits32)],
        ["widths of operands alone", grouped(adderBitsByType)],
        ["as wide as the output", grouped(adderBitsByOutput)],
        ["negated outputs", grouped(negatedOutputs)],
        ["full adders", fullAdders.map(grouped) ?? ""],
        ["half adders", halfAdders.map(grouped) ?? ""],
        ["bits of final adders", finalAdderBits.map(grouped) ?? ""],
        ["gates, estimated", grouped(estimatedGates)],
        ["seconds", decimals(seconds, 3)],
        ["seconds of proof", decimals(proofSeconds, 3)],
        ["peak memory", "\(peakMemoryBytes >> 20) MiB"],
      ]
    for cost in depths ?? [] {
      rows.append(["adders in \(cost.limit) levels", grouped(cost.adders)])
    }
    return table(rows.filter { $0[1] != "" }, left: [0])
  }

  private func decimals(_ value: Double, _ count: Int) -> String {
    let unit = (0..<count).reduce(1) { unit, _ in unit * 10 }
    let scaled = Int((value * Double(unit)).rounded())
    let fraction = String(scaled % unit)
    return "\(scaled / unit)." + String(repeating: "0", count: count - fraction.count) + fraction
  }
}
