import NeuralGraph

/// What remains of a network behind its fixed layers, as an ONNX model in integers: its input is the
/// hardware's output tensor, its outputs are the network's.
///
/// Codes go from operator to operator as the hardware has them, NHWC. Sums are ConvInteger's and
/// MatMulInteger's, multipliers are 64-bit integers with TFLite's roundings, so that the outputs are the
/// reference interpreter's bit for bit; functions of one code are tables. Two things are not exact: L2
/// normalization, computed in float32 and quantized, and the multipliers of networks from ONNX, in
/// binary64.
public enum BackEnd {
  /// The name of the model's input.
  public static let inputName = "features"

  /// The model of what `graph` computes from the value `features` on, or nil when nothing remains.
  ///
  /// Throws when an operator behind `features` reads a value before it.
  public static func onnx(_ graph: QuantizedGraph, after features: ValueID) throws(Diagnostics)
    -> [UInt8]?
  {
    var needed: Set<ValueID> = []
    var pending = graph.outputs
    while let id = pending.popLast() {
      if id != features, needed.insert(id).inserted { pending += graph[id].operands }
    }
    guard !needed.isEmpty else { return nil }
    for id in needed.sorted() where id < features || graph[id].operation == .input {
      throw Diagnostics(
        Diagnostic(
          "what remains behind '\(graph[features].name)' reads '\(graph[id].name)', which lies before it",
          node: graph[id].name))
    }
    var builder = BackEndBuilder(graph, features: features)
    for id in needed.sorted() { builder.add(id) }
    return builder.model(outputs: graph.outputs).encode()
  }
}
