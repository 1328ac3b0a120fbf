/// An integer combination of a graph's inputs; entries in order of input, no zero among them.
public struct LinearForm: Hashable, Sendable {
  /// One input and the factor, not 0, with which it enters.
  public struct Entry: Hashable, Sendable {
    public var input: Int
    public var coefficient: Int

    public init(input: Int, coefficient: Int) {
      self.input = input
      self.coefficient = coefficient
    }
  }

  public var entries: [Entry]

  public init(entries: [Entry]) { self.entries = entries }

  /// Low bits that are 0 whatever the inputs: wires. 0 for the form without entries.
  public var trailingZeroBits: Int {
    entries.lazy.map { $0.coefficient.trailingZeroBitCount }.min() ?? 0
  }

  /// The exact interval of the form: both ends are taken for some inputs. An overflow traps.
  public func interval(inputs: [ClosedRange<Int>]) -> ClosedRange<Int> {
    var (low, high) = (0, 0)
    for entry in entries {
      let range = inputs[entry.input]
      let (a, b) = (entry.coefficient * range.lowerBound, entry.coefficient * range.upperBound)
      low += min(a, b)
      high += max(a, b)
    }
    return low...high
  }

  /// `a + b`, each scaled by its term's sign and shift; nil when a coefficient leaves `Int`.
  static func sum(
    _ a: LinearForm, _ aTerm: AdderGraph.Term, _ b: LinearForm, _ bTerm: AdderGraph.Term
  ) -> LinearForm? {
    var entries: [Entry] = []
    entries.reserveCapacity(a.entries.count + b.entries.count)
    var (i, j) = (0, 0)
    while i < a.entries.count || j < b.entries.count {
      let left = i < a.entries.count ? a.entries[i].input : Int.max
      let right = j < b.entries.count ? b.entries[j].input : Int.max
      var total = 0
      if left <= right {
        guard let scaled = aTerm.scale(a.entries[i].coefficient) else { return nil }
        total = scaled
        i += 1
      }
      if right <= left {
        guard let scaled = bTerm.scale(b.entries[j].coefficient) else { return nil }
        let (sum, overflow) = total.addingReportingOverflow(scaled)
        if overflow { return nil }
        total = sum
        j += 1
      }
      if total != 0 { entries.append(Entry(input: min(left, right), coefficient: total)) }
    }
    return LinearForm(entries: entries)
  }
}

extension AdderGraph.Term {
  /// `±(coefficient << shift)`, or nil when that leaves `Int`.
  func scale(_ coefficient: Int) -> Int? {
    guard shift < Int.bitWidth - 1 else { return coefficient == 0 ? 0 : nil }
    let (product, overflow) = coefficient.multipliedReportingOverflow(
      by: isNegated ? -(1 << shift) : 1 << shift)
    return overflow ? nil : product
  }
}

extension AdderGraph {
  /// What is wrong with a graph.
  public enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
    /// A node breaks a rule of `nodes`.
    case malformedNode(NodeID, String)
    /// An output breaks a rule of `outputs`.
    case malformedOutput(Int, String)
    /// The graph has another number of inputs or outputs than the matrix.
    case wrongShape(inputs: Int, outputs: Int, expectedInputs: Int, expectedOutputs: Int)
    /// An output multiplies an input by another weight than the matrix.
    case wrongCoefficient(output: Int, input: Int, found: Int, expected: Int)
    /// A coefficient on the way to an output does not fit 64 bits.
    case overflow(output: Int)

    public var description: String {
      switch self {
      case .malformedNode(let node, let text): "node n\(node.index) \(text)"
      case .malformedOutput(let output, let text): "output \(output) \(text)"
      case .wrongShape(let inputs, let outputs, let expectedInputs, let expectedOutputs):
        "the graph is \(inputs) x \(outputs), its matrix \(expectedInputs) x \(expectedOutputs)"
      case .wrongCoefficient(let output, let input, let found, let expected):
        "output \(output) takes input \(input) times \(found) instead of \(expected)"
      case .overflow(let output): "a coefficient of output \(output) leaves 64 bits"
      }
    }
  }

  /// Every breach of the rules of `nodes` and `outputs`; none for a sound graph.
  public func verify() -> [Problem] {
    var problems: [Problem] = []
    let inputs = inputCount
    for (index, operation) in nodes.enumerated() {
      func report(_ text: String) { problems.append(.malformedNode(NodeID(index), text)) }
      switch operation {
      case .input(let number):
        if number != index || index >= inputs { report("is not the input of its own number") }
      case .add(let a, let b):
        if min(a.shift, b.shift) != 0 { report("has no operand with shift 0, or a negative shift") }
        if max(a.shift, b.shift) > 62 { report("shifts by more than 62 bits") }
        if a.isNegated { report("negates its first operand") }
        for operand in [a, b] where !(0..<index).contains(operand.node.index) {
          report("reads n\(operand.node.index), which is not an earlier node")
        }
      }
    }
    for (index, output) in outputs.enumerated() {
      guard let output else { continue }
      if !(0...62).contains(output.shift) {
        problems.append(.malformedOutput(index, "is shifted by \(output.shift)"))
      }
      if !nodes.indices.contains(output.node.index) {
        problems.append(.malformedOutput(index, "reads n\(output.node.index), which is no node"))
      }
    }
    return problems
  }

  /// The complete proof that the graph multiplies by `matrix`: every coefficient of every output,
  /// computed symbolically in exact integers, equals its weight. Returns every difference; the empty
  /// list is the proof. Shifts are left shifts, so no node can be fractional.
  ///
  /// One output at a time: the factor with which a node enters the output flows from the output back
  /// to the inputs. Work is the sum of the outputs' cones, memory one number a node.
  public func verify(equals matrix: ConstantMatrix) -> [Problem] {
    var problems = verify()
    guard problems.isEmpty else { return problems }
    let inputs = inputCount
    guard inputs == matrix.inputs, outputs.count == matrix.outputs else {
      return [
        .wrongShape(
          inputs: inputs, outputs: outputs.count, expectedInputs: matrix.inputs,
          expectedOutputs: matrix.outputs)
      ]
    }
    var factors = [Int](repeating: 0, count: nodes.count)
    for (output, term) in outputs.enumerated() {
      if let term, !spread(term, inputs: inputs, into: &factors) {
        problems.append(.overflow(output: output))
        for index in factors.indices { factors[index] = 0 }
        continue
      }
      for input in 0..<inputs {
        if factors[input] != matrix[input, output] {
          problems.append(
            .wrongCoefficient(
              output: output, input: input, found: factors[input],
              expected: matrix[input, output]))
        }
        factors[input] = 0
      }
    }
    return problems
  }

  /// Leaves in `factors[0..<inputs]` the coefficients of `output` and zeros elsewhere; `factors` comes
  /// in all zero. False when a factor leaves `Int`.
  private func spread(_ output: Term, inputs: Int, into factors: inout [Int]) -> Bool {
    guard let start = output.scale(1) else { return false }
    factors[output.node.index] = start
    var index = output.node.index
    while index >= inputs {
      let factor = factors[index]
      if factor != 0, case .add(let a, let b) = nodes[index] {
        factors[index] = 0
        for operand in [a, b] {
          guard let scaled = operand.scale(factor) else { return false }
          let (sum, overflow) = factors[operand.node.index].addingReportingOverflow(scaled)
          if overflow { return false }
          factors[operand.node.index] = sum
        }
      }
      index -= 1
    }
    return true
  }

  /// The integer combination of inputs that every node computes; traps when a coefficient leaves
  /// `Int`, which `verify` would have found. `body` is called node by node in order; the forms of
  /// nodes that are read no more are dropped on the way.
  public func forEachLinearForm(_ body: (NodeID, LinearForm) -> Void) {
    var readersLeft = [Int](repeating: 0, count: nodes.count)
    for case .add(let a, let b) in nodes {
      readersLeft[a.node.index] += 1
      readersLeft[b.node.index] += 1
    }
    var forms = [LinearForm](repeating: LinearForm(entries: []), count: nodes.count)
    for (index, operation) in nodes.enumerated() {
      let form: LinearForm
      switch operation {
      case .input(let number):
        form = LinearForm(entries: [.init(input: number, coefficient: 1)])
      case .add(let a, let b):
        guard let sum = LinearForm.sum(forms[a.node.index], a, forms[b.node.index], b) else {
          preconditionFailure("a coefficient of n\(index) leaves 64 bits")
        }
        form = sum
        for operand in [a.node.index, b.node.index] {
          readersLeft[operand] -= 1
          if readersLeft[operand] == 0 { forms[operand] = LinearForm(entries: []) }
        }
      }
      body(NodeID(index), form)
      if readersLeft[index] > 0 { forms[index] = form }
    }
  }

  /// The linear forms of all nodes.
  public var linearForms: [LinearForm] {
    var forms: [LinearForm] = []
    forms.reserveCapacity(nodes.count)
    forEachLinearForm { _, form in forms.append(form) }
    return forms
  }

  /// The exact interval of every node for independent inputs out of the given intervals: from the
  /// coefficients, so both ends of each are really taken. An overflow of `Int` traps.
  public func intervals(inputs: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
    var intervals: [ClosedRange<Int>] = []
    intervals.reserveCapacity(nodes.count)
    forEachLinearForm { _, form in intervals.append(form.interval(inputs: inputs)) }
    return intervals
  }
}
