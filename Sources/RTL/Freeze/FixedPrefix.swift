import NeuralGraph

/// The front of a network that becomes hardware: every node up to a cut, a value through which all that
/// comes after it goes.
public struct FixedPrefix: Hashable, Sendable {
  /// Nodes that become layers, in topological order; the input node is not among them.
  public var layers: [ValueID]
  /// The value that leaves the hardware: the last layer's, or a reshape of it.
  public var result: ValueID
  /// Why it ends there, when not because the wanted number was reached.
  public var reason: Diagnostic?

  /// The longest front that hardware exists for, its windows trimmed (`trimWindows`), cut behind
  /// `fixedLayers` convolutions if given: at the first value behind them at which the network hangs
  /// together by one tensor.
  ///
  /// Throws when there are fewer convolutions than wanted, or when the wanted cut lies inside a
  /// branch: a value before the cut that is read behind it. Names the nearest cuts that there are.
  public init(_ graph: QuantizedGraph, fixedLayers: Int?) throws(Diagnostics) {
    let graph = trimWindows(graph)
    guard let input = graph.values.first(where: { graph[$0].operation == .input }) else {
      throw Diagnostics(Diagnostic("the network has no input"))
    }
    if let fixedLayers, fixedLayers < 1 {
      throw Diagnostics(
        Diagnostic("\(fixedLayers) fixed layers make no hardware", remedy: "fix at least one"))
    }
    let total = graph.nodes.count { $0.operation.isConvolution }
    if let fixedLayers, fixedLayers > total {
      throw Diagnostics(
        Diagnostic(
          "\(fixedLayers) fixed layers are wanted, but the network has \(total) convolutions",
          remedy: "give --fixed-layers at most \(total)"))
    }
    let readers = graph.readers
    // Behind which node a value is needed no more; an output always is, and nobody needs a dead end.
    func lastReader(_ id: ValueID) -> Int {
      graph.outputs.contains(id) ? .max : readers[id.index].last?.index ?? .max
    }
    layers = []
    result = input
    var rounding = ExactRounding(graph)
    let reshapes = Reshapes(graph)
    var found: [ValueID] = []
    var convolutions = 0
    // At the last cut.
    var fixed = 0
    // The node behind which no value before the next one is needed.
    var needed = lastReader(input)
    var problem: Diagnostic?
    // Every node comes from the one input, so a cut's nodes are all those up to it.
    for id in graph.values where id > input {
      if fixedLayers == fixed || needed == .max { break }
      problem =
        Self.problem(of: id, in: graph, reshapes, isCut: needed <= id.index)
        ?? rounding.problem(of: id)
      if problem != nil { break }
      if graph[id].operation.isConvolution { convolutions += 1 }
      if graph[id].operation != .reshape { found.append(id) }
      if needed <= id.index {
        if let fixedLayers, convolutions > fixedLayers {
          throw Diagnostics(
            Self.insideBranch(graph, result, wanted: fixedLayers, cuts: [fixed, convolutions]))
        }
        layers = found
        result = id
        fixed = convolutions
      }
      needed = max(needed, lastReader(id))
    }
    if problem == nil, fixedLayers != fixed, !graph.outputs.contains(result) {
      // Nothing behind it is a cut: a branch goes on to the end, or to an output.
      problem = Self.insideBranch(graph, result, wanted: nil, cuts: [fixed])
    } else if problem == nil, fixedLayers == nil, graph.outputs.contains(where: { $0 > result }) {
      problem = Diagnostic(
        "it is an output of the network, and hardware has one", node: graph[result].name)
    } else if let inner = problem, convolutions > fixed {
      problem?.remedy =
        (inner.remedy.map { $0 + "; " } ?? "")
        + (fixed > 0 ? "give --fixed-layers at most \(fixed)" : "no cut lies before it")
    }
    reason = problem
    if let fixedLayers, fixed < fixedLayers {
      throw Diagnostics(
        reason
          ?? Diagnostic(
            "only \(fixed) of the \(fixedLayers) wanted convolutions lie before the output"))
    }
    if layers.isEmpty {
      throw Diagnostics(reason ?? Diagnostic("the network has no layer that can be fixed"))
    }
    if graph[layers[layers.count - 1]].type.shape != graph[result].type.shape {
      result = layers[layers.count - 1]
    }
  }

  /// Behind the value `fork` several ways go on, and no cut lies among them. `cuts` are the numbers of
  /// convolutions of the cuts before and behind.
  private static func insideBranch(
    _ graph: QuantizedGraph, _ fork: ValueID, wanted: Int?, cuts: [Int]
  ) -> Diagnostic {
    let readers = graph.readers[fork.index]
    let remedy = cuts.filter { $0 > 0 }.map(String.init).joined(separator: " or ")
    return Diagnostic(
      (wanted.map { "\($0) fixed layers end inside a branch: " } ?? "")
        + "'\(graph[fork].name)' is read by \(readers.count) node"
        + (readers.count == 1 ? "" : "s")
        + (wanted == nil ? ": the fixed layers would end inside a branch" : ""),
      node: readers.first.map { graph[$0].name } ?? graph[fork].name,
      remedy: remedy.isEmpty
        ? nil : "give --fixed-layers \(cuts.count > 1 ? "" : "at most ")\(remedy)")
  }

  /// The most weights of a fully connected layer on a map of several pixels: if all are adders at once,
  /// and if they are words of a ROM.
  package static let mostMapWeights = 1 << 17
  package static let mostSerialWeights = 1 << 24

  /// Why a fully connected layer on a map cannot be hardware: it is a window of the map's size, or has
  /// `cycles` clocks for one of its pixels to take serial sums.
  private static func fullyConnected(
    _ layer: QuantizedFullyConnected, on map: TensorShape, cycles: Int, isCut: Bool
  ) -> String? {
    guard map.elementCount == layer.inputSize else {
      return "a fully connected layer on several rows of a map of \(map) is not streamed"
    }
    if map.channels == layer.inputSize { return nil }
    guard map.isImage else {
      return "a fully connected layer on a map of \(map) is not streamed"
    }
    if isCut, cycles >= SerialSums.leastCycles {
      guard layer.weights.count <= mostSerialWeights else {
        return
          "a fully connected layer on a map of \(map) has \(layer.weights.count) weights; a ROM "
          + "takes \(mostSerialWeights)"
      }
    } else if layer.weights.count > mostMapWeights {
      return "a fully connected layer on a map of \(map) has \(layer.weights.count) weights, which "
        + "would all be adders; hardware takes \(mostMapWeights)"
    }
    return WindowTiming.verify(.whole(height: map.height, width: map.width)).first?.message
  }

  /// Why this node cannot be hardware, or nil when it can.
  private static func problem(
    of id: ValueID, in graph: QuantizedGraph, _ reshapes: Reshapes, isCut: Bool
  ) -> Diagnostic? {
    let node = graph[id]
    func refuse(_ message: String, _ remedy: String? = nil) -> Diagnostic {
      Diagnostic(message, node: node.name, remedy: remedy)
    }
    func window(_ geometry: WindowGeometry) -> Diagnostic? {
      WindowTiming.verify(geometry, node: node.name).first
    }
    let source = graph[node.operands[0]].type.shape
    switch node.operation {
    case .input: return refuse("an input inside the network")
    case .convolution(let convolution): return window(convolution.geometry)
    case .averagePool(let pool):
      return pool.geometry.coversWholeInput ? nil : window(pool.geometry)
    case .maxPool(let pool): return window(pool.geometry)
    case .mean(let mean):
      let isSpatial = source.isImage && mean.axes == [1, 2]
      return isSpatial ? nil : refuse("a mean over other axes than height and width")
    case .rescale, .table: return nil
    case .fullyConnected(let layer):
      let map = graph[reshapes.origins[node.operands[0].index]].type.shape
      let frame = graph[graph.values.first { graph[$0].operation == .input }!].type.shape
      let cycles =
        map.isImage && frame.isImage
        ? frame.height * frame.width / (map.height * map.width) : 0
      return fullyConnected(layer, on: map, cycles: cycles, isCut: isCut)
        .map { refuse($0, "fix the layers before it") }
    case .reshape:
      let shape = node.type.shape
      let isFlat = source.elementCount == source.channels && shape.elementCount == shape.channels
      return isFlat || reshapes.areFlattening[id.index]
        ? nil : refuse("a reshape of a map of \(source) is not streamed")
    case .add(let add):
      if add.first.multiplier < 0 || add.second.multiplier < 0,
        Set(node.operands.map { reshapes.origins[$0.index] }).count == 1
      {
        return refuse("a difference of a map and itself is not supported in hardware")
      }
      let shape = node.type.shape
      let isFlat = shape.elementCount == shape.channels
      let isWhole = node.operands.allSatisfy {
        let operand = graph[$0].type.shape
        return isFlat
          ? operand.elementCount == operand.channels && operand.channels == shape.channels
          : operand == shape && shape.isImage
      }
      return isWhole ? nil : refuse("a sum of maps of other sizes is not supported in hardware")
    case .multiply: return refuse("a product of two maps is not supported in hardware")
    case .concatenation(let concatenation):
      let shape = node.type.shape
      let isOfChannels = concatenation.axis == shape.rank - 1
      return isOfChannels && (shape.isImage || shape.elementCount == shape.channels)
        ? nil : refuse("a concatenation along another dimension than the channels")
    case .pad:
      return refuse("a pad that no window takes up is not supported in hardware")
    case .l2Normalization:
      return refuse(
        "an L2 normalization is not supported in hardware", "it belongs to the back end")
    case .softmax:
      return refuse("softmax is not supported in hardware", "it belongs to the back end")
    }
  }
}

extension QuantizedOperation {
  /// True for the operations that `--fixed-layers` counts.
  public var isConvolution: Bool { if case .convolution = self { true } else { false } }
}

/// What reshapes mean for the hardware, of all values at once.
private struct Reshapes {
  /// By value, what the chain of reshapes before it begins with; itself, where there is none.
  var origins: [ValueID] = []
  /// By value, true for a reshape that only fully connected layers read, each of them the whole map:
  /// they take it in the map's own order.
  var areFlattening: [Bool]

  init(_ graph: QuantizedGraph) {
    areFlattening = Array(repeating: false, count: graph.nodes.count)
    for id in graph.values {
      let node = graph[id]
      origins.append(node.operation == .reshape ? origins[node.operands[0].index] : id)
    }
    let readers = graph.readers
    // A reshape's readers stand behind it.
    for id in graph.values.reversed() where graph[id].operation == .reshape {
      areFlattening[id.index] =
        !readers[id.index].isEmpty && !graph.outputs.contains(id)
        && readers[id.index].allSatisfy { reader in
          switch graph[reader].operation {
          case .reshape: areFlattening[reader.index]
          case .fullyConnected(let layer):
            layer.inputSize == graph[id].type.shape.elementCount
          default: false
          }
        }
    }
  }
}
