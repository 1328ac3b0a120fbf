import AdderGraph
import Testing

@Suite("Local search over shared subexpressions") struct LocalSearchTests {
  @Test("Random matrices of every kind stay proved and never cost more", arguments: 0..<300)
  func staysRight(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let greedy = AdderGraph.optimise(matrix)
    let options = AdderGraph.Options(stepsPerAdder: 60, seed: UInt64(seed))
    let searched = AdderGraph.optimise(matrix, options: options)
    #expect(searched.verify(equals: matrix).isEmpty)
    #expect(searched.adderCount <= greedy.adderCount)
  }

  @Test("The same seed gives the same graph, more steps never more adders")
  func isDeterministic() {
    for seed in 0..<12 {
      let matrix = randomMatrix(seed: seed)
      let graphs = [10, 10, 100].map {
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
      ("00_conv_27x8", 186), ("02_pw_8x16", 70), ("04_pw_16x32", 335), ("06_pw_32x32", 775),
      ("08_pw_32x64", 1535), ("10_pw_64x64", 2960),
    ])
  func realLayers(name: String, bar: Int) throws {
    let matrix = try SharedMatrices.load(name)
    let graph = AdderGraph.optimise(matrix, options: .init(stepsPerAdder: 10))
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount <= bar)
  }
}
