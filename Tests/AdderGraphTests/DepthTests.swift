import AdderGraph
import Testing

@Suite("A limit of adder levels") struct DepthTests {
  @Test(
    "Random matrices keep every limit from their minimum on, proved, at greedy and search",
    arguments: 0..<200)
  func keepsLimits(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let minimum = AdderGraph.minimumDepth(matrix)
    for limit in minimum...minimum + 2 {
      for steps in [0, 1] {
        let graph = AdderGraph.optimise(
          matrix, options: .init(stepsPerAdder: steps, restarts: 2, maxDepth: limit))
        #expect(graph.depth <= limit)
        #expect(graph.verify(equals: matrix).isEmpty)
        #expect(graph.adderCount <= matrix.unsharedAdderCount)
      }
    }
  }

  @Test("The objective of depth gives the fewest levels of all, at any effort", arguments: 0..<60)
  func depthFirst(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let minimum = AdderGraph.minimumDepth(matrix)
    for steps in [0, 2] {
      let graph = AdderGraph.optimise(
        matrix, options: .init(stepsPerAdder: steps, objective: .depth))
      #expect(graph.depth <= minimum)
      #expect(graph.verify(equals: matrix).isEmpty)
      let limited = AdderGraph.optimise(
        matrix, options: .init(stepsPerAdder: steps, maxDepth: minimum))
      #expect(graph == limited)
    }
  }

  @Test("No graph has fewer levels than the minimum depth", arguments: 0..<60)
  func minimumIsABound(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let minimum = AdderGraph.minimumDepth(matrix)
    #expect(AdderGraph.optimise(matrix).depth >= minimum)
    // The digits of an output by themselves take that many levels: ceil(log2(digits)).
    let digits = (0..<matrix.outputs).map { output in
      matrix.column(output).reduce(0) { $0 + SignedDigits($1).count }
    }
    let most = digits.max() ?? 0
    #expect(most <= 1 << minimum && (minimum == 0 || most > 1 << (minimum - 1)))
  }

  @Test("A limit that does not bind leaves the greedy graph as it is", arguments: 0..<30)
  func looseLimits(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let free = AdderGraph.optimise(matrix)
    let loose = AdderGraph.optimise(matrix, options: .init(maxDepth: 50))
    #expect(loose == free)
  }

  @Test("A multiplier block that is too deep gives way to a flatter graph") func deepBlock() {
    // 3, 11, 43, 171, 683: each made from the one before.
    let matrix = ConstantMatrix(inputs: 5, outputs: 1, values: [3, 11, 43, 171, 683])
    let minimum = AdderGraph.minimumDepth(matrix)
    let graph = AdderGraph.optimise(matrix, options: .init(stepsPerAdder: 2, maxDepth: minimum))
    #expect(graph.depth == minimum)
    #expect(graph.verify(equals: matrix).isEmpty)
  }

  @Test("A matrix that is shared in blocks keeps its limit") func blocks() {
    let matrix = randomMatrix(inputs: 400, outputs: 160, bits: 8, seed: 10)
    let minimum = AdderGraph.minimumDepth(matrix)
    let graph = AdderGraph.optimise(matrix, options: .init(maxDepth: minimum))
    #expect(graph.depth == minimum)
    #expect(graph.verify(equals: matrix).isEmpty)
  }

  @Test(
    "Two levels more than the minimum cost a layer of a real network nothing",
    .enabled(if: SharedMatrices.areThere))
  func realLayer() throws {
    let matrix = try SharedMatrices.load("10_pw_64x64")
    let minimum = AdderGraph.minimumDepth(matrix)
    let counts = [minimum, minimum + 2].map {
      AdderGraph.optimise(matrix, options: .init(stepsPerAdder: 4, maxDepth: $0)).adderCount
    }
    #expect(minimum == 7)
    #expect(counts[0] <= 3_030)
    #expect(counts[1] <= 2_920)
  }
}
