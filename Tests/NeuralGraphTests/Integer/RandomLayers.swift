import NeuralGraph

/// A small seeded generator (SplitMix64), so that a failure can be repeated.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}

/// One-layer networks with random shapes, geometry and numbers.
struct RandomLayers {
  var random: SeededRandom

  init(seed: Int) { random = SeededRandom(seed: seed) }

  mutating func type(_ shape: [Int]) -> QuantizedType {
    let element: QuantizedElement = random.int(0...1) == 0 ? .uint8 : .int8
    return QuantizedType(
      shape: TensorShape(shape), element: element, scale: 0.1,
      zeroPoint: random.int(element.range))
  }

  mutating func geometry(height: Int, width: Int) -> WindowGeometry {
    while true {
      let padding: WindowGeometry.Padding
      switch random.int(0...2) {
      case 0: padding = .same
      case 1: padding = .valid
      default:
        padding = .explicit(
          top: random.int(0...2), bottom: random.int(0...2), left: random.int(0...2),
          right: random.int(0...2))
      }
      let geometry = WindowGeometry(
        inputHeight: height, inputWidth: width, kernelHeight: random.int(1...4),
        kernelWidth: random.int(1...4), strideY: random.int(1...3), strideX: random.int(1...3),
        dilationY: random.int(1...2), dilationX: random.int(1...2), padding: padding)
      if let geometry { return geometry }
    }
  }

  /// A network of an input and one convolution.
  mutating func convolution(groups: Int, inputs: Int, outputs: Int) -> QuantizedGraph {
    let input = type([1, random.int(1...9), random.int(1...9), inputs * groups])
    let geometry = geometry(height: input.shape.height, width: input.shape.width)
    var output = input
    output.shape = TensorShape(
      height: geometry.outputHeight, width: geometry.outputWidth, channels: outputs * groups)
    output.zeroPoint = random.int(output.element.range)
    let taps = geometry.kernelHeight * geometry.kernelWidth * inputs
    var weights: [Int16] = []
    for _ in 0..<outputs * groups * taps { weights.append(Int16(random.int(-255...255))) }
    var bias: [Int32] = []
    var multipliers: [FixedPointMultiplier] = []
    for _ in 0..<outputs * groups {
      bias.append(Int32(random.int(-100_000...100_000)))
      multipliers.append(
        FixedPointMultiplier(
          multiplier: random.int(1 << 30...Int(Int32.max)), exponent: random.int(-14...(-8))))
    }
    let low = random.int(output.element.range)
    let convolution = QuantizedConvolution(
      geometry: geometry, inputChannels: inputs * groups, outputChannels: outputs * groups,
      groups: groups, weights: weights, bias: bias, requantization: multipliers,
      clamp: low...random.int(low...output.element.range.upperBound), weightZeroPoints: [0],
      weightScales: [1])
    return network(input, .convolution(convolution), output)
  }

  mutating func pool(average: Bool) -> QuantizedGraph {
    while true {
      let input = type([1, random.int(1...9), random.int(1...9), random.int(1...5)])
      let geometry = geometry(height: input.shape.height, width: input.shape.width)
      let pool = QuantizedPool(geometry: geometry, clamp: input.element.range)
      var output = input
      output.shape = TensorShape(
        height: geometry.outputHeight, width: geometry.outputWidth,
        channels: input.shape.channels)
      let graph = network(input, average ? .averagePool(pool) : .maxPool(pool), output)
      // A window may lie wholly in an explicit pad, which no pool can compute.
      if graph.verify().isEmpty { return graph }
    }
  }

  func network(
    _ input: QuantizedType, _ operation: QuantizedOperation, _ output: QuantizedType
  ) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "random")
    let source = graph.append(
      QuantizedNode(name: "input", operation: .input, operands: [], type: input))
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "layer", operation: operation, operands: [source], type: output))
    ]
    return graph
  }

  /// Random codes, one time in three all at the ends of the range.
  mutating func tensor(_ type: QuantizedType) -> IntegerTensor {
    let extreme = random.int(0...2) == 0
    let range = type.element.range
    var codes: [Int] = []
    for _ in 0..<type.shape.elementCount {
      let code = random.int(range)
      codes.append(extreme ? (code & 1 == 0 ? range.lowerBound : range.upperBound) : code)
    }
    return IntegerTensor(shape: type.shape, element: type.element, codes: codes)
  }
}
