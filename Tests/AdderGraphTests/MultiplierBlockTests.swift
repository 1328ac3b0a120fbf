import AdderGraph
import Testing

@Suite("Sums of one output through a multiplier block") struct MultiplierBlockTests {
  /// Taps less one, and one adder for every different odd part above 1.
  private func floor(_ weights: [Int]) -> Int {
    let live = weights.filter { $0 != 0 }
    return live.count - 1
      + Set(live.map { abs($0) >> $0.trailingZeroBitCount }.filter { $0 > 1 }).count
  }

  @Test("Random filters are proved and mostly reach their floor") func randomFilters() {
    var random = SeededGenerator(seed: 5)
    var (adders, floors) = (0, 0)
    for _ in 0..<300 {
      let weights = (0..<9).map { _ in Int.random(in: -255...255, using: &random) }
      guard weights.contains(where: { $0 != 0 }) else { continue }
      let matrix = ConstantMatrix(inputs: 9, outputs: 1, values: weights)
      let graph = AdderGraph.optimise(matrix)
      #expect(graph.verify(equals: matrix).isEmpty)
      #expect(graph.adderCount >= floor(weights))
      adders += graph.adderCount
      floors += floor(weights)
    }
    #expect(adders <= floors + 160)
  }

  @Test("Equal odd parts are multiplied once") func equalOddParts() {
    let matrix = ConstantMatrix(inputs: 4, outputs: 1, values: [11, -22, 88, 44])
    let graph = AdderGraph.optimise(matrix)
    #expect(graph.verify(equals: matrix).isEmpty)
    // 11 = 8 + 3 takes two adders: 3 is one more constant than the row has.
    #expect(graph.adderCount == 3 + 2)
  }

  @Test("A column repeated with another sign and shift is still one row") func repeatedRow() {
    let matrix = ConstantMatrix(inputs: 2, outputs: 2, values: [5, -10, 23, -46])
    let graph = AdderGraph.optimise(matrix)
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount == 1 + 2 + 1)
  }
}
