import NeuralGraph

/// A network in integers whose layers are pruned one after the other, with error feedback on
/// calibration images. What a layer reads and puts out keeps its scale. Weights change, digit pruning
/// moves those of an output to another grid where its requantizer then costs less (`WeightGrid`), and
/// biases change by what all that does to an output on average.
public struct LayerPruner: Sendable {
  let graph: QuantizedGraph
  let layers: [WeightLayer]
  let images: [IntegerTensor]
  /// Images that the network's scores are watched on: 64, evenly spaced.
  let probes: [IntegerTensor]
  let threads: Int
  /// Of each layer: its windows in the network as it was.
  private let original: [InputMoments]
  /// Of each layer and output the grids that its weights can lie on; nil for a layer that stays on its own.
  private let grids: [[[WeightGrid]]?]

  /// `images` are input tensors. Layers are all that have weights, or those up to the convolution of
  /// number `fixedLayers`; with `keepsScales` all weights stay on their grids. Throws when there is no image or no layer.
  public init(
    _ graph: QuantizedGraph, fixedLayers: Int? = nil, images: [IntegerTensor],
    keepsScales: Bool = false, threads: Int
  ) throws(Diagnostics) {
    guard !images.isEmpty else {
      throw Diagnostics(
        Diagnostic("pruning has no calibration image", remedy: "give --calibrate a folder of them"))
    }
    self.graph = graph
    self.images = images
    let count = min(64, images.count)
    let probes = (0..<count).map { images[$0 * images.count / count] }
    self.probes = probes
    self.threads = threads
    var layers: [WeightLayer] = []
    var convolutions = 0
    for value in graph.values where value <= graph.scores {
      if case .convolution = graph[value].operation { convolutions += 1 }
      guard let layer = WeightLayer(graph, value) else { continue }
      // The cut lies right behind the last convolution.
      if let fixedLayers, layers.count(where: \.isConvolution) == fixedLayers { break }
      layers.append(layer)
    }
    if let fixedLayers, convolutions < fixedLayers {
      throw Diagnostics(
        Diagnostic(
          "\(fixedLayers) fixed layers are wanted, but the network has \(convolutions) convolutions",
          remedy: "give --fixed-layers at most \(convolutions)"))
    }
    guard !layers.isEmpty else {
      throw Diagnostics(Diagnostic("the network has no layer with weights"))
    }
    // Channels that the scores hang on are kept better than others.
    if let sensitivity = try Sensitivity(graph, images: probes, threads: threads) {
      for place in layers.indices {
        let own = sensitivity.channels[layers[place].value.index]
        // A channel without a derivative on these images may have one on others.
        let floor = own.reduce(0, +) / Double(max(1, own.count)) / 100
        if floor > 0 { layers[place].sensitivity = own.map { max($0, floor) } }
      }
    }
    self.layers = layers
    original = try Self.moments(graph, layers, images: images, threads: threads)
    let intervals = graph.channelIntervals()
    grids = try layers.map { layer throws(Diagnostics) in
      keepsScales
        ? nil : try graph.weightGrids(of: layer, intervals: intervals, threads: threads)
    }
  }

  /// The moments of some layers' inputs in a network, and how they hang together with those in
  /// another.
  private static func moments(
    _ graph: QuantizedGraph, before: QuantizedGraph? = nil, _ layers: [WeightLayer],
    images: [IntegerTensor], threads: Int
  ) throws(Diagnostics) -> [InputMoments] {
    let now = try gather(graph, layers, images: images, threads: threads)
    let then = try before.map { graph throws(Diagnostics) in
      try gather(graph, layers, images: images, threads: threads)
    }
    return layers.indices.map {
      InputMoments(layers[$0], groups: now[$0], before: then?[$0], threads: threads)
    }
  }

  /// What some layers read: of each layer and group, the numbers of all windows that are looked at.
  private static func gather(
    _ graph: QuantizedGraph, _ layers: [WeightLayer], images: [IntegerTensor], threads: Int
  ) throws(Diagnostics) -> [[[Float]]] {
    let wanted = Set(layers.map(\.operand))
    let interpreter = try Interpreter(graph.truncated(at: wanted.max()!))
    let gathered = try inParallel(images.count, threads: threads) { index throws(Diagnostics) in
      var values: [ValueID: IntegerTensor] = [:]
      try interpreter.forEachValue(images[index], threads: 1) { id, tensor in
        if wanted.contains(id) { values[id] = tensor }
      }
      return InputMoments.gather(layers, operands: values, image: index, images: images.count)
    }
    return layers.indices.map { place in
      (0..<layers[place].groups).map { group in gathered.flatMap { $0[place][group] } }
    }
  }

  /// How far a weight of 1 moves the scores, at its input's standard deviation.
  func swing(_ place: Int, _ index: Int) -> Double {
    let layer = layers[place]
    let (output, input) = index.quotientAndRemainder(dividingBy: layer.depth)
    let blocks = InputMoments.blocks(depth: layer.depth)
    let number = blocks.firstIndex { $0.contains(input) }!
    let (block, offset) = (blocks[number], input - blocks[number].lowerBound)
    let covariance = original[place].covariances[output / (layer.outputs / layer.groups)][number]
    return (layer.price(output: output) * max(0, covariance[offset * block.count + offset]))
      .squareRoot()
  }

  /// One layer by a rule on its own grid, the rest of the network as it was, and what that is predicted to do to the
  /// squared scores.
  func changedAlone(
    _ place: Int, rule: WeightRule
  ) throws(Diagnostics) -> (QuantizedOperation, predicted: Double) {
    let (layer, moments) = (layers[place], original[place])
    let chooser = try WeightChooser(layer, moments: moments, threads: 1)
    let operation = try operation(
      layer, chooser, rule: rule, before: moments.means, grids: nil, threads: 1)
    let (old, new) = (
      graph[layer.value].operation.parameters!.weights, operation.parameters!.weights
    )
    var predicted = 0.0
    for output in 0..<layer.outputs {
      let group = output / (layer.outputs / layer.groups)
      for (number, block) in InputMoments.blocks(depth: layer.depth).enumerated() {
        let covariance = moments.covariances[group][number]
        let change = block.map {
          Double(new[output * layer.depth + $0] - old[output * layer.depth + $0])
        }
        for i in change.indices where change[i] != 0 {
          for j in change.indices {
            predicted +=
              layer.price(output: output) * change[i] * change[j]
              * covariance[i * change.count + j]
          }
        }
      }
    }
    return (operation, predicted)
  }

  /// All layers by their rules, in order: each one's errors are measured behind the layers that are
  /// changed before it. nil leaves a layer as it is.
  func changed(_ rules: [WeightRule?]) throws(Diagnostics) -> QuantizedGraph {
    var graph = graph
    var isChanged = false
    for place in layers.indices {
      guard let rule = rules[place] else { continue }
      let layer = layers[place]
      // Layers before the first change read what they always read.
      let moments =
        isChanged
        ? try Self.moments(
          graph, before: self.graph, [layer], images: images, threads: threads)[0]
        : original[place]
      isChanged = true
      let chooser = try WeightChooser(layer, moments: moments, threads: threads)
      let operation = try operation(
        layer, chooser, rule: rule, before: original[place].means, grids: grids[place],
        threads: threads)
      graph = graph.replacing([layer.value: operation])
    }
    let found = graph.verify()
    guard found.isEmpty else { throw Diagnostics(found) }
    return graph
  }

  /// A layer of the network as it was with its weights chosen by a rule, on any of `grids`, and its
  /// biases corrected; `before` holds the means of what it read.
  private func operation(
    _ layer: WeightLayer, _ chooser: WeightChooser, rule: WeightRule, before: [[Double]],
    grids: [[WeightGrid]]?, threads: Int
  ) throws(Diagnostics) -> QuantizedOperation {
    let operation = graph[layer.value].operation
    let (old, bias) = operation.parameters!
    let chosen = try chooser.choose(old, rule: rule, grids: grids, threads: threads)
    let new = chosen.weights
    let factors = bias.indices.map { grids?[$0][chosen.grids[$0]].factor ?? 1 }
    // What the outputs were on average, less what they are now, goes to the biases.
    let rows = layer.outputs / layer.groups
    let corrected = bias.indices.map { output in
      let (before, after) = (before[output / rows], chooser.moments.means[output / rows])
      var shift = 0.0
      for input in 0..<layer.depth {
        let index = output * layer.depth + input
        shift +=
          Double(old[index]) * before[input] * factors[output] - Double(new[index]) * after[input]
      }
      return Int32(clamping: Int((Double(bias[output]) * factors[output] + shift).rounded()))
    }
    let result = operation.with(weights: new, bias: corrected)
    guard let grids else { return result }
    return result.on(grids.indices.map { grids[$0][chosen.grids[$0]] })
  }
}
