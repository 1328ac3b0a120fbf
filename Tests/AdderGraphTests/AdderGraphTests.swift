import AdderGraph
import Testing

private typealias Term = AdderGraph.Term

private func term(_ node: Int, _ shift: Int = 0, negated: Bool = false) -> Term {
  Term(node: AdderGraph.NodeID(node), shift: shift, isNegated: negated)
}

@Suite("Adder graph") struct AdderGraphTests {
  /// 5x, x - 2y, and -(x + y) shifted.
  private let graph = AdderGraph(
    nodes: [
      .input(0), .input(1), .add(term(0), term(0, 2)), .add(term(0), term(1, 1, negated: true)),
      .add(term(0), term(1)),
    ],
    outputs: [term(2), term(3), term(4, 3, negated: true), nil, term(1)])
  private let matrix = ConstantMatrix(
    inputs: 2, outputs: 5, values: [5, 1, -8, 0, 0, 0, -2, -8, 0, 1])

  @Test("A graph evaluates its adders, its wires and its constant outputs") func evaluates() {
    #expect(graph.evaluate([7, -3]) == [35, 13, -32, 0, -3])
  }

  @Test("A graph counts adders, levels and readers") func counts() {
    #expect(graph.adderCount == 3)
    #expect(graph.depth == 1)
    #expect(graph.readerCounts == [4, 3, 1, 1, 1])
  }

  @Test("The proof accepts the right matrix") func accepts() {
    #expect(graph.verify(equals: matrix).isEmpty)
  }

  @Test("The proof rejects every single changed weight and names it") func rejectsWeights() {
    for index in matrix.values.indices {
      var values = matrix.values
      values[index] += 1
      let changed = ConstantMatrix(inputs: 2, outputs: 5, values: values)
      #expect(
        graph.verify(equals: changed) == [
          .wrongCoefficient(
            output: index % 5, input: index / 5, found: matrix.values[index],
            expected: values[index])
        ])
    }
  }

  @Test("The proof rejects another shape") func rejectsShape() {
    let other = ConstantMatrix(inputs: 2, outputs: 4, values: [5, 1, -8, 0, 0, -2, -8, 0])
    #expect(
      graph.verify(equals: other) == [
        .wrongShape(inputs: 2, outputs: 5, expectedInputs: 2, expectedOutputs: 4)
      ])
  }

  @Test("The proof rejects every single mutated term", arguments: 0..<40)
  func rejectsMutations(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let graph = AdderGraph.optimise(matrix)
    for index in graph.nodes.indices {
      guard case .add(let a, let b) = graph.nodes[index] else { continue }
      for (a, b) in mutations(a, b, below: index) {
        var nodes = graph.nodes
        nodes[index] = .add(a, b)
        let mutant = AdderGraph(nodes: nodes, outputs: graph.outputs)
        #expect(!mutant.verify(equals: matrix).isEmpty, "n\(index) = \(a) + \(b)")
      }
    }
    for (output, place) in graph.outputs.enumerated() {
      var wrong: [Term?] = [nil, place?.negated, place?.shifted(by: 1)]
      if place == nil { wrong = [term(0)] }
      for other in wrong {
        var mutant = graph
        mutant.outputs[output] = other
        #expect(!mutant.verify(equals: matrix).isEmpty)
      }
    }
  }

  private func mutations(_ a: Term, _ b: Term, below node: Int) -> [(Term, Term)] {
    var pairs = [(a.negated, b), (a, b.negated), (a.shifted(by: 1), b), (a, b.shifted(by: 1))]
    for other in 0..<min(node, 6) {
      if other != a.node.index { pairs.append((term(other, a.shift), b)) }
      if other != b.node.index { pairs.append((a, term(other, b.shift, negated: b.isNegated))) }
    }
    // x + y = y + x is no mutation.
    return pairs.filter { !($0.0 == b && $0.1 == a) && !isSameSum($0, (a, b)) }
  }

  /// The two operand pairs add the same multiples of the same nodes.
  private func isSameSum(_ p: (Term, Term), _ q: (Term, Term)) -> Bool {
    func weights(_ p: (Term, Term)) -> [Int: Int] {
      var sums: [Int: Int] = [:]
      for term in [p.0, p.1] {
        sums[term.node.index, default: 0] += (term.isNegated ? -1 : 1) << term.shift
      }
      return sums
    }
    return weights(p) == weights(q)
  }

  @Test("Broken rules are found before anything is computed") func findsBrokenRules() {
    func problems(_ a: Term, _ b: Term) -> Int {
      AdderGraph(nodes: [.input(0), .add(a, b)], outputs: [term(1)]).verify().count
    }
    #expect(problems(term(0), term(0, 3)) == 0)
    #expect(problems(term(0, 1), term(0, 3)) == 1)
    #expect(problems(term(0, -1), term(0)) == 1)
    #expect(problems(term(0), term(0, 63)) == 1)
    #expect(problems(term(0, 0, negated: true), term(0, 2)) == 1)
    #expect(problems(term(1), term(0)) == 1)
    #expect(AdderGraph(nodes: [.input(1)], outputs: []).verify().count == 1)
    #expect(AdderGraph(nodes: [.input(0)], outputs: [term(1)]).verify().count == 1)
    #expect(AdderGraph(nodes: [.input(0)], outputs: [term(0, -1)]).verify().count == 1)
  }

  @Test("A coefficient past 64 bits is a problem, not a trap") func reportsOverflow() {
    var nodes: [AdderGraph.Operation] = [.input(0)]
    for node in 0..<3 { nodes.append(.add(term(node), term(node, 30))) }
    let graph = AdderGraph(nodes: nodes, outputs: [term(3)])
    let one = ConstantMatrix(inputs: 1, outputs: 1, values: [1])
    #expect(graph.verify(equals: one).contains(.overflow(output: 0)))
  }

  @Test(
    "Intervals are exact: random graphs are driven to both ends of every node", arguments: 0..<60)
  func intervalsAreTight(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    guard matrix.values.allSatisfy({ $0.magnitude < 1 << 41 }) else { return }
    var random = SeededGenerator(seed: seed)
    let inputs = (0..<matrix.inputs).map { _ in
      let ends = [
        Int.random(in: -300...300, using: &random), Int.random(in: -300...300, using: &random),
      ]
      return ends.min()!...ends.max()!
    }
    let graph = AdderGraph.optimise(matrix)
    let intervals = graph.intervals(inputs: inputs)
    for (index, form) in graph.linearForms.enumerated() {
      var (low, high) = (inputs.map(\.lowerBound), inputs.map(\.upperBound))
      for entry in form.entries where entry.coefficient < 0 {
        swap(&low[entry.input], &high[entry.input])
      }
      #expect(graph.evaluateNodes(low)[index] == intervals[index].lowerBound)
      #expect(graph.evaluateNodes(high)[index] == intervals[index].upperBound)
      let multiple = 1 << form.trailingZeroBits
      #expect(graph.evaluateNodes(low)[index] % multiple == 0)
    }
  }

  @Test("The text of a graph reads as arithmetic") func describes() {
    #expect(
      graph.description == """
        n0 = input 0
        n1 = input 1
        n2 = n0 + n0<<2
        n3 = n0 - n1<<1
        n4 = n0 + n1
        output 0 = n2
        output 1 = n3
        output 2 = -n4<<3
        output 3 = 0
        output 4 = n1
        """)
  }
}

@Suite("Signal width") struct SignalWidthTests {
  @Test("The width of an interval holds it and one bit less does not")
  func widthsAreMinimal() {
    for low in -70...70 {
      for high in low...70 {
        let width = SignalWidth(of: low...high)
        #expect(width.range.contains(low) && width.range.contains(high))
        #expect(width.isSigned == (low < 0))
        guard width.bits > 0 else { continue }
        let narrower = SignalWidth(bits: width.bits - 1, isSigned: width.isSigned).range
        #expect(!(narrower.contains(low) && narrower.contains(high)))
      }
    }
    #expect(SignalWidth(of: 0...0).bits == 0)
  }
}

@Suite("Canonical signed digits") struct SignedDigitsTests {
  @Test("Digits add up, none has a neighbour, and none is saved by any other form")
  func digitsAreCanonical() {
    for value in Array(-5000...5000) + [1 << 60, (1 << 61) - 1, -(1 << 61) + 1] {
      let digits = SignedDigits(value)
      let all = digits.positive | digits.negative
      #expect(digits.value == value)
      #expect(digits.positive & digits.negative == 0 && all & all << 1 == 0)
    }
  }
}
