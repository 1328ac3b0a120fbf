import NeuralGraph

/// Cross-layer equalization: scales the channels between two layers so that each channel's weights
/// have the same range in both (Nagel et al., Data-Free Quantization Through Weight Equalization and
/// Bias Correction, 2019). The first layer's filter and bias are divided by the channel's factor,
/// the second one's weights multiplied.
///
/// Pairs are a convolution, at most one activation, and a convolution that alone reads it. ReLU and no
/// activation let factors through exactly. ReLU6 does where nothing is cut at 6, before and after: its
/// channels keep a factor of 1 where `maxima` (by node, the greatest number of each channel over the
/// images) reach 6, and are never scaled up beyond it. Repeated until factors settle, 20 times at most;
/// linear in the weights each time.
func equalizeLayers(_ graph: Graph, maxima: [[Float]]) throws(Diagnostic) -> Graph {
  let readers = graph.readers
  var weights: [Int: [Float]] = [:]
  for id in graph.ids { if let tensor = graph.constant(id) { weights[id.index] = tensor.values } }
  let pairs = graph.ids.compactMap { Pair(graph, first: $0, readers: readers) }
  var ceilings: [Int: [Float]] = [:]
  for pair in pairs where pair.ceiling != nil {
    ceilings[pair.last.index] = maxima[pair.last.index]
  }
  for _ in 0..<20 {
    var change: Float = 0
    for pair in pairs {
      for channel in 0..<pair.channels {
        let first = pair.firstIndices(channel)
        let second = pair.secondIndices(channel)
        let a = first.reduce(0) { max($0, abs(weights[pair.filter]![$1])) }
        let b = second.reduce(0) { max($0, abs(weights[pair.nextFilter]![$1])) }
        guard a.isNormal, b.isNormal else { continue }
        var factor = (a / b).squareRoot()
        if let ceiling = pair.ceiling {
          let greatest = ceilings[pair.last.index]![channel]
          if greatest >= ceiling { continue }
          factor = max(factor, greatest / ceiling)
        }
        guard factor.isNormal, (1e-3...1e3).contains(factor) else { continue }
        change = max(change, abs(factor - 1))
        for index in first { weights[pair.filter]![index] /= factor }
        for index in second { weights[pair.nextFilter]![index] *= factor }
        if let bias = pair.bias { weights[bias]![channel] /= factor }
        ceilings[pair.last.index]?[channel] /= factor
      }
    }
    if change < 1e-3 { break }
  }
  var rewriter = GraphRewriter(graph)
  for id in graph.ids {
    guard let values = weights[id.index], let old = graph.constant(id), old.values != values else {
      try rewriter.copy(id)
      continue
    }
    let tensor = FloatTensor(shape: old.shape, values: values)
    rewriter.replace(
      id, by: try rewriter.append(name: graph[id].name, .constant(tensor)))
  }
  return rewriter.finish()
}

/// Two convolutions, the second alone behind the first.
private struct Pair {
  /// Nodes of the constants.
  let filter: Int
  let bias: Int?
  let nextFilter: Int
  /// The tensor between the two.
  let last: NodeID
  /// Where the activation cuts, if it does.
  let ceiling: Float?
  let channels: Int
  private let size: Int
  private let next: (groups: Int, depth: Int, outputs: Int, taps: Int)

  init?(_ graph: Graph, first: NodeID, readers: [[NodeID]]) {
    guard case .convolution = graph[first].operation else { return nil }
    last = graph.outputNode(of: first, readers: readers)
    var ceiling: Float?
    if case .activation(let activation) = graph[last].operation {
      switch activation {
      case .none, .relu: break
      case .relu6: ceiling = 6
      case .reluN1To1: return nil
      }
    }
    self.ceiling = ceiling
    guard readers[last.index].count == 1, !graph.outputs.contains(last),
      case .convolution(let next) = graph[readers[last.index][0]].operation
    else { return nil }
    let reader = graph[readers[last.index][0]]
    // A constant that others read too must not change.
    func own(_ id: NodeID) -> Int? {
      graph.constant(id) != nil && readers[id.index].count == 1 ? id.index : nil
    }
    let operands = graph[first].operands
    guard reader.operands[0] == last, let filter = own(operands[1]),
      let nextFilter = own(reader.operands[1])
    else { return nil }
    if operands.count == 3 {
      guard let bias = own(operands[2]) else { return nil }
      self.bias = bias
    } else {
      bias = nil
    }
    self.filter = filter
    self.nextFilter = nextFilter
    channels = graph[last].shape.channels
    size = graph.constant(operands[1])!.values.count
    let depth = channels / next.groups
    let outputs = reader.shape.channels
    self.next = (
      next.groups, depth, outputs,
      graph.constant(reader.operands[1])!.values.count / (depth * outputs)
    )
  }

  /// The filter's weights that make a channel.
  func firstIndices(_ channel: Int) -> [Int] {
    Array(stride(from: channel, to: size, by: channels))
  }

  /// The next filter's weights that read a channel.
  func secondIndices(_ channel: Int) -> [Int] {
    let (group, offset) = channel.quotientAndRemainder(dividingBy: next.depth)
    let width = next.outputs / next.groups
    return (0..<next.taps).flatMap { tap in
      (group * width..<(group + 1) * width).map { (tap * next.depth + offset) * next.outputs + $0 }
    }
  }
}
