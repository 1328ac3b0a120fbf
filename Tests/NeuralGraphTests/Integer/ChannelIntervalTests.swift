import NeuralGraph
import Testing

@Suite("Exact intervals")
struct ChannelIntervalTests {
  /// The accumulators of all positions of one output channel, when each input element is chosen to
  /// make that position's sum extreme.
  private func extremes(
    _ convolution: QuantizedConvolution, zeroPoint: Int, range: ClosedRange<Int>, output: Int
  ) -> ClosedRange<Int> {
    let geometry = convolution.geometry
    var lows: [Int] = []
    var highs: [Int] = []
    for row in 0..<geometry.outputHeight {
      for column in 0..<geometry.outputWidth {
        var (low, high) = (Int(convolution.bias[output]), Int(convolution.bias[output]))
        for ky in geometry.rowTaps(row) {
          for kx in geometry.columnTaps(column) {
            for channel in 0..<convolution.inputChannelsPerGroup {
              let weight = convolution.weight(output: output, y: ky, x: kx, inputChannel: channel)
              let products = [range.lowerBound, range.upperBound].map { weight * ($0 - zeroPoint) }
              low += products.min()!
              high += products.max()!
            }
          }
        }
        lows.append(low)
        highs.append(high)
      }
    }
    return lows.min()!...highs.max()!
  }

  @Test("A convolution's accumulator interval is reached at both ends, pads included")
  func convolution() {
    for seed in 0..<60 {
      var layers = RandomLayers(seed: seed)
      let graph = layers.convolution(
        groups: layers.random.int(1...3), inputs: layers.random.int(1...3), outputs: 2)
      guard case .convolution(let convolution) = graph.nodes[1].operation else { return }
      let type = graph.nodes[0].type
      let intervals = graph.channelIntervals()
      for output in 0..<convolution.outputChannels {
        let wanted = extremes(
          convolution, zeroPoint: type.zeroPoint, range: type.element.range, output: output)
        #expect(intervals.accumulators[1][output] == wanted, "seed \(seed)")
      }
    }
  }

  @Test("Every computed code lies in its channel's interval")
  func containment() throws {
    for seed in 0..<60 {
      var layers = RandomLayers(seed: seed)
      let graph =
        seed % 3 == 0
        ? layers.pool(average: seed % 2 == 0)
        : layers.convolution(groups: 2, inputs: 2, outputs: 3)
      let intervals = graph.channelIntervals()
      let result = try graph.evaluate(layers.tensor(graph.nodes[0].type))[1]
      for (index, code) in result.codes.enumerated() {
        #expect(intervals.codes[1][index % result.shape.channels].contains(code))
      }
    }
  }

  @Test("Every code of a difference, product, table and concatenation lies in its interval")
  func elementwise() throws {
    for seed in 0..<40 {
      var layers = RandomLayers(seed: seed)
      let input = layers.type([1, 3, 2, 4])
      let requantization = FixedPointMultiplier(
        multiplier: layers.random.int(1 << 30...Int(Int32.max)), exponent: -6)
      var graph = QuantizedGraph(name: "elementwise")
      func append(
        _ operation: QuantizedOperation, _ operands: [ValueID], _ shape: [Int]
      ) -> ValueID {
        var type = input
        type.shape = TensorShape(shape)
        return graph.append(
          QuantizedNode(name: "n", operation: operation, operands: operands, type: type))
      }
      let x = append(.input, [], [1, 3, 2, 4])
      var codes: [Int16] = []
      for _ in 0..<1024 { codes.append(Int16(layers.random.int(input.element.range))) }
      let table = append(
        .table(QuantizedTable(function: .prelu, codes: codes)), [x], [1, 3, 2, 4])
      let pixel = append(
        .mean(
          QuantizedMean(
            axes: [1, 2],
            requantization: FixedPointMultiplier(multiplier: 1 << 30, exponent: -2),
            clamp: input.element.range)), [table], [1, 1, 1, 4])
      let difference = append(
        .add(
          QuantizedAdd(
            first: FixedPointMultiplier(real: 0.5), second: FixedPointMultiplier(real: 0.3).negated,
            output: FixedPointMultiplier(real: 0x1p-19), clamp: input.element.range)),
        [x, pixel], [1, 3, 2, 4])
      let product = append(
        .multiply(
          QuantizedMultiply(requantization: requantization, clamp: input.element.range)),
        [pixel, difference], [1, 3, 2, 4])
      let joined = append(
        .concatenation(QuantizedConcatenation(axis: 3)), [product, x], [1, 3, 2, 8])
      graph.outputs = [
        append(.concatenation(QuantizedConcatenation(axis: 1)), [joined, joined], [1, 6, 2, 8])
      ]
      #expect(graph.verify().isEmpty)
      var image: [ClosedRange<Int>] = []
      for _ in 0..<4 {
        let low = layers.random.int(input.element.range)
        image.append(low...layers.random.int(low...input.element.range.upperBound))
      }
      let intervals = graph.channelIntervals(input: image)
      var pixels: [Int] = []
      for index in 0..<24 { pixels.append(layers.random.int(image[index % 4])) }
      let values = try graph.evaluate(
        IntegerTensor(shape: input.shape, element: input.element, codes: pixels))
      for (value, intervals) in zip(values, intervals.codes) {
        for (index, code) in value.codes.enumerated() {
          #expect(intervals[index % value.shape.channels].contains(code), "seed \(seed)")
        }
      }
    }
  }

  @Test("A narrower input gives narrower intervals, down to constants")
  func narrowInput() {
    var layers = RandomLayers(seed: 4)
    let graph = layers.convolution(groups: 1, inputs: 3, outputs: 4)
    let zero = graph.nodes[0].type.zeroPoint
    let intervals = graph.channelIntervals(input: Array(repeating: zero...zero, count: 3))
    for channel in 0..<4 { #expect(intervals.isConstant(ValueID(1), channel: channel)) }
  }

  @Test("A reshape carries channels over where they stay apart, and joins them where not")
  func reshape() {
    let type = QuantizedType(
      shape: TensorShape([1, 2, 2, 4]), element: .uint8, scale: 1, zeroPoint: 0)
    let input = [0...1, 0...2, 0...3, 5...6]
    for (shape, wanted) in [
      ([1, 16], [0...1, 0...2, 0...3, 5...6, 0...1, 0...2, 0...3, 5...6]),
      ([8, 2], [0...3, 0...6]), ([16, 1], [0...6]),
    ] as [([Int], [ClosedRange<Int>])] {
      var output = type
      output.shape = TensorShape(shape)
      let graph = RandomLayers(seed: 0).network(type, .reshape, output)
      let codes = graph.channelIntervals(input: input).codes[1]
      #expect(Array(codes.prefix(wanted.count)) == wanted)
      #expect(codes.count == shape.last)
    }
  }

  @Test("A fully connected layer's accumulators are exact over a flattened map")
  func fullyConnected() throws {
    let type = QuantizedType(
      shape: TensorShape([1, 1, 2, 2]), element: .int8, scale: 1, zeroPoint: 1)
    var output = type
    output.shape = TensorShape([1, 2])
    let layer = QuantizedFullyConnected(
      inputSize: 4, outputSize: 2, weights: [1, -2, 3, -4, 0, 0, 0, 0], bias: [10, 7],
      requantization: Array(repeating: RealMultiplier(mantissa: 1, shift: 6), count: 2),
      clamp: -128...127, weightZeroPoints: [0], weightScales: [1])
    let graph = RandomLayers(seed: 0).network(type, .fullyConnected(layer), output)
    let intervals = graph.channelIntervals(input: [0...3, -1...1])
    // x - 1 is in -1...2 for even and -2...0 for odd inputs.
    #expect(intervals.accumulators[1] == [10 - 4...10 + 8 + 12, 7...7])
    #expect(intervals.isConstant(ValueID(1), channel: 1))
  }
}
