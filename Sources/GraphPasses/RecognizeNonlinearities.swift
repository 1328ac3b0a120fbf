import NeuralGraph

/// `recognize-nonlinearities`: `relu6(x + 3) / 6` is hard sigmoid, `x * hardSigmoid(x)` is hard
/// swish, `x * relu6(x + 3) / 6` is it too, whatever the order of the factors; `x * sigmoid(x)` is
/// swish. So that each is one table of 256 entries and not three layers. One walk in topological
/// order; what stands between must have no other reader. Not in networks with fake quantization,
/// whose grids lie between.
func recognizeNonlinearities(_ graph: Graph) throws(Diagnostic) -> Graph {
  guard !graph.isFakeQuantized else { return graph }
  var rewriter = GraphRewriter(graph)
  var forms = [Form?](repeating: nil, count: graph.nodes.count)
  for id in graph.ids {
    let node = graph[id]
    forms[id.index] = Form(node, in: graph) { operand in
      rewriter.hasOneReader(operand) ? forms[operand.index] : nil
    }
    guard let form = forms[id.index], let nonlinearity = form.nonlinearity else {
      try rewriter.copy(id)
      continue
    }
    rewriter.replace(
      id,
      by: try rewriter.append(
        name: node.name, .nonlinearity(nonlinearity), [rewriter.image(form.source)]))
  }
  return try dropUnused(rewriter.finish())
}

/// What a node is of a tensor further up.
private struct Form {
  enum Kind {
    /// x + 3
    case shifted
    /// relu6(x + 3)
    case cut
    /// relu6(x + 3) / 6
    case hardSigmoid
    /// x relu6(x + 3)
    case sixfold
    case hardSwish
    case sigmoid, swish
  }

  var kind: Kind
  var source: NodeID

  var nonlinearity: Nonlinearity? {
    switch kind {
    case .shifted, .cut, .sixfold: nil
    case .hardSigmoid: .hardSigmoid(slope: 1 / 6, offset: 0.5)
    case .hardSwish: .hardSwish
    case .sigmoid: .sigmoid
    case .swish: .swish
    }
  }

  init(kind: Kind, source: NodeID) {
    self.kind = kind
    self.source = source
  }

  /// `inner` gives the form of an operand that nothing else reads.
  init?(_ node: Node, in graph: Graph, inner: (NodeID) -> Form?) {
    switch node.operation {
    case .nonlinearity(.sigmoid): self.init(kind: .sigmoid, source: node.operands[0])
    case .nonlinearity(.hardSigmoid(let slope, let offset))
    where offset == 0.5 && Form.isSixth(slope):
      self.init(kind: .hardSigmoid, source: node.operands[0])
    case .activation(.relu6):
      guard let form = inner(node.operands[0]), form.kind == .shifted else { return nil }
      self.init(kind: .cut, source: form.source)
    case .binary(let operation):
      guard let form = Form.binary(operation, node, in: graph, inner: inner) else { return nil }
      self = form
    default: return nil
    }
  }

  private static func binary(
    _ operation: BinaryOperation, _ node: Node, in graph: Graph, inner: (NodeID) -> Form?
  ) -> Form? {
    for (first, second) in [(0, 1), (1, 0)] {
      let (x, other) = (node.operands[first], node.operands[second])
      guard graph[x].shape == node.shape else { continue }
      if let constant = graph.constant(other), constant.values.count == 1 {
        let value = constant.values[0]
        if operation == .add, value == 3 { return Form(kind: .shifted, source: x) }
        let isSixth =
          operation == .multiply
          ? Form.isSixth(value) : operation == .divide && first == 0 && value == 6
        guard isSixth, let form = inner(x) else { continue }
        if form.kind == .cut { return Form(kind: .hardSigmoid, source: form.source) }
        if form.kind == .sixfold { return Form(kind: .hardSwish, source: form.source) }
      } else if operation == .multiply, let form = inner(other), form.source == x {
        switch form.kind {
        case .cut: return Form(kind: .sixfold, source: x)
        case .hardSigmoid: return Form(kind: .hardSwish, source: x)
        case .sigmoid: return Form(kind: .swish, source: x)
        default: continue
        }
      }
    }
    return nil
  }

  /// 1/6 as exporters write it: 0.16666667, or 0.1666667 of seven digits.
  private static func isSixth(_ value: Float) -> Bool { abs(value - 1 / 6) < 1e-6 }
}
