import AdderGraph
import Testing

/// Every graph here is proved: its coefficients are the matrix.
@Suite("Proof of many matrices") struct PropertyTests {
  private func check(_ matrix: ConstantMatrix, steps: Int = 0) -> Bool {
    let graph = AdderGraph.optimise(
      matrix, options: .init(stepsPerAdder: steps, work: 100_000, seed: 5))
    return graph.verify(equals: matrix).isEmpty
      && graph.adderCount <= matrix.unsharedAdderCount
      && graph.adderCount >= (0..<matrix.outputs).map { AdderGraph.adderFloor(matrix.column($0)) }
        .max() ?? 0
  }

  @Test("Four thousand random matrices of every kind") func randomMatrices() {
    let wrong = (1_000..<5_000).filter { seed in
      !check(randomMatrix(seed: seed), steps: seed % 4 == 0 ? 1 : 0)
    }
    #expect(wrong == [])
  }

  @Test("Matrices of one row and of one column, with weights of 16 bits") func vectors() {
    var random = SeededGenerator(seed: 11)
    for length in 1...120 {
      let values = (0..<length).map { _ in Int.random(in: -32768...32767, using: &random) }
      #expect(check(ConstantMatrix(inputs: 1, outputs: length, values: values), steps: 1))
      #expect(check(ConstantMatrix(inputs: length, outputs: 1, values: values), steps: 1))
    }
  }

  @Test("Columns that are zero, equal, negated or shifted") func relatedColumns() {
    var random = SeededGenerator(seed: 12)
    for _ in 0..<200 {
      let column = (0..<6).map { _ in Int.random(in: -128...127, using: &random) }
      let factors = (0..<7).map { _ in [0, 1, -1, 2, -4, 8].randomElement(using: &random)! }
      let values = column.flatMap { weight in factors.map { $0 * weight } }
      let matrix = ConstantMatrix(inputs: 6, outputs: 7, values: values)
      #expect(check(matrix, steps: 1))
      let alone = AdderGraph.optimise(ConstantMatrix(inputs: 6, outputs: 1, values: column))
      let shared = AdderGraph.optimise(matrix)
      #expect(shared.adderCount <= alone.adderCount)
    }
  }

  @Test("Powers of two and rows of zeros") func powersOfTwo() {
    var random = SeededGenerator(seed: 13)
    for _ in 0..<200 {
      let values = (0..<8 * 8).map { place in
        place / 8 == 3 || Int.random(in: 0..<3, using: &random) == 0
          ? 0 : (Bool.random(using: &random) ? 1 : -1) << Int.random(in: 0...30, using: &random)
      }
      #expect(check(ConstantMatrix(inputs: 8, outputs: 8, values: values), steps: 1))
    }
  }

  @Test("Every constant from -4096 to 4095, alone and all of them at once") func everyConstant() {
    for constant in -4096...4095 {
      #expect(check(ConstantMatrix(inputs: 1, outputs: 1, values: [constant]), steps: 2))
    }
    let all = ConstantMatrix(inputs: 1, outputs: 8192, values: Array(-4096...4095))
    let graph = AdderGraph.optimise(all)
    #expect(graph.verify(equals: all).isEmpty)
    // One adder for every odd constant from 3 on is the least there can be.
    #expect((2047...2055).contains(graph.adderCount))
  }
}
