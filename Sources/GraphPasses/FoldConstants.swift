import NeuralGraph

/// Elements that folding may compute in all: broadcasting lets a small file ask for any number.
private let maximumFoldedElements = 1 << 26

/// `fold-constants`: computes each operation whose operands are all constants, in binary32 with the
/// evaluator's order of operations. Fake quantization stays: it says how weights are quantized.
///
/// One walk in topological order, so a chain folds at once. A tensor that is read by folded
/// operations only is let go after the last of them.
func foldConstants(_ graph: Graph) throws(Diagnostic) -> Graph {
  var rewriter = GraphRewriter(graph)
  var known = [FloatTensor?](repeating: nil, count: graph.nodes.count)
  var isPlaced = [Bool](repeating: false, count: graph.nodes.count)
  var remaining = rewriter.readers.map(\.count)
  var folded = 0

  func place(_ id: NodeID) throws(Diagnostic) {
    guard let tensor = known[id.index], !isPlaced[id.index] else { return }
    rewriter.replace(id, by: try rewriter.append(name: graph[id].name, .constant(tensor)))
    isPlaced[id.index] = true
  }

  for id in graph.ids {
    let node = graph[id]
    let operands = node.operands.compactMap { known[$0.index] }
    if case .constant(let tensor) = node.operation {
      known[id.index] = tensor
    } else if node.operation.isFoldable, !node.operands.isEmpty,
      operands.count == node.operands.count
    {
      folded += node.shape.elementCount
      guard folded <= maximumFoldedElements else {
        throw Diagnostic(
          "the arithmetic on constants computes more than \(maximumFoldedElements) numbers",
          node: node.name, remedy: "freeze the model with its constants folded")
      }
      let tensor = node.operation.evaluate(operands, shape: node.shape)
      guard tensor.firstNonFinite == nil else {
        throw Diagnostic(
          "\(node.operation.name) of constants gives a number that is infinite or none",
          node: node.name,
          remedy: "export the model again from a checkpoint whose weights are finite")
      }
      known[id.index] = tensor
    } else {
      for operand in node.operands { try place(operand) }
      try rewriter.copy(id)
    }
    if rewriter.isOutput(id) { try place(id) }
    for operand in node.operands {
      remaining[operand.index] -= 1
      if remaining[operand.index] == 0 { known[operand.index] = nil }
    }
  }
  return rewriter.finish()
}

extension Operation {
  fileprivate var isFoldable: Bool {
    switch self {
    case .input, .constant, .fakeQuantization: false
    case .convolution, .averagePool, .maxPool, .softmax, .matrixMultiplication:
      // A layer on constants is no arithmetic on weights; its cost has no small bound.
      false
    case .unary, .binary, .activation, .nonlinearity, .batchNormalization, .mean, .pad, .reshape,
      .transpose, .concatenation:
      true
    }
  }
}
