/// Rows of terms over inputs and shared nodes: what a search over shared subexpressions ends with.
struct SharedRows {
  let inputs: Int
  /// The terms of each output.
  var outputs: [[PackedTerm]]
  /// The terms of nodes `inputs`, `inputs + 1`, …; an empty one is not in use.
  var definitions: [[PackedTerm]]

  /// Adders when every row is summed.
  var adderCount: Int {
    (outputs + definitions).reduce(0) { $0 + max(0, $1.count - 1) }
  }

  /// Sums every row in the fewest levels and returns the terms of the outputs. Nodes that are used once
  /// are summed with the row that uses them.
  func build(in builder: inout AdderGraph.Builder) -> [AdderGraph.Term?] {
    var uses = [Int](repeating: 0, count: inputs + definitions.count)
    for term in outputs.joined() { uses[term.node] += 1 }
    for term in definitions.joined() { uses[term.node] += 1 }
    var values: [AdderGraph.Term?] = (0..<inputs).map { .init(node: .init($0)) }
    values += [AdderGraph.Term?](repeating: nil, count: definitions.count)
    for node in order(uses) { values[node] = builder.sum(of: terms(definitions[node - inputs])) }
    return outputs.map { builder.sum(of: terms($0)) }

    /// The terms of a row, with nodes that are used once replaced by theirs.
    func terms(_ row: [PackedTerm]) -> [AdderGraph.Term] {
      var found: [AdderGraph.Term] = []
      var open = row
      while let term = open.popLast() {
        if term.node >= inputs && uses[term.node] == 1 {
          for part in definitions[term.node - inputs] {
            open.append(
              PackedTerm(
                node: part.node, shift: part.shift + term.shift,
                isNegated: part.isNegated != term.isNegated))
          }
        } else if let value = values[term.node] {
          let shifted = value.shifted(by: term.shift)
          found.append(term.isNegated ? shifted.negated : shifted)
        }
      }
      return found
    }
  }

  /// Every node past the inputs, each after those that its definition needs.
  func operandsFirst() -> [Int] {
    order([Int](repeating: 2, count: inputs + definitions.count))
  }

  /// Nodes that are used twice or more, each after those that its definition needs.
  func order(_ uses: [Int]) -> [Int] {
    var order: [Int] = []
    var isDone = [Bool](repeating: false, count: definitions.count)
    for start in definitions.indices where !isDone[start] {
      // Each node is entered, then left after its operands.
      var stack = [(node: start, isLeft: false)]
      while let (node, isLeft) = stack.popLast() {
        if isLeft {
          if uses[inputs + node] >= 2 { order.append(inputs + node) }
          continue
        }
        guard !isDone[node] else { continue }
        isDone[node] = true
        stack.append((node, true))
        for term in definitions[node] where term.node >= inputs && !isDone[term.node - inputs] {
          stack.append((term.node - inputs, false))
        }
      }
    }
    return order
  }
}

extension SharingState {
  /// The state of given rows; nil when they are too many, or their shifts too large, for local search.
  /// With `maxDepth`, which the rows keep, no accepted change takes more adder levels.
  init?(
    _ shared: SharedRows, objective: AdderGraph.Objective = .adders, inputBits: Int = 8,
    maxDepth: Int? = nil
  ) {
    let nodes = shared.inputs + shared.definitions.count
    let all = shared.outputs + shared.definitions
    let pairs = all.reduce(0) { $0 + $1.count * $1.count / 2 }
    let shift = all.joined().lazy.map(\.shift).max() ?? 0
    guard nodes < Self.nodeLimit / 2, all.count < Self.rowLimit / 2, pairs < Self.pairLimit,
      shift <= 40
    else { return nil }
    // Inlining a node makes pairs that occur as often as it is used; the table counts to 65,535.
    var uses = [Int](repeating: 0, count: nodes)
    for term in all.joined() { uses[term.node] += 1 }
    guard uses.dropFirst(shared.inputs).allSatisfy({ $0 <= Self.useLimit }) else { return nil }
    guard objective == .adders || nodes * shared.inputs < SharingPrices.formLimit else {
      return nil
    }
    self.init(
      inputs: shared.inputs, outputs: shared.outputs.count,
      nodeCapacity: shared.definitions.count * 5 / 4,
      prices: SharingPrices(
        objective, inputs: shared.inputs, outputs: shared.outputs.count, inputBits: inputBits))
    for _ in shared.definitions { _ = makeNode() }
    if let maxDepth { limitDepth(to: maxDepth, levels: shared.levels) }
    for node in shared.order([Int](repeating: 2, count: nodes)) {
      price(node, as: shared.definitions[node - shared.inputs])
    }
    for (output, terms) in shared.outputs.enumerated() { price(output: output, as: terms) }
    for (row, terms) in all.enumerated() {
      for term in terms { insert(term.bits, row: row) }
    }
    for node in shared.inputs..<nodes { suspects.append(node) }
    commit()
  }

  /// The rows as they stand.
  var shared: SharedRows {
    func terms(_ row: Int) -> [PackedTerm] {
      (0..<rows[row].count).map { PackedTerm(bits: rows[row][$0]) }.sorted()
    }
    return SharedRows(
      inputs: inputs, outputs: (0..<outputs).map(terms),
      definitions: (0..<nodeSlots).map { terms(outputs + $0) })
  }
}
