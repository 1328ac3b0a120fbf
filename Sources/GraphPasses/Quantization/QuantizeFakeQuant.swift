import NeuralGraph

/// Quantizes a network that was trained with fake quantization to uint8, one scale a tensor, with
/// the numbers that TensorFlow's converter gives: each grid becomes a scale and a zero point,
/// weights go to the codes that training saw. `graph` is canonical.
///
/// A layer takes its range from the grid behind its activation; reshapes and pools carry it
/// through. An input without a grid has `input`'s.
func quantizeFakeQuant(
  _ graph: Graph, input: InputNormalization
) throws(Diagnostics) -> QuantizedGraph {
  var lowering = IntegerLowering(graph, FakeQuantPlan(graph: graph, input: input))
  return try lowering.run()
}

private struct FakeQuantPlan: QuantizationPlan {
  let graph: Graph
  let input: InputNormalization
  let readers: [[NodeID]]
  var element: QuantizedElement { .uint8 }

  init(graph: Graph, input: InputNormalization) {
    self.graph = graph
    self.input = input
    readers = graph.readers
  }

  /// The grid of a fake quantization.
  private func range(_ id: NodeID) throws(Diagnostic) -> FakeQuantizationRange {
    let node = graph[id]
    guard case .fakeQuantization(let grid) = node.operation else {
      preconditionFailure("a grid is asked of \(node.operation.name)")
    }
    guard grid.bits == 8 else {
      throw Diagnostic(
        "the grid has \(grid.bits) bits", node: node.name,
        remedy: "only training for 8 bits is supported")
    }
    guard let minimum = graph.constant(node.operands[1]),
      let maximum = graph.constant(node.operands[2])
    else {
      throw Diagnostic(
        "the grid's range is not constant", node: node.name,
        remedy: "freeze the graph after training")
    }
    let (low, high) = (minimum.values[0], maximum.values[0])
    guard let range = FakeQuantizationRange(grid, minimum: low, maximum: high) else {
      throw Diagnostic("the grid's range \(low)...\(high) has no scale", node: node.name)
    }
    return range
  }

  private func isGrid(_ id: NodeID) -> Bool {
    if case .fakeQuantization = graph[id].operation { true } else { false }
  }

  /// The grid that says a tensor's range: its own, one of a reader, or one behind readers that only
  /// move its numbers.
  private func grid(of last: NodeID) -> NodeID? {
    var id = last
    while true {
      if isGrid(id) { return id }
      if let reader = readers[id.index].first(where: isGrid) { return reader }
      guard readers[id.index].count == 1 else { return nil }
      id = readers[id.index][0]
      switch graph[id].operation {
      case .reshape, .pad, .maxPool, .averagePool: continue
      default: return nil
      }
    }
  }

  func ownParameters(of last: NodeID) -> QuantizationParameters? {
    guard let grid = grid(of: last) else { return nil }
    return try? range(grid).parameters
  }

  func parameters(of last: NodeID) throws(Diagnostic) -> QuantizationParameters {
    if let grid = grid(of: last) { return try range(grid).parameters }
    if case .input = graph[last].operation { return input.parameters(element) }
    throw Diagnostic(
      "no FakeQuantWithMinMaxVars says the range of this tensor", node: graph[last].name,
      remedy: "train with fake quantization behind every layer, or give the float model and "
        + "calibration images")
  }

  func weights(
    of layer: NodeID, channels: Int, bias: [Float], inputScale: Float
  ) throws(Diagnostic) -> QuantizedWeights {
    var id = graph[layer].operands[1]
    while case .reshape = graph[id].operation { id = graph[id].operands[0] }
    guard isGrid(id) else {
      throw Diagnostic(
        "its weights have no FakeQuantWithMinMaxVars", node: graph[layer].name,
        remedy: "train with fake quantization on every layer's weights, or give the float model "
          + "and calibration images")
    }
    let range = try range(id)
    guard let weights = graph.constant(graph[id].operands[0]) else {
      throw Diagnostic(
        "its weights are not constant", node: graph[layer].name,
        remedy: "freeze the graph after training")
    }
    let zero = range.parameters.zeroPoint
    return QuantizedWeights(
      values: weights.values.map { Int16(range.code($0) - zero) },
      scales: [range.parameters.scale], zeroPoints: [zero])
  }

  func bias(_ bias: Double, inputScale: Float, weightScale: Float) -> Double {
    Double((Float(bias) / (inputScale * weightScale)).rounded(.toNearestOrAwayFromZero))
  }
}
