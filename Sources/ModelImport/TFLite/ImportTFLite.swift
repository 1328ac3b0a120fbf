import NeuralGraph

/// Reads a TFLite file of a network quantized to 8 bits: uint8 with one scale a tensor, or int8
/// with one scale a channel.
///
/// - Parameters:
///   - bytes: the whole file.
///   - name: the network's name, for messages and generated text.
/// - Returns: the network in integers, one node an operator, checked by `QuantizedGraph.verify`.
/// - Throws: all that is wrong with the file or not supported, each with the node and its byte
///   offset.
///
/// Source: schema.fbs version 3; semantics of each operator as in LiteRT's reference kernels.
public func importTFLite(
  _ bytes: [UInt8], name: String
) throws(Diagnostics) -> QuantizedGraph {
  let lowering = try lower(bytes, name: name)
  guard lowering.diagnostics.isEmpty else { throw Diagnostics(lowering.diagnostics) }
  return lowering.graph
}

/// Lists every operator of a TFLite file, and says which are supported and why not. Throws only
/// when the file's structure cannot be read.
public func listTFLite(_ bytes: [UInt8], name: String) throws(Diagnostics) -> ModelListing {
  let lowering = try lower(bytes, name: name)
  let input = lowering.model.inputs.first.map { lowering.model.tensors[$0] }
  return ModelListing(
    format: "TFLite", name: name,
    input: input.map { "\($0.type) \(TensorShape.text($0.shape))" } ?? "none",
    entries: lowering.entries, diagnostics: lowering.diagnostics)
}

private func lower(_ bytes: [UInt8], name: String) throws(Diagnostics) -> TFLiteLowering {
  var parser = TFLiteParser(bytes)
  guard let model = parser.parse() else { throw Diagnostics(parser.diagnostics) }
  var lowering = TFLiteLowering(model, name: name)
  lowering.run()
  return lowering
}

extension TensorShape {
  /// Extents as text, whatever they are.
  fileprivate static func text(_ extents: [Int]?) -> String {
    extents.map { $0.map(String.init).joined(separator: "x") } ?? "of unknown shape"
  }
}
