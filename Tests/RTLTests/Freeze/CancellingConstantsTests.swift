import NeuralGraph
import RTL
import Testing

@Suite struct CancellingConstantsTests {
  /// A layer whose two channels are the constants 5 and `second`, zero point 0, and behind it a 3x3
  /// layer with the weights 3 and -3 for them at every tap, and `live` for a live third channel.
  private func network(second: Int32, live: Int16) -> SmallNetwork {
    var network = SmallNetwork(height: 5, width: 4, channels: 1)
    func convolution(
      _ kernel: Int, inputs: Int, weights: [Int16], bias: [Int32]
    ) -> QuantizedOperation {
      .convolution(
        QuantizedConvolution(
          geometry: network.window(kernel, 1, .same), inputChannels: inputs,
          outputChannels: bias.count, groups: 1, weights: weights, bias: bias,
          requantization: bias.map { _ in FixedPointMultiplier(real: 1) }, clamp: 0...255,
          weightZeroPoints: [0], weightScales: [1]))
    }
    let constants = convolution(1, inputs: 1, weights: [0, 0, 1], bias: [5, second, 0])
    network.append("a", constants, 5, 4, 3, zeroPoint: 0)
    let cancelling = convolution(
      3, inputs: 3, weights: (0..<9).flatMap { _ in [3, -3, live] }, bias: [100])
    network.append("b", cancelling, 5, 4, 1, zeroPoint: 0)
    return network
  }

  @Test("Constant channels that cancel at every tap, borders included, make a constant")
  func constant() throws {
    let design = try Freeze.design(network(second: 5, live: 0).graph, options: FreezeOptions())
    #expect(design.output.channels == [.constant(100)])
    #expect(design.evaluate([Int](repeating: 7, count: 20))[1] == [Int](repeating: 100, count: 20))
  }

  @Test("Constant channels of a tap count together", arguments: [(5, 1), (9, 0), (9, 2)])
  func together(second: Int32, live: Int16) throws {
    let network = network(second: second, live: live)
    let design = try Freeze.design(network.graph, options: FreezeOptions())
    for seed in 0..<3 as Range<UInt64> {
      let pixels = network.frame(seed: seed)
      let type = network.graph[ValueID(0)].type
      let values = try network.graph.evaluate(
        IntegerTensor(shape: type.shape, element: type.element, codes: pixels))
      #expect(design.evaluate(pixels)[1] == values[2].codes)
    }
  }
}
