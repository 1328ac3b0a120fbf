/// A multiplierless linear map: a list of two-operand adders over shifted, possibly negated values.
///
/// Nodes are in single static assignment form: node 0 up to `inputCount - 1` are the inputs in order,
/// every later node is one adder that reads only earlier nodes. Shifts are never negative, so every
/// node is an integer combination of the inputs. Outputs are nodes taken through wires: a shift costs
/// nothing, a negated output costs whatever its reader pays to subtract instead of add.
public struct AdderGraph: Equatable, Sendable {
  /// The place of a node in `nodes`.
  public struct NodeID: Hashable, Sendable, Comparable {
    public var index: Int

    public init(_ index: Int) { self.index = index }

    public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
  }

  /// `±(node << shift)`.
  public struct Term: Hashable, Sendable {
    public var node: NodeID
    /// Left shift in bits, at least 0.
    public var shift: Int
    public var isNegated: Bool

    public init(node: NodeID, shift: Int = 0, isNegated: Bool = false) {
      self.node = node
      self.shift = shift
      self.isNegated = isNegated
    }

    /// The same term with the other sign.
    public var negated: Term { Term(node: node, shift: shift, isNegated: !isNegated) }

    /// The term moved left by `bits` (right when negative; the result's shift must not be negative).
    public func shifted(by bits: Int) -> Term {
      precondition(shift + bits >= 0, "a term cannot be shifted right past its lowest bit")
      return Term(node: node, shift: shift + bits, isNegated: isNegated)
    }
  }

  /// What a node computes.
  public enum Operation: Hashable, Sendable {
    /// The input of that number; its node has the same number.
    case input(Int)
    /// The sum of two terms. The first is not negated, the smaller of the two shifts is 0.
    case add(Term, Term)
  }

  /// Inputs first, then adders, operands before their readers.
  public internal(set) var nodes: [Operation]
  /// One entry an output; nil is the constant 0.
  public var outputs: [Term?]

  /// A graph as it stands; `verify()` tells whether it keeps the rules above.
  public init(nodes: [Operation], outputs: [Term?]) {
    self.nodes = nodes
    self.outputs = outputs
  }

  /// Number of inputs: the nodes before the first adder.
  public var inputCount: Int {
    nodes.firstIndex { if case .add = $0 { true } else { false } } ?? nodes.count
  }

  /// Number of two-operand adders and subtractors.
  public var adderCount: Int { nodes.count - inputCount }

  /// The operation of a node.
  public subscript(node: NodeID) -> Operation { nodes[node.index] }

  /// Adder levels from the inputs to each node; inputs are at 0.
  public var depths: [Int] {
    var depths: [Int] = []
    depths.reserveCapacity(nodes.count)
    for operation in nodes {
      switch operation {
      case .input: depths.append(0)
      case .add(let a, let b):
        depths.append(max(depths[a.node.index], depths[b.node.index]) + 1)
      }
    }
    return depths
  }

  /// Adder levels on the longest way from an input to an output.
  public var depth: Int {
    let depths = depths
    return outputs.lazy.compactMap { $0 }.map { depths[$0.node.index] }.max() ?? 0
  }

  /// Number of readers of each node: operands of adders and outputs.
  public var readerCounts: [Int] {
    var counts = [Int](repeating: 0, count: nodes.count)
    for case .add(let a, let b) in nodes {
      counts[a.node.index] += 1
      counts[b.node.index] += 1
    }
    for case .some(let term) in outputs { counts[term.node.index] += 1 }
    return counts
  }

  /// The value of every node for the given inputs, exactly; an overflow of `Int` traps.
  public func evaluateNodes(_ inputs: [Int]) -> [Int] {
    var values: [Int] = []
    values.reserveCapacity(nodes.count)
    for operation in nodes {
      switch operation {
      case .input(let number): values.append(inputs[number])
      case .add(let a, let b): values.append(a.value(values) + b.value(values))
      }
    }
    return values
  }

  /// The value of every output for the given inputs, exactly; an overflow of `Int` traps.
  public func evaluate(_ inputs: [Int]) -> [Int] {
    let values = evaluateNodes(inputs)
    return outputs.map { $0?.value(values) ?? 0 }
  }
}

extension AdderGraph.Term {
  /// `±(values[node] << shift)`; an overflow traps.
  func value(_ values: [Int]) -> Int {
    let shifted = values[node.index] * (1 << shift)
    return isNegated ? -shifted : shifted
  }
}

extension AdderGraph.Term: CustomStringConvertible {
  /// `-n12<<3`
  public var description: String {
    "\(isNegated ? "-" : "")n\(node.index)\(shift == 0 ? "" : "<<\(shift)")"
  }
}

extension AdderGraph: CustomStringConvertible {
  /// One line a node and one an output, stable.
  public var description: String {
    var lines: [String] = []
    for (index, operation) in nodes.enumerated() {
      switch operation {
      case .input(let number): lines.append("n\(index) = input \(number)")
      case .add(let a, let b):
        lines.append("n\(index) = \(a) \(b.isNegated ? "-" : "+") \(b.isNegated ? b.negated : b)")
      }
    }
    for (index, output) in outputs.enumerated() {
      lines.append("output \(index) = \(output.map(\.description) ?? "0")")
    }
    return lines.joined(separator: "\n")
  }
}
