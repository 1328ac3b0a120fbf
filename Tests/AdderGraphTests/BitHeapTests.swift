import AdderGraph
import Testing

@Suite("Bit heaps") struct BitHeapTests {
  /// A random matrix whose sums stay inside 62 bits, its graph, and random input intervals.
  private static func sample(seed: Int) -> (AdderGraph, [ClosedRange<Int>]) {
    let matrix = randomMatrix(seed: seed)
    let isLarge = matrix.values.contains { $0.magnitude > 1 << 36 }
    let values = isLarge ? matrix.values.map { $0 >> 24 } : matrix.values
    let small = ConstantMatrix(inputs: matrix.inputs, outputs: matrix.outputs, values: values)
    var random = SeededGenerator(seed: seed)
    let graph = AdderGraph.optimise(small, options: .init(effort: .quick))
    let inputs = (0..<small.inputs).map { _ -> ClosedRange<Int> in
      switch Int.random(in: 0..<5, using: &random) {
      case 0: return 0...255
      case 1: return -128...127
      case 2: return 0...1
      case 3: return Int.random(in: -90 ... -3, using: &random)...0
      default:
        let low = Int.random(in: -300...300, using: &random)
        return low...low + Int.random(in: 0...300, using: &random)
      }
    }
    return (graph, inputs)
  }

  @Test("A heap adds up to its graph, at both ends of every output and between", arguments: 0..<150)
  func equalsGraph(seed: Int) {
    let (graph, inputs) = Self.sample(seed: seed)
    var random = SeededGenerator(seed: seed)
    for finalAdder in BitHeap.FinalAdder.allCases {
      let heap = graph.bitHeap(inputs: inputs, finalAdder: finalAdder)
      #expect(heap.verify(equals: graph).isEmpty)
      for trial in 0..<20 {
        var values = inputs.map { Int.random(in: $0, using: &random) }
        if trial < 2 {
          let forms = graph.linearForms
          if let output = graph.outputs.compactMap({ $0 }).randomElement(using: &random) {
            for entry in forms[output.node.index].entries {
              values[entry.input] =
                (entry.coefficient > 0) == (trial == 0)
                ? inputs[entry.input].upperBound : inputs[entry.input].lowerBound
            }
          }
        }
        #expect(heap.evaluate(values) == graph.evaluate(values))
      }
    }
  }

  @Test("Without final adders a heap has only full and half adders, with them fewer")
  func finalAdders() {
    let (graph, inputs) = Self.sample(seed: 3)
    let ripple = graph.bitHeap(inputs: inputs)
    let word = graph.bitHeap(inputs: inputs, finalAdder: .word)
    #expect(ripple.finalAdderBits == 0 && ripple.fullAdderCount > 0)
    #expect(word.finalAdderBits > 0)
    #expect(
      word.fullAdderCount + word.halfAdderCount < ripple.fullAdderCount + ripple.halfAdderCount)
  }

  @Test("The proof rejects every changed operand of a cell", arguments: 0..<40)
  func changedCells(seed: Int) {
    let (graph, inputs) = Self.sample(seed: seed)
    let heap = graph.bitHeap(inputs: inputs)
    guard !heap.cells.isEmpty else { return }
    var random = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let index = Int.random(in: heap.cells.indices, using: &random)
      var inverted = heap
      inverted.cells[index].a = inverted.cells[index].a.inverted
      #expect(!inverted.verify(equals: graph).isEmpty)
      var moved = heap
      let other = heap.cells[Int.random(in: 0...index, using: &random)].a
      if other != heap.cells[index].b {
        moved.cells[index].b = other
        #expect(!moved.verify(equals: graph).isEmpty)
      }
      var dropped = heap
      if dropped.cells[index].c != nil {
        dropped.cells[index].c = nil
        #expect(!dropped.verify(equals: graph).isEmpty)
      }
    }
  }

  @Test("The proof rejects a word that is a bit narrower, inverted or offset", arguments: 0..<40)
  func changedWords(seed: Int) {
    let (graph, inputs) = Self.sample(seed: seed)
    let heap = graph.bitHeap(inputs: inputs)
    for index in heap.words.indices where !heap.words[index].drivers.isEmpty {
      var narrow = heap
      narrow.words[index].drivers.removeLast()
      #expect(!narrow.verify(equals: graph).isEmpty)
      var inverted = heap
      inverted.words[index].drivers[0] = inverted.words[index].drivers[0].inverted
      #expect(!inverted.verify(equals: graph).isEmpty)
      var offset = heap
      offset.words[index].offset += 1
      #expect(!offset.verify(equals: graph).isEmpty)
    }
  }

  @Test("The proof rejects another graph")
  func otherGraph() {
    let matrix = ConstantMatrix(inputs: 3, outputs: 2, values: [5, 10, 7, -3, 0, 12])
    let other = ConstantMatrix(inputs: 3, outputs: 2, values: [5, 10, 7, -3, 1, 12])
    let inputs = [ClosedRange<Int>](repeating: 0...255, count: 3)
    let heap = AdderGraph.optimise(matrix).bitHeap(inputs: inputs)
    #expect(!heap.verify(equals: AdderGraph.optimise(other)).isEmpty)
  }
}

@Suite("Search for gates and look-up tables") struct ObjectiveTests {
  @Test("Every objective gives a proved graph, the same each time", arguments: 0..<60)
  func proved(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    for objective in AdderGraph.Objective.allCases {
      let options = AdderGraph.Options(effort: .quick, objective: objective)
      let graph = AdderGraph.optimise(matrix, options: options)
      #expect(graph.verify(equals: matrix).isEmpty)
      #expect(graph == AdderGraph.optimise(matrix, options: options))
    }
  }

  @Test("A search for gates never ends with more of them than one for adders", arguments: 0..<20)
  func fewerGates(seed: Int) {
    var random = SeededGenerator(seed: seed)
    let (inputs, outputs) = (
      Int.random(in: 2...10, using: &random), Int.random(in: 2...10, using: &random)
    )
    let matrix = ConstantMatrix(
      inputs: inputs, outputs: outputs,
      values: (0..<inputs * outputs).map { _ in Int.random(in: -255...255, using: &random) })
    let ranges = [ClosedRange<Int>](repeating: 0...255, count: inputs)
    let gates = [AdderGraph.Objective.adders, .gates].map { objective in
      AdderGraph.optimise(matrix, options: .init(effort: .thorough, objective: objective))
        .bitHeap(inputs: ranges).estimatedGates
    }
    #expect(gates[1] <= gates[0])
  }

  @Test(
    "Bit heaps of layers of a real network stay below a number of estimated gates",
    .enabled(if: SharedMatrices.areThere),
    arguments: [("02_pw_8x16", 5_300), ("04_pw_16x32", 26_500), ("00_conv_27x8", 14_600)])
  func realLayers(name: String, bar: Int) throws {
    let matrix = try SharedMatrices.load(name)
    let graph = AdderGraph.optimise(
      matrix, options: .init(effort: .thorough, objective: .gates))
    let ranges = [ClosedRange<Int>](repeating: 0...255, count: matrix.inputs)
    #expect(graph.bitHeap(inputs: ranges).estimatedGates <= bar)
  }
}

@Suite("Graphs as text") struct ReadAdderGraphTests {
  @Test("A graph is read from what it prints", arguments: 0..<40)
  func roundTrip(seed: Int) throws {
    let graph = AdderGraph.optimise(randomMatrix(seed: seed))
    #expect(try AdderGraph(text: graph.description) == graph)
  }

  @Test(
    "A bad line is named",
    arguments: [
      "n1 = input 0", "n0 = input", "n0 = input x", "n0 = n1 * n2", "n0 = m1 + n2",
      "n0 = n1<4 + n2", "n0 = n1<<x + n2", "output 1 = n0", "output 0 n0", "sum", "n-1 = input 0",
    ])
  func badLines(line: String) {
    #expect(throws: AdderGraph.UnreadableLine.self) {
      try AdderGraph(text: "# a comment\n\n" + line)
    }
  }

  /// Random words of a sum, and the bits that hold them.
  private static func addends(_ bits: Int, _ random: inout SeededGenerator) -> [BitHeap.Addend] {
    (0..<Int.random(in: 0...6, using: &random)).map { _ in
      let shift = Int.random(in: 0...bits, using: &random)
      let held = Int.random(in: 1...12, using: &random)
      return BitHeap.Addend(
        bits: held, isSigned: Bool.random(using: &random),
        isTruncated: held + shift >= bits && Bool.random(using: &random), shift: shift,
        isNegated: Bool.random(using: &random))
    }
  }

  @Test("A sum of words is right modulo its width", arguments: 0..<300)
  func wordSum(seed: Int) {
    var random = SeededGenerator(seed: seed)
    let bits = Int.random(in: 1...24, using: &random)
    let addends = Self.addends(bits, &random)
    let constant = Int.random(in: -100_000...100_000, using: &random)
    let heap = BitHeap.sum(addends, constant: constant, bits: bits)
    #expect(heap.verify(equals: addends, constant: constant).isEmpty)
    #expect(heap.verify(equals: addends, constant: constant + 1) != [])
    for _ in 0..<20 {
      let values = heap.inputs.map { Int.random(in: $0, using: &random) }
      let sum = zip(addends, values).reduce(constant) { sum, part in
        let shifted = part.1 << part.0.shift
        return sum + (part.0.isNegated ? -shifted : shifted)
      }
      #expect((heap.evaluate(values)[0] - sum) & ((1 << bits) - 1) == 0)
    }
  }

  @Test("A sum of other words, or with a bit exchanged, is not proved")
  func wrongWordSum() {
    let addends = [
      BitHeap.Addend(bits: 6, isSigned: true, isTruncated: false, shift: 2, isNegated: true),
      BitHeap.Addend(bits: 5, isSigned: false, isTruncated: false, shift: 0, isNegated: false),
      BitHeap.Addend(bits: 9, isSigned: true, isTruncated: true, shift: 3, isNegated: false),
    ]
    let heap = BitHeap.sum(addends, constant: 77, bits: 12)
    var others = addends
    others[0].isNegated = false
    #expect(heap.verify(equals: others, constant: 77) != [])
    others = addends
    others[2].bits = 8
    #expect(heap.verify(equals: others, constant: 77) != [])
    var changed = heap
    let cell = heap.cells.indices.first { heap.cells[$0].c != nil }!
    changed.cells[cell].a = changed.cells[cell].b
    #expect(changed.verify(equals: addends, constant: 77) != [])
  }
}
