import GraphPasses
import NeuralGraph

/// What `searchBits` found.
public struct BitSearchResult: Sendable {
  public var settings: QuantizationSettings
  public var network: CalibratedNetwork
  /// Images of the validation that it gets right.
  public var count: Int
}

/// Seeks bits for each layer's weights, fewest adders first, under an accuracy budget.
///
/// For each layer and each number of weight bits below those in `settings`, the adders of the layer's
/// weights are counted by the optimiser (greedy sharing), and what the change alone does to the
/// network's scores on `probes` is measured. Steps are then taken in order of distortion per adder saved,
/// as far as `validation` stays within `budget` points of its reference. Activations keep their bits.
///
/// Throws, with the accuracy that can be had, when the settings themselves miss the budget.
public func searchBits(
  _ calibration: Calibration, settings: QuantizationSettings, probes: [IntegerTensor],
  validation: Validation, budget points: Double, threads: Int,
  progress: @Sendable (_ steps: Int) -> Void = { _ in }
) throws(Diagnostics) -> BitSearchResult {
  @Sendable func changed(_ bits: [(layer: String, weights: Int)]) -> QuantizationSettings {
    var result = settings
    for (layer, weights) in bits {
      result.layerBits[layer] = .init(
        weights: weights, activations: settings.bits(for: layer).activations)
    }
    return result
  }
  let start = try calibration.quantized(settings)
  let reference = try start.graph.scores(of: probes, threads: threads)
  let options = calibration.layers.map { layer in
    Array((2...settings.bits(for: layer).weights).reversed())
  }
  let pairs = options.indices.flatMap { layer in options[layer].indices.map { (layer, $0) } }
  let measured = try inParallel(pairs.count, threads: threads) { index throws(Diagnostics) in
    let (layer, option) = pairs[index]
    let name = calibration.layers[layer]
    defer { progress(pairs.count) }
    let network = try calibration.quantized(changed([(name, options[layer][option])])).graph
    let adders = network.nodes.first { $0.name == name }?.operation.greedyAdders ?? 0
    let scores = option == 0 ? reference : try network.scores(of: probes, threads: 1)
    return ChoicePath.Choice(
      cost: Double(adders), distortion: distortion(scores, from: reference))
  }
  var choices = options.map { _ in [ChoicePath.Choice]() }
  for (pair, choice) in zip(pairs, measured) { choices[pair.0].append(choice) }
  let least = validation.leastCount(budget: points)
  func network(_ selection: [Int]) throws(Diagnostics) -> (QuantizationSettings, CalibratedNetwork)
  {
    let found = changed(
      selection.indices.map { (calibration.layers[$0], options[$0][selection[$0]]) })
    return (found, try calibration.quantized(found))
  }
  let path = ChoicePath(choices)
  let selection = try path.last { selection throws(Diagnostics) in
    try validation.count(network(selection).1.graph) >= least
  }
  guard let selection else {
    throw budgetMissed(
      points, nearest: try validation.count(start.graph), validation,
      remedy: "allow more, or give more bits")
  }
  let (found, result) = try network(selection)
  return BitSearchResult(
    settings: found, network: result, count: try validation.count(result.graph))
}

/// The diagnostic of a budget that nothing meets; `nearest` is the best count there is.
func budgetMissed(
  _ points: Double, nearest: Int, _ validation: Validation, remedy: String
) -> Diagnostics {
  let lost = Double(validation.referenceCount - nearest) / Double(validation.imageCount) * 100
  let rounded = (lost * 100).rounded(.up) / 100
  return Diagnostics(
    Diagnostic(
      "a budget of \(points) points cannot be met: the nearest is \(rounded) points "
        + "(\(nearest) of \(validation.imageCount) images right, "
        + "the reference \(validation.referenceCount))", remedy: remedy))
}
