import Foundation
import NeuralGraph

/// What pruning is to reach.
public enum PruningGoal: Hashable, Sendable {
  /// At least this share (0 ... 1) of the adders saved, with as little distortion as that takes.
  case adders(share: Double)
  /// As many adders saved as these points of top-1, or of agreement, allow.
  case accuracy(points: Double)
}

/// A pruned network and the prices that led to it: with the same images they lead to it again.
public struct DigitPruningResult: Sendable {
  public var network: QuantizedGraph
  /// By the name of a layer's tensor: the squared change of scores that an adder is worth; a layer that
  /// is not here was left as it was.
  public var prices: [String: Double]

  public init(network: QuantizedGraph, prices: [String: Double]) {
    self.network = network
    self.prices = prices
  }
}

/// Digit pruning: each weight becomes the integer near it whose signed digits cost fewest adders for the
/// error they bring, errors fed back to the weights that follow.
///
/// An adder has one price in all layers, in what its loss does to the scores (`Sensitivity`). Errors of
/// one layer hang together from pixel to pixel, which derivatives alone do not show; so each layer's
/// price is corrected once by what pruning it alone does to the scores of 64 images, at one price more
/// than at a lower one: the least change of a network moves its scores by a good deal, since codes are
/// rounded in every layer, and further changes add nothing to that. The one price is then
/// found by bisection; what was tried for one goal serves the next.
public struct DigitPruning: Sendable {
  private let pruner: LayerPruner
  /// What each layer's price is multiplied by.
  private let weights: [Double]
  /// Prices that are tried, a sixteenth of an octave apart.
  private static let steps = 640
  private var known: [Int: QuantizedGraph]
  private var adders: [Int: Int] = [:]

  /// Measures every layer alone. `progress` hears of each layer that is done and the number of all.
  public init(
    _ pruner: LayerPruner, progress: @Sendable (_ layers: Int) -> Void = { _ in }
  ) throws(Diagnostics) {
    self.pruner = pruner
    weights = try pruner.priceWeights(progress: progress)
    known = [0: pruner.graph]
  }

  private func prices(_ step: Int) -> [Double] {
    weights.map { $0 * pow(2, Double(step) / 16 - 20) }
  }

  private mutating func network(_ step: Int) throws(Diagnostics) -> QuantizedGraph {
    if let network = known[step] { return network }
    let network = try pruner.changed(prices(step).map { .digits(price: $0) })
    known[step] = network
    return network
  }

  /// The first step that is accepted, as if all behind it are; `steps` when none is.
  private mutating func first(
    _ isAccepted: (inout DigitPruning, Int) throws(Diagnostics) -> Bool
  ) throws(Diagnostics) -> Int {
    var (low, high) = (-1, Self.steps)
    while high - low > 1 {
      let middle = (low + high) / 2
      if try isAccepted(&self, middle) { high = middle } else { low = middle }
    }
    return high
  }

  /// The network that reaches a goal. `cost` counts a network's adders, the same way in all calls;
  /// `validation` is needed for a goal of accuracy. Throws when the goal cannot be met.
  public mutating func reach(
    _ goal: PruningGoal, validation: Validation?,
    cost: (QuantizedGraph) throws(Diagnostics) -> Int
  ) throws(Diagnostics) -> DigitPruningResult {
    func count(_ pruning: inout DigitPruning, _ step: Int) throws(Diagnostics) -> Int {
      if let known = pruning.adders[step] { return known }
      let adders = try cost(pruning.network(step))
      pruning.adders[step] = adders
      return adders
    }
    let step: Int
    switch goal {
    case .accuracy(let points):
      guard let validation else {
        preconditionFailure("a goal of accuracy needs images to validate with")
      }
      let least = validation.leastCount(budget: points)
      step =
        try first { pruning, step throws(Diagnostics) in
          try validation.count(pruning.network(step)) < least
        } - 1
      guard step >= 0 else {
        throw budgetMissed(
          points, nearest: try validation.count(pruner.graph), validation,
          remedy: "allow more, or start from a better network")
      }
    case .adders(let share):
      let most = Int((Double(try count(&self, 0)) * (1 - share)).rounded(.down))
      step = try first { pruning, step throws(Diagnostics) in
        try count(&pruning, step) <= most
      }
      guard step < Self.steps else {
        let least = try count(&self, Self.steps - 1)
        throw Diagnostics(
          Diagnostic(
            "no choice of weights comes to \(most) adders: the nearest has \(least)",
            remedy: "save fewer, or prune more layers"))
      }
    }
    return try result(step)
  }

  private mutating func result(_ step: Int) throws(Diagnostics) -> DigitPruningResult {
    let names = pruner.layers.map(\.name)
    return DigitPruningResult(
      network: try network(step),
      prices: step == 0 ? [:] : Dictionary(zip(names, prices(step))) { first, _ in first })
  }

  /// Networks that save shares (0 ... 1) of the adders of their first layers: for each of `shares`, for each
  /// of `cuts`, the least price that saves the share of what `adders` counts up to the cut. Since layers
  /// are pruned in order, the layers up to a cut are those of a network that is pruned no further.
  /// `hardware` makes what is counted of a network, once for each price that is tried.
  public mutating func reach<Hardware>(
    shares: [Double], cuts: Range<Int>,
    hardware: (QuantizedGraph) throws(Diagnostics) -> Hardware,
    adders: (Hardware, _ cut: Int) -> Int
  ) throws(Diagnostics) -> [[(network: QuantizedGraph, hardware: Hardware)]] {
    var made: [Int: Hardware] = [:]
    func counted(
      _ step: Int, _ pruning: inout DigitPruning
    ) throws(Diagnostics) -> Hardware {
      if let known = made[step] { return known }
      let new = try hardware(pruning.network(step))
      made[step] = new
      return new
    }
    var found: [[(network: QuantizedGraph, hardware: Hardware)]] = []
    for share in shares {
      var row: [(network: QuantizedGraph, hardware: Hardware)] = []
      for cut in cuts {
        let whole = adders(try counted(0, &self), cut)
        let most = Int((Double(whole) * (1 - share)).rounded(.down))
        // What was tried for other cuts narrows the search.
        var (low, high) = (-1, Self.steps)
        for (step, known) in made {
          if adders(known, cut) <= most { high = min(high, step) }
        }
        for (step, known) in made where step < high && adders(known, cut) > most {
          low = max(low, step)
        }
        while high - low > 1 {
          let middle = (low + high) / 2
          if adders(try counted(middle, &self), cut) <= most {
            high = middle
          } else {
            low = middle
          }
        }
        guard high < Self.steps else {
          let least = adders(try counted(Self.steps - 1, &self), cut)
          throw Diagnostics(
            Diagnostic(
              "no choice of weights comes to \(most) adders: the nearest has \(least)",
              remedy: "save fewer, or prune more layers"))
        }
        row.append((try network(high), try counted(high, &self)))
      }
      found.append(row)
    }
    return found
  }
}

extension LayerPruner {
  /// The network pruned at known prices, as `DigitPruningResult` has them. Throws a diagnostic for a
  /// name that is no pruned layer's, and for a price that is not positive.
  public func prunedDigits(prices: [String: Double]) throws(Diagnostics) -> QuantizedGraph {
    let unknown = Set(prices.keys).subtracting(layers.map(\.name)).sorted()
    guard unknown.isEmpty else {
      throw Diagnostics(
        unknown.map {
          Diagnostic(
            "the network has no layer '\($0)' to prune",
            remedy: "its layers are " + layers.map { "'\($0.name)'" }.joined(separator: ", "))
        })
    }
    if let wrong = prices.filter({ !($0.value > 0 && $0.value.isFinite) }).keys.min() {
      throw Diagnostics(
        Diagnostic(
          "the price of an adder is \(prices[wrong]!)", node: wrong,
          remedy: "prices are above zero; leave out a layer that is to stay as it is"))
    }
    return try changed(layers.map { layer in prices[layer.name].map { .digits(price: $0) } })
  }

  /// What each layer's price is multiplied by: predicted over measured distortion, the layer alone pruned
  /// at a price that gives its codes errors of about one, less what a price that gives a third does.
  fileprivate func priceWeights(
    progress: @Sendable (_ steps: Int) -> Void
  ) throws(Diagnostics) -> [Double] {
    let reference = try graph.scores(of: probes, threads: threads)
    return try inParallel(layers.count, threads: threads) { index throws(Diagnostics) in
      // Late layers are the large ones; they go first.
      let place = layers.count - 1 - index
      defer { progress(layers.count) }
      let layer = layers[place]
      let mean = layer.sensitivity.reduce(0, +) / Double(layer.outputs)
      func probe(_ price: Double) throws(Diagnostics) -> (predicted: Double, measured: Double) {
        let (operation, predicted) = try changedAlone(place, rule: .digits(price: price * mean))
        let scores = try graph.replacing([layer.value: operation]).scores(of: probes, threads: 1)
        return (predicted, distortion(scores, from: reference))
      }
      let (low, high) = (try probe(0.1), try probe(2))
      let predicted = high.predicted - low.predicted
      let measured = max(high.measured - low.measured, high.measured / 10)
      guard predicted > 0, measured > 0 else { return 1 }
      return min(max(predicted / measured, 1e-4), 1e3)
    }.reversed()
  }
}
