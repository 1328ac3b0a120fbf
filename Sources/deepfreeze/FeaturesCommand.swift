import ArgumentParser
import Compression
import Foundation
import NeuralGraph
import Simulation
import TensorFiles

/// `deepfreeze features`: what the fixed layers give for many images, to train the rest on.
struct FeaturesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features",
    abstract: "Computes an emitted design's outputs for many images, to train the rest on.",
    discussion: """
      The reference interpreter on the network of the folder: bit for bit what the hardware gives. All
      outputs go into one .npy array, [images, height, width, channels], int8 or uint8.
      """)

  @Argument(help: "The folder that 'deepfreeze emit' has written.")
  var folder: String

  @OptionGroup var output: OutputOptions

  @Option(help: "A folder of images (PNG, PPM, PGM, BMP), or an IDX file, gzipped or not.")
  var images: String

  @Option(name: .customLong("output"), help: "The .npy file to write.")
  var outputFile: String

  @Option(
    help: "A parameter file of the design's adaptive batch norm; trained values unless given.")
  var batchnorm: String?

  @Flag(help: "Scale images to the network's input size (bilinear, equal to Pillow's).")
  var resize = false

  @Option(help: "Threads; one a core unless given. The results do not depend on it.")
  var threads: Int = Interpreter.defaultThreads

  func validate() throws {
    if !(1...1024).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 1024")
    }
  }

  /// Worth knowing before long work.
  private func checkTarget() throws(Diagnostics) {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: outputFile, isDirectory: &isFolder)
    let parent = URL(filePath: outputFile).deletingLastPathComponent().path
    guard exists ? !isFolder.boolValue : FileManager.default.isWritableFile(atPath: parent) else {
      throw Diagnostics(
        Diagnostic(
          exists ? "the output is a folder" : "the output's folder cannot be written",
          file: outputFile, remedy: "give another --output"))
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      try checkTarget()
      let emitted = try EmittedFolder(path: folder)
      var graph = emitted.network.graph
      if let batchnorm, let values = try emitted.batchNormValues([batchnorm]).first,
        let map = emitted.design.registerMap
      {
        graph = values.network(map, graph)
      }
      let value = try emitted.outputValue
      let images = try ImageSet(path: images)
      let progress = Progress()
      let found: NPYArray
      do {
        defer { progress.end() }
        found = try features(of: graph, at: value, images: images, resize: resize, threads: threads)
        {
          progress.step(of: $0, "image")
        }
      }
      try writeFile(found.fileBytes, to: outputFile)
      let node = graph[value]
      if output.json {
        printJSON(
          FeaturesReport(
            shape: found.shape, element: node.type.element, scale: node.type.scale,
            zeroPoint: node.type.zeroPoint, tensor: node.name))
      } else {
        print(
          "\(outputFile): '\(node.name)', \(TensorShape(found.shape)) \(node.type.element.rawValue), "
            + "real = \(node.type.scale) * (code - \(node.type.zeroPoint))")
      }
    }
  }
}

private struct FeaturesReport: Encodable {
  var shape: [Int]
  var element: QuantizedElement
  /// `real = scale * (code - zeroPoint)`.
  var scale: Float
  var zeroPoint: Int
  var tensor: String
}
