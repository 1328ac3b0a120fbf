import NeuralGraph

extension ONNXImporter {
  /// Adds a node that is computed for each image to the listing, unless it only passes data on.
  mutating func list(_ position: Int, _ value: ONNXValue, _ reason: String?) {
    let node = file.nodes[position]
    let operation = ONNXOperator(rawValue: node.operation)
    guard operation?.isListed ?? true || reason != nil else { return }
    switch value {
    case .constant, .leftOut: return
    default: break
    }
    var entry = ModelListing.Entry(
      operatorIndex: node.index, name: node.label, kind: node.operation, outputShape: nil,
      isSupported: operation != nil && reason == nil, reason: reason)
    if operation == nil {
      entry.reason = "the operator \(node.operation) is not supported"
    } else if case .tensor(let tensor) = value {
      entry.outputShape = tensor.shape.dimensions
      count(tensor.node, node, &entry)
    } else if case .quantized(let tensor, _) = value {
      entry.outputShape = tensor.shape.dimensions
      // The layer stands before the node that has the grid.
      count(graph[tensor.node].operands.first ?? tensor.node, node, &entry)
    } else if case .accumulator(let sums) = value {
      entry.outputShape = sums.shape.dimensions
      count(sums.node, node, &entry)
    } else if reason == nil {
      entry.isSupported = false
      entry.reason = "it works on a tensor that cannot be used"
    }
    if [.conv, .qLinearConv, .convInteger].contains(operation) || isWindowedAverage(node, value) {
      entry.convolutionNumber = (entries.compactMap(\.convolutionNumber).last ?? 0) + 1
    }
    let quantizers = order.readers[position].map { file.nodes[$0] }.filter {
      $0.operation == ONNXOperator.quantizeLinear.rawValue
    }
    if quantizers.count == 1 { entry.quantizer = (quantizers[0].label, quantizers[0].index) }
    entries.append(entry)
  }

  /// True for an average over less than the map in a quantized network, where it becomes a
  /// convolution with weights of 1.
  private func isWindowedAverage(_ node: ONNXNode, _ value: ONNXValue) -> Bool {
    let id: NodeID? =
      switch (ONNXOperator(rawValue: node.operation), value) {
      case (.averagePool, .tensor(let tensor)) where isQuantized: tensor.node
      case (.qLinearAveragePool, .quantized(let tensor, _)): graph[tensor.node].operands.first
      default: nil
      }
    guard let id, case .averagePool(let geometry) = graph[id].operation else { return false }
    return !geometry.coversWholeInput
  }

  /// Weights and multiply-accumulates of a layer.
  private func count(_ id: NodeID, _ source: ONNXNode, _ entry: inout ModelListing.Entry) {
    let node = graph[id]
    guard node.name == source.label else { return }
    switch node.operation {
    case .convolution(let convolution):
      entry.weights = graph[node.operands[1]].shape.elementCount
      let pixels = convolution.geometry.outputHeight * convolution.geometry.outputWidth
      let (operations, overflow) = entry.weights.multipliedReportingOverflow(by: pixels)
      entry.multiplyAccumulates = overflow ? Int.max : operations
    case .matrixMultiplication:
      entry.weights = graph[node.operands[1]].shape.elementCount
      entry.multiplyAccumulates = entry.weights
    default: return
    }
    if let weights = graph.constant(node.operands[1]) {
      entry.zeroWeights = weights.values.count { $0 == 0 }
    }
  }
}
