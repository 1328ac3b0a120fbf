import NeuralGraph

/// The front of a network that becomes hardware: a chain of nodes from the input.
public struct FixedPrefix: Hashable, Sendable {
  /// Nodes that become layers, in order; the input node is not among them.
  public var layers: [ValueID]
  /// The value that leaves the hardware: the last layer's, or a reshape of it.
  public var result: ValueID
  /// Why the chain ends there, when not because the wanted number was reached.
  public var reason: Diagnostic?

  /// The longest chain that hardware exists for, cut after `fixedLayers` convolutions if given.
  ///
  /// Throws when there are fewer convolutions than wanted, or when the wanted cut lies inside a
  /// branch: a value before the cut that is read behind it.
  public init(_ graph: QuantizedGraph, fixedLayers: Int?) throws(Diagnostics) {
    let readers = graph.readers
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
    layers = []
    result = input
    var rounding = ExactRounding(graph)
    var convolutions = 0
    var value = input
    while fixedLayers == nil || convolutions < fixedLayers! {
      guard readers[value.index].count == 1, !graph.outputs.contains(value) else {
        if readers[value.index].count > 1 {
          reason = Diagnostic(
            "'\(graph[value].name)' is read by \(readers[value.index].count) nodes: "
              + "the fixed layers would end inside a branch",
            node: graph[readers[value.index][0]].name,
            remedy: "give --fixed-layers at most \(convolutions)")
        }
        break
      }
      let next = readers[value.index][0]
      if let problem = Self.problem(of: next, in: graph) ?? rounding.problem(of: next) {
        reason = problem
        break
      }
      if graph[next].operation.isConvolution { convolutions += 1 }
      if graph[next].operation != .reshape { layers.append(next) }
      result = next
      value = next
    }
    if let fixedLayers, convolutions < fixedLayers {
      throw Diagnostics(
        reason
          ?? Diagnostic(
            "only \(convolutions) of the \(fixedLayers) wanted convolutions lie before the output"))
    }
    if layers.isEmpty {
      throw Diagnostics(reason ?? Diagnostic("the network has no layer that can be fixed"))
    }
    if graph[layers[layers.count - 1]].type.shape != graph[result].type.shape {
      result = layers[layers.count - 1]
    }
  }

  /// Why this node cannot be hardware, or nil when it can.
  static func problem(of id: ValueID, in graph: QuantizedGraph) -> Diagnostic? {
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
    case .rescale: return nil
    case .fullyConnected(let layer):
      return source.elementCount == layer.inputSize && source.channels == layer.inputSize
        ? nil
        : refuse(
          "a fully connected layer on a map of \(source) is not streamed",
          "fix the layers before it")
    case .reshape:
      let isFlat = source.elementCount == source.channels
      return isFlat && node.type.shape.elementCount == node.type.shape.channels
        ? nil : refuse("a reshape of a map of \(source) is not streamed")
    case .add: return refuse("a sum of two maps is not supported in hardware")
    case .multiply: return refuse("a product of two maps is not supported in hardware")
    case .table(let table):
      return refuse("a table (\(table.function.tfliteName)) is not supported in hardware")
    case .concatenation: return refuse("a concatenation of maps is not supported in hardware")
    case .pad:
      return refuse("a pad that no window takes up is not supported in hardware")
    case .softmax:
      return refuse("softmax is not supported in hardware", "it belongs to the back end")
    }
  }
}

extension QuantizedOperation {
  /// True for the operations that `--fixed-layers` counts.
  public var isConvolution: Bool { if case .convolution = self { true } else { false } }
}
