import ArgumentParser
import GraphPasses
import ModelImport
import NeuralGraph
import TensorFiles

/// Where the network ends.
struct EndOptions: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "End the network at this tensor or operator, by name or, as @12, by the number that 'inspect' prints; "
        + "may be given several times.", valueName: "tensor"))
  var until: [String] = []
}

/// The model that a command works on, and how it becomes a network in integers.
struct ModelOptions: ParsableArguments {
  @Argument(
    help:
      "The exported model: a .tflite, a TensorFlow frozen graph (.pb) or an .onnx."
  )
  var model: String

  @Option(
    help: ArgumentHelp(
      "Calibrate a float model's activation ranges with the images in this folder.",
      valueName: "dir"))
  var calibrate: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "A float model's input for pixels 0 and 255; -1,0.9921875 if the file does not say.",
      valueName: "low,high"))
  var inputRange: InputNormalization?

  @Option(
    help: ArgumentHelp(
      "Compute the network for images of this size.", valueName: "hxw"))
  var imageSize: ImageSize?

  @OptionGroup var end: EndOptions

  /// Reads the model as a network in integers. `resize` scales calibration images that have
  /// another size. `note` is given what the user should know; it goes to standard error unless it is given.
  func load(
    resize: Bool = false,
    note: (Diagnostic) -> Void = { printToStandardError($0.description) }
  ) throws(Diagnostics) -> LoadedModel {
    let file = try ModelFile(path: model, until: end.until)
    let noteInFile = { (diagnostic: Diagnostic) in
      Diagnostics(diagnostic).inFile(model).all.forEach(note)
    }
    let imported = try file.imported(imageSize: imageSize, note: noteInFile)
    var options = QuantizationOptions(
      inputNormalization: inputRange, imageSize: imageSize)
    // By name: at another image size, values may be left out and numbers shift.
    var origins: [String: OperatorOrigin] = [:]
    switch imported {
    case .quantized:
      for entry in try file.listing(imageSize: imageSize).entries where entry.value != nil {
        origins[entry.name] = OperatorOrigin(index: entry.operatorIndex, kind: entry.kind)
      }
    case .float(let graph):
      if let calibrate, !graph.isFakeQuantized {
        options.calibration = try loadCalibrationImages(
          calibrate, shape: graph[graph.inputs[0]].shape, resize: resize)
      }
    }
    do throws(Diagnostics) {
      let graph = try quantizedGraph(from: imported, options: options, note: noteInFile)
      var values: [ValueID: OperatorOrigin] = [:]
      for value in graph.values { values[value] = origins[graph[value].name] }
      return LoadedModel(graph: graph, file: file, origins: values)
    } catch {
      throw error.inFile(model)
    }
  }
}

extension ModelOptions {
  /// The same network, checked and in the form that hardware is made of: pads are part of the
  /// windows that read them.
  func loadForHardware(resize: Bool = false) throws(Diagnostics) -> LoadedModel {
    var loaded = try load(resize: resize)
    let found = loaded.graph.verify()
    guard found.isEmpty else { throw Diagnostics(found).inFile(model) }
    loaded.graph = foldPad(loaded.graph)
    loaded.origins = [:]
    return loaded
  }
}

/// The model beside another argument: `--model MODEL`, with the options of `ModelOptions`.
struct NamedModelOptions: ParsableArguments {
  @Option(
    help: "The exported model: a .tflite, a TensorFlow frozen graph (.pb) or an .onnx.")
  var model: String

  @Option(
    help: ArgumentHelp(
      "Calibrate a float model's activation ranges with the images in this folder.",
      valueName: "dir"))
  var calibrate: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What a float model's input numbers are for pixels 0 and 255; -1,0.9921875 if it does not say.",
      valueName: "low,high"))
  var inputRange: InputNormalization?

  @Option(
    help: ArgumentHelp(
      "Compute the network for images of this size.", valueName: "hxw"))
  var imageSize: ImageSize?

  @OptionGroup var end: EndOptions

  /// The same, as commands take it whose argument is the model.
  var options: ModelOptions {
    var options = ModelOptions()
    options.model = model
    options.calibrate = calibrate
    options.inputRange = inputRange
    options.imageSize = imageSize
    options.end = end
    return options
  }
}

extension InputNormalization: ExpressibleByArgument {
  /// `LOW,HIGH`.
  public init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map {
      Double($0)
    }
    guard numbers.count == 2, let low = numbers[0], let high = numbers[1] else { return nil }
    self.init(low: low, high: high)
  }
}

extension ImageSize: ExpressibleByArgument {
  /// `HEIGHTxWIDTH`.
  public init?(argument: String) {
    let numbers = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let height = numbers[0], let width = numbers[1],
      height > 0, width > 0
    else { return nil }
    self.init(height: height, width: width)
  }
}

/// A network in integers and the file that it came from.
struct LoadedModel {
  var graph: QuantizedGraph
  var file: ModelFile
  /// How the file calls the operator of each value.
  var origins: [ValueID: OperatorOrigin]
}

extension String {
  /// The part of a path after the last slash.
  var lastPathComponent: String { split(separator: "/").last.map(String.init) ?? self }
}
