import NeuralGraph

extension GraphDefImporter {
  /// Adds a node that is computed for each image to the listing, unless it only passes data on.
  mutating func list(_ position: Int, _ reason: String?) {
    let node = file.nodes[position]
    let operation = GraphDefOperator(rawValue: node.operation)
    guard operation?.isListed ?? true else { return }
    var entry = ModelListing.Entry(
      operatorIndex: position, name: node.name, kind: node.operation, outputShape: nil,
      isSupported: operation != nil && reason == nil, reason: reason)
    switch values[position] {
    case _ where operation == nil:
      entry.reason = "the operator \(node.operation) is not supported"
    case .tensor(let id):
      entry.outputShape = graph[id].shape.dimensions
      count(id, &entry)
    // Arithmetic on shapes, and an image that is cut into phases for a dilated convolution or has no
    // size yet, are no operators on the image.
    case .integers, .codes, .decoded: return
    case .phases:
      if operation == .spaceToBatch { return }
    case .missing where reason == nil:
      entry.isSupported = false
      entry.reason = "it works on a tensor that cannot be used"
    case .missing: break
    }
    if [.conv2D, .depthwiseConv2D, .fusedConv2D, .fusedDepthwiseConv2D].contains(operation) {
      entry.convolutionNumber = (entries.compactMap(\.convolutionNumber).last ?? 0) + 1
    }
    entries.append(entry)
  }

  /// Weights and multiply-accumulates of a layer.
  private func count(_ id: NodeID, _ entry: inout ModelListing.Entry) {
    var node = graph[id]
    if entry.kind.hasPrefix("_Fused") {
      // The layer stands before its bias and activation.
      for _ in 0..<3 {
        switch node.operation {
        case .activation, .binary, .batchNormalization: node = graph[node.operands[0]]
        default: break
        }
      }
    }
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
    // Weights that training arithmetic computes are known only when it is folded.
    if let weights = graph.constant(node.operands[1]) {
      entry.zeroWeights = weights.values.count { $0 == 0 }
    }
  }
}

extension GraphDefOperator {
  /// False for nodes that compute nothing on the image.
  fileprivate var isListed: Bool {
    switch self {
    case .placeholder, .placeholderV2, .placeholderWithDefault, .constant, .identity,
      .decodeJPEG, .decodePNG, .decodeBMP, .decodeImage, .resizeBilinear, .dequantize,
      .stopGradient, .preventGradient, .checkNumerics, .snapshot, .ensureShape, .cast,
      .noOperation, .shape, .stridedSlice, .pack, .product:
      false
    default: true
    }
  }
}
