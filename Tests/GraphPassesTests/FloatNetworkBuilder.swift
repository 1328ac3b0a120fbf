import GraphPasses
import NeuralGraph

/// Builds small float networks in few words.
struct FloatNetworkBuilder {
  private(set) var graph = Graph(name: "test")

  mutating func input(_ height: Int, _ width: Int, _ channels: Int) throws -> NodeID {
    try graph.append(
      name: "input", .input(TensorShape(height: height, width: width, channels: channels)))
  }

  mutating func constant(
    _ name: String, _ dimensions: [Int], _ values: [Float]
  ) throws -> NodeID {
    try graph.append(
      name: name, .constant(FloatTensor(shape: TensorShape(dimensions), values: values)))
  }

  mutating func scalar(_ value: Float) throws -> NodeID { try constant("scalar", [], [value]) }

  mutating func vector(_ values: [Float]) throws -> NodeID {
    try constant("vector", [values.count], values)
  }

  /// A convolution with weights `values` in the shape [kernel, kernel, Cin / groups, Cout].
  mutating func convolution(
    _ name: String, _ x: NodeID, _ filter: NodeID, groups: Int = 1, stride: Int = 1,
    padding: WindowGeometry.Padding = .same
  ) throws -> NodeID {
    let (image, kernel) = (graph[x].shape, graph[filter].shape.dimensions)
    guard
      let geometry = WindowGeometry(
        inputHeight: image.height, inputWidth: image.width, kernelHeight: kernel[0],
        kernelWidth: kernel[1], strideY: stride, strideX: stride, padding: padding)
    else { throw Diagnostic("no window") }
    return try graph.append(
      name: name, .convolution(Convolution(geometry: geometry, groups: groups)), [x, filter])
  }

  mutating func add(
    _ name: String, _ operation: NeuralGraph.Operation, _ operands: NodeID...
  ) throws -> NodeID {
    try graph.append(name: name, operation, operands)
  }

  /// A fake quantization of `x` to 8 bits.
  mutating func grid(
    _ name: String, _ x: NodeID, _ low: Float, _ high: Float, narrow: Bool = false, bits: Int = 8
  ) throws -> NodeID {
    try graph.append(
      name: name, .fakeQuantization(FakeQuantization(bits: bits, narrowRange: narrow)),
      [x, try scalar(low), try scalar(high)])
  }

  /// The network with these outputs.
  func network(_ outputs: NodeID...) -> Graph {
    var graph = graph
    graph.outputs = outputs
    return graph
  }
}

extension Graph {
  /// The graph after the pass of this name.
  func after(_ pass: String) throws -> Graph {
    guard let pass = GraphPass.all.first(where: { $0.name == pass }) else {
      throw Diagnostic("there is no pass '\(pass)'")
    }
    return try pass.run(self)
  }

  /// The names of the operations of all nodes that are no constants.
  var operationNames: [String] {
    nodes.filter { if case .constant = $0.operation { false } else { true } }
      .map(\.operation.name)
  }

  /// The operands of the node of this name, as constants; nil for one that is none.
  func constants(of name: String) -> [[Float]?] {
    nodes.first { $0.name == name }?.operands.map { constant($0)?.values } ?? []
  }
}
