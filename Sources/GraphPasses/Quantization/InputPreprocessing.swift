import NeuralGraph

/// The numbers of a network's input, and the network without the arithmetic on them.
///
/// A network may begin with factors and summands of its own (`x / 127.5 - 1`). Those of one number,
/// in a row behind the input, are taken into the input's parameters: the input then stands for
/// their result, and the codes are the pixels still.
struct InputPreprocessing {
  /// The network without them.
  private(set) var graph: Graph
  /// What the file's input numbers are, for a pixel.
  let raw: InputNormalization
  /// The same for the input of `graph`.
  private(set) var input: InputNormalization
  /// True when neither the caller nor the file says `raw`.
  let isAssumed: Bool

  /// `stated` is what the caller says of the file's input. Without it, a file whose input is bytes
  /// says 0 to 255; arithmetic on the input gives away whether it expects 0 to 255 or 0 to 1; and
  /// what else is taken is `InputNormalization.standard`.
  init(_ graph: Graph, stated: InputNormalization?) throws(Diagnostic) {
    let chain = AffineChain(graph)
    let implied =
      graph.statedInputRange.flatMap {
        InputNormalization(low: Double($0.lowerBound), high: Double($0.upperBound))
      }
    isAssumed = stated == nil && implied == nil
    raw = stated ?? implied ?? chain.guess ?? .standard
    input = raw
    self.graph = graph
    let scale = raw.scale * chain.factor
    let offset = raw.offset - chain.summand / scale
    // Without a pixel that is 0.0, no zero point can hold the result: then the arithmetic stays.
    guard !chain.members.isEmpty, Float(scale).isNormal, (0...255).contains(offset) else { return }
    input = InputNormalization(scale: scale, offset: offset)
    var rewriter = GraphRewriter(graph)
    for id in graph.ids {
      if chain.members.contains(id) {
        rewriter.replace(id, by: rewriter.image(graph.inputs[0]))
      } else {
        try rewriter.copy(id)
      }
    }
    self.graph = try dropUnused(rewriter.finish())
  }
}

/// The factors and summands in a row behind a network's input: `factor * x + summand`.
private struct AffineChain {
  var factor = 1.0
  var summand = 0.0
  /// The operations of one number each.
  var members: [NodeID] = []
  /// What the arithmetic says about x, also that of one number a channel; nil when there is none.
  var guess: InputNormalization?

  init(_ graph: Graph) {
    guard let input = graph.inputs.first else { return }
    let readers = graph.readers
    var last = input
    while readers[last.index].count == 1, !graph.outputs.contains(last) {
      let id = readers[last.index][0]
      let node = graph[id]
      guard case .binary(let operation) = node.operation, node.shape == graph[input].shape,
        let constant = node.operands.lazy.compactMap({ graph.constant($0) }).first,
        let value = constant.values.first,
        let (a, b) = step(operation, Double(value), isFirst: node.operands[0] == last),
        a.isNormal, a > 0, b.isFinite
      else { return }
      guess = AffineChain.guess(a, b)
      // One number a channel is a layer of its own.
      guard constant.values.allSatisfy({ $0 == value }) else { return }
      (factor, summand) = (a, b)
      members.append(id)
      last = id
    }
  }

  private func step(
    _ operation: BinaryOperation, _ c: Double, isFirst: Bool
  ) -> (Double, Double)? {
    switch operation {
    case .multiply: (factor * c, summand * c)
    case .add: (factor, summand + c)
    case .subtract where isFirst: (factor, summand - c)
    case .divide where isFirst: (factor / c, summand / c)
    default: nil
    }
  }

  /// Numbers that are shifted by more than 2, or scaled down a lot, are bytes; others are bytes
  /// divided by 255.
  private static func guess(_ a: Double, _ b: Double) -> InputNormalization {
    abs(b / a) > 2 || a < 0.1
      ? InputNormalization(scale: 1, offset: 0) : InputNormalization(scale: 1.0 / 255, offset: 0)
  }
}
