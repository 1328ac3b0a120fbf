import NeuralGraph
import Testing

@Suite("Requantization")
struct RequantizationTests {
  /// Accumulator, multiplier, exponent, result: where other roundings differ.
  @Test(
    "Two roundings, the first up, the second away from zero",
    arguments: [
      (1, 1 << 30, -1, 1), (-2, 1 << 30, -1, -1), (7, 1_610_612_736, 1, 11), (-1, 1 << 30, -1, 0),
      (123_456, 1_098_017_566, -9, 123),
    ])
  func vectors(accumulator: Int, multiplier: Int, exponent: Int, wanted: Int) {
    let multiplier = FixedPointMultiplier(multiplier: multiplier, exponent: exponent)
    #expect(multiplier.apply(accumulator) == wanted)
  }

  @Test(
    "A real multiplier becomes 31 bits and a power of two",
    arguments: [
      (1.0, 1 << 30, 1), (Double(Float(0.0235284)), 1_616_859_392, -5),
      (Double(Float(3.7e-5)), 1_301_821_824, -14), (0x1p-40, 0, 0), (0, 0, 0),
      (1 - 0x1p-40, 1 << 30, 1),
    ])
  func quantize(real: Double, multiplier: Int, exponent: Int) {
    #expect(
      FixedPointMultiplier(real: real)
        == FixedPointMultiplier(multiplier: multiplier, exponent: exponent))
  }

  /// A pointwise layer whose weights are 0: its bias is the accumulator.
  private func layer(
    _ accumulators: [Int], _ multiplier: FixedPointMultiplier, zeroPoint: Int
  ) -> QuantizedGraph {
    let count = accumulators.count
    let input = QuantizedType(
      shape: TensorShape([1, 1, 1, 2]), element: .int8, scale: 1, zeroPoint: 0)
    var output = input
    output.shape = TensorShape([1, 1, 1, count])
    output.zeroPoint = zeroPoint
    let convolution = QuantizedConvolution(
      geometry: WindowGeometry(
        inputHeight: 1, inputWidth: 1, kernelHeight: 1, kernelWidth: 1, outputHeight: 1,
        outputWidth: 1), inputChannels: 2, outputChannels: count, groups: 1,
      weights: Array(repeating: 0, count: 2 * count), bias: accumulators.map { Int32($0) },
      requantization: Array(repeating: multiplier, count: count), clamp: -128...127,
      weightZeroPoints: [0], weightScales: [1])
    return RandomLayers(seed: 0).network(input, .convolution(convolution), output)
  }

  @Test("The kernels' single shift equals the two roundings, ties and all exponents included")
  func singleShift() throws {
    var random = SeededRandom(seed: 1)
    for exponent in -31...8 {
      for _ in 0..<20 {
        let multiplier = FixedPointMultiplier(
          multiplier: random.int(1 << 30...Int(Int32.max)), exponent: exponent)
        let limit = min(Int(Int32.max) >> max(0, exponent), 140 << max(8, 1 - exponent))
        var accumulators = (0..<50).map { _ in random.int(-limit...limit) }
        accumulators += Array(max(-limit, -20)...min(limit, 20))
        let zeroPoint = random.int(-128...127)
        let graph = layer(accumulators, multiplier, zeroPoint: zeroPoint)
        guard graph.verify().isEmpty else { continue }
        let input = IntegerTensor(shape: graph.nodes[0].type.shape, element: .int8, codes: [1, 2])
        let wanted = accumulators.map {
          max(-128, min(127, multiplier.apply($0) + zeroPoint))
        }
        #expect(try graph.evaluate(input)[1].codes == wanted, "\(multiplier)")
      }
    }
  }

  /// `accumulator * real` in binary64, rounded half away from zero: what LiteRT's FULLY_CONNECTED
  /// computes.
  @Test("A real multiplier in integers equals the floating-point product, ties included")
  func realMultiplier() throws {
    var random = SeededRandom(seed: 2)
    for round in 0..<20_000 {
      let accumulator = random.int(-(1 << random.int(1...31))...1 << 31)
      let real: Double
      switch round % 4 {
      case 0: real = Double(random.int(1...1 << 20)) * 0x1p-21
      case 1: real = 0.5 / Double(max(1, accumulator.magnitude)) * Double(random.int(1...999))
      default: real = Double.random(in: 0x1p-30...4, using: &random)
      }
      guard let multiplier = RealMultiplier(checked: real) else { continue }
      let wanted = (Double(accumulator) * real).rounded(.toNearestOrAwayFromZero)
      #expect(Double(multiplier.apply(accumulator)) == wanted, "\(accumulator) * \(real)")
    }
  }

  @Test("A real multiplier of any size gives a number, never a trap")
  func absurdRealMultipliers() {
    for shift in [-1100, -64, -10, 0, 53, 60, 127, 128, 1100] {
      let multiplier = RealMultiplier(mantissa: (1 << 53) - 1, shift: shift)
      let results = [-1, 1, Int(Int32.min)].map(multiplier.apply)
      #expect(results[0] == -results[1])
    }
    #expect(RealMultiplier(mantissa: 0, shift: 0).apply(1 << 40) == 0)
  }
}
