import AdderGraph
import Testing

@Suite("Adder bits and effort") struct AdderBitsTests {
  /// x and y in 0...255, two operands `a` and `b` of one adder.
  private func bits(_ a: AdderGraph.Term, _ b: AdderGraph.Term) -> Int {
    AdderGraph(nodes: [.input(0), .input(1), .add(a, b)], outputs: [.init(node: .init(2))])
      .adderBits(inputs: [0...255, 0...255])
  }

  @Test("Wires below a shifted operand and constant zeros are no adder bits") func wiresAreFree() {
    let (x, y) = (AdderGraph.Term(node: .init(0)), AdderGraph.Term(node: .init(1)))
    // 0...510: nine bits. 0...1275 with two wires: eleven less two. -1020...255: eleven less two.
    #expect(bits(x, y) == 9)
    #expect(bits(x, y.shifted(by: 2)) == 9)
    #expect(bits(x, y.shifted(by: 2).negated) == 9)
    // 4x - y: the borrow runs through the low bits too. -255...1020.
    #expect(bits(x.shifted(by: 2), y.negated) == 11)
    // 4x - 4x is constant, 3x + x a multiple of four.
    let three = AdderGraph(
      nodes: [.input(0), .add(x, x.shifted(by: 1)), .add(.init(node: .init(1)), x)],
      outputs: [.init(node: .init(2))])
    // 3x: 10 bits less one wire; 4x: 10 bits less two zeros.
    #expect(three.adderBits(inputs: [0...255]) == 9 + 8)
  }

  @Test("Every effort is at least as good as the one below", arguments: 0..<20)
  func effortsAreOrdered(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let counts = AdderGraph.Effort.allCases.prefix(3).map { effort in
      AdderGraph.optimise(matrix, options: .init(effort: effort)).adderCount
    }
    #expect(counts == counts.sorted(by: >))
  }
}

@Suite("Rules for widths") struct WidthRuleTests {
  @Test("No rule gives fewer adder bits than proof", arguments: 0..<60)
  func provedWidthsAreLeast(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    guard matrix.values.allSatisfy({ $0.magnitude < 1 << 15 }) else { return }
    let graph = AdderGraph.optimise(matrix)
    let inputs = [ClosedRange<Int>](repeating: 0...255, count: matrix.inputs)
    let bits = graph.adderBitTotals(inputs: inputs)
    #expect(bits.proved <= bits.byType && bits.proved <= bits.byOutput)
    #expect(bits.proved == graph.adderBits(inputs: inputs))
  }

  @Test("Each rule counts what it says") func rules() {
    // x + y + z by two adders, 0...765 in ten bits.
    func node(_ index: Int) -> AdderGraph.Term { .init(node: .init(index)) }
    let graph = AdderGraph(
      nodes: [.input(0), .input(1), .input(2), .add(node(0), node(1)), .add(node(3), node(2))],
      outputs: [node(4)])
    let bits = graph.adderBitTotals(inputs: [0...255, 0...255, 0...255])
    #expect(bits == .init(proved: 9 + 10, words: 64, byType: 9 + 10, byOutput: 20))
  }
}
