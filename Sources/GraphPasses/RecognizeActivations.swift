import NeuralGraph

/// `recognize-activations`: `maximum(x, 0)` is ReLU; `minimum(relu(x), 6)` is ReLU6;
/// `minimum(maximum(x, -1), 1)` is ReLU_N1_TO_1. One walk; the inner operation must have no other
/// reader.
func recognizeActivations(_ graph: Graph) throws(Diagnostic) -> Graph {
  var rewriter = GraphRewriter(graph)
  /// Nodes of the source that are `maximum(x, -1)`, by x.
  var lowerBounds: [NodeID: NodeID] = [:]
  for id in graph.ids {
    let node = graph[id]
    try rewriter.copy(id)
    guard case .binary(let operation) = node.operation,
      let (bound, x) = graph.scalarAndOther(node), graph[x].shape == node.shape
    else { continue }
    switch (operation, bound) {
    case (.maximum, 0):
      rewriter.replace(
        id,
        by: try rewriter.append(name: node.name, .activation(.relu), [rewriter.image(x)]))
    case (.maximum, -1): lowerBounds[id] = x
    case (.minimum, 6):
      let inner = rewriter.image(x)
      guard rewriter.hasOneReader(x), case .activation(.relu) = rewriter.result[inner].operation
      else { continue }
      rewriter.replace(
        id,
        by: try rewriter.append(
          name: node.name, .activation(.relu6), rewriter.result[inner].operands))
    case (.minimum, 1):
      guard let inner = lowerBounds[x], rewriter.hasOneReader(x) else { continue }
      rewriter.replace(
        id,
        by: try rewriter.append(
          name: node.name, .activation(.reluN1To1), [rewriter.image(inner)]))
    default: continue
    }
  }
  return try dropUnused(rewriter.finish())
}

extension Graph {
  /// The one number of a constant operand, and the other operand, of an operation on two.
  fileprivate func scalarAndOther(_ node: Node) -> (Float, NodeID)? {
    for (index, operand) in node.operands.enumerated() {
      if let tensor = constant(operand), tensor.values.count == 1 {
        return (tensor.values[0], node.operands[1 - index])
      }
    }
    return nil
  }
}
