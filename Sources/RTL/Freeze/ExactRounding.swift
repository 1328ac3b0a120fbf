import AdderGraph
import NeuralGraph

/// Whether the requantizers of a network that round ties to even (ONNX's) have hardware: a line
/// `(acc * c + r) >> s` that equals them. TFLite's always have; these only where no two ties next to
/// each other are reachable, since a line cannot round one down and the next one up.
struct ExactRounding {
  private let graph: QuantizedGraph
  /// nil when no requantizer is ONNX's.
  private let intervals: ChannelIntervals?

  /// `graph` must be valid (`QuantizedGraph.verify`).
  init(_ graph: QuantizedGraph) {
    self.graph = graph
    let isExact = graph.nodes.contains { $0.operation.isExact }
    intervals = isExact ? graph.channelIntervals() : nil
  }

  /// A diagnostic when a requantizer of this node has no line.
  func problem(of id: ValueID) -> Diagnostic? {
    let node = graph[id]
    guard let intervals, node.operation.isExact else { return nil }
    var multipliers = ConstantMultiplier()
    for (channel, accumulators) in intervals.accumulators[id.index].enumerated() {
      guard let (function, clamp) = node.requantizer(channel) else { continue }
      let domain = domain(of: node, channel) ?? accumulators
      if let staircase = try? Staircase(domain: domain, function: function),
        staircase.fit(
          clamp: clamp, using: &multipliers, options: .init(spareBits: 0)) != nil
      {
        continue
      }
      return Diagnostic(
        "the requantizer of channel \(channel) meets ties, which ONNX rounds to even: no "
          + "multiplication, addition and shift equals it",
        node: node.name,
        remedy: "fix the layers before it, or export scales that are no powers of two")
    }
    return nil
  }

  /// All accumulators that the lowering of a convolution may take to be possible: each tap by itself
  /// inside the image or outside.
  private func domain(of node: QuantizedNode, _ channel: Int) -> ClosedRange<Int>? {
    guard case .convolution(let layer) = node.operation, let intervals else { return nil }
    let zeroPoint = graph[node.operands[0]].type.zeroPoint
    let inputs = intervals.codes[node.operands[0].index]
    let perGroup = layer.inputChannelsPerGroup
    let count = layer.geometry.kernelHeight * layer.geometry.kernelWidth * perGroup
    let firstInput = channel / layer.outputChannelsPerGroup * perGroup
    var (low, high) = (Int(layer.bias[channel]), Int(layer.bias[channel]))
    for index in 0..<count {
      let weight = Int(layer.weights[channel * count + index])
      let codes = inputs[firstInput + index % perGroup]
      let ends = [weight * (codes.lowerBound - zeroPoint), weight * (codes.upperBound - zeroPoint)]
      low += min(0, ends[0], ends[1])
      high += max(0, ends[0], ends[1])
    }
    return low...high
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
    case .input, .averagePool, .maxPool, .add, .pad, .reshape, .softmax: false
    }
  }
}

extension QuantizedNode {
  /// The function of a channel's accumulator to its code, and its clamp.
  fileprivate func requantizer(
    _ channel: Int
  ) -> (function: (Int) -> Int, clamp: ClosedRange<Int>)? {
    let zero = type.zeroPoint
    func clamped(
      _ clamp: ClosedRange<Int>, _ apply: @escaping (Int) -> Int
    ) -> (function: (Int) -> Int, clamp: ClosedRange<Int>) {
      ({ min(max(zero + apply($0), clamp.lowerBound), clamp.upperBound) }, clamp)
    }
    switch operation {
    case .convolution(let layer):
      return clamped(layer.clamp) { layer.requantization[channel].apply($0) }
    case .fullyConnected(let layer):
      return clamped(layer.clamp) { layer.requantization[channel].apply($0) }
    case .mean(let mean): return clamped(mean.clamp) { mean.requantization.apply($0) }
    case .rescale(let rescale): return clamped(rescale.clamp) { rescale.requantization.apply($0) }
    case .input, .averagePool, .maxPool, .add, .pad, .reshape, .softmax: return nil
    }
  }
}
