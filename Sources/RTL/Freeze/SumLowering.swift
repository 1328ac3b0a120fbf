import AdderGraph
import NeuralGraph

/// A sum of two maps, as a layer: a pixel holds the channels of both, or of the one map that is added to
/// itself.
struct SumPlan {
  let add: QuantizedAdd
  /// Of the two operands and of the sum.
  let zeroPoints: (Int, Int)
  let zeroPoint: Int
  /// The pixel's channels that a sum's channel c adds: c, and c plus this.
  let secondChannel: Int

  func code(_ a: Int, _ b: Int) -> Int {
    add.code(a, b, zeroPoints: zeroPoints, output: zeroPoint)
  }

  /// The output channels: the sum rises with a code, or falls with one that is subtracted.
  func outputs(_ input: PixelFormat, count: Int) -> [Channel] {
    (0..<count).map { channel in
      let (a, b) = intervals(input, channel)
      func ends(_ codes: Interval, _ multiplier: FixedPointMultiplier) -> (least: Int, most: Int) {
        multiplier.multiplier < 0
          ? (codes.upperBound, codes.lowerBound) : (codes.lowerBound, codes.upperBound)
      }
      let (x, y) = (ends(a, add.first), ends(b, add.second))
      return ChannelAnalysis.channel(code(x.least, y.least), code(x.most, y.most))
    }
  }

  func intervals(_ input: PixelFormat, _ channel: Int) -> (Interval, Interval) {
    (input.channels[channel].interval, input.channels[channel + secondChannel].interval)
  }

  /// One plane for all channels that are not constant, on all codes that they have.
  func form(_ input: PixelFormat, _ outputs: [Channel]) -> SumForm? {
    var hull: (Interval, Interval)?
    for channel in outputs.indices where !outputs[channel].isConstant {
      let (a, b) = intervals(input, channel)
      hull = hull.map { ($0.0.union(a), $0.1.union(b)) } ?? (a, b)
    }
    guard let hull else { return SumForm(first: 0, second: 0, offset: 0, shift: 0) }
    return SumForm.find(add, hull.0, hull.1, code)
  }

  /// True for ONNX's rule, whose ties to even only a plane can be.
  var isExact: Bool { add.output.isExact }

  /// The datapath. With a plane: a 2x1 constant matrix, an offset, a shift, a clamp for each channel.
  /// Without: TFLite's own arithmetic.
  func lower(
    _ input: PixelFormat, _ outputs: [Channel], search: AdderGraph.Options
  ) -> DatapathBuilder {
    var builder = DatapathBuilder(objective: search.objective)
    let form = form(input, outputs)
    precondition(form != nil || !isExact, "a sum without a plane was not refused")
    var graphs: [[Int]: AdderGraph] = [:]
    func graph(_ weights: [Int]) -> AdderGraph {
      if let known = graphs[weights] { return known }
      let matrix = ConstantMatrix(inputs: weights.count, outputs: 1, values: weights)
      let graph = AdderGraph.optimise(matrix, options: search)
      let problems = graph.verify(equals: matrix)
      precondition(problems.isEmpty, "the adder graph is not the matrix: \(problems)")
      graphs[weights] = graph
      return graph
    }
    let live = outputs.indices.filter { !outputs[$0].isConstant }
    builder.setOutputs(
      live.map { channel in
        form.map { lower(channel, $0, input, &builder, graph) }
          ?? lower(channel, input, &builder, graph)
      })
    return builder
  }

  /// A channel by a plane.
  private func lower(
    _ channel: Int, _ form: SumForm, _ input: PixelFormat, _ builder: inout DatapathBuilder,
    _ graph: ([Int]) -> AdderGraph
  ) -> SignalID {
    var signals: [SignalID] = []
    var weights: [Int] = []
    var bias = 0
    for (source, weight) in [(channel, form.first), (channel + secondChannel, form.second)] {
      switch input.channels[source] {
      case .constant(let value): bias += weight * value
      case .live(let interval):
        if weight == 0 { continue }
        // A map added to itself.
        if secondChannel == 0, !signals.isEmpty {
          weights[0] += weight
          continue
        }
        signals.append(Self.code(source, interval, &builder))
        weights.append(weight)
      }
    }
    guard let sum = builder.appendSums(graph(weights), on: signals)[0] else {
      preconditionFailure("a sum that is not constant has an operand that is not")
    }
    builder.nameAccumulator(sum, "acc\(channel)")
    return builder.appendRequantizer(of: sum, bias: bias, channel: channel, clamp: add.clamp) {
      form.code($0, add.clamp)
    }
  }

  private static func code(
    _ channel: Int, _ interval: Interval, _ builder: inout DatapathBuilder
  ) -> SignalID {
    builder.input(
      .tap(channel: channel, row: 0, column: 0), "x\(channel)_r0c0", interval)
  }

  /// A channel as TFLite computes it: both codes scaled and rounded, added, requantized.
  private func lower(
    _ channel: Int, _ input: PixelFormat, _ builder: inout DatapathBuilder,
    _ graph: ([Int]) -> AdderGraph
  ) -> SignalID {
    var terms: [SignalID] = []
    var bias = 0
    var known: SignalID?
    let sources = [
      (channel, zeroPoints.0, add.first), (channel + secondChannel, zeroPoints.1, add.second),
    ]
    for (source, zero, multiplier) in sources {
      switch input.channels[source] {
      case .constant(let value):
        bias += multiplier.apply((value - zero) << QuantizedAdd.leftShift)
      case .live(let interval):
        if multiplier.multiplier == 0 { continue }
        let x = secondChannel == 0 && known != nil ? known! : Self.code(source, interval, &builder)
        known = x
        terms.append(scaled(x, source, zero, multiplier, &builder, graph))
      }
    }
    var sum = Datapath.Operand(terms[0])
    if terms.count > 1 {
      let other = Datapath.Operand(terms[1])
      sum = Datapath.Operand(
        builder.append(
          "acc\(channel)", .add(sum, other),
          builder.interval(sum).adding(builder.interval(other))))
      builder.cost.sumAdders += 1
    }
    return builder.appendRequantizer(
      of: sum, bias: bias, channel: channel, clamp: add.clamp, exponent: add.output.signExponent
    ) { sum in
      min(
        max(zeroPoint + add.output.apply(sum), add.clamp.lowerBound), add.clamp.upperBound)
    }
  }

  /// `Rq((x - z) 2^20; q, e)` exactly: with d = x - z, E = max(0, -e) and q' = q 2^max(0, e) it is
  /// `(d q' + 2^10) >> 11` for E = 0, else `(d q' + 2^10 + 2^(10 + E) - [d < 0] 2^11) >> (11 + E)`:
  /// q' is at least 2^30, so that the first rounding's result is negative where d is. A negative q is
  /// the positive one on d = z - x.
  private func scaled(
    _ x: SignalID, _ source: Int, _ zero: Int, _ multiplier: FixedPointMultiplier,
    _ builder: inout DatapathBuilder, _ graph: ([Int]) -> AdderGraph
  ) -> SignalID {
    let right = max(0, -multiplier.exponent)
    let isNegated = multiplier.multiplier < 0
    let multiplier = multiplier.magnitude
    let centred =
      zero == 0 && !isNegated
      ? x
      : builder.adding(
        isNegated ? zero : -zero, to: Datapath.Operand(x, isNegated: isNegated),
        "centred\(source)")
    let range = builder.datapath[centred].interval
    let scale = multiplier.multiplier << max(0, multiplier.exponent)
    guard var product = builder.appendSums(graph([scale]), on: [centred])[0] else {
      preconditionFailure("a multiplier above zero has a product")
    }
    if right > 0, range.lowerBound < 0 {
      let negative = Datapath.Operand(
        builder.append("negative\(source)", .isNegative(centred), 0...1), shift: 11,
        isNegated: true)
      let interval = builder.interval(product).adding(builder.interval(negative))
      product = Datapath.Operand(builder.append("even\(source)", .add(product, negative), interval))
    }
    let rounded = builder.adding(
      1 << 10 + (right > 0 ? 1 << (10 + right) : 0), to: product, "rounded\(source)")
    let ends = [range.lowerBound, range.upperBound].map {
      multiplier.apply($0 << QuantizedAdd.leftShift)
    }
    return builder.append(
      "term\(source)", .saturate(rounded, shift: 11 + right, clamp: ends[0]...ends[1]),
      ends[0]...ends[1])
  }
}
