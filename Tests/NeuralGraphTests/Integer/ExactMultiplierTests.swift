import NeuralGraph
import Testing

@Suite("Exact multipliers: ONNX's rounding") struct ExactMultiplierTests {
  @Test("Ties go to the even integer, on both sides of zero")
  func ties() throws {
    let half = FixedPointMultiplier(try #require(ExactMultiplier([0.5], dividedBy: 1)))
    #expect((-5...5).map { half.apply($0) } == [-2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2])
  }

  @Test("Ties of a divisor that is no power of two are exact")
  func sixth() throws {
    // 0.5 / 3: three sixths are a half.
    let sixth = FixedPointMultiplier(try #require(ExactMultiplier([0.5], dividedBy: 3)))
    #expect([2, 3, 4, 9, 15].map { sixth.apply($0) } == [0, 0, 1, 2, 2])
    #expect([-2, -3, -4, -9, -15].map { sixth.apply($0) } == [0, 0, -1, -2, -2])
  }

  @Test("The scales are reduced to odd numbers without a common factor")
  func reduced() throws {
    let multiplier = try #require(ExactMultiplier([6, 1.5], dividedBy: 12, count: 10))
    // 9 / 120 = 3 / 40 = 3 * 2^-3 / 5.
    #expect(multiplier.mantissa == 3)
    #expect(multiplier.divisor == 5)
    #expect(multiplier.exponent == -3)
  }

  @Test("Scales that are zero, negative, infinite, tiny or huge have no multiplier")
  func unusable() {
    for scale in [0, -1, Float.infinity, .nan, .leastNonzeroMagnitude, .greatestFiniteMagnitude] {
      #expect(ExactMultiplier([scale, 1], dividedBy: 1) == nil)
      #expect(ExactMultiplier([1], dividedBy: scale) == nil)
    }
    #expect(ExactMultiplier([1], dividedBy: 1, count: 1 << 16) == nil)
  }

  @Test("The quotient equals a search for the nearest integer")
  func nearest() throws {
    var state: UInt64 = 7
    func next(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    for _ in 0..<2_000 {
      let scales = (0..<3).map { _ in Float(1 + next(1 << 24)) * 0x1p-24 }
      let multiplier = FixedPointMultiplier(
        try #require(ExactMultiplier([scales[0], scales[1]], dividedBy: scales[2])))
      let accumulator = next(1 << 21) - (1 << 20)
      let result = multiplier.apply(accumulator)
      // 2 |acc a b - y c| <= c, in integers: a, b, c below 2^24 in units of 2^-24.
      let (a, b, c) = (
        Int128(scales[0] * 0x1p24), Int128(scales[1] * 0x1p24), Int128(scales[2] * 0x1p24)
      )
      let rest = Int128(accumulator) * a * b - Int128(result) * c * (1 << 24)
      let twice = 2 * (rest < 0 ? -rest : rest)
      #expect(twice < c << 24 || (twice == c << 24 && result % 2 == 0))
    }
  }

  @Test("A sum is rounded once")
  func sum() throws {
    let add = try #require(
      QuantizedAdd(exactFirst: 0.75, second: 0.5, output: 0.5, clamp: -128...127))
    let type = QuantizedType(
      shape: TensorShape([1, 4]), element: .int8, scale: 0.75, zeroPoint: 0)
    var graph = QuantizedGraph(name: "sum")
    let x = graph.append(QuantizedNode(name: "x", operation: .input, operands: [], type: type))
    var second = type
    second.scale = 0.5
    let identity = try #require(ExactMultiplier([0.75], dividedBy: 0.5))
    let y = graph.append(
      QuantizedNode(
        name: "y",
        operation: .rescale(
          QuantizedRescale(
            requantization: FixedPointMultiplier(identity), clamp: -128...127)),
        operands: [x], type: second))
    let z = graph.append(
      QuantizedNode(name: "z", operation: .add(add), operands: [x, y], type: second))
    graph.outputs = [z]
    #expect(graph.verify() == [])
    let input = IntegerTensor(shape: type.shape, element: .int8, codes: [1, 3, -1, 100])
    let values = try graph.evaluate(input)
    // y: 1.5, 4.5, -1.5, 150; z: 1.5 x + y = 3.5, 8.5, -3.5, 277.
    #expect(values[1].codes == [2, 4, -2, 127])
    #expect(values[2].codes == [4, 8, -4, 127])
  }
}
