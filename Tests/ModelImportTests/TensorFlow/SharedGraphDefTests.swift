import GraphPasses
import ModelImport
import NeuralGraph
import Testing

@Suite("Google's frozen graphs", .enabled(if: SharedFolder.isPresent))
struct SharedGraphDefTests {
  private func model(_ file: String) throws -> ImportedModel {
    try importModel(path: try #require(SharedFolder.path) + "/models/" + file)
  }

  private func floatGraph(_ file: String) throws -> Graph {
    guard case .float(let graph) = try model(file) else {
      throw Diagnostic("\(file) holds no float graph")
    }
    return graph
  }

  @Test(
    "MobileNetV1-0.25-224 is 28 convolutions from 1x224x224x3 to 1,001 classes",
    arguments: ["mobilenet_v1_0.25_224_float_frozen.pb", "mobilenet_v1_0.25_224_quant_frozen.pb"])
  func mobileNet(file: String) throws {
    let graph = try floatGraph(file)
    let convolutions = graph.nodes.filter {
      if case .convolution = $0.operation { true } else { false }
    }
    #expect(convolutions.count == 28)
    #expect(graph.inputs.map { graph[$0].shape } == [TensorShape([1, 224, 224, 3])])
    #expect(graph.outputs.map { graph[$0].shape } == [TensorShape([1, 1001])])
    #expect(graph.outputs.map { graph[$0].name } == ["MobilenetV1/Predictions/Reshape_1"])
  }

  @Test("The fake-quantized graph is, integer for integer, the network of the .tflite")
  func equalsTFLite() throws {
    let fromGraphDef = try quantizedGraph(
      from: try model("mobilenet_v1_0.25_224_quant_frozen.pb"))
    let fromTFLite = try quantizedGraph(from: try model("mobilenet_v1_0.25_224_quant.tflite"))
    #expect(fromGraphDef.nodes.count == fromTFLite.nodes.count)
    var (weights, biases) = (0, 0)
    for (ours, theirs) in zip(fromGraphDef.nodes, fromTFLite.nodes) {
      #expect(ours.name == theirs.name)
      #expect(ours.type == theirs.type, "\(ours.name)")
      #expect(ours.operands == theirs.operands, "\(ours.name)")
      // Compared apart from the expectation: its message would print every weight.
      let isSame = ours.operation == theirs.operation
      #expect(isSame, "\(ours.name)")
      if case .convolution(let convolution) = ours.operation {
        weights += convolution.weights.count
        biases += convolution.bias.count
      }
    }
    #expect(fromGraphDef.outputs == fromTFLite.outputs)
    #expect(weights == 463_856)
    #expect(biases == 3_737)
  }
}
