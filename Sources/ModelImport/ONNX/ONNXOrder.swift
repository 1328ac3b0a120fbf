import NeuralGraph

/// The nodes of an ONNX graph that compute its outputs, each after its operands.
struct ONNXOrder {
  /// Where a named tensor comes from.
  enum Source: Hashable {
    /// An input of the graph, by its position.
    case input(Int)
    case initializer
    /// Result `output` of a node.
    case node(Int, output: Int)
  }

  /// Indices into the file's nodes.
  var live: [Int] = []
  /// By node of the file: true when it depends on an input, so it is computed for each image.
  var dependsOnInput: [Bool]
  /// All named tensors.
  var sources: [String: Source] = [:]
  /// By node, the nodes that read a result of it, each once.
  var readers: [[Int]]
  var problems: [Diagnostic] = []

  /// Resolves names and orders what the outputs need, each node as soon as one reader needs it: the
  /// order in which a person would compute the branches. Depth first, without recursion; linear in
  /// nodes and operands. A node whose operand is missing is still in `live`. Throws when a node
  /// depends on itself or nothing depends on an input.
  init(_ file: ONNXFile) throws(Diagnostics) {
    dependsOnInput = Array(repeating: false, count: file.nodes.count)
    readers = Array(repeating: [], count: file.nodes.count)
    problems = file.problems
    name(file)
    let operands = file.nodes.map(operands)
    for (node, operands) in operands.enumerated() {
      for operand in Set(operands) { readers[operand].append(node) }
    }
    var roots: [Int] = []
    for output in file.outputs {
      switch sources[output.name] {
      case .node(let node, _)?: roots.append(node)
      case .input?, .initializer?:
        problems.append(Diagnostic("the output is computed by no node", node: output.name))
      case nil:
        problems.append(
          Diagnostic(
            "the output is not in the file", node: output.name,
            remedy: "the file is cut short or was not exported whole: export it again"))
      }
    }
    do throws(Diagnostic) {
      try sort(roots, operands, file)
    } catch {
      throw Diagnostics(problems + [error])
    }
    for node in live {
      dependsOnInput[node] =
        operands[node].contains { dependsOnInput[$0] }
        || file.nodes[node].inputs.contains {
          if case .input = sources[$0] { true } else { false }
        }
    }
    guard live.contains(where: { dependsOnInput[$0] }) else {
      throw Diagnostics(
        problems + [
          Diagnostic(
            "no output depends on an input", remedy: "export the model with its image as an input")
        ])
    }
  }

  private mutating func name(_ file: ONNXFile) {
    for name in file.initializers.keys { sources[name] = .initializer }
    for (position, input) in file.inputs.enumerated() { define(input.name, .input(position)) }
    for (index, node) in file.nodes.enumerated() {
      for (output, name) in node.outputs.enumerated() where !name.isEmpty {
        define(name, .node(index, output: output))
      }
    }
    for node in file.nodes {
      for name in Set(node.inputs) where !name.isEmpty && sources[name] == nil {
        problems.append(
          node.problem(
            "its operand '\(name)' is not in the file",
            remedy: "the file is cut short or was not exported whole: export it again"))
      }
    }
  }

  private mutating func define(_ name: String, _ source: Source) {
    if sources.updateValue(source, forKey: name) != nil {
      problems.append(Diagnostic("two tensors have this name", node: name))
    }
  }

  /// The nodes that a node reads.
  private func operands(of node: ONNXNode) -> [Int] {
    node.inputs.compactMap {
      if case .node(let operand, _)? = sources[$0] { operand } else { nil }
    }
  }

  private mutating func sort(
    _ roots: [Int], _ operands: [[Int]], _ file: ONNXFile
  ) throws(Diagnostic) {
    enum State { case new, open, done }
    var state = [State](repeating: .new, count: operands.count)
    for root in roots where state[root] == .new {
      var path = [(node: root, next: 0)]
      state[root] = .open
      while let (node, next) = path.last {
        if next == operands[node].count {
          state[node] = .done
          live.append(node)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let operand = operands[node][next]
        switch state[operand] {
        case .new:
          state[operand] = .open
          path.append((operand, 0))
        case .open:
          throw file.nodes[operand].problem(
            "it depends on its own result",
            remedy: "networks with loops cannot be frozen; export the model again")
        case .done: break
        }
      }
    }
  }
}
