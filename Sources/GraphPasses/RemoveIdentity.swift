import NeuralGraph

/// `remove-identity`: removes operations that change neither a value nor a shape, and joins
/// reshapes of reshapes. A removed output gives its name to the node that it leaves, as TensorFlow's
/// converter does. One walk.
func removeIdentity(_ graph: Graph) throws(Diagnostic) -> Graph {
  var rewriter = GraphRewriter(graph)
  for id in graph.ids {
    let node = graph[id]
    guard let first = node.operands.first else {
      try rewriter.copy(id)
      continue
    }
    let operand = rewriter.image(first)
    if isIdentity(node, of: rewriter.result[operand]) {
      rewriter.replace(id, by: operand)
      if rewriter.isOutput(id), rewriter.hasOneReader(first) {
        switch rewriter.result[operand].operation {
        case .input, .constant: break
        default: rewriter.rename(operand, to: node.name)
        }
      }
    } else if isReshape(node.operation), isReshape(rewriter.result[operand].operation) {
      rewriter.replace(
        id,
        by: try rewriter.append(
          name: node.name, .reshape(node.shape), rewriter.result[operand].operands))
    } else {
      try rewriter.copy(id)
    }
  }
  return try dropUnused(rewriter.finish())
}

private func isReshape(_ operation: Operation) -> Bool {
  if case .reshape = operation { true } else { false }
}

private func isIdentity(_ node: Node, of operand: Node) -> Bool {
  guard node.shape == operand.shape else { return false }
  switch node.operation {
  case .reshape: return true
  case .pad(let before, let after): return (before + after).allSatisfy { $0 == 0 }
  case .transpose(let permutation): return permutation == Array(permutation.indices)
  case .mean(let axes, _): return axes.allSatisfy { operand.shape.dimensions[$0] == 1 }
  case .averagePool(let window), .maxPool(let window): return window.isPointwise
  case .activation(let outer):
    // ReLU of what is within 0...6 already.
    guard case .activation(let inner) = operand.operation else { return outer == .none }
    return outer.bounds.lowerBound <= inner.bounds.lowerBound
      && outer.bounds.upperBound >= inner.bounds.upperBound
  case .input, .constant, .convolution, .matrixMultiplication, .unary, .binary,
    .batchNormalization, .fakeQuantization, .softmax, .nonlinearity:
    return false
  case .concatenation: return node.operands.count == 1
  }
}
