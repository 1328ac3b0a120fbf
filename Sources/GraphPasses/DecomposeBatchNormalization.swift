import NeuralGraph

/// `decompose-batch-normalization`: `s = gamma * rsqrt(variance + epsilon)`,
/// `y = x * s + (beta - mean * s)`: the arithmetic, and the order of it, that TensorFlow's own
/// graph rewriting gives. One walk, six nodes for one.
func decomposeBatchNormalization(_ graph: Graph) throws(Diagnostic) -> Graph {
  var rewriter = GraphRewriter(graph)
  for id in graph.ids {
    let node = graph[id]
    guard case .batchNormalization(let epsilon) = node.operation else {
      try rewriter.copy(id)
      continue
    }
    let operands = rewriter.images(node.operands)
    let (x, gamma, beta, mean, variance) = (
      operands[0], operands[1], operands[2], operands[3], operands[4]
    )
    let name = node.name
    let small = try rewriter.append(
      name: "\(name)/epsilon", .constant(FloatTensor(scalar: epsilon)))
    let sum = try rewriter.append(name: "\(name)/add", .binary(.add), [variance, small])
    let root = try rewriter.append(name: "\(name)/Rsqrt", .unary(.reciprocalSquareRoot), [sum])
    let scale = try rewriter.append(name: "\(name)/scale", .binary(.multiply), [gamma, root])
    let shift = try rewriter.append(name: "\(name)/shift", .binary(.multiply), [mean, scale])
    let bias = try rewriter.append(name: "\(name)/bias", .binary(.subtract), [beta, shift])
    let scaled = try rewriter.append(name: "\(name)/mul", .binary(.multiply), [x, scale])
    rewriter.replace(
      id, by: try rewriter.append(name: name, .binary(.add), [scaled, bias]))
  }
  return rewriter.finish()
}
