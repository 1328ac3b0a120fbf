import ArgumentParser
import Compression
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles

/// How many images compression takes of what it is given, and what accuracy is measured on.
struct ImageOptions: ParsableArguments {
  @Option(help: "How many of the calibration images to take, evenly spaced.")
  var calibrationImages: Int = 256

  @Flag(help: "Scale images to the network's input size (bilinear, equal to Pillow's).")
  var resize = false

  @Option(
    name: .customLong("validate"),
    help: "Images that accuracy is measured on: a folder or an IDX file, gzipped or not.")
  var validationSet: String?

  @Option(help: "How many of those to take, evenly spaced.")
  var validationImages: Int = 2000

  @Option(help: "Their classes; without them agreement with the model counts, not top-1.")
  var labels: String?

  @Option(help: "Threads; one a core unless given. The results do not depend on it.")
  var threads: Int = Interpreter.defaultThreads

  func validate() throws {
    if calibrationImages < 1 { throw ValidationError("--calibration-images takes a number from 1") }
    if validationImages < 1 { throw ValidationError("--validation-images takes a number from 1") }
    if !(1...1024).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 1024")
    }
    if labels != nil && validationSet == nil {
      throw ValidationError("--labels are of --validate's images")
    }
  }

  /// The samples, 0 to 255, of the images to calibrate with in a folder or IDX file.
  func samples(of calibrate: String, for shape: TensorShape) throws(Diagnostics) -> [[UInt8]] {
    try ImageSet(path: calibrate).spread(shape: shape, resize: resize, limit: calibrationImages)
  }

  /// What accuracy is measured by on the images of `path`, against this classifier.
  func validation(on path: String, reference: Classifier) throws(Diagnostics) -> Validation {
    let images = try ImageSet(path: path)
    var classes: [Int]?
    if let labels {
      classes = try readClassLabels(labels, for: images, classes: reference.classes)
    }
    return try Validation(
      images: images, labels: classes, reference: reference, limit: validationImages,
      resize: resize, threads: threads)
  }
}

/// The images of commands that cannot do without.
struct CalibrationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Typical images: a folder (PNG, PPM, PGM, BMP) or an IDX file, gzipped or not. Accuracy is "
        + "measured on them unless --validate is given.",
      valueName: "dir"))
  var calibrate: String

  @OptionGroup var images: ImageOptions

  var threads: Int { images.threads }
  var labels: String? { images.labels }

  /// The calibration images' samples, 0 to 255.
  func samples(for shape: TensorShape) throws(Diagnostics) -> [[UInt8]] {
    try images.samples(of: calibrate, for: shape)
  }

  /// What a budget is kept on, against this classifier.
  func validation(reference: Classifier) throws(Diagnostics) -> Validation {
    try images.validation(on: images.validationSet ?? calibrate, reference: reference)
  }
}

/// What a sweep tries.
struct SweepOptions: ParsableArguments {
  @Option(help: "Weight bits to try on a float model, 2 to 8, with commas between.")
  var weightBits: NumberList?

  @Option(help: "Percents of the adders that digit pruning is to save, with commas between.")
  var save: NumberList?

  func validate() throws {
    let bits = QuantizationSettings.Bits.weightRange.map(Double.init)
    if let weightBits, !weightBits.values.allSatisfy(bits.contains) {
      throw ValidationError("--weight-bits takes whole numbers from 2 to 8")
    }
    if let save, !save.values.allSatisfy({ (0..<100).contains($0) }) {
      throw ValidationError("--save takes numbers from 0 to below 100")
    }
  }

  /// The sweep that they mean; `bits` and `saved` where they say nothing.
  func sweep(
    bits: Set<Int>, saved: Set<Double>, fixedLayers: FixedLayers, threads: Int
  ) -> Sweep {
    Sweep(
      weightBits: weightBits.map { Set($0.values.map { Int($0) }) } ?? bits,
      saved: save.map { Set($0.values) } ?? saved, fixedLayers: fixedLayers.count,
      threads: threads)
  }
}

/// Numbers with commas between.
struct NumberList: ExpressibleByArgument {
  var values: [Double]

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map {
      Double($0)
    }
    guard !numbers.contains(nil) else { return nil }
    values = numbers.map { $0! }
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
