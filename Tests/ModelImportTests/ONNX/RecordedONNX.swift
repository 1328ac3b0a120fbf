import Foundation
import ModelImport
import NeuralGraph

/// Small models and what ONNX Runtime computed: `Recorded/onnx_models.py` made them.
struct RecordedONNX: Decodable {
  /// A model of real numbers with an input and its output, both as ONNX orders them.
  struct Float: Decodable {
    var name: String
    var model: Data
    var inputShape: [Int]
    var input: Data
    var outputShape: [Int]
    var output: Data
  }

  /// A quantized model: codes in, codes out, ordered as in ONNX.
  typealias Quantized = Float

  /// A model that must be refused with a message that contains `message`.
  struct Refusal: Decodable {
    var name: String
    var message: String
    var model: Data
  }

  var float: [Float]
  var softmax: [Float]
  var quantized: [Quantized]
  /// Models whose end is left out.
  var cut: [Refusal]
  var refused: [Refusal]

  static let all: RecordedONNX = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = folder.appending(path: "Recorded/onnx_models.json")
    do {
      return try JSONDecoder().decode(RecordedONNX.self, from: Data(contentsOf: file))
    } catch {
      preconditionFailure("\(file.path) cannot be read: \(error)")
    }
  }()
}

/// Numbers as ONNX orders them.
struct ONNXArray: Equatable {
  var shape: [Int]
  var values: [Float]

  init(shape: [Int], values: [Float]) {
    self.shape = shape
    self.values = values
  }

  /// From little-endian binary32.
  init(shape: [Int], bytes: Data) {
    self.shape = shape
    values = bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  /// The dimensions permuted, as a tensor.
  func tensor(_ permutation: [Int]) -> FloatTensor {
    let tensor = FloatTensor(shape: TensorShape(shape), values: values)
    let operation = NeuralGraph.Operation.transpose(permutation: permutation)
    let target = TensorShape(permutation.map { shape[$0] })
    return operation.evaluate([tensor], shape: target)
  }
}

/// The graph of a model of real numbers.
func importFloatONNX(
  _ bytes: [UInt8], name: String, imageSize: ImageSize? = nil
) throws -> Graph {
  guard case .float(let graph) = try importONNX(bytes, name: name, imageSize: imageSize) else {
    throw Diagnostic("the model is quantized")
  }
  return graph
}

extension Graph {
  /// The first output for one input as ONNX orders it; images are brought to NHWC and back where
  /// the graph's shape says so.
  func outputs(
    for input: ONNXArray, channelsLast: Bool, outputShape: [Int]
  ) throws -> ONNXArray {
    let shape = self[inputs[0]].shape
    let isImage = input.shape.count == 4 && !channelsLast
    let tensor = input.tensor(isImage ? [0, 2, 3, 1] : Array(input.shape.indices))
    guard tensor.shape == shape else {
      throw Diagnostic("the graph's input is \(shape) and ONNX's \(input.shape)")
    }
    let result = try evaluate([tensor])[0]
    let array = ONNXArray(shape: result.shape.dimensions, values: result.values)
    guard outputShape.count == 4, array.shape != outputShape || !channelsLast else { return array }
    let back = array.tensor([0, 3, 1, 2])
    return ONNXArray(shape: back.shape.dimensions, values: back.values)
  }
}
