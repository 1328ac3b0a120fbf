import AdderGraph
import Testing

@Suite("Weights of up to 60 bits") struct WideWeightTests {
  @Test("Patterns whose shifted form would leave 64 bits are not mistaken", arguments: 0..<150)
  func wideWeights(seed: Int) {
    // Digits at both ends of the word, so that a pattern found low down points past the top elsewhere.
    var random = SeededGenerator(seed: seed)
    let (inputs, outputs) = (4, 6)
    let values = (0..<inputs * outputs).map { _ in
      let low = Int.random(in: -3...3, using: &random)
      let high = Int.random(in: -3...3, using: &random) << Int.random(in: 40...56, using: &random)
      return low << Int.random(in: 0...16, using: &random) + high
    }
    let matrix = ConstantMatrix(inputs: inputs, outputs: outputs, values: values)
    let graph = AdderGraph.optimise(matrix)
    #expect(graph.verify(equals: matrix).isEmpty)
    #expect(graph.adderCount <= matrix.unsharedAdderCount)
  }
}
