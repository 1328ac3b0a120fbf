import AdderGraph
import Foundation
import Testing

@Suite("Constant matrix-vector multiplication") struct OptimiseTests {
  @Test("Random matrices of every kind come out proved and multiply right", arguments: 0..<300)
  func randomMatricesAreRight(seed: Int) {
    let matrix = randomMatrix(seed: seed)
    let graph = AdderGraph.optimise(matrix)
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount <= matrix.unsharedAdderCount)
    guard matrix.values.allSatisfy({ $0.magnitude < 1 << 45 }) else { return }
    var random = SeededGenerator(seed: seed)
    for _ in 0..<4 {
      let inputs = (0..<matrix.inputs).map { _ in Int.random(in: -255...255, using: &random) }
      let product = (0..<matrix.outputs).map { output in
        (0..<matrix.inputs).reduce(0) { $0 + inputs[$1] * matrix[$1, output] }
      }
      #expect(graph.evaluate(inputs) == product)
    }
  }

  @Test("Every constant from -4096 to 4095 is multiplied right") func allConstants() {
    for constant in -4096...4095 {
      let matrix = ConstantMatrix(inputs: 1, outputs: 1, values: [constant])
      let graph = AdderGraph.optimise(matrix)
      #expect(graph.verify(equals: matrix).isEmpty)
      #expect(graph.adderCount <= max(0, SignedDigits(constant).count - 1))
    }
  }

  @Test("Zeros, wires and empty shapes cost nothing")
  func freeMatrices() {
    for (inputs, outputs, values) in [
      (1, 1, [0]), (1, 1, [-8]), (3, 2, [0, 0, 0, 0, 0, 0]), (2, 2, [0, 4, -1, 0]), (0, 0, []),
      (0, 2, []), (2, 0, []),
    ] {
      let matrix = ConstantMatrix(inputs: inputs, outputs: outputs, values: values)
      let graph = AdderGraph.optimise(matrix)
      #expect(graph.adderCount == 0)
      #expect(graph.verify(equals: matrix).isEmpty)
    }
  }

  @Test("Equal, negated and shifted columns are made once") func repeatedColumns() {
    let column = [3, -7, 12, 0, 25]
    let alone = AdderGraph.optimise(ConstantMatrix(inputs: 5, outputs: 1, values: column))
    let matrix = ConstantMatrix(
      inputs: 5, outputs: 4, values: column.flatMap { [$0, -$0, $0 << 5, -$0 << 1] })
    let graph = AdderGraph.optimise(matrix)
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount == alone.adderCount)
  }

  @Test("A difference is made with the sign that leaves its output plain")
  func outputsArePlain() {
    for values in [[1, -1], [-1, 1], [-3, 5], [-1, -4, 1], [2, -7, -9, -11]] {
      let matrix = ConstantMatrix(inputs: values.count, outputs: 1, values: values)
      let graph = AdderGraph.optimise(matrix)
      #expect(graph.verify(equals: matrix).isEmpty)
      #expect(graph.outputs[0]?.isNegated == false, "\(values)")
    }
  }

  @Test("A sum of n inputs has ceil(log2 n) levels", arguments: [2, 3, 4, 5, 8, 9, 64, 100])
  func sumsAreBalanced(inputs: Int) {
    let ones = ConstantMatrix(
      inputs: inputs, outputs: 1, values: [Int](repeating: 1, count: inputs))
    let graph = AdderGraph.optimise(ones)
    #expect(graph.adderCount == inputs - 1)
    #expect(1 << (graph.depth - 1) < inputs && inputs <= 1 << graph.depth)
  }

  @Test("The same matrix gives the same graph") func isDeterministic() {
    for seed in 0..<20 {
      let matrix = randomMatrix(seed: seed)
      #expect(AdderGraph.optimise(matrix) == AdderGraph.optimise(matrix))
    }
  }

  @Test("A matrix that is shared in blocks is proved, and the same graph every time")
  func blocksAreRight() {
    // 400 inputs of some three digits: 100 million pairs of terms, more than one block has.
    let matrix = randomMatrix(inputs: 400, outputs: 160, bits: 8, seed: 9)
    let graph = AdderGraph.optimise(matrix)
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph == AdderGraph.optimise(matrix))
    #expect(graph.adderCount * 2 < matrix.unsharedAdderCount)
  }

  @Test(
    "Layers of a real network are proved and stay under their bars",
    .enabled(if: SharedMatrices.areThere),
    arguments: [
      ("00_conv_27x8", 194), ("02_pw_8x16", 71), ("04_pw_16x32", 348), ("06_pw_32x32", 817),
      ("08_pw_32x64", 1614), ("10_pw_64x64", 3018), ("12_pw_64x128", 5673),
      ("14_pw_128x128", 10939), ("24_pw_128x256", 21673), ("26_pw_256x256", 44127),
    ])
  func realLayers(name: String, bar: Int) throws {
    let matrix = try SharedMatrices.load(name)
    let graph = AdderGraph.optimise(matrix)
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount <= bar)
  }

  @Test(
    "Depthwise filters of a real network are proved and stay under their bar",
    .enabled(if: SharedMatrices.areThere))
  func realDepthwiseLayers() throws {
    var adders = 0
    for name in SharedMatrices.names where name.contains("_dw_") {
      let matrix = try SharedMatrices.load(name)
      for output in 0..<matrix.outputs {
        let filter = matrix.columnMatrix(output)
        let graph = AdderGraph.optimise(filter)
        #expect(graph.verify(equals: filter).isEmpty)
        adders += graph.adderCount
      }
    }
    #expect(adders <= 15_165)
    #expect(adders >= 15_124)
  }
}
