import NeuralGraph

/// Reads a TensorFlow frozen graph (one binary GraphDef message) into a float `Graph`.
///
/// A batch of -1 is taken as 1. `imageSize` is the height and width of inputs whose file leaves
/// them open; it does not change a stated size. The network ends at `until`, nodes by name or number,
/// unless that is empty. Everything wrong with the file is thrown at once, as `Diagnostics`.
public func importGraphDef(
  _ bytes: [UInt8], name: String, imageSize: ImageSize? = nil, until: [String] = []
) throws(Diagnostics) -> Graph {
  let importer = try imported(bytes, name: name, imageSize: imageSize, until: until)
  guard importer.problems.isEmpty else { throw Diagnostics(importer.problems) }
  return importer.graph
}

/// Lists the operators of a TensorFlow frozen graph that are computed for each image, and says
/// which are not supported and why. Throws only when the file's structure cannot be read.
public func listGraphDef(
  _ bytes: [UInt8], name: String, imageSize: ImageSize? = nil, until: [String] = []
) throws(Diagnostics) -> ModelListing {
  let importer = try imported(bytes, name: name, imageSize: imageSize, until: until)
  let inputs = importer.graph.inputs.map { "float32 \(importer.graph[$0].shape)" }
  return ModelListing(
    format: ModelFile.Format.graphDef.rawValue, name: name,
    input: inputs.isEmpty ? "none" : inputs.joined(separator: ", "), entries: importer.entries,
    diagnostics: importer.problems)
}

private func imported(
  _ bytes: [UInt8], name: String, imageSize: ImageSize?, until: [String]
) throws(Diagnostics) -> GraphDefImporter {
  let file: GraphDefFile
  do throws(Diagnostic) {
    file = try GraphDefFile(bytes)
  } catch {
    throw Diagnostics(error)
  }
  let order = try GraphDefOrder(file, until: until)
  var importer = GraphDefImporter(file: file, order: order, name: name, imageSize: imageSize)
  importer.run()
  return importer
}

/// What a GraphDef node computes, once imported.
enum GraphDefValue {
  /// Real numbers: a node of the graph.
  case tensor(NodeID)
  /// Integers known now: shapes, axes, flags.
  case integers(KnownIntegers)
  /// An image cut into phases, and a convolution of one: the two first steps of three that make a
  /// dilated convolution.
  case phases(GraphDefPhases)
  /// Codes of a constant, for Dequantize.
  case codes(GraphDefCodes)
  /// The image of a decoder at the graph's front, with its channels, before it has a size.
  case decoded(channels: Int)
  /// Nothing, for a reason that is reported already, there or at an operand.
  case missing
}

/// Translates node by node, in topological order, into a `Graph`. Arithmetic on shapes is done
/// here and leaves no trace; arithmetic on real constants is left to the pass that folds it.
struct GraphDefImporter {
  let file: GraphDefFile
  let order: GraphDefOrder
  let imageSize: ImageSize?
  var graph: Graph
  /// By index of the file's node.
  var values: [GraphDefValue]
  var problems: [Diagnostic]
  /// Nodes by operator that is not supported.
  var unsupported: [String: [String]] = [:]
  /// Integers that results of nodes may still hold, all together: lists that double from node to node
  /// make gigabytes of a small file.
  private var integersLeft = 1 << 24
  /// The operators that are computed for each image.
  var entries: [ModelListing.Entry] = []

  init(file: GraphDefFile, order: GraphDefOrder, name: String, imageSize: ImageSize?) {
    self.file = file
    self.order = order
    self.imageSize = imageSize
    graph = Graph(name: name)
    values = Array(repeating: .missing, count: file.nodes.count)
    problems = order.problems
  }

  /// Fills `graph`, `entries` and `problems`.
  mutating func run() {
    for position in order.live {
      let node = file.nodes[position]
      var reason: String?
      do throws(Diagnostic) {
        values[position] = try counted(value(of: node), node)
      } catch {
        problems.append(error)
        reason = error.message
      }
      if order.dependsOnInput[position] { list(position, reason) }
    }
    for position in order.outputs {
      guard case .tensor(let id) = values[position] else {
        if order.endsAtNames { reportNoTensor(position) }
        continue
      }
      if !graph.outputs.contains(id) { graph.outputs.append(id) }
      nameOutput(id, file.nodes[position].name)
    }
    reportUnsupported()
    if problems.isEmpty {
      if graph.inputs.count > 1 {
        let names = graph.inputs.map { "'\(graph[$0].name)'" }.joined(separator: ", ")
        problems.append(
          Diagnostic(
            "the network has \(graph.inputs.count) inputs: \(names)",
            remedy: "only networks with one image input are supported"))
      }
      problems += graph.verify()
    }
  }

  /// An output that the user named and that is a shape, or an image cut into phases.
  private mutating func reportNoTensor(_ position: Int) {
    if case .missing = values[position] { return }
    problems.append(
      file.nodes[position].problem(
        "\(file.nodes[position].operation) gives no tensor of real numbers, so the network cannot "
          + "end there"))
  }

  /// An output that only passes a tensor on (Identity) gives it its own name, which is the one
  /// that the file's user knows.
  private mutating func nameOutput(_ id: NodeID, _ name: String) {
    switch graph[id].operation {
    case .input, .constant: break
    default: graph.rename(id, to: name)
    }
  }

  /// One diagnostic an operator, with the nodes that it stands at.
  private mutating func reportUnsupported() {
    for (operation, nodes) in unsupported.sorted(by: { $0.key < $1.key }) {
      var message = "operator '\(operation)' is not supported"
      if nodes.count > 1 {
        let others = nodes.dropFirst().prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        message += "; it also stands at \(others)"
        if nodes.count > 4 { message += " and \(nodes.count - 4) more" }
      }
      problems.append(
        Diagnostic(
          message, node: nodes[0],
          remedy: GraphDefOperator.leftover(operation)
            ?? "supported are \(GraphDefOperator.supportedNames); \(endBeforeRemedy)"))
    }
  }

  /// The value, once its integers are counted.
  private mutating func counted(
    _ value: GraphDefValue, _ node: GraphDefNode
  ) throws(Diagnostic) -> GraphDefValue {
    guard case .integers(let integers) = value else { return value }
    integersLeft -= integers.values.count
    guard integersLeft >= 0 else {
      throw node.problem(
        "the file's lists of integers are copied many times over",
        remedy: "export the model with constants folded")
    }
    return value
  }

  /// The values of a node's operands, or nil when one is missing.
  private func operands(of node: GraphDefNode) throws(Diagnostic) -> [GraphDefValue]? {
    var operands: [GraphDefValue] = []
    for input in node.dataInputs {
      guard let position = order.index[input.name] else { return nil }
      guard input.output == 0 else {
        throw node.problem(
          "it reads result \(input.output) of '\(input.name)' (\(file.nodes[position].operation));"
            + " only the first result of an operator is supported")
      }
      if case .missing = values[position] { return nil }
      operands.append(values[position])
    }
    return operands
  }

  private mutating func value(of node: GraphDefNode) throws(Diagnostic) -> GraphDefValue {
    guard let operation = GraphDefOperator(rawValue: node.operation) else {
      unsupported[node.operation, default: []].append(node.name)
      return .missing
    }
    // What a decoder reads is the file; the image is the network's input.
    let operands = node.isDecoder ? [] : try operands(of: node)
    guard let operands else { return .missing }
    guard operation.operandCounts.contains(operands.count) else {
      throw node.problem("it has \(operands.count) operands")
    }
    return try translate(operation, GraphDefCall(node: node, operands: operands))
  }
}
