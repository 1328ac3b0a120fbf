/// What a model file holds.
public enum ImportedModel: Sendable {
  /// Integers: ready to be frozen.
  case quantized(QuantizedGraph)
  /// Real numbers, with or without the grids of training for quantization.
  case float(Graph)
}
