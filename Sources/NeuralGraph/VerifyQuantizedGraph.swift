/// Bounds on what a network may ask for, so that a small hostile file cannot claim gigabytes of
/// memory or days of work. Generous: a 4K image through a wide network fits.
public enum NetworkLimits {
  /// Elements of one activation tensor.
  public static let tensorElements = 1 << 26
  /// Elements of all activation tensors together.
  public static let allElements = 1 << 29
  /// Channels (innermost extent) of one tensor.
  public static let channels = 1 << 22
  /// Channels of all activation tensors together.
  public static let allChannels = 1 << 24
  /// Kernel extents, strides, dilations and pads.
  public static let windowLength = 1 << 20
  /// Codes of all tables together: a constant of one byte a channel asks for 256 codes of each.
  public static let tableCodes = 1 << 26
  /// Operands of one concatenation.
  public static let operands = 1 << 10
  /// Multiply-accumulates of one evaluation.
  public static let operations = 1 << 40
}

extension QuantizedGraph {
  /// Checks every invariant of the network and returns all that is wrong; empty means that the
  /// interpreter and the hardware can compute it exactly. The structure comes first (shapes,
  /// counts, ranges); when that holds, exact intervals show that no accumulator, and no
  /// accumulator shifted left by a multiplier's exponent, leaves int32.
  public func verify() -> [Diagnostic] {
    let structure = verifyStructure()
    return structure.isEmpty ? verifyAccumulators() : structure
  }

  /// The first part of `verify`: all that `channelIntervals` and the interpreter rely on.
  public func verifyStructure() -> [Diagnostic] {
    var found: [Diagnostic] = []
    if nodes.first?.operation != .input {
      found.append(Diagnostic("the network '\(name)' does not begin with an input"))
    }
    if outputs.isEmpty { found.append(Diagnostic("the network '\(name)' has no output")) }
    if outputs.contains(where: { !nodes.indices.contains($0.index) }) {
      found.append(Diagnostic("an output of the network '\(name)' is not one of its values"))
    }
    let extents = verifyExtents()
    guard extents.isEmpty else { return found + extents }
    for id in values {
      let node = self[id]
      let operands = node.operands.map { self[$0].type }
      if node.operation == .input, id.index > 0 {
        found.append(Diagnostic("the network has more than one input", node: node.name))
      }
      found += NodeChecker(node: node, operands: operands).check()
    }
    return found.isEmpty ? verifyWork() : found
  }

  /// Checks that all tensors together stay within `NetworkLimits`, before any node's work is
  /// looked at. A tensor that is too large by itself counts as none here; its node says so.
  private func verifyExtents() -> [Diagnostic] {
    var (elements, channels) = (0, 0)
    for node in nodes {
      let shape = node.type.shape
      let count = TensorShape.checkedElementCount(
        shape.dimensions, limit: NetworkLimits.tensorElements)
      elements += count ?? 0
      channels += count == nil ? 0 : min(shape.channels, NetworkLimits.channels)
    }
    return tooMuch(elements, NetworkLimits.allElements, "activation elements")
      + tooMuch(channels, NetworkLimits.allChannels, "channels")
  }

  /// Checks the work of one evaluation; every node must be valid by itself.
  private func verifyWork() -> [Diagnostic] {
    let operations = values.reduce(0) { sum, id in
      let (next, overflow) = sum.addingReportingOverflow(self.operationCount(of: id))
      return overflow ? Int.max : next
    }
    return tooMuch(operations, NetworkLimits.operations, "operations")
  }

  private func tooMuch(_ count: Int, _ limit: Int, _ what: String) -> [Diagnostic] {
    guard count > limit else { return [] }
    return [
      Diagnostic(
        "the network needs \(count) \(what); at most \(limit) are accepted",
        remedy: "export it for a smaller input")
    ]
  }

  /// The second part of `verify`: accumulators stay in int32. Needs a valid structure.
  private func verifyAccumulators() -> [Diagnostic] {
    let intervals = channelIntervals()
    return values.compactMap { id in
      let node = self[id]
      let accumulators = intervals.accumulators[id.index]
      guard
        let channel = accumulators.indices.first(where: {
          !node.operation.accepts(accumulators[$0], channel: $0, zeroPoint: node.type.zeroPoint)
        })
      else { return nil }
      let interval = accumulators[channel]
      return Diagnostic(
        "the accumulator of channel \(channel) can be \(interval.lowerBound) to "
          + "\(interval.upperBound), which leaves 32 bits in the requantizer "
          + "\(node.operation.requantizerText(channel: channel))",
        node: node.name,
        remedy: "TFLite's kernels would wrap here; check the layer's bias and scales")
    }
  }
}

extension QuantizedOperation {
  /// True when the requantizer may be given every accumulator of `interval`.
  fileprivate func accepts(
    _ interval: ClosedRange<Int>, channel: Int, zeroPoint: Int
  ) -> Bool {
    func fixed(_ multiplier: FixedPointMultiplier) -> Bool {
      multiplier.image(of: interval, zeroPoint: 0, clamp: int32Range) != nil
        && int32Range.covers(
          (multiplier.apply(interval.lowerBound)...multiplier.apply(interval.upperBound))
            .shifted(by: zeroPoint))
    }
    switch self {
    case .convolution(let convolution):
      // The kernel's sums are of 32 bits, whatever the requantizer takes.
      return int32Range.covers(interval) && fixed(convolution.requantization[channel])
    case .fullyConnected(let layer):
      return layer.image(of: interval, output: channel, zeroPoint: zeroPoint) != nil
    case .mean(let mean): return fixed(mean.requantization)
    case .add(let add): return fixed(add.output)
    case .multiply(let multiply): return fixed(multiply.requantization)
    case .rescale(let rescale): return fixed(rescale.requantization)
    case .input, .averagePool, .maxPool, .table, .concatenation, .pad, .reshape, .softmax,
      .l2Normalization:
      return true
    }
  }

  fileprivate func requantizerText(channel: Int) -> String {
    switch self {
    case .convolution(let convolution): return "\(convolution.requantization[channel])"
    case .fullyConnected(let layer): return "\(layer.requantization[channel])"
    case .mean(let mean): return "\(mean.requantization)"
    case .add(let add): return "\(add.output)"
    case .multiply(let multiply): return "\(multiply.requantization)"
    case .rescale(let rescale): return "\(rescale.requantization)"
    case .input, .averagePool, .maxPool, .table, .concatenation, .pad, .reshape, .softmax,
      .l2Normalization:
      return ""
    }
  }
}

extension QuantizedGraph {
  /// What one evaluation of a node costs: multiply-accumulates of a layer with weights, cells
  /// added or compared by a pool or a mean, elements of any other operation. Needs valid nodes.
  public func operationCount(of id: ValueID) -> Int {
    let node = self[id]
    let elements = node.type.shape.elementCount
    func taps(_ geometry: WindowGeometry) -> Int {
      geometry.vertical.tapCount.multipliedReportingOverflow(by: geometry.horizontal.tapCount)
        .overflow ? Int.max : geometry.vertical.tapCount * geometry.horizontal.tapCount
    }
    func product(_ a: Int, _ b: Int) -> Int {
      let (result, overflow) = a.multipliedReportingOverflow(by: b)
      return overflow ? Int.max : result
    }
    switch node.operation {
    case .convolution(let convolution):
      return product(
        taps(convolution.geometry),
        product(convolution.outputChannels, convolution.inputChannelsPerGroup))
    case .fullyConnected(let layer): return product(elements, layer.inputSize)
    case .averagePool(let pool), .maxPool(let pool):
      return product(taps(pool.geometry), node.type.shape.channels)
    case .mean: return self[node.operands[0]].type.shape.elementCount
    case .input, .add, .multiply, .rescale, .table, .concatenation, .pad, .reshape, .softmax,
      .l2Normalization:
      return elements
    }
  }
}

extension QuantizedNode {
  /// Multiply-accumulates of the node's weights over one image, counted as every table of the
  /// field does: all taps of every output pixel, those in the pad too. Zero without weights.
  public var multiplyAccumulates: Int {
    switch operation {
    case .convolution(let convolution):
      return type.shape.elementCount * convolution.geometry.kernelHeight
        * convolution.geometry.kernelWidth * convolution.inputChannelsPerGroup
    case .fullyConnected(let layer): return type.shape.elementCount * layer.inputSize
    default: return 0
    }
  }

  /// The node's weights minus their zero points; empty for a node without weights.
  public var weights: [Int16] {
    switch operation {
    case .convolution(let convolution): return convolution.weights
    case .fullyConnected(let layer): return layer.weights
    default: return []
    }
  }
}
