import NeuralGraph

/// The nodes of a GraphDef that compute the network's outputs, each after its operands.
struct GraphDefOrder {
  /// Indices into the file's nodes.
  var live: [Int]
  /// The nodes whose results are the network's outputs, in the file's order, or in the user's.
  var outputs: [Int]
  /// True when the user named the outputs.
  let endsAtNames: Bool
  /// By node of the file: true when it depends on a placeholder, so it is computed for each image.
  var dependsOnInput: [Bool]
  /// Nodes by name.
  var index: [String: Int]
  /// Names that are wrong or missing. A node whose operand is missing is still in `live`.
  var problems: [Diagnostic] = []

  /// Resolves names, orders the nodes, and finds the outputs: the nodes that depend on a
  /// placeholder and that no such node reads, or those that `until` names. What neither depends on a
  /// placeholder nor feeds a node that does, is left out. Throws when there is no order or no input, and
  /// when `until` names what is not there.
  init(_ file: GraphDefFile, until: [String] = []) throws(Diagnostics) {
    endsAtNames = !until.isEmpty
    index = GraphDefOrder.index(file.nodes, &problems)
    var ends: [Int]?
    var isNeeded = [Bool](repeating: true, count: file.nodes.count)
    if endsAtNames {
      let named = try GraphDefOrder.ends(until, file.nodes)
      isNeeded = GraphDefOrder.isNeeded(for: named, file.nodes, index)
      ends = named
    }
    let operands = GraphDefOrder.operands(file.nodes, index, isNeeded, &problems)
    let order: [Int]
    do {
      order = try GraphDefOrder.sort(file.nodes, operands.all)
    } catch {
      throw Diagnostics(problems + error.all)
    }

    var depends = [Bool](repeating: false, count: file.nodes.count)
    for node in order {
      depends[node] =
        file.nodes[node].isPlaceholder || operands.data[node].contains { depends[$0] }
    }
    dependsOnInput = depends
    guard depends.contains(true) else {
      throw Diagnostics(
        problems + [
          Diagnostic(
            "the graph has no Placeholder: it has no input",
            remedy: "freeze the graph with its input as a Placeholder")
        ])
    }
    var isRead = [Bool](repeating: false, count: file.nodes.count)
    for node in order where depends[node] && !file.nodes[node].isShapeOnly {
      let read = file.nodes[node].isDecoder ? operands.all[node] : operands.data[node]
      for operand in read { isRead[operand] = true }
    }
    outputs =
      ends
      ?? file.nodes.indices.filter {
        depends[$0] && !isRead[$0] && !file.nodes[$0].isShapeOnly
      }

    live = GraphDefOrder.postorder(outputs, operands.data)
    if !endsAtNames, !file.hasVersions, let last = file.nodes.indices.last, !live.contains(last),
      !operands.all.contains(where: { $0.contains(last) })
    {
      problems.append(
        Diagnostic(
          "the file ends with a node that nothing reads, and without TensorFlow's version record",
          node: file.nodes[last].name,
          remedy: "the file is probably cut short: copy it again"))
    }
    for output in outputs where !depends[output] {
      problems.append(
        file.nodes[output].problem("the network cannot end there: it does not depend on the input"))
    }
  }

  /// The nodes that a user names as the network's ends.
  private static func ends(_ names: [String], _ nodes: [GraphDefNode]) throws(Diagnostics) -> [Int]
  {
    var end = NetworkEnd<Int>()
    for (position, node) in nodes.enumerated() where !node.isPlaceholder {
      end.append(number: position, name: nil, results: [(node.name, position)])
    }
    return try end.tensors(names.map { $0.hasSuffix(":0") ? String($0.dropLast(2)) : $0 })
  }

  /// By node, whether one of `ends` needs it.
  private static func isNeeded(
    for ends: [Int], _ nodes: [GraphDefNode], _ index: [String: Int]
  ) -> [Bool] {
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    var waiting = ends
    while let node = waiting.popLast() {
      guard !isNeeded[node] else { continue }
      isNeeded[node] = true
      waiting += nodes[node].inputs.compactMap { index[$0.name] }
    }
    return isNeeded
  }

  /// What the outputs need, each node after its operands and as soon as one reader needs it: the
  /// order in which a person would compute the branches. Depth first, without recursion; the
  /// caller has proved that there is no cycle.
  private static func postorder(_ outputs: [Int], _ operands: [[Int]]) -> [Int] {
    var order: [Int] = []
    var isSeen = [Bool](repeating: false, count: operands.count)
    for output in outputs where !isSeen[output] {
      var path = [(node: output, next: 0)]
      isSeen[output] = true
      while let (node, next) = path.last {
        if next == operands[node].count {
          order.append(node)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let operand = operands[node][next]
        if !isSeen[operand] {
          isSeen[operand] = true
          path.append((operand, 0))
        }
      }
    }
    return order
  }

  private static func index(
    _ nodes: [GraphDefNode], _ problems: inout [Diagnostic]
  ) -> [String: Int] {
    var index: [String: Int] = [:]
    for (position, node) in nodes.enumerated() {
      if node.name.isEmpty || node.name.unicodeScalars.contains(where: { $0.value < 33 }) {
        problems.append(
          Diagnostic("node \(position) has no usable name", node: node.name))
      } else if index.updateValue(position, forKey: node.name) != nil {
        problems.append(Diagnostic("two nodes have this name", node: node.name))
      }
    }
    return index
  }

  private static func operands(
    _ nodes: [GraphDefNode], _ index: [String: Int], _ isNeeded: [Bool],
    _ problems: inout [Diagnostic]
  ) -> (data: [[Int]], all: [[Int]]) {
    var data: [[Int]] = []
    var all: [[Int]] = []
    for (position, node) in nodes.enumerated() {
      var found: (data: [Int], all: [Int]) = ([], [])
      for input in node.inputs where isNeeded[position] {
        guard let operand = index[input.name] else {
          problems.append(
            Diagnostic(
              "its operand '\(input.name)' is not in the file", node: node.name,
              remedy: "the file is cut short or was not frozen whole: export it again"))
          continue
        }
        found.all.append(operand)
        if !input.isControl, !node.isDecoder { found.data.append(operand) }
      }
      data.append(found.data)
      all.append(found.all)
    }
    return (data, all)
  }

  /// Kahn's algorithm over all nodes: linear in nodes and operands.
  private static func sort(
    _ nodes: [GraphDefNode], _ operands: [[Int]]
  ) throws(Diagnostics) -> [Int] {
    var readers = [[Int]](repeating: [], count: nodes.count)
    var waiting = operands.map(\.count)
    for (node, operands) in operands.enumerated() {
      for operand in operands { readers[operand].append(node) }
    }
    var order = nodes.indices.filter { waiting[$0] == 0 }
    var next = 0
    while next < order.count {
      for reader in readers[order[next]] {
        waiting[reader] -= 1
        if waiting[reader] == 0 { order.append(reader) }
      }
      next += 1
    }
    guard order.count == nodes.count else {
      let names = cycle(operands, waiting).map { "'\(nodes[$0].name)'" }
      let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
      throw Diagnostics(
        Diagnostic(
          "the graph has a cycle through \(shown)",
          remedy: "networks with loops (while, recurrent cells) cannot be frozen"))
    }
    return order
  }

  /// Nodes of one cycle: from any node that never got ready, walk to operands that did not either
  /// until a node comes again.
  private static func cycle(_ operands: [[Int]], _ waiting: [Int]) -> [Int] {
    guard var node = waiting.firstIndex(where: { $0 > 0 }) else { return [] }
    var path: [Int] = []
    var position: [Int: Int] = [:]
    while position[node] == nil {
      position[node] = path.count
      path.append(node)
      guard let operand = operands[node].first(where: { waiting[$0] > 0 }) else { return path }
      node = operand
    }
    return Array(path[position[node]!...].reversed())
  }
}

extension GraphDefNode {
  /// True for a node that stands for data from outside.
  var isPlaceholder: Bool {
    operation == "Placeholder" || operation == "PlaceholderV2" || isDecoder
  }

  /// True for a node that makes an image of a file's bytes.
  var isDecoder: Bool {
    ["DecodeJpeg", "DecodePng", "DecodeBmp", "DecodeImage"].contains(operation)
  }

  /// True for a node that looks at its operand's shape only.
  var isShapeOnly: Bool { ["Shape", "Size", "Rank", "NoOp", "Assert"].contains(operation) }
}
