import ArgumentParser
import NeuralGraph
import TensorFiles

/// `deepfreeze run`: the reference interpreter on images.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Computes a network in integers, bit for bit as LiteRT's reference kernels.")

  @OptionGroup var model: ModelOptions
  @OptionGroup var output: OutputOptions

  @Option(
    name: .customLong("input"), parsing: .upToNextOption,
    help: "Images (PNG, PPM, PGM, BMP) or the network's input codes (.npy).")
  var inputs: [String]

  @Flag(
    help:
      "Scale images (and --calibrate's) to the network's input size (bilinear, equal to Pillow's).")
  var resize = false

  @Flag(help: "An image's samples are the tensor's bytes, reinterpreted.")
  var rawBytes = false

  @Option(help: "Write every operator's name, shape, type and SHA-256 to this JSON file.")
  var trace: String?

  @Option(
    name: .customLong("output"),
    help: "Write the first output to this .npy file; images after the first are numbered.")
  var outputFile: String?

  @Option(help: "Print this many best classes.")
  var top: Int?

  @Option(help: "A text file with one class name a line, the first for class 0.")
  var labels: String?

  func validate() throws {
    if inputs.isEmpty { throw ValidationError("give --input at least one file") }
    if let top, top < 1 { throw ValidationError("--top takes a number above zero") }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      let loaded = try model.load(resize: resize)
      let interpreter: Interpreter
      do throws(Diagnostics) {
        interpreter = try Interpreter(loaded.graph)
      } catch {
        throw error.inFile(model.model)
      }
      let names = try readLabels(loaded.graph)
      let type = loaded.graph.nodes[0].type
      var trace = Trace(
        model: model.model.lastPathComponent, modelDigest: sha256Hex(loaded.file.bytes))
      var results: [RunResult] = []
      for (number, path) in inputs.enumerated() {
        let input = try loadInput(path, for: type, resize: resize, rawBytes: rawBytes)
        let outputs: [IntegerTensor]
        if self.trace == nil {
          outputs = try interpreter.outputs(for: input)
        } else {
          let traced = try interpreter.trace(
            input, image: path.lastPathComponent, origins: loaded.origins)
          trace.runs.append(traced.run)
          outputs = traced.outputs
        }
        try write(outputs[0], number: number)
        let result = RunResult(
          path, outputs[0], loaded.graph[loaded.graph.outputs[0]], top: top ?? 5, names: names)
        results.append(result)
      }
      if let path = self.trace { try writeFile(StableJSON.encode(trace), to: path) }
      if output.json {
        printJSON(["results": results])
      } else {
        for result in results { print(result.text) }
      }
    }
  }

  /// The class names, as many as the first output has elements; nil without `--labels`.
  private func readLabels(_ graph: QuantizedGraph) throws(Diagnostics) -> [String]? {
    guard let labels else { return nil }
    let text = String(decoding: try readFile(labels), as: UTF8.self)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.last == "\r" ? String($0.dropLast()) : String($0)
    }
    if lines.last == "" { lines.removeLast() }
    let classes = graph[graph.outputs[0]].type.shape.elementCount
    guard lines.count == classes else {
      throw Diagnostics(
        Diagnostic(
          "the file has \(counted(lines.count, "line")); the network has \(counted(classes, "output"))",
          file: labels,
          remedy: "give one line a class"))
    }
    return lines
  }

  /// Writes an image's output to `Y.npy`, or `Y.1.npy`, `Y.2.npy`, … for later images.
  private func write(_ tensor: IntegerTensor, number: Int) throws(Diagnostics) {
    guard let outputFile else { return }
    var path = outputFile
    if number > 0 {
      let stem = path.hasSuffix(".npy") ? String(path.dropLast(4)) : path
      path = "\(stem).\(number).npy"
    }
    try writeFile(NPYArray(tensor).fileBytes, to: path)
  }
}

/// What one image gave, for people and machines.
private struct RunResult: Encodable {
  struct Class: Encodable {
    var index: Int
    var code: Int
    /// `scale * (code - zeroPoint)`.
    var value: Double
    var label: String?
  }
  var image: String
  var output: String
  var shape: [Int]
  var dtype: String
  var sha256: String
  var top: [Class]

  init(
    _ path: String, _ tensor: IntegerTensor, _ node: QuantizedNode, top: Int, names: [String]?
  ) {
    image = path.lastPathComponent
    output = node.name
    shape = tensor.shape.dimensions
    dtype = tensor.element.rawValue
    sha256 = tensor.sha256
    self.top = tensor.ranking(top).map { index in
      Class(
        index: index, code: tensor[index],
        value: Double(node.type.scale) * Double(tensor[index] - node.type.zeroPoint),
        label: names?[index])
    }
  }

  var text: String {
    let heading = ["class", "code", "value", names ? "label" : ""]
    let rows = top.map {
      [String($0.index), String($0.code), rounded($0.value), $0.label ?? ""]
    }
    return "\(image): \(shortened(output)) \(dtype) \(TensorShape(shape)) sha256 \(sha256)\n"
      + table([heading] + rows, left: [3])
  }

  private var names: Bool { top.contains { $0.label != nil } }

  /// Four decimals.
  private func rounded(_ value: Double) -> String {
    let scaled = (abs(value) * 10_000).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let (whole, part) = (Int(scaled) / 10_000, Int(scaled) % 10_000)
    let digits = String(part)
    return (value < 0 ? "-" : "") + "\(whole)." + String(repeating: "0", count: 4 - digits.count)
      + digits
  }
}
