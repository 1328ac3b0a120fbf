import AdderGraph
import Testing

@Suite("Local search over shared subexpressions") struct LocalSearchTests {
  @Test("Random matrices of every kind stay proved and never cost more", arguments: 0..<300)
  func staysRight(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let greedy = AdderGraph.optimise(matrix)
    let options = AdderGraph.Options(stepsPerAdder: 6, seed: UInt64(seed))
    let searched = AdderGraph.optimise(matrix, options: options)
    #expect(searched.verify(equals: matrix).isEmpty)
    #expect(searched.adderCount <= greedy.adderCount)
  }

  @Test("The same seed gives the same graph, more steps never more adders")
  func isDeterministic() {
    for seed in 0..<12 {
      let matrix = randomMatrix(seed: seed)
      let graphs = [1, 1, 10].map {
        AdderGraph.optimise(matrix, options: .init(stepsPerAdder: $0, seed: 7))
      }
      #expect(graphs[0] == graphs[1])
      #expect(graphs[2].adderCount <= graphs[1].adderCount)
    }
  }

  @Test(
    "Layers of a real network come well below greedy sharing",
    .enabled(if: SharedMatrices.areThere),
    arguments: [
      ("00_conv_27x8", 184), ("02_pw_8x16", 66), ("04_pw_16x32", 324), ("06_pw_32x32", 765),
      ("08_pw_32x64", 1525), ("10_pw_64x64", 2890),
    ])
  func realLayers(name: String, bar: Int) throws {
    let matrix = try SharedMatrices.load(name)
    let graph = AdderGraph.optimise(matrix, options: .init(stepsPerAdder: 10))
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount <= bar)
  }

  @Test("Searches in parallel give the same graph every time") func restartsAreDeterministic() {
    let matrix = randomMatrix(seed: 31)
    let options = AdderGraph.Options(stepsPerAdder: 2, restarts: 6, seed: 3)
    let graphs = (0..<4).map { _ in AdderGraph.optimise(matrix, options: options) }
    #expect(graphs.allSatisfy { $0 == graphs[0] })
    let one = AdderGraph.optimise(matrix, options: .init(stepsPerAdder: 2, seed: 3))
    #expect(graphs[0].adderCount <= one.adderCount)
  }

  @Test("A search stops when its work is done, and more work never ends with more adders")
  func stopsAtItsWork() {
    let matrix = randomMatrix(inputs: 24, outputs: 24, bits: 8, seed: 2)
    let counts = [0, 100_000, 1_000_000, 10_000_000].map {
      AdderGraph.optimise(matrix, options: .init(stepsPerAdder: 1000, work: $0)).adderCount
    }
    #expect(counts[0] == AdderGraph.optimise(matrix).adderCount)
    #expect(counts == counts.sorted(by: >) && counts[3] < counts[0])
  }
}
