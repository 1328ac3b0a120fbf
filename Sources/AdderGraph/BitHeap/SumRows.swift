/// The sums of an adder graph as a hardware with more than two operands a sum would do them: one for each
/// output and for each node that is read more than once. Nodes that are read once are part of the sum
/// that reads them.
public struct SumRows: Hashable, Sendable {
  /// A sum of shifted, signed words.
  public struct Row: Hashable, Sendable {
    /// What it is: a node of the graph, or an output with its shift and sign.
    public enum Target: Hashable, Sendable {
      case node(AdderGraph.NodeID)
      case output(Int)
    }

    public var target: Target
    /// Terms of inputs and of nodes that have a row of their own.
    public var terms: [AdderGraph.Term]
  }

  /// Nodes in order, then outputs in order; outputs that are the constant 0 have no terms.
  public private(set) var rows: [Row] = []

  /// The sums of a graph.
  public init(_ graph: AdderGraph) {
    let readers = graph.readerCounts
    let inputs = graph.inputCount
    for index in inputs..<max(inputs, graph.nodes.count) where readers[index] > 1 {
      let node = AdderGraph.NodeID(index)
      guard case .add(let a, let b) = graph[node] else { continue }
      rows.append(
        Row(target: .node(node), terms: Self.terms([a, b], graph, readers, inputs)))
    }
    for (index, output) in graph.outputs.enumerated() {
      let terms = output.map { Self.terms([$0], graph, readers, inputs) } ?? []
      rows.append(Row(target: .output(index), terms: terms))
    }
  }

  /// Terms with those of nodes that are read once opened.
  private static func terms(
    _ terms: [AdderGraph.Term], _ graph: AdderGraph, _ readers: [Int], _ inputs: Int
  ) -> [AdderGraph.Term] {
    var open = terms
    var found: [AdderGraph.Term] = []
    while let term = open.popLast() {
      guard term.node.index >= inputs, readers[term.node.index] == 1,
        case .add(let a, let b) = graph[term.node]
      else {
        found.append(term)
        continue
      }
      for operand in [b, a] {
        let shifted = operand.shifted(by: term.shift)
        open.append(term.isNegated ? shifted.negated : shifted)
      }
    }
    return found
  }
}
