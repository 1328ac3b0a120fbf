import NeuralGraph

/// Where a user ends a network: tensors by name, and operators by name or, as `@12`, by their number in
/// `ModelListing` (a tensor's name may be a number). An operator stands for its first result.
struct NetworkEnd<Tensor: Hashable> {
  private var named: [String: [Tensor]] = [:]
  private var numbered: [String: Tensor] = [:]

  /// Adds an operator with what it computes, results without a name too; `name` is nil where the format
  /// has no names of operators.
  mutating func append(number: Int, name: String?, results: [(name: String, tensor: Tensor)]) {
    guard let first = results.first else { return }
    for result in results where !result.name.isEmpty {
      named[result.name, default: []].append(result.tensor)
    }
    if let name, !name.isEmpty, named[name]?.contains(first.tensor) != true {
      named[name, default: []].append(first.tensor)
    }
    numbered["@\(number)"] = first.tensor
  }

  /// The tensors that `names` stand for, each once. Throws every name that stands for none or for several.
  func tensors(_ names: [String]) throws(Diagnostics) -> [Tensor] {
    var result: [Tensor] = []
    var found: [Diagnostic] = []
    for name in names {
      let matches =
        named[name] ?? numbered[name].map { [$0] } ?? []
      if matches.count == 1 {
        if !result.contains(matches[0]) { result.append(matches[0]) }
        continue
      }
      found.append(
        Diagnostic(
          matches.isEmpty
            ? "the network cannot end at '\(name)': no operator computes a tensor of that name"
            : "the network cannot end at '\(name)': \(matches.count) tensors have that name",
          remedy:
            "give --until a name, or an operator's number as @12, as 'deepfreeze inspect' has them")
      )
    }
    guard found.isEmpty else { throw Diagnostics(found) }
    return result
  }
}

/// What can be done about an operator that is not supported.
let endBeforeRemedy = "or end the network before it: --until, see 'deepfreeze inspect'"

extension ONNXFile {
  /// Makes what these tensors or nodes compute the outputs, and leaves out the nodes that these do not need.
  mutating func end(at names: [String]) throws(Diagnostics) {
    var end = NetworkEnd<String>()
    for node in nodes {
      end.append(
        number: node.index, name: node.name,
        results: node.outputs.filter { !$0.isEmpty }.map { ($0, $0) })
    }
    let whole = isNeeded()
    outputs = try end.tensors(names).map { ONNXPort(name: $0) }
    let part = isNeeded()
    behindEnd = nodes.indices.filter { whole[$0] && !part[$0] }.map { nodes[$0] }
    nodes = nodes.indices.filter { part[$0] }.map { nodes[$0] }
    endsAtNames = true
  }

  /// By node, whether the outputs need it.
  private func isNeeded() -> [Bool] {
    // All of them, should a name have several: that is refused later.
    var producers: [String: [Int]] = [:]
    for (position, node) in nodes.enumerated() {
      for name in node.outputs where !name.isEmpty { producers[name, default: []].append(position) }
    }
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    var waiting = outputs.map(\.name)
    while let name = waiting.popLast() {
      for node in producers[name] ?? [] where !isNeeded[node] {
        isNeeded[node] = true
        waiting += nodes[node].inputs
      }
    }
    return isNeeded
  }
}

extension TFLiteModel {
  /// Makes what these tensors or operators compute the outputs, and leaves out the operators and inputs that
  /// these do not need.
  mutating func end(at names: [String]) throws(Diagnostics) {
    var end = NetworkEnd<Int>()
    for entry in operators {
      end.append(
        number: entry.number, name: nil, results: entry.outputs.map { (tensors[$0].name, $0) })
    }
    outputs = try end.tensors(names)
    var needed = Set(outputs)
    var kept: [Operator] = []
    for entry in operators.reversed() where entry.outputs.contains(where: needed.contains) {
      needed.formUnion(entry.inputs)
      kept.append(entry)
    }
    operators = kept.reversed()
    inputs = inputs.filter(needed.contains)
    endsAtNames = true
  }
}

extension QuantizedGraph {
  /// The network that computes these values alone, by the names of its nodes or their numbers.
  func ending(at names: [String]) throws(Diagnostics) -> QuantizedGraph {
    var end = NetworkEnd<ValueID>()
    for value in values where self[value].operation != .input {
      end.append(number: value.index - 1, name: nil, results: [(self[value].name, value)])
    }
    let outputs = try end.tensors(names)
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    isNeeded[0] = true
    for output in outputs { isNeeded[output.index] = true }
    for value in values.reversed() where isNeeded[value.index] {
      for operand in self[value].operands { isNeeded[operand.index] = true }
    }
    var result = QuantizedGraph(name: name)
    var renamed: [ValueID: ValueID] = [:]
    for value in values where isNeeded[value.index] {
      var node = self[value]
      node.operands = node.operands.map { renamed[$0]! }
      renamed[value] = result.append(node)
    }
    result.outputs = outputs.map { renamed[$0]! }
    return result
  }
}
