import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL
import Simulation
import TensorFiles

/// Where the tests find models and images.
enum Example {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The folder of real networks beside the repository; nil on a machine without it.
  static let shared: URL? = [
    ProcessInfo.processInfo.environment["DEEPFREEZE_SHARED"].map { URL(filePath: $0) },
    root.deletingLastPathComponent().appending(path: "shared"),
  ].compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0.path + "/models") }

  /// The example network that the repository carries.
  static let model = root.appending(path: "models/fashion_mnist_int8.tflite").path

  /// Its ten images, by class.
  static let images =
    (try? FileManager.default.contentsOfDirectory(
      atPath: root.appending(path: "models/images").path))!.sorted()
    .map { root.appending(path: "models/images/\($0)").path }

  /// Emits the first `fixedLayers` convolutions of a model (all that hardware has when nil) into
  /// `path`.
  static func emit(
    _ model: String, fixedLayers: Int?, imageSize: ImageSize? = nil, to path: String
  ) throws(Diagnostics) -> EmittedFolder {
    let graph = try quantizedGraph(
      from: ModelFile(path: model).imported(imageSize: imageSize),
      options: QuantizationOptions(imageSize: imageSize))
    let design = try Freeze.design(graph, options: FreezeOptions(fixedLayers: fixedLayers))
    try FolderWriter.write(
      design.emittedFiles(network: NetworkFile(graph: graph)), to: path, force: true)
    return try EmittedFolder(path: path)
  }

  /// Images as the design's frames.
  static func frames(
    _ paths: [String], for folder: EmittedFolder, resize: Bool = false
  ) throws(Diagnostics) -> [IntegerTensor] {
    var frames: [IntegerTensor] = []
    for path in paths {
      frames.append(
        try loadInput(path, for: folder.network.graph.nodes[0].type, resize: resize))
    }
    return frames
  }
}
