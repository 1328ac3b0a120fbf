import NeuralGraph

/// Lowers a canonical float network to integers, as a plan says. Each layer takes with it the
/// activation and the fake quantization that alone read it. All that cannot be lowered is reported
/// at once; readers of a node that failed are passed over.
struct IntegerLowering<Plan: QuantizationPlan> {
  let graph: Graph
  let plan: Plan
  let readers: [[NodeID]]
  var result: QuantizedGraph
  /// By node of the float network.
  var values: [ValueID?]
  var problems: [Diagnostic] = []
  /// Codes that tables may still have.
  var tableBudget = NetworkLimits.tableCodes

  init(_ graph: Graph, _ plan: Plan) {
    self.graph = graph
    self.plan = plan
    readers = graph.readers
    result = QuantizedGraph(name: graph.name)
    values = Array(repeating: nil, count: graph.nodes.count)
  }

  mutating func run() throws(Diagnostics) -> QuantizedGraph {
    var failed = [Bool](repeating: false, count: graph.nodes.count)
    for id in graph.ids where values[id.index] == nil {
      if case .constant = graph[id].operation { continue }
      if isConstant(id) { continue }
      if graph[id].operands.contains(where: { failed[$0.index] }) {
        failed[id.index] = true
        continue
      }
      do throws(Diagnostic) {
        try lower(id)
      } catch {
        problems.append(error)
        failed[id.index] = true
      }
    }
    for output in graph.outputs {
      guard let value = values[output.index] else {
        if !failed[output.index] {
          problems.append(
            Diagnostic(
              "the output does not depend on the input", node: graph[output].name))
        }
        continue
      }
      if !result.outputs.contains(value) { result.outputs.append(value) }
    }
    guard problems.isEmpty else { throw Diagnostics(problems) }
    let found = result.verify()
    guard found.isEmpty else { throw Diagnostics(found) }
    return result
  }

  /// True for a fake-quantized or reshaped constant: weights.
  private func isConstant(_ id: NodeID) -> Bool {
    var id = id
    while true {
      switch graph[id].operation {
      case .constant: return true
      case .fakeQuantization, .reshape: id = graph[id].operands[0]
      default: return false
      }
    }
  }

  // MARK: What a layer takes with it

  /// A layer and what is fused into it.
  struct Group {
    var activation = FusedActivation.none
    /// The codes that a narrow grid leaves, or all.
    var codes: ClosedRange<Int>
    /// The node whose tensor the group computes.
    var last: NodeID
    /// The last node that is no fake quantization: the tensor's name.
    var named: NodeID
    var members: [NodeID]
  }

  /// The layer at `id` with the activation and the fake quantization that alone read it.
  func group(at id: NodeID, takesGrid: Bool = true) -> Group {
    var group = Group(
      codes: plan.element.range, last: id, named: id, members: [id])
    if let next = onlyReader(of: id), case .activation(let activation) = graph[next].operation {
      group.activation = activation
      group.last = next
      group.named = next
      group.members.append(next)
    }
    if takesGrid, let next = onlyReader(of: group.last),
      case .fakeQuantization(let grid) = graph[next].operation
    {
      group.last = next
      group.codes = clamped(grid)
      group.members.append(next)
    }
    // What keeps its operand's parameters keeps its codes too.
    if takesGrid { group.codes = group.codes.clamped(to: plan.codes(of: group.last)) }
    return group
  }

  private func onlyReader(of id: NodeID) -> NodeID? {
    guard readers[id.index].count == 1, !graph.outputs.contains(id) else { return nil }
    return readers[id.index][0]
  }

  /// The codes of a grid of 8 bits, as far as the element type has them.
  func clamped(_ grid: FakeQuantization) -> ClosedRange<Int> {
    let lowest = plan.element.range.lowerBound + (grid.narrowRange ? 1 : 0)
    return lowest...plan.element.range.upperBound
  }

  mutating func emit(
    _ group: Group, _ operation: QuantizedOperation, _ operands: [ValueID], _ type: QuantizedType
  ) {
    let value = result.append(
      QuantizedNode(
        name: graph[group.named].name, operation: operation, operands: operands, type: type))
    for member in group.members { values[member.index] = value }
  }

  func value(_ id: NodeID) throws(Diagnostic) -> ValueID {
    guard let value = values[id.index] else {
      throw Diagnostic(
        "a constant takes the place of an image here", node: graph[id].name,
        remedy: "only constants of one number a channel are supported")
    }
    return value
  }

  /// The codes that a group's activation and grid let through.
  func clamp(_ group: Group, _ parameters: QuantizationParameters) -> ClosedRange<Int> {
    let range = group.activation.clamp(element: plan.element, parameters: parameters)
    return range.clamped(to: group.codes)
  }

  func unusable(_ id: NodeID) -> Diagnostic {
    Diagnostic(
      "its scales give no finite multiplier", node: graph[id].name,
      remedy: "a range or a weight of the layer is extreme")
  }
}
