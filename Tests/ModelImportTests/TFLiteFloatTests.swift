import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles
import Testing

@Suite("TFLite models of real numbers")
struct TFLiteFloatTests {
  /// A network computed by LiteRT: `Recorded/tflite_float_models.py` made it.
  struct Recorded: Decodable {
    var kind: String
    var model: Data
    var input: Data
    var output: Data

    static func load() throws -> [Recorded] {
      let folder = URL(filePath: #filePath).deletingLastPathComponent()
      let file = folder.appending(path: "Recorded/tflite_float_models.json")
      return try JSONDecoder().decode([Recorded].self, from: Data(contentsOf: file))
    }
  }

  static func floats(_ data: Data) -> [Float] {
    Array(data).withUnsafeBytes { bytes in
      (0..<data.count / 4).map {
        Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
  }

  static func graph(_ bytes: [UInt8], name: String = "float") throws -> Graph {
    guard case .float(let graph) = try importTFLiteModel(bytes, name: name) else {
      throw Diagnostic("the model came in as a quantized one")
    }
    return graph
  }

  @Test("give what LiteRT computes, up to the order of sums, also with float16 and 8-bit weights")
  func recorded() throws {
    let recorded = try Recorded.load()
    #expect(recorded.count == 36)
    for entry in recorded {
      let graph = try Self.graph(Array(entry.model), name: entry.kind)
      let input = FloatTensor(
        shape: graph[graph.inputs[0]].shape, values: Self.floats(entry.input))
      let output = try graph.evaluate([input])[0].values
      let wanted = Self.floats(entry.output)
      #expect(output.count == wanted.count)
      let largest = wanted.map(abs).max() ?? 0
      let error = zip(output, wanted).map { abs($0 - $1) }.max() ?? 0
      #expect(error <= 1e-6 * largest, "\(entry.kind): \(error) of \(largest)")
    }
  }

  @Test("come to integers with calibration, whatever they compute")
  func calibrated() throws {
    for entry in try Recorded.load() {
      let graph = try Self.graph(Array(entry.model), name: entry.kind)
      let shape = graph[graph.inputs[0]].shape
      let image = FloatTensor(
        shape: shape,
        values: (0..<shape.elementCount).map { Float(($0 * 37 + 11) % 256) })
      // Transposed pixels have no integer form, and are refused in words.
      let isMoved = graph.nodes.contains {
        if case .transpose = $0.operation { true } else { false }
      }
      let range = try #require(InputNormalization(low: -3, high: 3))
      let options = QuantizationOptions(calibration: [image], inputNormalization: range)
      if isMoved {
        #expect(throws: Diagnostics.self) {
          try quantizedGraph(from: .float(graph), options: options)
        }
        continue
      }
      let quantized = try quantizedGraph(from: .float(graph), options: options)
      // Codes stand for the numbers that the float network computes, to a few steps.
      let type = quantized.nodes[0].type
      let input = IntegerTensor(
        shape: type.shape, element: type.element, codes: image.values.map { Int($0) - 128 })
      let real = range.normalized(image, .int8)
      let wanted = try graph.evaluate([real])[0].values
      let output = try quantized.evaluate(input)[quantized.outputs[0].index]
      let result = quantized[quantized.outputs[0]].type
      let error = zip(output.codes, wanted).map {
        abs(Float($0 - result.zeroPoint) - $1 / result.scale)
      }
      #expect((error.max() ?? 0) <= 8, "\(entry.kind): \(error.max() ?? 0) steps")
    }
  }

  @Test(
    "of the shared folder come to integers", .enabled(if: SharedFolder.isPresent),
    arguments: [("vww_96_float", 31), ("pretrainedResnet", 16)])
  func shared(name: String, operators: Int) throws {
    let shared = try #require(SharedFolder.path)
    let model = try ModelFile(path: "\(shared)/models/\(name).tflite")
    #expect(try model.listing().entries.count == operators)
    let imported = try model.imported()
    guard case .float(let graph) = imported else {
      Issue.record("not a float network")
      return
    }
    let images = try loadCalibrationImages(
      "\(shared)/images/cat.bmp", shape: graph[graph.inputs[0]].shape, resize: true)
    let quantized = try quantizedGraph(
      from: imported, options: QuantizationOptions(calibration: images))
    #expect(quantized.verify().isEmpty)
  }
}
