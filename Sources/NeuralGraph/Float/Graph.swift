/// Index of a node of a `Graph`, and of the one tensor that the node produces.
public struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var index: Int
  public init(_ index: Int) { self.index = index }
  public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
  public var description: String { "%\(index)" }
}

/// One node: an operation, its operands, and the tensor that it produces.
public struct Node: Hashable, Sendable {
  /// The name in the model file.
  public var name: String
  public var operation: Operation
  public var operands: [NodeID]
  /// What `Operation.shape(of:)` says of the operands' shapes.
  public let shape: TensorShape
}

/// A network in real numbers: nodes in topological order (an operand's index is below its
/// reader's), static shapes, images NHWC with N = 1. Its evaluator is `evaluate`.
public struct Graph: Hashable, Sendable {
  public var name: String
  public private(set) var nodes: [Node]
  public var outputs: [NodeID]
  /// The least and the greatest number of the input, where the file says it (an input of bytes).
  public var statedInputRange: ClosedRange<Float>?

  public init(name: String) {
    self.name = name
    self.nodes = []
    self.outputs = []
  }

  /// Appends a node whose operands are in the graph already, and returns its tensor.
  /// Throws a `Diagnostic` when the operation does not take operands of these shapes.
  @discardableResult
  public mutating func append(
    name: String, _ operation: Operation, _ operands: [NodeID] = []
  ) throws(Diagnostic) -> NodeID {
    precondition(
      operands.allSatisfy { nodes.indices.contains($0.index) },
      "an operand must be appended before its reader")
    let shape: TensorShape
    do {
      shape = try operation.shape(of: operands.map { nodes[$0.index].shape })
    } catch {
      throw Diagnostic("\(operation.name): \(error.message)", node: name)
    }
    nodes.append(Node(name: name, operation: operation, operands: operands, shape: shape))
    return NodeID(nodes.count - 1)
  }

  public subscript(id: NodeID) -> Node { nodes[id.index] }

  /// Gives a node another name; the rest of a node is fixed once it is appended.
  public mutating func rename(_ id: NodeID, to name: String) { nodes[id.index].name = name }

  /// All nodes, in topological order.
  public var ids: [NodeID] { nodes.indices.map(NodeID.init) }

  /// The input nodes, in topological order.
  public var inputs: [NodeID] {
    ids.filter { if case .input = self[$0].operation { true } else { false } }
  }

  /// The readers of each node, by node index; a reader that reads a tensor twice is there twice.
  public var readers: [[NodeID]] {
    var readers = [[NodeID]](repeating: [], count: nodes.count)
    for id in ids { for operand in self[id].operands { readers[operand.index].append(id) } }
    return readers
  }

  /// The tensor of a constant node, or nil.
  public func constant(_ id: NodeID) -> FloatTensor? {
    if case .constant(let tensor) = self[id].operation { tensor } else { nil }
  }
}

extension Graph: CustomStringConvertible {
  /// One line a node, in topological order: `%2 = convolution(%0, %1) 1x8x8x4 "name"`.
  public var description: String {
    let lines = ids.map { id in
      let node = self[id]
      let operands = node.operands.map(\.description).joined(separator: ", ")
      let call = operands.isEmpty ? node.operation.name : "\(node.operation.name)(\(operands))"
      return "\(id) = \(call) [\(node.shape)] \"\(node.name)\""
    }
    let results = outputs.map(\.description).joined(separator: ", ")
    return (["graph \"\(name)\""] + lines + ["outputs \(results)"]).joined(separator: "\n") + "\n"
  }
}

extension Graph {
  /// Everything wrong with the graph that its construction does not rule out: no input, no
  /// output, an output that is not a node, a number that is infinite or not a number.
  public func verify() -> [Diagnostic] {
    var found: [Diagnostic] = []
    if inputs.isEmpty { found.append(Diagnostic("the network has no input")) }
    if outputs.isEmpty { found.append(Diagnostic("the network has no output")) }
    for output in outputs where !nodes.indices.contains(output.index) {
      found.append(Diagnostic("output \(output) is not a node"))
    }
    for node in nodes {
      guard case .constant(let tensor) = node.operation, let index = tensor.firstNonFinite else {
        continue
      }
      found.append(
        Diagnostic(
          "element \(index) of the constant is \(tensor.values[index])", node: node.name,
          remedy: "export the model again from a checkpoint whose weights are finite"))
    }
    return found
  }
}
