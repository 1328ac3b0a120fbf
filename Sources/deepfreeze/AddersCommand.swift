import AdderGraph
import ArgumentParser
import NeuralGraph
import TensorFiles

/// `deepfreeze adders`: the constant matrix-vector optimiser alone.
struct AddersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adders",
    abstract: "Multiplies a vector by a constant integer matrix in as few adders as it can.")

  @Argument(help: "A .npy file of integers, inputs x outputs.")
  var matrix: String

  @OptionGroup var output: OutputOptions

  @Option(help: "0 greedy sharing, 1 tenths of a second of search, 2 seconds, 3 minutes.")
  var effort = 0

  @Flag(help: "Share nothing between outputs: the filters of a depthwise layer.")
  var separateOutputs = false

  func validate() throws {
    if AdderGraph.Effort(rawValue: effort) == nil {
      throw ValidationError("--effort takes 0, 1, 2 or 3")
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      let matrix: ConstantMatrix
      do throws(Diagnostics) {
        matrix = try Self.matrix(NPYArray(npy: readFile(self.matrix)))
      } catch {
        throw error.inFile(self.matrix)
      }
      let options = AdderGraph.Options(effort: AdderGraph.Effort(rawValue: effort)!)
      let clock = ContinuousClock()
      let start = clock.now
      let graphs =
        separateOutputs
        ? AdderGraph.optimiseColumns(matrix, options: options)
        : [AdderGraph.optimise(matrix, options: options)]
      let seconds = clock.now - start
      let problems = graphs.enumerated().flatMap { column, graph in
        graph.verify(equals: separateOutputs ? matrix.columnMatrix(column) : matrix)
      }
      precondition(problems.isEmpty, "an optimised graph equals its matrix: \(problems)")
      let result = AddersResult(matrix, graphs, seconds: seconds / .seconds(1))
      if output.json { printJSON(result) } else { print(result.text) }
    }
  }

  /// Weights past 32 bits and more weights than this are refused.
  private static let weightLimit = 1 << 22

  private static func matrix(_ array: NPYArray) throws(Diagnostics) -> ConstantMatrix {
    guard array.shape.count == 2 else {
      throw Diagnostics(
        Diagnostic(
          "the array has \(array.shape.count) dimensions; a matrix has 2",
          remedy: "save it as inputs x outputs"))
    }
    guard !array.shape.contains(0) else {
      throw Diagnostics(Diagnostic("the matrix of \(array.shape) is empty"))
    }
    guard array.count <= weightLimit else {
      throw Diagnostics(
        Diagnostic("the matrix has \(array.count) weights; at most \(weightLimit) are taken"))
    }
    let values = try array.integers()
    if let place = values.firstIndex(where: { Int32(exactly: $0) == nil }) {
      throw Diagnostics(
        Diagnostic("weight \(place) is \(values[place]), which does not fit 32 bits"))
    }
    return ConstantMatrix(inputs: array.shape[0], outputs: array.shape[1], values: values)
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
  var depth: Int
  /// For inputs 0 ... 255.
  var adderBits: Int
  var negatedOutputs: Int
  var seconds: Double

  init(_ matrix: ConstantMatrix, _ graphs: [AdderGraph], seconds: Double) {
    inputs = matrix.inputs
    outputs = matrix.outputs
    weights = matrix.values.count
    zeros = matrix.zeroCount
    unsharedAdders = matrix.unsharedAdderCount
    adders = graphs.reduce(0) { $0 + $1.adderCount }
    addersPerWeight = Double(adders) / Double(weights)
    depth = graphs.map(\.depth).max() ?? 0
    let range = [ClosedRange<Int>](repeating: 0...255, count: matrix.inputs)
    adderBits = graphs.reduce(0) { $0 + $1.adderBits(inputs: range) }
    negatedOutputs = graphs.reduce(0) { $0 + $1.outputs.count { $0?.isNegated ?? false } }
    self.seconds = seconds
  }

  var text: String {
    table(
      [
        ["matrix", "\(inputs) x \(outputs)"],
        ["weights", grouped(weights)],
        ["zeros", grouped(zeros)],
        ["adders unshared", grouped(unsharedAdders)],
        ["adders", grouped(adders)],
        ["adders a weight", decimals(addersPerWeight, 3)],
        ["depth", "\(depth)"],
        ["adder bits", grouped(adderBits)],
        ["negated outputs", grouped(negatedOutputs)],
        ["seconds", decimals(seconds, 3)],
      ], left: [0])
  }

  private func decimals(_ value: Double, _ count: Int) -> String {
    let unit = (0..<count).reduce(1) { unit, _ in unit * 10 }
    let scaled = Int((value * Double(unit)).rounded())
    let fraction = String(scaled % unit)
    return "\(scaled / unit)." + String(repeating: "0", count: count - fraction.count) + fraction
  }
}
