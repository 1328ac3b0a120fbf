import ModelImport
import NeuralGraph
import Testing

@Suite("Google's frozen graphs", .enabled(if: SharedFiles.folder != nil))
struct SharedGraphDefTests {
  @Test(
    "MobileNetV1-0.25-224 is 28 convolutions from 1x224x224x3 to 1,001 classes",
    arguments: ["mobilenet_v1_0.25_224_float_frozen.pb", "mobilenet_v1_0.25_224_quant_frozen.pb"])
  func mobileNet(file: String) throws {
    let graph = try importGraphDef(try SharedFiles.bytes("models/\(file)"), name: file)
    let convolutions = graph.nodes.filter {
      if case .convolution = $0.operation { true } else { false }
    }
    #expect(convolutions.count == 28)
    #expect(graph.inputs.map { graph[$0].shape } == [TensorShape([1, 224, 224, 3])])
    #expect(graph.outputs.map { graph[$0].shape } == [TensorShape([1, 1001])])
    #expect(graph.outputs.map { graph[$0].name } == ["MobilenetV1/Predictions/Reshape_1"])
  }
}
