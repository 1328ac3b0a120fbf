import Foundation
import ModelImport
import NeuralGraph
import TensorFiles
import Testing

/// The example network that the repository carries, in `models/`.
private enum Example {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "models").path
  /// File names in `models/images`; the first character is the class.
  static let images = [
    "0_t-shirt-top", "1_trouser", "2_pullover", "3_dress", "4_coat", "5_sandal", "6_shirt",
    "7_sneaker", "8_bag", "9_ankle-boot",
  ]

  static func quantized() throws -> QuantizedGraph {
    try importTFLite(readFile("\(folder)/fashion_mnist_int8.tflite"), name: "fashion_mnist_int8")
  }

  static func float() throws -> Graph {
    try importGraphDef(readFile("\(folder)/fashion_mnist_float.pb"), name: "fashion_mnist_float")
  }

  static func image(_ name: String, for graph: QuantizedGraph) throws -> IntegerTensor {
    try loadInput("\(folder)/images/\(name)", for: graph.nodes[0].type)
  }
}

@Suite("The example network") struct ExampleNetworkTests {
  @Test("The reference interpreter equals LiteRT's reference kernels at every operator")
  func golden() throws {
    let golden = try Golden.load("\(Example.folder)/golden/fashion_mnist_int8.json")
    let graph = try Example.quantized()
    let interpreter = try Interpreter(graph)
    #expect(golden.runs.count == 3)
    for run in golden.runs {
      let input = try Example.image(run.image, for: graph)
      #expect(input.sha256 == run.inputDigest)
      let values = try interpreter.evaluate(input)
      #expect(run.ops.count == 15)
      #expect(values.count == run.ops.count + 1)
      for (value, recorded) in zip(values.dropFirst(), run.ops) {
        #expect(value.sha256 == recorded.sha256, "\(run.image) \(recorded.op) \(recorded.tensor)")
        #expect(value.shape.dimensions == recorded.shape)
        #expect(graph.nodes[recorded.op + 1].name == recorded.tensor)
      }
    }
  }

  @Test("The int8 model names each of the ten images' class")
  func quantizedClasses() throws {
    let graph = try Example.quantized()
    let interpreter = try Interpreter(graph)
    let found = try Example.images.map { name in
      let scores = try interpreter.outputs(for: Example.image("\(name).png", for: graph))[0].codes
      return scores.indices.max { scores[$0] < scores[$1] }
    }
    #expect(found == Array(0..<10))
  }

  @Test("The float graph has 12 convolutions and takes pixels divided by 255 to the right class")
  func floatClasses() throws {
    let graph = try Example.float()
    let convolutions = graph.nodes.filter {
      if case .convolution = $0.operation { true } else { false }
    }
    #expect(convolutions.count == 12)
    #expect(graph.outputs.map { graph[$0].shape } == [TensorShape([1, 10])])
    let shape = graph[try #require(graph.inputs.first)].shape
    #expect(shape == TensorShape([1, 28, 28, 1]))
    let found = try Example.images.map { name in
      let image = try PixelImage(file: readFile("\(Example.folder)/images/\(name).png"))
      let input = FloatTensor(shape: shape, values: image.samples.map { Float($0) / 255 })
      let scores = try graph.evaluate([input])[0].values
      return scores.indices.max { scores[$0] < scores[$1] }
    }
    #expect(found == Array(0..<10))
  }
}
