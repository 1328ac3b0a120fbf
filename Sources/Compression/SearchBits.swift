import GraphPasses
import NeuralGraph

/// What `searchBits` found.
public struct BitSearchResult: Sendable {
  public var settings: QuantizationSettings
  public var network: CalibratedNetwork
  /// Images of the validation that it gets right.
  public var count: Int
}

/// Seeks bits for each layer's weights and for what it puts out, fewest adder bits first, under an accuracy
/// budget.
///
/// For each layer and each number of weight bits, and of activation bits, below those in `settings` the adder
/// bits of the weight sums that it changes are counted on the optimiser's graphs (greedy sharing): the layer's
/// own, or those of the layers that read it. What the change alone does to the network's scores on `probes`
/// is measured. Steps are then taken in order of distortion per adder bit saved, as far as `validation` stays
/// within `budget` points of its reference.
///
/// Throws, with the accuracy that can be had, when the settings themselves miss the budget.
public func searchBits(
  _ calibration: Calibration, settings: QuantizationSettings, probes: [IntegerTensor],
  validation: Validation, budget points: Double, threads: Int,
  progress: @Sendable (_ steps: Int) -> Void = { _ in }
) throws(Diagnostics) -> BitSearchResult {
  let layers = calibration.layers
  // First the layers' weights, then what they put out.
  let options =
    layers.map { Array((2...settings.bits(for: $0).weights).reversed()) }
    + layers.map { Array((4...settings.bits(for: $0).activations).reversed()) }
  @Sendable func changed(_ bits: [(place: Int, option: Int)]) -> QuantizationSettings {
    var result = settings
    for (place, option) in bits {
      let layer = layers[place % layers.count]
      var found = result.bits(for: layer)
      if place < layers.count {
        found.weights = options[place][option]
      } else {
        found.activations = options[place][option]
      }
      result.layerBits[layer] = found
    }
    return result
  }
  let start = try calibration.quantized(settings)
  let reference = try start.graph.scores(of: probes, threads: threads)
  let sources = start.graph.layerSources(layers)
  let pairs = options.indices.flatMap { place in options[place].indices.map { (place, $0) } }
  let measured = try inParallel(pairs.count, threads: threads) { index throws(Diagnostics) in
    let (place, option) = pairs[index]
    let name = layers[place % layers.count]
    defer { progress(pairs.count) }
    let found = changed([(place, option)])
    let network = try calibration.quantized(found).graph
    let affected = place < layers.count ? [name] : layers.filter { sources[$0] == name }
    let cost = affected.reduce(0) { sum, layer in
      let bits = sources[layer].map { found.bits(for: $0).activations } ?? 8
      return sum
        + (network.nodes.first { $0.name == layer }?.operation.greedyAdderBits(inputBits: bits)
          ?? 0)
    }
    let scores = option == 0 ? reference : try network.scores(of: probes, threads: 1)
    return ChoicePath.Choice(
      cost: Double(cost), distortion: distortion(scores, from: reference))
  }
  var choices = options.map { _ in [ChoicePath.Choice]() }
  for (pair, choice) in zip(pairs, measured) { choices[pair.0].append(choice) }
  let least = validation.leastCount(budget: points)
  func network(_ selection: [Int]) throws(Diagnostics) -> (QuantizationSettings, CalibratedNetwork)
  {
    let found = changed(selection.indices.map { ($0, selection[$0]) })
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

extension QuantizedGraph {
  /// Of each of `layers`, by name, the one of them whose output it reads, past pools and pads; none where
  /// that is the network's input or where ways come together.
  fileprivate func layerSources(_ layers: [String]) -> [String: String] {
    let names = Set(layers)
    var sources: [String: String] = [:]
    for node in nodes where names.contains(node.name) {
      var operands = node.operands
      search: while operands.count == 1 {
        let operand = self[operands[0]]
        if names.contains(operand.name) {
          sources[node.name] = operand.name
          break
        }
        switch operand.operation {
        case .averagePool, .maxPool, .mean, .pad, .reshape: operands = operand.operands
        default: break search
        }
      }
    }
    return sources
  }
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
