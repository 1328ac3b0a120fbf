import ArgumentParser
import Compression
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles

/// `deepfreeze evaluate`: accuracy of models side by side.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measures classifiers on labelled images: top-1, top-5, agreement with a reference.",
    discussion: """
      Float models are computed in binary32, all others in integers, bit for bit as the hardware.
      """)

  @Argument(
    help: "Models: .tflite, frozen graphs (.pb), .onnx, networks of quantize and prune (.json).")
  var models: [String]

  @OptionGroup var output: OutputOptions

  @Option(help: "A folder of images (PNG, PPM, PGM, BMP), or an IDX file, gzipped or not.")
  var images: String

  @Option(
    help:
      "The images' classes: an IDX file, or text with one class a line or an image's name and class."
  )
  var labels: String?

  @Option(help: "The model whose best classes the others are compared with.")
  var reference: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "A float model's input for pixels 0 and 255; -1,0.9921875 if the file does not say.",
      valueName: "low,high"))
  var inputRange: InputNormalization?

  @Flag(help: "Scale images to each network's input size (bilinear, equal to Pillow's).")
  var resize = false

  @Option(help: "Threads; one a core unless given. The results do not depend on it.")
  var threads: Int = Interpreter.defaultThreads

  func validate() throws {
    if models.isEmpty { throw ValidationError("give at least one model") }
    if labels == nil && reference == nil {
      throw ValidationError("give --labels, --reference or both: there is nothing to compare with")
    }
    if !(1...1024).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 1024")
    }
  }

  func run() async throws {
    try await reportingDiagnostics(output) {
      let images = try ImageSet(path: images)
      var paths = models
      if let reference, !paths.contains(reference) { paths.insert(reference, at: 0) }
      let classifiers = try classifiers(paths)
      let classes = classifiers.map(\.classes)
      if let other = classes.firstIndex(where: { $0 != classes[0] }) {
        throw Diagnostic(
          "the network has \(classes[other]) classes, and \(classifiers[0].name) has \(classes[0])",
          file: paths[other], remedy: "evaluate models of the same classes together")
      }
      let truth: [Int]? =
        if let labels {
          try readClassLabels(labels, for: images, classes: classes[0])
        } else {
          nil
        }
      let clock = ContinuousClock()
      let start = clock.now
      let progress = Progress()
      let results: [Evaluation]
      do {
        defer { progress.end() }
        results = try evaluate(
          classifiers, images: images, labels: truth,
          reference: reference.map { paths.firstIndex(of: $0)! }, resize: resize,
          threads: threads
        ) { progress.step(of: $0, "image") }
      }
      let seconds = (clock.now - start) / .seconds(1)
      let rate = Int(Double(images.count * classifiers.count) / max(seconds, 1e-9))
      printToStandardError(
        "\(grouped(rate)) images a second and model on \(counted(threads, "thread"))")
      if output.json {
        printJSON(["evaluations": results])
      } else {
        print(text(results))
      }
    }
  }

  private func classifiers(_ paths: [String]) throws(Diagnostics) -> [Classifier] {
    var problems: [Diagnostic] = []
    var classifiers: [Classifier] = []
    for path in paths {
      do throws(Diagnostics) {
        classifiers.append(try classifier(path))
      } catch {
        problems += error.inFile(path).all
      }
    }
    guard problems.isEmpty else { throw Diagnostics(problems) }
    return classifiers
  }

  private func classifier(_ path: String) throws(Diagnostics) -> Classifier {
    let note = { (diagnostic: Diagnostic) in
      printToStandardError(Diagnostics(diagnostic).inFile(path).description)
    }
    let imported = try ModelFile(path: path).imported(note: note)
    if case .float(let graph) = imported, !graph.isFakeQuantized {
      let (input, isAssumed) = try graph.pixelNormalization(stated: inputRange)
      if isAssumed { note(assumedInput(input)) }
      return try Classifier(graph, input: input, name: path.lastPathComponent)
    }
    let options = QuantizationOptions(inputNormalization: inputRange)
    return try Classifier(
      quantizedGraph(from: imported, options: options, note: note), name: path.lastPathComponent)
  }

  private func text(_ results: [Evaluation]) -> String {
    var rows = [
      [
        "model", "arithmetic", "images", labels == nil ? "" : "top-1", labels == nil ? "" : "top-5",
        reference == nil ? "" : "agreement",
      ]
    ]
    for result in results {
      func share(_ count: Int?) -> String { count.map { percent($0, of: result.images) } ?? "" }
      rows.append([
        result.name, result.arithmetic, grouped(result.images), share(result.top1),
        share(result.top5), share(result.agreement),
      ])
    }
    return table(rows, left: [0, 1])
  }
}

/// `91.68 %`, halves up.
func percent(_ part: Int, of whole: Int) -> String {
  let hundredths = (part * 20_000 + whole) / (2 * whole)
  let digits = String(hundredths % 100)
  return "\(hundredths / 100).\(digits.count < 2 ? "0" : "")\(digits) %"
}

/// The note that an input's range was assumed.
func assumedInput(_ input: InputNormalization) -> Diagnostic {
  Diagnostic(
    "the model does not say its input's range; pixels 0...255 are taken as \(input)",
    severity: .note, remedy: "state another with --input-range LOW,HIGH")
}
