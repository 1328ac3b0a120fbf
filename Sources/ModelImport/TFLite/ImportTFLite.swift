import NeuralGraph

/// Reads a TFLite file: a network quantized to 8 bits (uint8 with one scale a tensor, or int8 with
/// one scale a channel), or a network of real numbers, with weights of float32, float16 or 8 bits.
///
/// - Parameters:
///   - bytes: the whole file.
///   - name: the network's name, for messages and generated text.
///   - imageSize: height and width of a float network's input where the file leaves them open.
///   - until: tensors by name, or operators by number, at which the network ends; empty for all of it.
///   - note: is given what the user should know: operators that are left out.
/// - Returns: the network in integers, one node an operator, checked by `QuantizedGraph.verify`; or
///   the float network.
/// - Throws: all that is wrong with the file or not supported, each with the node and its byte
///   offset.
///
/// Source: schema.fbs version 3; semantics of each operator as in LiteRT's reference kernels.
public func importTFLiteModel(
  _ bytes: [UInt8], name: String, imageSize: ImageSize? = nil, until: [String] = [],
  note: (Diagnostic) -> Void = { _ in }
) throws(Diagnostics) -> ImportedModel {
  switch try lower(bytes, name: name, imageSize: imageSize, until: until) {
  case .quantized(let lowering):
    guard lowering.diagnostics.isEmpty else { throw Diagnostics(lowering.diagnostics) }
    lowering.notes.forEach(note)
    return .quantized(lowering.graph)
  case .float(let lowering):
    guard lowering.diagnostics.isEmpty else { throw Diagnostics(lowering.diagnostics) }
    return .float(lowering.graph)
  }
}

/// As `importTFLiteModel`, of a network that is quantized in the file; refuses a float network.
public func importTFLite(
  _ bytes: [UInt8], name: String
) throws(Diagnostics) -> QuantizedGraph {
  switch try importTFLiteModel(bytes, name: name) {
  case .quantized(let graph): return graph
  case .float:
    throw Diagnostics(
      Diagnostic(
        "the network computes with real numbers", remedy: "calibrate it: --calibrate DIR"))
  }
}

/// Lists every operator of a TFLite file, and says which are supported and why not. Throws only
/// when the file's structure cannot be read.
public func listTFLite(
  _ bytes: [UInt8], name: String, imageSize: ImageSize? = nil, until: [String] = []
) throws(Diagnostics) -> ModelListing {
  let lowered = try lower(bytes, name: name, imageSize: imageSize, until: until)
  let model = lowered.model
  let input = model.inputs.first.map { model.tensors[$0] }
  return ModelListing(
    format: "TFLite", name: name,
    input: input.map { "\($0.type) \(TensorShape.text($0.shape))" } ?? "none",
    entries: lowered.entries, diagnostics: lowered.diagnostics)
}

/// A file after its operators have been read.
private enum LoweredTFLite {
  case quantized(TFLiteLowering)
  case float(TFLiteFloatLowering)

  var model: TFLiteModel {
    switch self {
    case .quantized(let lowering): lowering.model
    case .float(let lowering): lowering.model
    }
  }

  var entries: [ModelListing.Entry] {
    switch self {
    case .quantized(let lowering): lowering.entries
    case .float(let lowering): lowering.entries
    }
  }

  var diagnostics: [Diagnostic] {
    switch self {
    case .quantized(let lowering): lowering.diagnostics
    case .float(let lowering): lowering.diagnostics
    }
  }
}

private func lower(
  _ bytes: [UInt8], name: String, imageSize: ImageSize?, until: [String]
) throws(Diagnostics) -> LoweredTFLite {
  var parser = TFLiteParser(bytes)
  guard var model = parser.parse() else { throw Diagnostics(parser.diagnostics) }
  if !until.isEmpty { try model.end(at: until) }
  if model.isFloat {
    var lowering = TFLiteFloatLowering(model, name: name, imageSize: imageSize)
    lowering.run()
    return .float(lowering)
  }
  var lowering = TFLiteLowering(model, name: name)
  lowering.run()
  return .quantized(lowering)
}

extension TFLiteModel {
  /// True for a network of real numbers: its input is float32, and no operator computes an 8-bit
  /// tensor.
  fileprivate var isFloat: Bool {
    guard let input = inputs.first, tensors[input].type == .float32 else { return false }
    return !operators.contains { entry in
      entry.outputs.contains { tensors[$0].type.quantized != nil }
    }
  }
}

extension TensorShape {
  /// Extents as text, whatever they are.
  fileprivate static func text(_ extents: [Int]?) -> String {
    extents.map { $0.map(String.init).joined(separator: "x") } ?? "of unknown shape"
  }
}
