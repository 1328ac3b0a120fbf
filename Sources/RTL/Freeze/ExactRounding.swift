import AdderGraph
import NeuralGraph

/// Whether the requantizers of a network that round ties to even (ONNX's) have hardware: a line
/// `(acc * c + r) >> s` that equals them. TFLite's always have; these only where no two ties next to
/// each other are reachable, since a line cannot round one down and the next one up. And whether ONNX's
/// sums of maps have: a plane (`SumForm`).
///
/// Plans the layers as freezing does, so that it asks about the very accumulators that lowering builds
/// for.
struct ExactRounding {
  /// Of the nodes asked about so far; nil when no requantizer is ONNX's and no maps are added.
  private var planner: LayerPlanner?

  /// `graph` must be valid (`QuantizedGraph.verify`).
  init(_ graph: QuantizedGraph) {
    let isNeeded = graph.nodes.contains { node in
      if case .add(let add) = node.operation { return add.output.isExact }
      return node.operation.isExact
    }
    planner = isNeeded ? try? LayerPlanner(graph) : nil
  }

  /// A diagnostic when a requantizer of this node has no line, or a sum no plane. To be asked about each
  /// node in turn, once the node is known to be one that hardware has.
  mutating func problem(of id: ValueID) -> Diagnostic? {
    guard let plan = planner?.plan(id) else { return nil }
    let node = plan.node
    if let sum = plan.sum, sum.isExact, sum.form(plan.input, plan.output.channels) == nil {
      return Diagnostic(
        "the sum of two maps rounds in such a way that no plane over both codes equals it",
        node: node.name,
        remedy: "fix the layers before it, or export scales that are no powers of two")
    }
    guard node.operation.isExact else { return nil }
    var multipliers = ConstantMultiplier()
    for channel in plan.output.liveChannels {
      guard let requantizer = plan.requantizer(of: channel) else { continue }
      let line = DatapathBuilder.fit(
        domain: requantizer.domain, clamp: requantizer.clamp, exponent: nil, &multipliers,
        requantizer.function)
      if line != nil { continue }
      return Diagnostic(
        "the requantizer of channel \(channel) meets ties, which ONNX rounds to even: no "
          + "multiplication, addition and shift equals it",
        node: node.name,
        remedy: "fix the layers before it, or export scales that are no powers of two")
    }
    return nil
  }
}

extension LayerPlan {
  /// A channel's function of its accumulator, bias included, to its code, where it is asked, and its
  /// clamp; nil for a layer without.
  fileprivate func requantizer(
    of channel: Int
  ) -> (function: (Int) -> Int, domain: Interval, clamp: ClosedRange<Int>)? {
    let zeroPoint = input.zeroPoint
    switch node.operation {
    case .convolution, .fullyConnected:
      guard let analysis, let clamp = convolutionLayer?.clamp else { return nil }
      let bias = analysis.biases[channel]
      let requantize = requantize
      return ({ requantize(channel, $0) }, analysis.sums[channel].adding(bias...bias), clamp)
    case .mean(let mean):
      let count = input.height * input.width
      let bias = -count * zeroPoint
      return (
        { code($0 - bias) },
        input.channels[channel].interval.scaled(by: count).adding(bias...bias), mean.clamp
      )
    case .rescale(let rescale):
      return (
        { code($0 + zeroPoint) },
        input.channels[channel].interval.adding(-zeroPoint...(-zeroPoint)), rescale.clamp
      )
    default: return nil
    }
  }
}

extension FixedPointMultiplier {
  /// The exponent that says where TFLite's second rounding acts; nil for ONNX's one rounding.
  var signExponent: Int? { isExact ? nil : exponent }
}

extension QuantizedOperation {
  fileprivate var isExact: Bool {
    switch self {
    case .convolution(let layer): layer.requantization.contains { $0.isExact }
    case .fullyConnected(let layer): layer.requantization.contains { $0.divisor > 0 }
    case .mean(let mean): mean.requantization.isExact
    case .rescale(let rescale): rescale.requantization.isExact
    case .input, .averagePool, .maxPool, .add, .multiply, .table, .concatenation, .pad, .reshape,
      .softmax, .l2Normalization:
      false
    }
  }
}
