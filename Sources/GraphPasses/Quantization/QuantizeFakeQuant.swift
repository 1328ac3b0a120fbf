import NeuralGraph

/// Quantizes a network that was trained with fake quantization, with the numbers that TensorFlow's
/// converter gives: each grid becomes a scale and a zero point, weights go to the codes that training
/// saw. Activations are uint8, or int8 where weights have a grid a channel (TFLite has such weights in
/// int8 only): the codes are the same, 128 less. `graph` is canonical.
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
  let element: QuantizedElement

  init(graph: Graph, input: InputNormalization) {
    self.graph = graph
    self.input = input
    readers = graph.readers
    let isPerChannel = graph.nodes.contains {
      if case .fakeQuantization(let grid) = $0.operation { grid.isPerChannel } else { false }
    }
    element = isPerChannel ? .int8 : .uint8
  }

  /// The element type's codes less those of the grid, which start at 0.
  private var offset: Int { element.range.lowerBound }

  /// The scale and zero point of activations behind a fake quantization.
  private func activation(_ id: NodeID) throws(Diagnostic) -> QuantizationParameters {
    let ranges = try ranges(id)
    guard ranges.count == 1 else {
      throw Diagnostic(
        "activations have \(ranges.count) grids, one a channel", node: graph[id].name,
        remedy: "train with one grid a tensor; only weights may have one a channel")
    }
    var parameters = ranges[0].parameters
    parameters.zeroPoint += offset
    return parameters
  }

  /// The grids of a fake quantization: one, or one for each index of the last dimension.
  private func ranges(_ id: NodeID) throws(Diagnostic) -> [FakeQuantizationRange] {
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
    var ranges: [FakeQuantizationRange] = []
    for (low, high) in zip(minimum.values, maximum.values) {
      guard let range = FakeQuantizationRange(grid, minimum: low, maximum: high) else {
        throw Diagnostic("the grid's range \(low)...\(high) has no scale", node: node.name)
      }
      ranges.append(range)
    }
    return ranges
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
    return try? activation(grid)
  }

  func parameters(of last: NodeID) throws(Diagnostic) -> QuantizationParameters {
    if let grid = grid(of: last) { return try activation(grid) }
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
    let ranges = try ranges(id)
    guard let weights = graph.constant(graph[id].operands[0]) else {
      throw Diagnostic(
        "its weights are not constant", node: graph[layer].name,
        remedy: "freeze the graph after training")
    }
    // Output channels are group-major: a depthwise filter [Kh, Kw, C, M] has M grids, C times over.
    guard !ranges.isEmpty, channels.isMultiple(of: ranges.count) else {
      throw Diagnostic(
        "its weights have \(ranges.count) grids for \(channels) channels", node: graph[layer].name)
    }
    let values = weights.values.enumerated().map { index, weight in
      let range = ranges[index % ranges.count]
      return Int16(range.code(weight) - range.parameters.zeroPoint)
    }
    let all = ranges.count == 1 ? ranges : (0..<channels).map { ranges[$0 % ranges.count] }
    return QuantizedWeights(
      values: values, scales: all.map(\.parameters.scale),
      zeroPoints: all.map { $0.parameters.zeroPoint + offset })
  }

  func bias(_ bias: Double, inputScale: Float, weightScale: Float) -> Double {
    Double((Float(bias) / (inputScale * weightScale)).rounded(.toNearestOrAwayFromZero))
  }
}
