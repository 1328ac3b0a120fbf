/// How a frozen convolution's biases and multipliers may be rewritten while the hardware runs
/// (adaptive batch norm): the values that its registers hold.
///
/// What a network with other values computes is what the interpreter computes with these; whatever
/// reads the layer has to expect all of them, and so every code of the layer's clamp.
public struct Adaptation: Hashable, Sendable, Codable {
  /// Bits of a bias in two's complement, 2 ... 32.
  public var biasBits: Int
  /// Bits of a multiplier's mantissa, 2 ... 31: its lowest 31 - `scaleBits` are zero.
  public var scaleBits: Int

  public init(biasBits: Int, scaleBits: Int) {
    self.biasBits = biasBits
    self.scaleBits = scaleBits
  }

  /// Exponents of multipliers: below 1.
  public static let exponents = -31...0

  /// Every bias.
  public var biases: ClosedRange<Int> { -(1 << (biasBits - 1))...(1 << (biasBits - 1)) - 1 }

  /// True for a multiplier that the registers can hold: 0, or of 31 bits with the lowest zero, below
  /// one, rounded as TFLite does.
  public func holds(_ multiplier: FixedPointMultiplier) -> Bool {
    let low = (1 << (31 - scaleBits)) - 1
    return !multiplier.isExact && Adaptation.exponents.contains(multiplier.exponent)
      && (multiplier.multiplier == 0
        || (1 << 30...Int(Int32.max)).contains(multiplier.multiplier)
          && multiplier.multiplier & low == 0)
  }

  /// The nearest multiplier that the registers hold, halves up; nil for one that is not below one, or
  /// is exact.
  public func rounded(_ multiplier: FixedPointMultiplier) -> FixedPointMultiplier? {
    guard !multiplier.isExact else { return nil }
    guard multiplier.multiplier != 0 else {
      return FixedPointMultiplier(multiplier: 0, exponent: 0)
    }
    let drop = 31 - scaleBits
    let half = drop > 0 ? 1 << (drop - 1) : 0
    var result = multiplier
    result.multiplier = ((multiplier.multiplier + half) >> drop) << drop
    if result.multiplier == 1 << 31 {
      result.multiplier = 1 << 30
      result.exponent += 1
    }
    return holds(result) ? result : nil
  }

  /// What is wrong with a layer's own values; nil when the registers hold them.
  func problem(of layer: QuantizedConvolution) -> String? {
    guard (2...32).contains(biasBits), (2...31).contains(scaleBits) else {
      return "has registers of \(biasBits) and \(scaleBits) bits"
    }
    if let channel = layer.bias.indices.first(where: { !biases.contains(Int(layer.bias[$0])) }) {
      return "has the bias \(layer.bias[channel]) in channel \(channel); its registers hold "
        + "\(biases)"
    }
    if let channel = layer.requantization.indices.first(where: {
      !holds(layer.requantization[$0])
    }) {
      return "has the multiplier \(layer.requantization[channel]) in channel \(channel); its "
        + "registers hold \(scaleBits) bits below one"
    }
    return nil
  }
}

extension QuantizedGraph {
  /// The network with these convolutions adaptive: multipliers rounded to `scaleBits`, biases as wide
  /// as the accumulator without them, and one bit wider than the trained ones at least, less where
  /// their sum would leave int32.
  ///
  /// Throws all that cannot be adaptive: nodes that are no convolutions, multipliers of one and more,
  /// ONNX's exact ones, outputs that the clamp makes constant; and layers behind whose accumulators
  /// would leave int32 for some values.
  public func adapting(
    _ layers: some Sequence<ValueID>, scaleBits: Int = 31
  ) throws(Diagnostics) -> QuantizedGraph {
    precondition((2...31).contains(scaleBits), "a mantissa has 2 to 31 bits")
    var found: [Diagnostic] = []
    var graph = self
    for id in Set(layers).sorted() {
      do throws(Diagnostic) {
        graph = try graph.adapting(id, scaleBits: scaleBits)
      } catch {
        found.append(error)
      }
    }
    if found.isEmpty {
      found = graph.verify().map { problem in
        var problem = problem
        problem.remedy =
          "the registers of adaptive layers hold many values; make fewer layers adaptive"
        return problem
      }
    }
    guard found.isEmpty else { throw Diagnostics(found) }
    return graph
  }

  private func adapting(_ id: ValueID, scaleBits: Int) throws(Diagnostic) -> QuantizedGraph {
    let node = self[id]
    func refuse(_ message: String, _ remedy: String? = nil) -> Diagnostic {
      Diagnostic(message, node: node.name, remedy: remedy)
    }
    guard case .convolution(var layer) = node.operation else {
      throw refuse("only a convolution can have an adaptive batch norm")
    }
    guard layer.clamp.count > 1 else {
      throw refuse("its clamp leaves one code: nothing of it can be adaptive")
    }
    let another = "leave it out of --adaptive-batchnorm"
    // Bits come last: rounding does not depend on them.
    let registers = Adaptation(biasBits: 32, scaleBits: scaleBits)
    for channel in layer.requantization.indices {
      let multiplier = layer.requantization[channel]
      guard !multiplier.isExact else {
        throw refuse("ONNX's exact multipliers cannot be adaptive", another)
      }
      guard let rounded = registers.rounded(multiplier) else {
        throw refuse(
          "the multiplier \(multiplier) of channel \(channel) is not below one: it cannot be "
            + "adaptive", another)
      }
      layer.requantization[channel] = rounded
    }
    let sums = channelIntervals().accumulators[id.index].enumerated().map { channel, interval in
      interval.shifted(by: -Int(layer.bias[channel])).hull(0...0)
    }
    func bits(_ interval: ClosedRange<Int>) -> Int {
      let magnitude = max(interval.upperBound, ~interval.lowerBound)
      return Int.bitWidth - magnitude.leadingZeroBitCount + 1
    }
    let trained = layer.bias.map { bits(min(Int($0), 0)...max(Int($0), 0)) }.max() ?? 1
    var wanted = min(32, max(2, trained + 1, sums.map(bits).max() ?? 1))
    func fits(_ count: Int) -> Bool {
      let biases = Adaptation(biasBits: count, scaleBits: scaleBits).biases
      return sums.allSatisfy {
        int32Range.covers($0.lowerBound + biases.lowerBound...$0.upperBound + biases.upperBound)
      }
    }
    while wanted > 2, !fits(wanted) { wanted -= 1 }
    guard wanted >= trained, fits(wanted) else {
      throw refuse(
        "its accumulator with any bias as wide as the trained ones leaves 32 bits", another)
    }
    layer.adaptation = Adaptation(biasBits: wanted, scaleBits: scaleBits)
    return replacing([id: .convolution(layer)])
  }

  /// The adaptive convolutions, in order.
  public var adaptiveLayers: [ValueID] {
    values.filter {
      if case .convolution(let layer) = self[$0].operation {
        layer.adaptation != nil
      } else {
        false
      }
    }
  }
}
