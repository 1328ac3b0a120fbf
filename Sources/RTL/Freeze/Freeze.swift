import AdderGraph
import Dispatch
import NeuralGraph
import RTLTemplates
import Synchronization
import Verilog

/// Turns the front of a network into hardware: plans layers, finds adder graphs (layers in
/// parallel, the result does not depend on it), groups layers into stages and sizes their FIFOs.
public enum Freeze {
  /// The design of the first layers of `graph`. The graph must be free of problems
  /// (`QuantizedGraph.verify`). Throws what makes the wanted layers impossible. `progress` hears of
  /// every layer that is done and the number of all, from any thread.
  public static func design(
    _ graph: QuantizedGraph, options: FreezeOptions,
    progress: @Sendable (_ layers: Int) -> Void = { _ in }
  ) throws(Diagnostics) -> Design {
    let prefix = try FixedPrefix(graph, fixedLayers: options.fixedLayers)
    var plans = try LayerPlanner.plan(prefix, graph)
    // A stage begins where a stream comes in, forks or joins.
    let sources = readLayers(plans)
    var readers = [Int](repeating: 0, count: plans.count)
    for source in sources.joined() { if let source { readers[source] += 1 } }
    for index in plans.indices where plans[index].form == .pointwise {
      let isAlone = sources[index].count == 1 && sources[index][0].map { readers[$0] == 1 } ?? false
      if !isAlone { plans[index].makeWindowed() }
    }
    if options.fullyConnected == .serial { SerialSums.choose(&plans, sources) }
    try checkWeights(plans, options)
    var names = LegalNames(reserved: reservedNames)
    let designName = names.legalize(designName(graph.name))
    let layerNames = plans.enumerated().map { index, plan in
      names.legalize("layer\(index + 1)_" + shortName(plan.node.name))
    }
    let lower = { @Sendable (plan: LayerPlan, index: Int, graphs: [Int: AdderGraph]) in
      plan.lower(
        name: layerNames[index], module: "\(designName)_\(layerNames[index])", options: options,
        graphs: graphs)
    }
    let lowered = inParallel(plans.count) { [plans] index in
      defer { progress(plans.count) }
      return lower(plans[index], index, [:])
    }
    if let limit = options.maxDepth {
      try checkDepth(zip(plans.map(\.node.name), lowered.map(\.graphs)), limit: limit)
    }
    var layers = lowered.map(\.layer)
    let groups = FIFOPlacement(
      layers, sources: sources,
      sidebandBits: options.sidebandBits + (layers.contains { $0.adaptive != nil } ? 1 : 0)
    ).stages()
    // A pointwise layer that begins a stage takes its pixels through a window of one.
    let windowed = groups.map { $0[0] }.filter { plans[$0].form == .pointwise }
    for index in windowed { plans[index].makeWindowed() }
    let again = inParallel(windowed.count) { [plans] place in
      lower(plans[windowed[place]], windowed[place], lowered[windowed[place]].graphs)
    }
    for (place, index) in windowed.enumerated() { layers[index] = again[place].layer }
    for index in layers.indices {
      layers[index].cost.countWeights(of: graph[plans[index].value].operation)
    }
    var stages: [Stage] = []
    var stageOfLayer: [Int: Int] = [:]
    for indices in groups {
      let group = indices.map { layers[$0] }
      let name = names.legalize("stage\(stages.count + 1)")
      stageOfLayer[indices[indices.count - 1]] = stages.count
      stages.append(
        Stage(
          name: name, module: "\(designName)_\(name)", layers: group,
          timing: StageTiming(
            group[0].kindAsHead, ranks: group.reduce(0) { $0 + $1.schedule.ranks }),
          inputs: sources[indices[0]].map { StageInput(stage: $0.map { stageOfLayer[$0]! }) }))
    }
    var number = 0
    for stage in stages.indices {
      for layer in stages[stage].layers.indices where stages[stage].layers[layer].adaptive != nil {
        number += 1
        stages[stage].layers[layer].adaptive?.number = number
      }
    }
    let input = plans[0].input
    let timing = StreamTiming(
      stages: stages.map(\.timing), inputs: stages.map(\.inputs), inputHeight: input.height,
      inputWidth: input.width
    ).withSafeFIFOs()
    for index in stages.indices {
      stages[index].timing = timing.stages[index]
      stages[index].inputs = timing.inputs[index]
    }
    let design = Design(
      name: designName, inputName: graph[graph[prefix.layers[0]].operands[0]].name, input: input,
      stages: stages, options: options, end: prefix.reason)
    let problems = timing.verifySkips(names: stages.map(\.name))
    if !problems.isEmpty { throw Diagnostics(problems) }
    return design
  }

  /// For each layer the layers that it reads; nil for the design's input.
  private static func readLayers(_ plans: [LayerPlan]) -> [[Int?]] {
    let layers = Dictionary(uniqueKeysWithValues: zip(plans.map(\.value), plans.indices))
    return plans.map { plan in plan.operands.map { layers[$0] } }
  }

  /// Throws when a fully connected layer on a map has more weights than there may be adders at once.
  private static func checkWeights(_ plans: [LayerPlan], _ options: FreezeOptions)
    throws(Diagnostics)
  {
    for plan in plans where !plan.isSerial {
      guard case .fullyConnected(let layer) = plan.node.operation,
        plan.input.height * plan.input.width > 1,
        layer.weights.count > FixedPrefix.mostMapWeights
      else { continue }
      throw Diagnostics(
        Diagnostic(
          "a fully connected layer on a map has \(layer.weights.count) weights, which would all be "
            + "adders; hardware takes \(FixedPrefix.mostMapWeights)", node: plan.node.name,
          remedy: (options.fullyConnected == .adders ? "give --fully-connected serial, or " : "")
            + "fix the layers before it"))
    }
  }

  /// Throws when the weight sums of layers need more adder levels than the limit; names them all.
  private static func checkDepth(
    _ layers: some Sequence<(String, [Int: AdderGraph])>, limit: Int
  ) throws(Diagnostics) {
    var problems: [Diagnostic] = []
    for (name, graphs) in layers {
      let depth = graphs.values.map(\.depth).max() ?? 0
      guard depth > limit else { continue }
      problems.append(
        Diagnostic(
          "the layer's weight sums take \(depth) adder levels at least, more than \(limit)",
          node: name, remedy: "allow \(depth) levels or fix fewer layers"))
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  /// Modules that are there already: the templates, and what a simulation adds.
  private static let reservedNames =
    (RTLTemplates.all + [RTLTemplates.nvdlaPacker]).map { String($0.fileName.dropLast(2)) }
    + [
      "taps", "bench", "df_record_file", "df_record_beat", "df_record_tap", "df_record_error",
      "df_batchnorm_master",
    ]

  /// The model's name without the ending that only says how it was exported: the same network gives
  /// the same Verilog.
  static func designName(_ model: String) -> String {
    for ending in ["_frozen", "-frozen", ".frozen"] where model.lowercased().hasSuffix(ending) {
      return String(model.dropLast(ending.count))
    }
    return model
  }

  /// The part of a model's tensor name that people know the layer by: its last component that is
  /// not just the operator behind the layer, with the one before it if it is only the layer's kind.
  static func shortName(_ name: String) -> String {
    let first = name.split(separator: ";").first.map(String.init) ?? name
    let operators: Set<String> = [
      "relu6", "relu", "biasadd", "conv2d", "add_fold", "act_quant", "convolution",
      "fakequantwithminmaxvars", "fusedbatchnormv3", "batchnorm", "avgpool", "maxpool", "mean",
      "matmul",
    ]
    let kinds: Set<String> = ["depthwise", "pointwise", "expand", "project", "conv"]
    var parts = first.split(separator: "/").map(String.init)
    while parts.count > 1, operators.contains(parts[parts.count - 1].lowercased()) {
      parts.removeLast()
    }
    guard let last = parts.last else { return name }
    // `depthwise/depthwise` is the operator of the layer `depthwise`.
    while parts.count > 1, parts[parts.count - 2] == last { parts.removeLast() }
    return parts.count > 1 && kinds.contains(last.lowercased())
      ? parts[parts.count - 2] + "_" + last : last
  }

  /// The results of `body` for 0 ..< count, computed on all cores.
  static func inParallel<Result: Sendable>(
    _ count: Int, _ body: @Sendable (Int) -> Result
  ) -> [Result] {
    let results = Mutex([Result?](repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: count) { iteration in
      // Late layers are the large ones; they go first.
      let index = count - 1 - iteration
      let result = body(index)
      results.withLock { $0[index] = result }
    }
    return results.withLock { $0.map { $0! } }
  }
}
