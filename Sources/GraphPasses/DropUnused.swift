import NeuralGraph

/// `drop-unused`: removes the nodes that no output needs; inputs stay. Marks backward, copies
/// forward: linear.
func dropUnused(_ graph: Graph) throws(Diagnostic) -> Graph {
  var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
  for id in graph.outputs + graph.inputs { isNeeded[id.index] = true }
  for id in graph.ids.reversed() where isNeeded[id.index] {
    for operand in graph[id].operands { isNeeded[operand.index] = true }
  }
  guard isNeeded.contains(false) else { return graph }
  var rewriter = GraphRewriter(graph)
  for id in graph.ids where isNeeded[id.index] { try rewriter.copy(id) }
  return rewriter.finish()
}
