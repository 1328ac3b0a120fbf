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
}
