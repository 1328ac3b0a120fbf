import NeuralGraph

/// A function of a GraphDef's library.
struct GraphDefFunction {
  /// Names of its operands, in order.
  var arguments: [String] = []
  /// Names of its results, in order.
  var outputs: [String] = []
  /// Its nodes. An operand is an argument's name, or `node:result:index`, where `result` is the
  /// operator's name for a list of results.
  var nodes: [GraphDefNode] = []
  /// By name of a result: the operand that it is.
  var results: [String: GraphDefInput] = [:]
}

/// Puts the nodes of functions where PartitionedCall, StatefulPartitionedCall or a node of the
/// function's own name call them: node N of a call C becomes `C/N`, and C an Identity of the first
/// result. Results that nobody reads, and nodes that no result needs, are left out. A walk over the
/// nodes, depth first; its work is bounded by nodes and bytes of names, since functions that call one
/// another twice double with each level.
struct GraphDefInlining {
  private let functions: [String: GraphDefFunction]
  private var nodes: [GraphDefNode] = []
  private var nodesLeft = 1 << 18
  private var bytesLeft = 1 << 27
  /// Names of calls with their further results: `C:1` is an Identity of that name.
  private var calls: Set<String> = []

  private static let deepest = 32

  /// The nodes of the graph with the functions' in place.
  static func inlined(
    _ nodes: [GraphDefNode], _ functions: [String: GraphDefFunction]
  ) throws(Diagnostic) -> [GraphDefNode] {
    if functions.isEmpty { return nodes }
    var inlining = GraphDefInlining(functions)
    try inlining.append(nodes, results: [], depth: 0)
    return inlining.nodes.map { node in
      var node = node
      for (index, input) in node.inputs.enumerated()
      where input.output > 0 && inlining.calls.contains(input.name) {
        node.inputs[index] = inlining.further(input)
      }
      return node
    }
  }

  private init(_ functions: [String: GraphDefFunction]) { self.functions = functions }

  /// The Identity of a call's further result.
  private func further(_ input: GraphDefInput) -> GraphDefInput {
    GraphDefInput(name: "\(input.name):\(input.output)", output: 0, isControl: input.isControl)
  }

  /// Appends nodes of the graph, or of one call that is read at `results`.
  private mutating func append(
    _ nodes: [GraphDefNode], results: [GraphDefInput], depth: Int
  ) throws(Diagnostic) {
    let read = Set(nodes.flatMap(\.inputs) + results)
    for node in nodes {
      guard let function = function(of: node) else {
        self.nodes.append(node)
        continue
      }
      guard depth < Self.deepest else {
        throw Diagnostic(
          "functions call one another more than \(Self.deepest) deep", node: node.name,
          remedy: "networks that call themselves cannot be frozen")
      }
      guard node.dataInputs.count == function.arguments.count else {
        throw node.problem(
          "it gives \(node.dataInputs.count) operands to a function of \(function.arguments.count)")
      }
      var wanted = function.outputs.indices.filter {
        read.contains(GraphDefInput(name: node.name, output: $0, isControl: false))
      }
      // A call at the end is the network's output.
      if wanted.isEmpty, depth == 0 { wanted = Array(function.outputs.indices) }
      let operands = Operands(function, node)
      var results: [GraphDefInput] = []
      for index in wanted {
        guard let result = function.results[function.outputs[index]] else {
          throw node.problem("its function does not say what its result \(index) is")
        }
        results.append(operands.resolve(result))
      }
      try append(body(of: function, calledBy: node, results), results: results, depth: depth + 1)
      calls.insert(node.name)
      for (index, operand) in zip(wanted, results) {
        self.nodes.append(
          GraphDefNode(
            name: index == 0 ? node.name : "\(node.name):\(index)", operation: "Identity",
            inputs: [operand], attributes: [:]))
      }
      if wanted.first != 0 {
        self.nodes.append(
          GraphDefNode(name: node.name, operation: "NoOp", inputs: [], attributes: [:]))
      }
    }
  }

  /// The function that a node calls.
  private func function(of node: GraphDefNode) -> GraphDefFunction? {
    switch node.operation {
    case "PartitionedCall", "StatefulPartitionedCall":
      guard case .function(let name)? = node.attributes["f"] else { return nil }
      return functions[name]
    default: return functions[node.operation]
    }
  }

  /// The nodes of one call that its results need, with names and operands of the graph.
  private mutating func body(
    of function: GraphDefFunction, calledBy call: GraphDefNode, _ results: [GraphDefInput]
  ) throws(Diagnostic) -> [GraphDefNode] {
    let operands = Operands(function, call)
    var result: [GraphDefNode] = []
    for node in function.nodes {
      var node = node
      node.name = "\(call.name)/\(node.name)"
      node.inputs = node.inputs.map(operands.resolve)
      nodesLeft -= 1
      bytesLeft -= node.name.utf8.count
      for input in node.inputs { bytesLeft -= input.name.utf8.count }
      guard nodesLeft >= 0, bytesLeft >= 0 else {
        throw Diagnostic(
          "the graph's functions make too many nodes", node: call.name,
          remedy: "freeze the graph with its functions inlined")
      }
      result.append(node)
    }
    var index: [String: Int] = [:]
    for (position, node) in result.enumerated() { index[node.name] = position }
    var needed: Set<Int> = []
    var waiting = results
    while let next = waiting.popLast() {
      guard let position = index[next.name], needed.insert(position).inserted else { continue }
      waiting += result[position].inputs
    }
    return result.indices.filter(needed.contains).map { result[$0] }
  }

  /// What names inside of a function stand for in one call.
  private struct Operands {
    private var arguments: [String: GraphDefInput] = [:]
    /// Nodes whose results have names of their own, by name.
    private var normalizations: Set<String> = []
    private let prefix: String

    init(_ function: GraphDefFunction, _ call: GraphDefNode) {
      prefix = call.name
      for (name, operand) in zip(function.arguments, call.dataInputs) { arguments[name] = operand }
      for node in function.nodes where node.operation.hasPrefix("FusedBatchNorm") {
        normalizations.insert(node.name)
      }
    }

    /// The operand of the graph for an operand inside.
    func resolve(_ input: GraphDefInput) -> GraphDefInput {
      if var argument = arguments[input.name] {
        argument.isControl = input.isControl
        return argument
      }
      let parts = input.name.split(separator: ":", maxSplits: 1)
      let name = parts.first.map(String.init) ?? input.name
      var output = input.output
      // Of the operators taken, only batch normalization has several results, and only y is read.
      if normalizations.contains(name), parts.count == 2, parts[1] != "y" { output += 1 }
      return GraphDefInput(
        name: "\(prefix)/\(name)", output: output, isControl: input.isControl)
    }
  }
}
