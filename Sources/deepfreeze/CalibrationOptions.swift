import ArgumentParser
import Compression
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles

/// The images that compression works with.
struct CalibrationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Typical images: a folder (PNG, PPM, PGM, BMP) or an IDX file, gzipped or not.",
      valueName: "dir"))
  var calibrate: String

  @Option(help: "How many of them to take, evenly spaced.")
  var calibrationImages: Int = 256

  @Flag(help: "Scale images to the network's input size (bilinear, equal to Pillow's).")
  var resize = false

  @Option(
    help: "Images that --budget is kept on: a folder or an IDX file; --calibrate's unless given.")
  var validate: String?

  @Option(help: "How many of those to take, evenly spaced.")
  var validationImages: Int = 2000

  @Option(help: "Their classes; without them agreement with the model counts, not top-1.")
  var labels: String?

  @Option(help: "Threads; one a core unless given. The results do not depend on it.")
  var threads: Int = Interpreter.defaultThreads

  func check() throws {
    if calibrationImages < 1 { throw ValidationError("--calibration-images takes a number from 1") }
    if validationImages < 1 { throw ValidationError("--validation-images takes a number from 1") }
    if !(1...1024).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 1024")
    }
    if labels != nil && validate == nil {
      throw ValidationError("--labels are of --validate's images")
    }
  }

  /// The calibration images' samples, 0 to 255.
  func samples(for shape: TensorShape) throws(Diagnostics) -> [[UInt8]] {
    try ImageSet(path: calibrate).spread(
      shape: shape, resize: resize, limit: calibrationImages)
  }

  /// What a budget is kept on, against this classifier.
  func validation(reference: Classifier) throws(Diagnostics) -> Validation {
    let images = try ImageSet(path: validate ?? calibrate)
    var classes: [Int]?
    if let labels {
      classes = try readClassLabels(labels, for: images, classes: reference.classes)
    }
    return try Validation(
      images: images, labels: classes, reference: reference, limit: validationImages,
      resize: resize, threads: threads)
  }
}

/// The files of a network in integers: `NAME.json`, and `NAME.bin` beside it.
func networkBytes(
  _ graph: QuantizedGraph, from model: ModelFile, name: String
) -> (json: [UInt8], binary: [UInt8]) {
  NetworkFile(graph: graph, origin: model.origin).encode(binaryName: name + ".bin")
}

/// Writes a network in integers as `PATH` (which ends in .json) and the .bin file beside it.
func writeNetwork(
  _ graph: QuantizedGraph, from model: ModelFile, to path: String
) throws(Diagnostics) {
  let stem = String(path.dropLast(".json".count))
  let bytes = networkBytes(graph, from: model, name: stem.lastPathComponent)
  try writeFile(bytes.binary, to: stem + ".bin")
  try writeFile(bytes.json, to: path)
}

/// Throws unless a network can be written to this path.
func checkNetworkPath(_ path: String) throws {
  if !path.hasSuffix(".json") || path.lastPathComponent == ".json" {
    throw ValidationError("--output takes a file that ends in .json; a .bin file goes beside it")
  }
}
