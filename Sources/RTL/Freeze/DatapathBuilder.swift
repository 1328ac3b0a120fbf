import AdderGraph
import NeuralGraph

/// Grows the datapath of one layer: sums by adder graphs, requantizers, clamps.
struct DatapathBuilder {
  private(set) var datapath = Datapath()
  private(set) var inputs: [SignalID: LayerInput] = [:]
  private var constants: [Int: SignalID] = [:]
  private var sumCount = 0
  private var multipliers = ConstantMultiplier()
  /// What requantizers are to have few of: gates, or else adders first.
  private let objective: AdderGraph.Objective
  var cost = LayerCost()

  init(objective: AdderGraph.Objective = .adders) { self.objective = objective }

  /// A linear combination that an adder graph ends in: ±(signal << shift), or nothing.
  typealias Operand = Datapath.Operand

  mutating func input(_ role: LayerInput, _ name: String, _ interval: Interval) -> SignalID {
    let id = datapath.append(name, .input, interval)
    inputs[id] = role
    return id
  }

  mutating func setRole(_ role: LayerInput, of id: SignalID) { inputs[id] = role }

  mutating func constant(_ value: Int) -> SignalID {
    if let id = constants[value] { return id }
    let id = datapath.append("constant", .constant(value), value...value)
    constants[value] = id
    return id
  }

  mutating func append(_ name: String, _ operation: Datapath.Operation, _ interval: Interval)
    -> SignalID
  {
    datapath.append(name, operation, interval)
  }

  mutating func rename(_ id: SignalID, _ name: String) { datapath.rename(id, name) }
  mutating func setOutputs(_ outputs: [SignalID]) { datapath.outputs = outputs }

  /// Names the adder that makes a channel's accumulator, if it is one and has no such name yet.
  mutating func nameAccumulator(_ operand: Operand, _ name: String) {
    if case .add = datapath[operand.signal].operation,
      datapath[operand.signal].name.hasPrefix("sum")
    {
      datapath.rename(operand.signal, name)
    }
  }

  func interval(_ operand: Operand) -> Interval {
    let interval = datapath[operand.signal].interval.scaled(by: 1 << operand.shift)
      .adding(operand.fill...operand.fill)
    return operand.isNegated ? interval.scaled(by: -1) : interval
  }

  /// Adds an adder graph's nodes on `inputs`; one operand an output, nil for the constant 0.
  /// `name` gives each adder's name.
  mutating func append(
    _ graph: AdderGraph, on inputs: [SignalID], name: (_ number: Int) -> String
  ) -> [Operand?] {
    let intervals = graph.intervals(inputs: inputs.map { datapath[$0].interval })
    var map: [SignalID] = []
    map.reserveCapacity(graph.nodes.count)
    var number = 0
    for (index, node) in graph.nodes.enumerated() {
      switch node {
      case .input(let position): map.append(inputs[position])
      case .add(let a, let b):
        map.append(
          datapath.append(
            name(number),
            .add(
              Operand(map[a.node.index], shift: a.shift, isNegated: a.isNegated),
              Operand(map[b.node.index], shift: b.shift, isNegated: b.isNegated)),
            intervals[index]))
        number += 1
      }
    }
    return graph.outputs.map { term in
      term.map { Operand(map[$0.node.index], shift: $0.shift, isNegated: $0.isNegated) }
    }
  }

  /// The names of a layer's shared sums: `sum1`, `sum2`, … through all its adder graphs.
  mutating func appendSums(_ graph: AdderGraph, on inputs: [SignalID]) -> [Operand?] {
    let first = sumCount
    sumCount += graph.adderCount
    cost.sumAdders += graph.adderCount
    let start = datapath.signals.count
    let sums = append(graph, on: inputs) { "sum\(first + $0 + 1)" }
    countWidths(from: start, sums)
    return sums
  }

  /// Counts the bits of the sums appended from signal `start` on, by proof and by simpler rules.
  private mutating func countWidths(from start: Int, _ sums: [Operand?]) {
    let added = start..<datapath.signals.count
    var needs = [Int](repeating: 0, count: added.count)
    for case .some(let sum) in sums where added.contains(sum.signal.index) {
      needs[sum.signal.index - start] = datapath[sum.signal].interval.bitCount
    }
    for index in added.reversed() {
      for operand in datapath.signals[index].operation.addends
      where added.contains(operand.signal.index) {
        let place = operand.signal.index - start
        needs[place] = max(needs[place], needs[index - start] - operand.shift)
      }
    }
    var types: [SignalWidth] = []
    for index in added {
      let addends = datapath.signals[index].operation.addends
      let widths = addends.map { operand -> SignalWidth in
        let source = operand.signal.index
        let width =
          added.contains(source)
          ? types[source - start] : SignalWidth(of: datapath.signals[source].interval)
        return width.shifted(by: operand.shift)
      }
      types.append(
        SignalWidth.sum(
          widths[0], widths[1], isDifference: addends[0].isNegated || addends[1].isNegated))
      let exact = datapath.signals[index].interval.bitCount
      cost.sumAdderBits += max(1, min(exact, needs[index - start]))
      cost.sumAdderBitsByType += types[index - start].bits
      cost.sumAdderBitsByOutput += max(1, needs[index - start])
    }
  }

  /// `operand + value` as a signal of its own.
  mutating func adding(_ value: Int, to operand: Operand, _ name: String) -> SignalID {
    append(
      name, .add(operand, Operand(constant(value))), interval(operand).adding(value...value))
  }

  /// The requantized, clamped output of `accumulator`, where `function` maps the accumulator
  /// plus `bias` to the output code.
  ///
  /// `domain`, when given, is where the function matters, less than the accumulator's interval;
  /// `clamp` cuts the result off everywhere; `exponent` is that of TFLite's multiplier, if known.
  /// The function is replaced by the cheapest `(acc * c + r) >> s` that equals it at every
  /// accumulator of the domain; `Staircase.fit` proves that.
  mutating func appendRequantizer(
    of accumulator: Operand, bias: Int, channel: Int, domain: Interval? = nil,
    clamp: ClosedRange<Int>, exponent: Int? = nil, function: (Int) -> Int
  ) -> SignalID {
    let domain = (domain ?? interval(accumulator)).adding(bias...bias)
    cost.requantizers += 1
    guard
      let line = Self.fit(
        domain: domain, clamp: clamp, exponent: exponent, &multipliers, function)
    else { preconditionFailure("no line fits the requantizer of channel \(channel)") }
    let window = cheapestWindow(line, accumulator, bias: bias, clamp: clamp)
    return append(line, of: accumulator, bias: bias, channel: channel, clamp: clamp, window: window)
  }

  /// The windows worth a try: where the signal `x + offset` is cut off, and the offsets that keep all
  /// thresholds inside.
  private func windows(
    _ line: LinearStaircase, _ accumulator: Operand, bias: Int
  ) -> [RequantizerWindow] {
    let needed = line.window
    let domain = interval(accumulator).adding(bias...bias)
    // Offsets and what a moved input multiplies to have to stay far inside 64 bits.
    let reach = max(domain.lowerBound.magnitude, domain.upperBound.magnitude)
    let (product, overflows) = (4 * reach).multipliedReportingOverflow(
      by: line.multiplier.magnitude)
    guard !overflows, product < 1 << 61,
      max(line.offsets.lowerBound.magnitude, line.offsets.upperBound.magnitude) < 1 << 61
    else { return [] }
    let bits = SignalWidth.bitLength(needed.upperBound - needed.lowerBound)
    var windows: [RequantizerWindow] = []
    for bits in bits...bits + 1 where bits >= 1 && bits < domain.bitCount {
      for low in [0, -(1 << (bits - 1))] {
        let cut = low...low + (1 << bits) - 1
        var (first, last) = (
          cut.lowerBound - needed.lowerBound, cut.upperBound - needed.upperBound
        )
        if line.signShift != nil {
          guard first <= 0, last >= 0 else { continue }
          (first, last) = (0, 0)
        }
        guard first <= last else { continue }
        windows.append(RequantizerWindow(cut: cut, offsets: first...last))
      }
    }
    return windows
  }

  /// The window that saves gates, and costs no adder unless gates are the objective; nil when to multiply
  /// the whole accumulator is best.
  private mutating func cheapestWindow(
    _ line: LinearStaircase, _ accumulator: Operand, bias: Int, clamp: ClosedRange<Int>
  ) -> RequantizerWindow? {
    guard line.multiplier != 0 else { return nil }
    _ = multipliers.graph(line.multiplier)
    func price(_ window: RequantizerWindow?) -> (adders: Int, gates: Int) {
      var scratch = DatapathBuilder()
      scratch.multipliers = multipliers
      var source = accumulator
      source.signal = scratch.append(
        "acc", .input, datapath[accumulator.signal].interval)
      let code = scratch.append(
        line, of: source, bias: bias, channel: 0, clamp: clamp, window: window)
      scratch.setOutputs([code])
      return (scratch.cost.requantizerAdders, scratch.datapath.estimatedGates)
    }
    var best = price(nil)
    var chosen: RequantizerWindow?
    for window in windows(line, accumulator, bias: bias) {
      let price = price(window)
      guard objective == .gates || price.adders <= best.adders, price.gates < best.gates else {
        continue
      }
      (best, chosen) = (price, window)
    }
    return chosen
  }

  /// Adds the line of a requantizer, on the whole accumulator or on what a window leaves of it.
  private mutating func append(
    _ line: LinearStaircase, of accumulator: Operand, bias: Int, channel: Int,
    clamp: ClosedRange<Int>, window: RequantizerWindow?
  ) -> SignalID {
    var source = accumulator
    var offsets = line.offsets
    // The bias goes into the offset, unless their sum leaves 62 bits or the sign of the accumulator
    // with its bias is needed as a signal.
    let (shiftOfOffset, overflows) = bias.multipliedReportingOverflow(by: line.multiplier)
    let fits =
      !overflows && shiftOfOffset.magnitude < 1 << 61
      && max(offsets.lowerBound.magnitude, offsets.upperBound.magnitude) < 1 << 61
    if let window {
      let multiplier = multipliers.graph(line.multiplier)
      let affine = AffineMultiplier(
        graph: multiplier, offsets: offsets, inputOffsets: window.offsets)
      let move = bias + affine.inputOffset
      if move != 0 || source.isNegated || source.shift != 0 {
        source = Operand(adding(move, to: source, "biased\(channel)"))
        countOffset()
      }
      let range = datapath[source.signal].interval
      func cut(_ value: Int) -> Int {
        min(max(value, window.cut.lowerBound), window.cut.upperBound)
      }
      source = Operand(
        append(
          "cut\(channel)", .saturate(source.signal, shift: 0, clamp: window.cut),
          cut(range.lowerBound)...cut(range.upperBound)))
      return append(line, affine, on: source, channel: channel, clamp: clamp)
    }
    if fits, line.signShift == nil {
      offsets = offsets.adding(shiftOfOffset...shiftOfOffset)
    } else if bias != 0 || source.isNegated || source.shift != 0 {
      source = Operand(adding(bias, to: source, "biased\(channel)"))
      countOffset()
    }
    let affine = affineMultiplier(
      line.multiplier, source, offsets, isFixed: line.signShift != nil)
    if affine.inputOffset != 0 {
      source = Operand(adding(affine.inputOffset, to: source, "biased\(channel)"))
      countOffset()
    }
    return append(line, affine, on: source, channel: channel, clamp: clamp)
  }

  /// Adds a multiplier, the sign term and the clamp; the input of `affine` is moved already.
  private mutating func append(
    _ line: LinearStaircase, _ affine: AffineMultiplier, on source: Operand, channel: Int,
    clamp: ClosedRange<Int>
  ) -> SignalID {
    var sign: Operand?
    if let signShift = line.signShift {
      let negative = append("negative\(channel)", .isNegative(source.signal), 0...1)
      sign = Operand(negative, shift: signShift, isNegated: true)
    }
    cost.multiplierBits = max(cost.multiplierBits, SignalWidth.bitLength(line.multiplier))
    cost.requantizerAdders += affine.graph.adderCount
    let product = append(affine, on: source.signal) { "mul\(channel)_\($0 + 1)" }
    guard var operand = product else {
      let value = affine.outputOffset >> line.shift
      return constant(min(max(value, clamp.lowerBound), clamp.upperBound))
    }
    operand.shift += source.shift
    if source.isNegated { operand.isNegated.toggle() }
    if let correction = sign {
      let range = interval(operand).adding(interval(correction))
      operand = Operand(append("even\(channel)", .add(operand, correction), range))
      cost.requantizerAdders += 1
    }
    let offset = affine.outputOffset
    if offset != 0 || operand.isNegated || operand.shift > line.shift {
      operand = Operand(adding(offset, to: operand, "prod\(channel)"))
      countOffset()
    }
    let shift = line.shift - operand.shift
    let shifted = datapath[operand.signal].interval
    func clamped(_ value: Int) -> Int {
      min(max(value >> shift, clamp.lowerBound), clamp.upperBound)
    }
    return append(
      "y\(channel)", .saturate(operand.signal, shift: shift, clamp: clamp),
      clamped(shifted.lowerBound)...clamped(shifted.upperBound))
  }

  private mutating func countOffset() {
    cost.requantizerAdders += 1
    cost.requantizerOffsetAdders += 1
  }

  /// The multiplier with its offset where it costs least: in zero bits for nothing, or as a narrow
  /// adder before it, or as a wide one behind it. The source must stay as it is when it `isFixed`.
  private mutating func affineMultiplier(
    _ multiplier: Int, _ source: Operand, _ offsets: Interval, isFixed: Bool
  ) -> AffineMultiplier {
    let graph = multipliers.graph(multiplier)
    // The multiplier sees the signal; a shift or a sign of the source acts behind it.
    guard source.shift == 0, !source.isNegated else {
      return AffineMultiplier(graph: graph, outputOffset: LinearStaircase.roundest(in: offsets))
    }
    let unmoved = AffineMultiplier(graph: graph, offsets: offsets, movesInput: false)
    if unmoved.outputOffset == 0 || isFixed { return unmoved }
    return AffineMultiplier(graph: graph, offsets: offsets, movesInput: true)
  }

  /// Adds a multiplier's adders with the constants in their zero bits; `inputOffset` and
  /// `outputOffset` are the caller's.
  private mutating func append(
    _ affine: AffineMultiplier, on source: SignalID, name: (_ number: Int) -> String
  ) -> Operand? {
    let graph = affine.graph
    let constants = affine.evaluateNodes(-affine.inputOffset)
    let intervals = graph.intervals(inputs: [datapath[source].interval])
    let fills = Dictionary(uniqueKeysWithValues: affine.fills.map { ($0.node, $0.value) })
    var map: [SignalID] = []
    for (index, node) in graph.nodes.enumerated() {
      guard case .add(let a, let b) = node else {
        map.append(source)
        continue
      }
      let fill = fills[AdderGraph.NodeID(index)] ?? 0
      func operand(_ term: AdderGraph.Term) -> Operand {
        Operand(
          map[term.node.index], shift: term.shift, isNegated: term.isNegated,
          fill: term.shift > 0 ? fill : 0)
      }
      map.append(
        datapath.append(
          name(index - 1), .add(operand(a), operand(b)),
          intervals[index].adding(constants[index]...constants[index])))
    }
    return graph.outputs[0].map {
      Operand(map[$0.node.index], shift: $0.shift, isNegated: $0.isNegated)
    }
  }

  /// The proved line of a requantizer on `domain`; nil where none equals it (`ExactRounding`).
  static func fit(
    domain: Interval, clamp: ClosedRange<Int>, exponent: Int?,
    _ multipliers: inout ConstantMultiplier, _ function: (Int) -> Int
  ) -> LinearStaircase? {
    do {
      let staircase = try Staircase(domain: domain, function: function)
      // With the exponent of a TFLite requantizer a line always exists: its own multiplier.
      let signExponents = exponent.map { [max(0, -$0)] } ?? []
      for exponents in [signExponents, []] {
        let options = Staircase.FitOptions(signExponents: exponents)
        if let line = staircase.fit(clamp: clamp, using: &multipliers, options: options) {
          return line
        }
      }
      return nil
    } catch {
      preconditionFailure("a requantizer is no staircase: \(error)")
    }
  }
}
