import BackEnd
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL
import Simulation
import TensorFiles
import Testing

/// The back end's models, as ONNX Runtime computed them.
///
/// ONNX Runtime is not part of the tests. `Recorded/run_back_ends.py` ran every model here on its inputs
/// and compared with the interpreter's outputs; `Recorded/back_ends.json` holds the SHA-256 of those that were equal. A
/// model with other bytes has to be run again:
///
///     DEEPFREEZE_BACK_ENDS=out/back-ends swift test -c release --disable-xctest --filter BackEndTests
///     python3 Tests/BackEndTests/Recorded/run_back_ends.py out/back-ends
@Suite struct BackEndTests {
  /// A network, the value that its features are, and inputs.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var graph: QuantizedGraph
    var features: ValueID
    var inputs: [IntegerTensor]

    var testDescription: String { name }
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func random(_ seed: UInt64, _ shape: FuzzShape, _ arithmetic: FuzzArithmetic)
    -> Case
  {
    let network = RandomNetwork(seed: seed, arithmetic: arithmetic, shape: shape)
    return Case(
      name: "\(arithmetic)-\(shape)-\(seed)", graph: network.graph, features: ValueID(0),
      inputs: network.images(3, seed: seed))
  }

  /// The example network behind `fixedLayers` convolutions, on its ten images.
  private static func example(_ fixedLayers: Int) throws -> Case {
    let path = root.appending(path: "models/fashion_mnist_int8.tflite").path
    let graph = foldPad(try importTFLite(try readFile(path), name: "example"))
    let prefix = try FixedPrefix(graph, fixedLayers: fixedLayers)
    let folder = root.appending(path: "models/images").path
    let inputs = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
      try loadInput(
        folder + "/" + $0, for: graph.nodes[0].type, resize: false, rawBytes: false)
    }
    return Case(
      name: "example-\(fixedLayers)", graph: graph, features: prefix.result, inputs: inputs)
  }

  /// Random models of every operator of TFLite, with the inputs on which LiteRT ran them.
  private static func operators() throws -> [Case] {
    struct Recorded: Decodable {
      var kind: String
      var model: Data
      var input: Data
    }
    let file = root.appending(path: "Tests/ModelImportTests/Recorded/one_operator_models.json")
    let all = try JSONDecoder().decode([Recorded].self, from: Data(contentsOf: file))
    return try all.enumerated().map { index, entry in
      let graph = try importTFLite(Array(entry.model), name: entry.kind)
      let type = graph.nodes[0].type
      return Case(
        name: "\(entry.kind)-\(index)", graph: graph, features: ValueID(0),
        inputs: [
          IntegerTensor(shape: type.shape, element: type.element, bytes: Array(entry.input))
        ])
    }
  }

  /// A mean over all dimensions, and what is computed of that one number, without dimensions.
  private static func number(_ name: String, isExact: Bool) throws -> Case {
    func type(_ scale: Float, _ zero: Int, _ shape: [Int]) -> QuantizedType {
      QuantizedType(shape: TensorShape(shape), element: .int8, scale: scale, zeroPoint: zero)
    }
    func multiplier(_ factors: [Float], _ divisor: Float, count: Int = 1) throws
      -> FixedPointMultiplier
    {
      if isExact {
        return FixedPointMultiplier(
          try #require(ExactMultiplier(factors, dividedBy: divisor, count: count)))
      }
      if count > 1 {
        return try #require(
          FixedPointMultiplier.mean(input: factors[0], output: divisor, count: count))
      }
      return FixedPointMultiplier(real: Double(factors.reduce(1, *) / divisor))
    }
    let range = -128...127
    var graph = QuantizedGraph(name: name)
    let shape = [1, 3, 4, 2]
    let input = graph.append(
      QuantizedNode(name: "map", operation: .input, operands: [], type: type(0.05, -7, shape)))
    let mean = graph.append(
      QuantizedNode(
        name: "mean",
        operation: .mean(
          QuantizedMean(
            axes: [0, 1, 2, 3], requantization: try multiplier([0.05], 0.003, count: 24),
            clamp: range)),
        operands: [input], type: type(0.003, 5, [])))
    let scaled = graph.append(
      QuantizedNode(
        name: "scaled",
        operation: .rescale(
          QuantizedRescale(requantization: try multiplier([0.003], 0.004), clamp: range)),
        operands: [mean], type: type(0.004, 2, [])))
    let add =
      isExact
      ? QuantizedAdd(exactFirst: 0.003, second: 0.004, output: 0.006, clamp: range)
      : QuantizedAdd(first: 0.003, second: 0.004, output: 0.006, clamp: range)
    let sum = graph.append(
      QuantizedNode(
        name: "sum", operation: .add(try #require(add)), operands: [mean, scaled],
        type: type(0.006, -4, [])))
    let product = graph.append(
      QuantizedNode(
        name: "product",
        operation: .multiply(
          QuantizedMultiply(requantization: try multiplier([0.006, 0.003], 0.002), clamp: range)),
        operands: [sum, mean], type: type(0.002, 9, [])))
    graph.outputs = [product, sum]
    for problem in graph.verify() { throw problem }
    let inputs = (1...6).map { factor in
      IntegerTensor(
        shape: TensorShape(shape), element: .int8, codes: (0..<24).map { factor * $0 - 70 })
    }
    return Case(name: name, graph: graph, features: input, inputs: inputs)
  }

  static let all: [Case] = {
    var cases = (1...12).map { random($0, .chain, .tflite) }
    cases += (1...12).map { random($0, .branches, .tflite) }
    cases += (1...4).map { random($0, .branches, .onnx) }
    // Max pools whose pads have a code.
    cases += (1...80).map { random($0, .mixed, .tflite) }.filter {
      $0.graph.nodes.contains {
        if case .maxPool(let pool) = $0.operation { pool.padCode != nil } else { false }
      }
    }
    cases += (try? operators()) ?? []
    cases += (try? [number("number", isExact: false), number("number-onnx", isExact: true)]) ?? []
    for layers in [1, 4, 11] { if let found = try? example(layers) { cases.append(found) } }
    return cases
  }()

  private static let recorded: [String: String] = {
    let file = root.appending(path: "Tests/BackEndTests/Recorded/back_ends.json")
    return (try? JSONDecoder().decode([String: String].self, from: Data(contentsOf: file))) ?? [:]
  }()

  @Test("a model is the one that ONNX Runtime computed as the interpreter does", arguments: all)
  func recorded(_ example: Case) throws {
    let model = try #require(try BackEnd.onnx(example.graph, after: example.features))
    if let folder = ProcessInfo.processInfo.environment["DEEPFREEZE_BACK_ENDS"] {
      try write(example, model, to: folder)
    } else {
      #expect(Self.recorded[example.name] == sha256Hex(model), "run it again, as said above")
    }
  }

  /// The model, and for every input the features and the outputs as raw bytes.
  private func write(_ example: Case, _ model: [UInt8], to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let base = folder + "/" + example.name
    try writeFile(model, to: base + ".onnx")
    let interpreter = try Interpreter(example.graph)
    var features: [UInt8] = []
    var outputs: [UInt8] = []
    for input in example.inputs {
      let values = try interpreter.evaluate(input)
      features += values[example.features.index].bytes
      for id in example.graph.outputs { outputs += values[id.index].bytes }
    }
    try writeFile(features, to: base + ".features")
    try writeFile(outputs, to: base + ".outputs")
  }

  @Test("every example is there") func complete() {
    #expect(Self.all.count == 177 && Set(Self.all.map(\.name)).count == 177)
  }

  @Test("outputs have different names, whatever the network calls them") func names() throws {
    var graph = QuantizedGraph(name: "names")
    let type = QuantizedType(
      shape: TensorShape(height: 1, width: 1, channels: 2), element: .uint8, scale: 1, zeroPoint: 0)
    let input = graph.append(
      QuantizedNode(name: "x", operation: .input, operands: [], type: type))
    let outputs = ["output2", "features"].map { name in
      graph.append(
        QuantizedNode(
          name: name,
          operation: .rescale(
            QuantizedRescale(
              requantization: FixedPointMultiplier(real: 0.5), clamp: 0...255)),
          operands: [input], type: type))
    }
    graph.outputs = outputs + [outputs[0]]
    let model = try #require(try BackEnd.onnx(graph, after: input))
    let text = String(decoding: model, as: UTF8.self)
    for name in ["output2", "output3", "output4"] { #expect(text.contains(name)) }
  }

  @Test("nothing remains behind the last value") func nothing() throws {
    let graph = try #require(Self.all.first).graph
    #expect(try BackEnd.onnx(graph, after: graph.outputs[0]) == nil)
  }

  @Test("what reads a value before the features is refused by name") func before() throws {
    let example = try #require(
      Self.all.first { example in
        example.graph.values.contains { id in
          if case .add = example.graph[id].operation { true } else { false }
        }
      })
    let sum = try #require(
      example.graph.values.first { id in
        if case .add = example.graph[id].operation { true } else { false }
      })
    let features = try #require(example.graph[sum].operands.max())
    #expect {
      _ = try BackEnd.onnx(example.graph, after: features)
    } throws: {
      "\($0)".contains("which lies before it")
    }
  }
}
