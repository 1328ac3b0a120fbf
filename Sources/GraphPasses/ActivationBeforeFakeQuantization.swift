import NeuralGraph

/// `activation-before-fake-quantization`: `activation(fakeQuantization(x))` becomes
/// `fakeQuantization(activation(x))` where no second fake quantization follows, so that the
/// activation is fused into the layer that computes x. On the grid both are the same: the activation
/// cuts at codes. One walk.
func activationBeforeFakeQuantization(_ graph: Graph) throws(Diagnostic) -> Graph {
  var rewriter = GraphRewriter(graph)
  for id in graph.ids {
    let node = graph[id]
    guard case .activation = node.operation, let grid = node.operands.first,
      case .fakeQuantization = graph[grid].operation, rewriter.hasOneReader(grid),
      !rewriter.readers[id.index].contains(where: { graph.isFakeQuantization($0) }),
      !graph.isActivation(graph[grid].operands[0])
    else {
      try rewriter.copy(id)
      continue
    }
    var operands = rewriter.images(graph[grid].operands)
    operands[0] = try rewriter.append(name: node.name, node.operation, [operands[0]])
    rewriter.replace(
      id,
      by: try rewriter.append(name: graph[grid].name, graph[grid].operation, operands))
  }
  return try dropUnused(rewriter.finish())
}

extension Graph {
  fileprivate func isFakeQuantization(_ id: NodeID) -> Bool {
    if case .fakeQuantization = self[id].operation { true } else { false }
  }

  fileprivate func isActivation(_ id: NodeID) -> Bool {
    if case .activation = self[id].operation { true } else { false }
  }
}
