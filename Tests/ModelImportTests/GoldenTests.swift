import Foundation
import ModelImport
import NeuralGraph
import TensorFiles
import Testing

/// A record of what LiteRT's reference kernels computed, operator by operator.
struct Golden: Decodable {
  struct Operator: Decodable {
    var op: Int
    var kind: String
    var tensor: String
    var shape: [Int]
    var dtype: String
    var sha256: String
  }
  struct Run: Decodable {
    var image: String
    var inputDigest: String
    var ops: [Operator]

    enum CodingKeys: String, CodingKey {
      case image, ops
      case inputDigest = "input_sha256"
    }
  }
  var model: String
  var runs: [Run]

  static func load(_ path: String) throws -> Golden {
    try JSONDecoder().decode(Golden.self, from: Data(readFile(path)))
  }
}

@Suite("The reference interpreter equals LiteRT's reference kernels")
struct GoldenTests {
  static let names = [
    "mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.25_224_quant", "mobilenet_v1_0.5_160_quant",
    "mobilenet_v1_1.0_224_quant_embedding_extractor", "pretrainedResnet_quant", "vww_96_int8",
  ]

  @Test(
    "at every operator of every recorded image", .enabled(if: SharedFolder.isPresent),
    arguments: names)
  func everyOperator(name: String) throws {
    let shared = try #require(SharedFolder.path)
    let golden = try Golden.load("\(shared)/golden/\(name).json")
    let graph = try importTFLite(readFile("\(shared)/models/\(golden.model)"), name: name)
    let interpreter = try Interpreter(graph)
    for run in golden.runs {
      let stem = run.image.prefix { $0 != "." }
      let array = try NPYArray(npy: readFile("\(shared)/golden/inputs/\(name).\(stem).npy"))
      let type = graph.nodes[0].type
      let input = IntegerTensor(shape: type.shape, element: type.element, bytes: array.bytes)
      #expect(input.sha256 == run.inputDigest)
      let values = try interpreter.evaluate(input)
      #expect(values.count == run.ops.count + 1)
      for (value, recorded) in zip(values.dropFirst(), run.ops) {
        #expect(value.sha256 == recorded.sha256, "\(run.image) \(recorded.op) \(recorded.tensor)")
        #expect(value.shape.dimensions == recorded.shape)
        #expect(graph.nodes[recorded.op + 1].name == recorded.tensor)
      }
    }
  }

  /// An operator computed by LiteRT: `Recorded/one_operator_models.py` made it.
  struct OneOperator: Decodable, CustomTestStringConvertible {
    var kind: String
    var model: Data
    var input: Data
    var output: Data
    var testDescription: String { kind }

    static func load() throws -> [OneOperator] {
      let folder = URL(filePath: #filePath).deletingLastPathComponent()
      let file = folder.appending(path: "Recorded/one_operator_models.json")
      return try JSONDecoder().decode([OneOperator].self, from: Data(contentsOf: file))
    }
  }

  @Test("on random models of one operator, of every kind")
  func oneOperator() throws {
    let recorded = try OneOperator.load()
    #expect(Set(recorded.map(\.kind)).count == 28)
    for (index, entry) in recorded.enumerated() {
      let graph = try importTFLite(Array(entry.model), name: entry.kind)
      let type = graph.nodes[0].type
      let input = IntegerTensor(
        shape: type.shape, element: type.element, bytes: Array(entry.input))
      let output = try Interpreter(graph).outputs(for: input)[0]
      #expect(output.bytes == Array(entry.output), "\(entry.kind) number \(index)")
    }
  }

  @Test(
    "and tflite-micro's published answers of person_detect, whose images hold int8 bytes",
    .enabled(if: SharedFolder.isPresent),
    arguments: [("person", [-113, 113]), ("no_person", [57, -57])])
  func personDetect(image: String, answer: [Int]) throws {
    let shared = try #require(SharedFolder.path)
    let graph = try importTFLite(
      readFile("\(shared)/models/person_detect.tflite"), name: "person_detect")
    let input = try loadInput(
      "\(shared)/images/\(image).bmp", for: graph.nodes[0].type, rawBytes: true)
    #expect(try Interpreter(graph).outputs(for: input)[0].codes == answer)
  }

  @Test("and the class of a photograph is right", .enabled(if: SharedFolder.isPresent))
  func egyptianCat() throws {
    let shared = try #require(SharedFolder.path)
    let graph = try importTFLite(
      readFile("\(shared)/models/mobilenet_v1_0.25_224_quant.tflite"), name: "mobilenet")
    let input = try loadInput(
      "\(shared)/images/cat.bmp", for: graph.nodes[0].type, resize: true)
    let (run, outputs) = try Interpreter(graph).trace(input, image: "cat.bmp")
    #expect(outputs[0].ranking(1) == [286])
    #expect(run.top5.first == [286, outputs[0][286]])
    #expect(run.operators.count == 31)
  }

  @Test(
    "Models of other kinds are read too", .enabled(if: SharedFolder.isPresent),
    arguments: ["kws_ref_model", "mobilenet_v1_1.0_224_quant_head_layers"])
  func otherModels(name: String) throws {
    let shared = try #require(SharedFolder.path)
    let graph = try importTFLite(readFile("\(shared)/models/\(name).tflite"), name: name)
    #expect(graph.verify().isEmpty)
  }
}
