import GraphPasses
import NeuralGraph

/// One network of a sweep of weight bits and digit pruning.
public struct SweptNetwork: Sendable {
  /// `w8_p25`: weight bits and percent of the adders to save; `int8_p25` for a network that came in
  /// integers.
  public var name: String
  /// nil for a network that came in integers.
  public var weightBits: Int?
  /// Percent of the adders that pruning was to save; 0 for none.
  public var saved: Double
  public var network: QuantizedGraph
  /// What pruned it, as `DigitPruningResult` has them.
  public var prices: [String: Double]
}

/// A sweep of weight bits and digit pruning over a model.
public struct Sweep: Hashable, Sendable {
  /// Weight bits that a model in real numbers is quantized to, 2 to 8.
  public var weightBits: Set<Int>
  /// Percents of the adders that pruning is to save, each from 0 to below 100.
  public var saved: Set<Double>
  /// Convolutions up to which adders are counted and pruned; nil for all layers.
  public var fixedLayers: Int?
  public var threads: Int

  public init(weightBits: Set<Int>, saved: Set<Double>, fixedLayers: Int?, threads: Int) {
    precondition(
      weightBits.allSatisfy(QuantizationSettings.Bits.weightRange.contains)
        && saved.allSatisfy { (0..<100).contains($0) }, "bits are 2 to 8, percents 0 to below 100")
    self.weightBits = weightBits
    self.saved = saved
    self.fixedLayers = fixedLayers
    self.threads = threads
  }

  /// The networks in integers that pruning starts from: a model in real numbers at each number of weight bits,
  /// the most first, one in integers as it is.
  ///
  /// Throws what keeps the model from integers, and that weight bits are given for a network in
  /// integers.
  public func forEachBase(
    of model: ImportedModel, options: QuantizationOptions,
    samples: (TensorShape) throws(Diagnostics) -> [[UInt8]], note: (Diagnostic) -> Void,
    body: (_ network: QuantizedGraph, _ weightBits: Int?) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    guard case .float(let graph) = model, !graph.isFakeQuantized else {
      guard weightBits.isEmpty else {
        throw Diagnostics(
          Diagnostic(
            "the weights have their bits: the network is in integers, or on the grids of its training",
            remedy: "leave out --weight-bits, or give the float model"))
      }
      try body(try quantizedGraph(from: model, options: options, note: note), nil)
      return
    }
    var options = options
    if options.calibration.isEmpty {
      let shape = graph[graph.inputs[0]].shape
      options.calibration = try samples(shape).map {
        FloatTensor(shape: shape, values: $0.map(Float.init))
      }
    }
    let calibration = try Calibration(graph, options: options, note: note)
    for bits in weightBits.sorted(by: >) {
      var settings = QuantizationSettings()
      settings.bits.weights = bits
      var network = try calibration.quantized(settings).graph
      if let size = options.imageSize { network = try resizeInput(network, to: size) }
      try body(network, bits)
    }
  }

  /// The name of a network of the sweep.
  public static func name(weightBits: Int?, saved: Double) -> String {
    (weightBits.map { "w\($0)" } ?? "int8") + "_p"
      + (saved == saved.rounded() ? "\(Int(saved))" : "\(saved)")
  }

  /// Makes every network: a model in real numbers at each number of weight bits, the most first, one
  /// in integers as it is; each pruned to save each share, the least first. `samples` gives calibration
  /// images, 0 to 255, for an input; it is asked only where they are needed. `body` gets one network after
  /// the other, `starting` the name of the next.
  ///
  /// Throws what keeps the model from integers, a share that no choice of weights saves, and that
  /// weight bits are given for a network in integers.
  public func run(
    _ model: ImportedModel, options: QuantizationOptions = QuantizationOptions(),
    samples: (TensorShape) throws(Diagnostics) -> [[UInt8]],
    note: (Diagnostic) -> Void = { _ in }, starting: (String) -> Void = { _ in },
    body: (SweptNetwork) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    try forEachBase(of: model, options: options, samples: samples, note: note) {
      network, bits throws(Diagnostics) in
      try prune(network, weightBits: bits, samples, starting, body)
    }
  }

  private func prune(
    _ graph: QuantizedGraph, weightBits: Int?,
    _ samples: (TensorShape) throws(Diagnostics) -> [[UInt8]], _ starting: (String) -> Void,
    _ body: (SweptNetwork) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    var pruning: DigitPruning?
    for share in saved.sorted() {
      let name = Self.name(weightBits: weightBits, saved: share)
      starting(name)
      var result = DigitPruningResult(network: graph, prices: [:])
      if share > 0 {
        if pruning == nil {
          pruning = try digitPruning(of: graph, samples)
        }
        result = try pruning!.reach(.adders(share: share / 100), validation: nil) {
          network throws(Diagnostics) in
          try hardwareCosts(of: network, fixedLayers: fixedLayers, effort: 0)
            .reduce(0) { $0 + $1.adders }
        }
      }
      try body(
        SweptNetwork(
          name: name, weightBits: weightBits, saved: share, network: result.network,
          prices: result.prices))
    }
  }

  private func digitPruning(
    of graph: QuantizedGraph, _ samples: (TensorShape) throws(Diagnostics) -> [[UInt8]]
  ) throws(Diagnostics) -> DigitPruning {
    let type = graph.nodes[0].type
    return try DigitPruning(
      LayerPruner(
        graph, fixedLayers: fixedLayers,
        images: samples(type.shape).map { IntegerTensor(samples: $0, type: type) },
        threads: threads))
  }

  /// For each share, the least first, and each of `cuts`, a network of `graph` whose layers up to the cut save
  /// that share of their adders, as `DigitPruning.reach(shares:)` has them; for a share of 0 the
  /// network itself.
  public func pruned<Hardware>(
    _ graph: QuantizedGraph, cuts: Range<Int>,
    samples: (TensorShape) throws(Diagnostics) -> [[UInt8]],
    hardware: (QuantizedGraph) throws(Diagnostics) -> Hardware,
    adders: (Hardware, _ cut: Int) -> Int
  ) throws(Diagnostics) -> [(saved: Double, cuts: [(network: QuantizedGraph, hardware: Hardware)])]
  {
    let shares = saved.sorted()
    var rows: [[(network: QuantizedGraph, hardware: Hardware)]]
    if shares.contains(where: { $0 > 0 }) {
      var pruning = try digitPruning(of: graph, samples)
      rows = try pruning.reach(
        shares: shares.map { $0 / 100 }, cuts: cuts, hardware: hardware, adders: adders)
    } else {
      let whole = try hardware(graph)
      rows = shares.map { _ in cuts.map { _ in (graph, whole) } }
    }
    return zip(shares, rows).map { ($0, $1) }
  }
}

extension QuantizedGraph {
  /// This network with the nodes up to `value` of `other`, a network of the same nodes but for their weights;
  /// `other` itself when it is another one.
  public func replacing(upTo value: ValueID, of other: QuantizedGraph) -> QuantizedGraph {
    guard other.outputs == outputs, other.nodes.map(\.type) == nodes.map(\.type),
      other.nodes.map(\.operands) == nodes.map(\.operands)
    else { return other }
    var result = QuantizedGraph(name: name)
    for id in values { _ = result.append(id <= value ? other[id] : self[id]) }
    result.outputs = outputs
    return result
  }
}
