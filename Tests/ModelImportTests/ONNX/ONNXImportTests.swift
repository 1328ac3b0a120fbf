import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import Testing

@Suite("Import of ONNX") struct ONNXImportTests {
  private static let channelsLast: Set<String> = [
    "tf2onnx_channels_last", "tf2onnx_channels_last_flatten",
  ]

  private func computed(_ entry: RecordedONNX.Float) throws -> (ONNXArray, ONNXArray) {
    let graph = try importFloatONNX(Array(entry.model), name: entry.name)
    #expect(graph.verify() == [], "\(entry.name)")
    let input = ONNXArray(shape: entry.inputShape, bytes: entry.input)
    let expected = ONNXArray(shape: entry.outputShape, bytes: entry.output)
    if entry.name == "channels_last_output" {
      let output = try graph.evaluate([input.tensor([0, 2, 3, 1])])[0]
      return (ONNXArray(shape: output.shape.dimensions, values: output.values), expected)
    }
    let output = try graph.outputs(
      for: input, channelsLast: Self.channelsLast.contains(entry.name),
      outputShape: entry.outputShape)
    return (output, expected)
  }

  @Test("Every recorded model computes what ONNX Runtime computed, bit for bit")
  func recorded() throws {
    #expect(RecordedONNX.all.float.count > 35)
    for entry in RecordedONNX.all.float {
      do {
        let (output, expected) = try computed(entry)
        #expect(output == expected, "\(entry.name)")
      } catch {
        Issue.record("\(entry.name): \(error)")
      }
    }
  }

  @Test("Softmax, sigmoid and their kin are ONNX Runtime's but for the rounding of the exponential")
  func softmax() throws {
    for entry in RecordedONNX.all.softmax {
      let (output, expected) = try computed(entry)
      #expect(output.shape == expected.shape, "\(entry.name)")
      for (value, wanted) in zip(output.values, expected.values) {
        #expect(abs(value - wanted) <= max(4 * wanted.ulp, 0x1p-23), "\(entry.name)")
      }
    }
  }

  @Test("What cannot be held is refused with its node and reason")
  func refusals() {
    for entry in RecordedONNX.all.refused {
      do throws(Diagnostics) {
        _ = try importONNX(Array(entry.model), name: entry.name)
        Issue.record("\(entry.name) was imported")
      } catch {
        #expect(
          error.all.contains { $0.message.contains(entry.message) },
          "\(entry.name): \(error)")
      }
    }
  }

  private func model(_ name: String) throws -> [UInt8] {
    let all = RecordedONNX.all
    let found =
      all.float.first { $0.name == name }?.model ?? all.refused.first { $0.name == name }?.model
    return Array(try #require(found))
  }

  @Test("No transpose and no reshape stands between the layers of a model that flattens")
  func noOrderingNodes() throws {
    for name in ["flatten_of_an_image_gemm", "tf2onnx_channels_last", "torch_dynamic_flatten"] {
      let graph = try importFloatONNX(model(name), name: name).canonicalized()
      for node in graph.nodes {
        if case .transpose = node.operation { Issue.record("\(name) has \(node.name)") }
      }
    }
  }

  @Test("An open height and width are those of --image-size")
  func imageSize() throws {
    let graph = try importFloatONNX(
      model("open_size"), name: "test", imageSize: ImageSize(height: 6, width: 5))
    #expect(graph[graph.inputs[0]].shape == TensorShape([1, 6, 5, 3]))
  }

  @Test("The format is told by the content, and listed with shapes as ONNX has them")
  func listing() throws {
    let bytes = try model("batch_normalization_relu6_attributes")
    let file = try ModelFile(path: "model.bin", bytes: bytes)
    #expect(file.format == .onnx)
    let listing = try file.listing()
    #expect(listing.format == "ONNX")
    #expect(listing.input == "float32 1x5x5x3")
    #expect(listing.entries.map(\.kind) == ["Conv", "BatchNormalization", "Clip"])
    #expect(listing.entries[0].outputShape == [1, 4, 3, 3])
    #expect(listing.entries[0].weights == 108)
    #expect(listing.entries[0].multiplyAccumulates == 108 * 9)
    #expect(listing.entries.map(\.convolutionNumber) == [1, nil, nil])
    #expect(listing.diagnostics == [])
  }

  @Test("An unsupported operator is marked with its node, and so is what reads it")
  func unsupported() throws {
    let listing = try listONNX(model("unknown_operator"), name: "test")
    #expect(listing.entries.map(\.isSupported) == [false, false])
    #expect(listing.entries[0].name == "odd")
    #expect(listing.entries[0].reason == "the operator Erf is not supported")
    #expect(listing.diagnostics.count == 1)
    #expect(listing.diagnostics.first?.remedy?.contains("ConstantOfShape, Conv, ") == true)
  }

  @Test("A network comes to integers with calibration")
  func calibration() throws {
    let graph = try importFloatONNX(model("batch_normalization_relu6_attributes"), name: "test")
    let image = FloatTensor(
      shape: graph[graph.inputs[0]].shape, values: (0..<75).map { Float($0 * 3) })
    let quantized = try quantizedGraph(
      from: .float(graph), options: QuantizationOptions(calibration: [image]))
    #expect(quantized.verify() == [])
    // Batch normalization and ReLU6 are part of the convolution.
    #expect(quantized.nodes.count == 2)
  }
}
