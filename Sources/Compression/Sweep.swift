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
    guard case .float(let graph) = model, !graph.isFakeQuantized else {
      guard weightBits.isEmpty else {
        throw Diagnostics(
          Diagnostic(
            "the weights have their bits: the network is in integers, or on the grids of its training",
            remedy: "leave out --weight-bits, or give the float model"))
      }
      let network = try quantizedGraph(from: model, options: options, note: note)
      try prune(network, weightBits: nil, samples, starting, body)
      return
    }
    let shape = graph[graph.inputs[0]].shape
    var options = options
    options.calibration = try samples(shape).map {
      FloatTensor(shape: shape, values: $0.map(Float.init))
    }
    let calibration = try Calibration(graph, options: options, note: note)
    for bits in weightBits.sorted(by: >) {
      var settings = QuantizationSettings()
      settings.bits.weights = bits
      var network = try calibration.quantized(settings).graph
      if let size = options.imageSize { network = try resizeInput(network, to: size) }
      try prune(network, weightBits: bits, samples, starting, body)
    }
  }

  private func prune(
    _ graph: QuantizedGraph, weightBits: Int?,
    _ samples: (TensorShape) throws(Diagnostics) -> [[UInt8]], _ starting: (String) -> Void,
    _ body: (SweptNetwork) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    let base = weightBits.map { "w\($0)" } ?? "int8"
    let type = graph.nodes[0].type
    var pruning: DigitPruning?
    for share in saved.sorted() {
      let name = base + "_p" + (share == share.rounded() ? "\(Int(share))" : "\(share)")
      starting(name)
      var result = DigitPruningResult(network: graph, prices: [:])
      if share > 0 {
        if pruning == nil {
          let pruner = try LayerPruner(
            graph, fixedLayers: fixedLayers,
            images: samples(type.shape).map { IntegerTensor(samples: $0, type: type) },
            threads: threads)
          pruning = try DigitPruning(pruner)
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
}
