extension AdderGraph {
  /// The same outputs with every node a positive multiple of the input, for a graph of one input:
  /// a node that is a negative multiple is computed with its signs swapped, at the same cost, and
  /// read with the opposite sign. No output of a positive constant is negated then.
  ///
  /// Every sum of the result has at most one negated term, since a positive number is not the sum of
  /// two negative ones.
  func withPositiveMultiples() -> AdderGraph {
    precondition(inputCount == 1, "multiples are of one input")
    let multiples = evaluateNodes([1])
    func flipped(_ term: Term) -> Term { multiples[term.node.index] < 0 ? term.negated : term }
    let nodes = nodes.enumerated().map { index, operation -> Operation in
      guard case .add(let a, let b) = operation else { return operation }
      var (first, second) = (flipped(a), flipped(b))
      if multiples[index] < 0 { (first, second) = (first.negated, second.negated) }
      return first.isNegated ? .add(second, first) : .add(first, second)
    }
    return AdderGraph(nodes: nodes, outputs: outputs.map { $0.map(flipped) })
  }
}
