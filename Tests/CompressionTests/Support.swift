import Foundation
import GraphPasses
import ModelImport
import NeuralGraph

/// A path in the folder of the example network.
func example(_ name: String) -> String {
  URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "models").appending(path: name).path
}

/// The example network in integers.
func quantizedExample() throws -> QuantizedGraph {
  try quantizedGraph(from: importModel(path: example("fashion_mnist_int8.tflite")))
}

/// The example network in real numbers.
func floatExample() throws -> Graph {
  guard case .float(let graph) = try importModel(path: example("fashion_mnist_float.pb")) else {
    throw Diagnostic("the float example holds integers")
  }
  return graph
}

/// Runs `body` with the path of a new folder, which is removed afterwards.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(
    path: "compression-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

/// Writes grey images of these names and sizes.
func writeImages(to folder: String, _ images: [(name: String, width: Int, height: Int)]) throws {
  for (name, width, height) in images {
    let samples = (0..<width * height).map { UInt8(($0 * 37) & 255) }
    try writeFile(Array("P5 \(width) \(height) 255\n".utf8) + samples, to: folder + "/" + name)
  }
}
