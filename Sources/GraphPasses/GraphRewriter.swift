import NeuralGraph

/// Builds a graph from another one, node by node in its order: each node of the source is copied
/// or replaced by a node of the result. Linear in the number of nodes.
struct GraphRewriter {
  let source: Graph
  private(set) var result: Graph
  /// The readers of each node of the source.
  let readers: [[NodeID]]
  private let isOutput: [Bool]
  private var images: [NodeID?]

  init(_ source: Graph) {
    self.source = source
    result = Graph(name: source.name)
    result.statedInputRange = source.statedInputRange
    readers = source.readers
    images = Array(repeating: nil, count: source.nodes.count)
    var isOutput = [Bool](repeating: false, count: source.nodes.count)
    for output in source.outputs { isOutput[output.index] = true }
    self.isOutput = isOutput
  }

  /// The node of the result that stands for a node of the source, which was passed already.
  func image(_ id: NodeID) -> NodeID {
    guard let image = images[id.index] else {
      preconditionFailure("a rewriter passes an operand before its reader")
    }
    return image
  }

  func images(_ ids: [NodeID]) -> [NodeID] { ids.map(image) }

  /// True when one node, once, reads this one of the source and it is no output: it may be changed.
  func hasOneReader(_ id: NodeID) -> Bool {
    readers[id.index].count == 1 && !isOutput[id.index]
  }

  func isOutput(_ id: NodeID) -> Bool { isOutput[id.index] }

  mutating func append(
    name: String, _ operation: Operation, _ operands: [NodeID] = []
  ) throws(Diagnostic) -> NodeID {
    try result.append(name: name, operation, operands)
  }

  mutating func copy(_ id: NodeID) throws(Diagnostic) {
    let node = source[id]
    images[id.index] = try result.append(
      name: node.name, node.operation, images(node.operands))
  }

  mutating func replace(_ id: NodeID, by image: NodeID) { images[id.index] = image }

  mutating func rename(_ image: NodeID, to name: String) { result.rename(image, to: name) }

  consuming func finish() -> Graph {
    result.outputs = images(source.outputs)
    return result
  }
}
