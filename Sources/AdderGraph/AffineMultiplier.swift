/// `x * c + r` by the adders of `x * c` and, where it can be, none for r.
///
/// r costs nothing in two places. What is a multiple of c goes into x: `(x + inputOffset) * c`, and x
/// has a bias anyway. The rest goes into the zero bits below shifted operands: `a + b<<5` becomes
/// `a + {b, 5'd19}`, and the constant reaches the output times whatever the graph multiplies it by.
public struct AffineMultiplier: Equatable, Sendable {
  /// A constant in the zero bits of an adder's shifted operand.
  public struct Fill: Hashable, Sendable {
    /// The adder; exactly one of its operands has a shift above 0.
    public var node: AdderGraph.NodeID
    /// 1 ..< 2^shift.
    public var value: Int
  }

  /// One input, one output: c times the input.
  public let graph: AdderGraph
  /// Added to x before the graph.
  public let inputOffset: Int
  /// Ascending by node, at most one an adder.
  public let fills: [Fill]
  /// Added to the graph's output; 0, or the price of one more adder.
  public let outputOffset: Int

  /// Adders of the graph, and one for `outputOffset` unless that is 0.
  public var adderCount: Int { graph.adderCount + (outputOffset == 0 ? 0 : 1) }

  /// The value of every node for `x`, fills included.
  public func evaluateNodes(_ x: Int) -> [Int] {
    var values: [Int] = []
    var next = 0
    for (index, operation) in graph.nodes.enumerated() {
      switch operation {
      case .input: values.append(x + inputOffset)
      case .add(let a, let b):
        var value = a.value(values) + b.value(values)
        if next < fills.count, fills[next].node.index == index {
          let isSubtracted = a.shift > 0 ? a.isNegated : b.isNegated
          value += isSubtracted ? -fills[next].value : fills[next].value
          next += 1
        }
        values.append(value)
      }
    }
    return values
  }

  /// `x * c + r`.
  public func evaluate(_ x: Int) -> Int {
    (graph.outputs[0]?.value(evaluateNodes(x)) ?? 0) + outputOffset
  }

  /// What is added to c times the input altogether: r. `evaluate` is affine, so this and the graph's
  /// coefficient say all about it.
  public var offset: Int { evaluate(0) }

  /// The cheapest form with an offset r out of `offsets`. With `movesInput` false x stays as it is, for
  /// readers that need its sign too.
  public init(graph: AdderGraph, offsets: ClosedRange<Int>, movesInput: Bool) {
    precondition(
      graph.inputCount == 1 && graph.outputs.count == 1, "a multiplier has one input and output")
    self.graph = graph
    let slots = ZeroBit.all(of: graph)
    let multiplier = graph.evaluate([1])[0]
    let reach = slots.reduce((low: 0, high: 0)) {
      ($0.low + min(0, $1.weight), $0.high + max(0, $1.weight))
    }
    var candidates = [0]
    if movesInput && multiplier != 0 {
      let (a, b) = (offsets.lowerBound - reach.high, offsets.upperBound - reach.low)
      let (first, last) = (Self.ceilingQuotient(a, multiplier), Self.floorQuotient(b, multiplier))
      // The nearer to zero, the less the bias grows.
      if first <= last {
        let start = min(max(0, first), last)
        candidates = (max(first, start - 16)...min(last, start + 16)).sorted {
          ($0.magnitude, $0) < ($1.magnitude, $1)
        }
      }
    }
    if let fit = Self.fit(candidates, multiplier, offsets, in: slots) {
      (inputOffset, fills, outputOffset) = (fit.inputOffset, fit.fills, 0)
      return
    }
    inputOffset = 0
    fills = []
    outputOffset = LinearStaircase.roundest(in: offsets)
  }

  /// The same where the input is to be moved by one of `inputOffsets`, the least that costs least.
  public init(
    graph: AdderGraph, offsets: ClosedRange<Int>, inputOffsets: ClosedRange<Int>
  ) {
    precondition(
      graph.inputCount == 1 && graph.outputs.count == 1, "a multiplier has one input and output")
    self.graph = graph
    let slots = ZeroBit.all(of: graph)
    let multiplier = graph.evaluate([1])[0]
    let last = min(inputOffsets.upperBound, inputOffsets.lowerBound + 32)
    let candidates = inputOffsets.lowerBound...last
    if let fit = Self.fit(Array(candidates), multiplier, offsets, in: slots) {
      (inputOffset, fills, outputOffset) = (fit.inputOffset, fit.fills, 0)
      return
    }
    inputOffset = inputOffsets.lowerBound
    fills = []
    let move = inputOffset * multiplier
    outputOffset = LinearStaircase.roundest(
      in: (offsets.lowerBound - move)...(offsets.upperBound - move))
  }

  /// The first of the input offsets whose rest fits into zero bits, and the constants there.
  private static func fit(
    _ inputOffsets: [Int], _ multiplier: Int, _ offsets: ClosedRange<Int>, in slots: [ZeroBit]
  ) -> (inputOffset: Int, fills: [Fill])? {
    for inputOffset in inputOffsets {
      let move = inputOffset * multiplier
      let wanted = (offsets.lowerBound - move)...(offsets.upperBound - move)
      guard let chosen = ZeroBit.choose(from: slots, reaching: wanted) else { continue }
      var values: [Int: Int] = [:]
      for slot in chosen { values[slot.node, default: 0] += 1 << slot.bit }
      let fills = values.sorted { $0.key < $1.key }.map {
        Fill(node: .init($0.key), value: $0.value)
      }
      return (inputOffset, fills)
    }
    return nil
  }

  /// The multiplier with all of its offset behind it.
  public init(graph: AdderGraph, outputOffset: Int) {
    precondition(
      graph.inputCount == 1 && graph.outputs.count == 1, "a multiplier has one input and output")
    self.graph = graph
    self.outputOffset = outputOffset
    inputOffset = 0
    fills = []
  }

  private static func floorQuotient(_ a: Int, _ b: Int) -> Int {
    let quotient = a / b
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient
  }

  private static func ceilingQuotient(_ a: Int, _ b: Int) -> Int { -floorQuotient(-a, b) }
}

/// A zero bit of a shifted operand, and what setting it adds to the output.
private struct ZeroBit {
  var node: Int
  var bit: Int
  var weight: Int

  /// The zero bits of a graph of one output, heaviest first.
  static func all(of graph: AdderGraph) -> [ZeroBit] {
    guard let output = graph.outputs[0] else { return [] }
    var factors = [Int](repeating: 0, count: graph.nodes.count)
    factors[output.node.index] = (output.isNegated ? -1 : 1) << output.shift
    var bits: [ZeroBit] = []
    for (index, operation) in graph.nodes.enumerated().reversed() {
      guard case .add(let a, let b) = operation else { continue }
      for operand in [a, b] {
        let sign = operand.isNegated ? -1 : 1
        factors[operand.node.index] += sign * factors[index] << operand.shift
        for bit in 0..<operand.shift {
          bits.append(ZeroBit(node: index, bit: bit, weight: sign * factors[index] << bit))
        }
      }
    }
    return bits.filter { $0.weight != 0 }.sorted {
      ($1.weight.magnitude, $0.node, $0.bit) < ($0.weight.magnitude, $1.node, $1.bit)
    }
  }

  /// Bits whose weights sum into `wanted`: depth first, heaviest bit first, cut where the bits left
  /// cannot reach, given up after some thousand steps.
  static func choose(from bits: [ZeroBit], reaching wanted: ClosedRange<Int>) -> [ZeroBit]? {
    var (low, high) = ([0], [0])
    for bit in bits.reversed() {
      low.append(low.last! + min(0, bit.weight))
      high.append(high.last! + max(0, bit.weight))
    }
    (low, high) = (low.reversed(), high.reversed())
    var steps = 0
    var chosen: [ZeroBit] = []
    func search(_ index: Int, _ sum: Int) -> Bool {
      if wanted.contains(sum) { return true }
      steps += 1
      guard index < bits.count, steps < 4_000, sum + low[index] <= wanted.upperBound,
        sum + high[index] >= wanted.lowerBound
      else { return false }
      chosen.append(bits[index])
      if search(index + 1, sum + bits[index].weight) { return true }
      chosen.removeLast()
      return search(index + 1, sum)
    }
    return search(0, 0) ? chosen : nil
  }
}
