import NeuralGraph

/// A model file in memory. What it is, is told by its content; its name does not matter.
public struct ModelFile: Sendable {
  public enum Format: String, Sendable {
    case tflite = "TFLite"
    case graphDef = "TensorFlow GraphDef"
    case onnx = "ONNX"
    /// A `NetworkFile`: a network in integers that this program has written.
    case network = "deepfreeze network"
  }

  public let path: String
  public let bytes: [UInt8]
  public let format: Format
  /// Tensors and operators, by name or number, at which the network ends instead of the file's outputs;
  /// empty for all of the file.
  public let until: [String]

  /// Reads a file and tells its format. Throws when it cannot be read, is larger than 512 MB, or is
  /// no model.
  public init(path: String, until: [String] = []) throws(Diagnostics) {
    try self.init(path: path, bytes: readFile(path), until: until)
  }

  /// Takes the bytes of a file that has been read.
  public init(path: String, bytes: [UInt8], until: [String] = []) throws(Diagnostics) {
    self.path = path
    self.bytes = bytes
    self.until = until
    if TFLiteParser.recognizes(bytes) {
      format = .tflite
    } else if ONNXFile.recognizes(bytes) {
      format = .onnx
    } else if NetworkFile.recognizes(bytes) {
      format = .network
    } else if GraphDefFile.recognizes(bytes) {
      format = .graphDef
    } else {
      throw Diagnostics(
        Diagnostic(
          bytes.isEmpty ? "the file is empty" : "this is no model file that can be read",
          file: path,
          remedy:
            "give a .tflite, a TensorFlow frozen graph (.pb), an ONNX model (.onnx) or a "
            + "network of quantize or prune (.json)"))
    }
  }

  /// The file's name without folder and extension: the network's name.
  public var name: String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    guard let dot = file.lastIndex(of: "."), dot > file.startIndex else { return file }
    return String(file[..<dot])
  }

  /// The network. Throws all that is wrong with it, each diagnostic naming the file. `imageSize` is
  /// taken where the file leaves its input's height and width open. `note` is given what the user
  /// should know.
  public func imported(
    imageSize: ImageSize? = nil, note: (Diagnostic) -> Void = { _ in }
  ) throws(Diagnostics) -> ImportedModel {
    do {
      switch format {
      case .tflite:
        return try importTFLiteModel(
          bytes, name: name, imageSize: imageSize, until: until, note: note)
      case .graphDef:
        return .float(try importGraphDef(bytes, name: name, imageSize: imageSize, until: until))
      case .onnx:
        return try importONNX(bytes, name: name, imageSize: imageSize, until: until, note: note)
      case .network: return .quantized(try network())
      }
    } catch {
      throw error.inFile(path)
    }
  }

  /// The file that the network first came from: a network file that is taken whole says it, another file is
  /// it.
  public var origin: NetworkFile.Origin {
    if format == .network, until.isEmpty, let origin = NetworkFile.origin(json: bytes) {
      return origin
    }
    return NetworkFile.Origin(
      file: path.split(separator: "/").last.map(String.init) ?? path, sha256: sha256Hex(bytes),
      until: until)
  }

  /// The network of a `NetworkFile`, whose binary file is read beside it.
  private func network() throws(Diagnostics) -> QuantizedGraph {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let binary = folder + (try NetworkFile.binaryName(json: bytes))
    do throws(Diagnostics) {
      let graph = try NetworkFile(json: bytes, binary: readFile(binary)).graph
      return until.isEmpty ? graph : try graph.ending(at: until)
    } catch {
      throw Diagnostics(
        error.all.map { diagnostic in
          var diagnostic = diagnostic
          if diagnostic.place.file == NetworkFile.jsonName { diagnostic.place.file = path }
          if diagnostic.place.file == NetworkFile.binaryName { diagnostic.place.file = binary }
          return diagnostic
        })
    }
  }

  /// The file's operators, supported or not. Throws only when its structure cannot be read.
  /// `imageSize` is as in `imported`.
  public func listing(imageSize: ImageSize? = nil) throws(Diagnostics) -> ModelListing {
    do {
      var listing =
        switch format {
        case .tflite: try listTFLite(bytes, name: name, imageSize: imageSize, until: until)
        case .graphDef: try listGraphDef(bytes, name: name, imageSize: imageSize, until: until)
        case .onnx: try listONNX(bytes, name: name, imageSize: imageSize, until: until)
        case .network: listNetwork(try network(), name: name)
        }
      listing.diagnostics = Diagnostics(listing.diagnostics).inFile(path).all
      return listing
    } catch {
      throw error.inFile(path)
    }
  }
}

/// Reads the network in a model file of any known format. Throws all that is wrong with it.
public func importModel(
  path: String, imageSize: ImageSize? = nil
) throws(Diagnostics) -> ImportedModel {
  try ModelFile(path: path).imported(imageSize: imageSize)
}
