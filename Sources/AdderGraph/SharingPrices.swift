extension AdderGraph {
  /// What a search makes few of.
  public enum Objective: String, Hashable, Sendable, CaseIterable, Codable {
    /// Two-operand adders.
    case adders
    /// Full adders of bit heaps: overlapping bits of the operands, less the bits of the result.
    case gates
    /// Look-up tables of an FPGA, one a bit of each two-operand adder with its carry chain.
    case luts
    /// Adder levels first: as few as `minimumDepth`, and of these graphs the one with few adders.
    case depth
  }
}

/// What terms and rows cost in a search over shared subexpressions: a row costs the prices of its terms
/// for their nodes and for their row, less a credit when it has any. A node's value, and so every price,
/// stays as rows are rewritten, so the cost of a change is local.
///
/// - adders: a row of n terms costs n - 1.
/// - gates: n operands of w bits each into a result of w bits take (sum of w) - w full adders, whichever
///   way they are added; a row of its own takes some half adders besides.
/// - luts: n - 1 adders of the result's width.
struct SharingPrices {
  private let objective: AdderGraph.Objective
  private let inputs: Int
  private let inputBits: Int
  /// By node.
  private(set) var term: [Int32] = []
  /// By row: a term's price there, and the credit.
  private(set) var row: [Int32]
  private(set) var credit: [Int32]
  /// Of nodes, inputs included: the coefficient of each input, where widths matter.
  private var forms: [Int] = []
  /// What a node's slot held before it was used again, for taking that back.
  private var replaced: [(price: Int32, form: [Int])] = []

  /// Half adders of a row, in full adders: with their carries in from the low end about a column in four.
  private static let rowPrice: Int32 = 3
  /// Coefficients of all nodes together stay below this.
  static let formLimit = 1 << 26

  init(_ objective: AdderGraph.Objective, inputs: Int, outputs: Int, inputBits: Int) {
    self.objective = objective
    self.inputs = inputs
    self.inputBits = inputBits
    row = Array(repeating: 0, count: outputs)
    credit = Array(repeating: objective == .adders ? 1 : 0, count: outputs)
    guard objective != .adders else {
      term = Array(repeating: 1, count: inputs)
      return
    }
    term = Array(repeating: objective == .gates ? Int32(inputBits) : 0, count: inputs)
    forms = Array(repeating: 0, count: inputs * inputs)
    for input in 0..<inputs { forms[input * inputs + input] = 1 }
  }

  /// Whether values of nodes have to be known.
  var needsForms: Bool { objective != .adders }
  var isGates: Bool { objective == .gates }

  /// Room for the price of one more node and its row.
  mutating func appendNode() {
    term.append(1)
    row.append(0)
    credit.append(1)
    if needsForms { forms.append(contentsOf: repeatElement(0, count: inputs)) }
  }

  /// Prices a node, not an input, by the terms that it is the sum of; terms of nodes priced before.
  mutating func price(_ node: Int, row place: Int, as terms: [PackedTerm]) {
    guard needsForms else { return }
    let start = node * inputs
    replaced.append((term[node], Array(forms[start..<start + inputs])))
    for input in 0..<inputs { forms[start + input] = 0 }
    for part in terms {
      let other = part.node * inputs
      for input in 0..<inputs {
        let moved = forms[other + input] << part.shift
        forms[start + input] &+= part.isNegated ? 0 &- moved : moved
      }
    }
    set(node, place)
  }

  /// Prices the row of an output, by its terms.
  mutating func price(output: Int, as terms: [PackedTerm]) {
    guard objective == .luts else { return }
    var form = [Int](repeating: 0, count: inputs)
    for part in terms {
      for input in 0..<inputs {
        let moved = forms[part.node * inputs + input] << part.shift
        form[input] &+= part.isNegated ? 0 &- moved : moved
      }
    }
    let width = Int32(width(form[...]))
    (row[output], credit[output]) = (width, width)
  }

  /// Takes a factor 2^shift out of a node's value, or puts it back when negative.
  mutating func rescale(_ node: Int, row place: Int, by shift: Int) {
    guard needsForms else { return }
    for index in node * inputs..<(node + 1) * inputs {
      forms[index] = shift > 0 ? forms[index] >> shift : forms[index] << -shift
    }
    set(node, place)
  }

  /// Takes back the last `price` of a node.
  mutating func restore(_ node: Int, row place: Int) {
    guard needsForms, let (price, form) = replaced.popLast() else { return }
    forms.replaceSubrange(node * inputs..<(node + 1) * inputs, with: form)
    term[node] = price
    set(node, place)
  }

  /// Forgets what slots held before.
  mutating func commit() { replaced.removeAll(keepingCapacity: true) }

  private mutating func set(_ node: Int, _ place: Int) {
    let width = Int32(width(forms[node * inputs..<(node + 1) * inputs]))
    switch objective {
    case .adders, .depth: break
    case .gates:
      term[node] = width
      credit[place] = width - Self.rowPrice
    case .luts:
      term[node] = 0
      (row[place], credit[place]) = (width, width)
    }
  }

  /// Bits of the range of a combination of inputs.
  private func width(_ form: ArraySlice<Int>) -> Int {
    var total: UInt = 0
    for coefficient in form { total &+= coefficient.magnitude }
    let (span, overflow) = total.multipliedReportingOverflow(by: 1 << UInt(inputBits) - 1)
    if overflow { return UInt.bitWidth - total.leadingZeroBitCount + inputBits }
    return UInt.bitWidth - span.leadingZeroBitCount
  }

  /// What a pattern that occurs `count` times saves, roughly; not above 0 where it saves nothing. Two
  /// operands save the bits where they overlap.
  func gain(_ key: UInt64, count: Int) -> Int {
    guard isGates else { return count - 1 }
    let pattern = PairTable.pattern(key)
    let (a, b) = (Int(term[pattern.first]), Int(term[pattern.second.node]))
    let shift = pattern.second.shift
    let overlap = shift >= 0 ? min(b, a - shift) : min(a, b + shift)
    return (count - 1) * (overlap - 1) - Int(Self.rowPrice)
  }
}
