import NeuralGraph
import Testing

/// The kernels against the formulas written down plainly, one output element at a time.
@Suite("The interpreter's kernels")
struct InterpreterTests {
  /// The pixel under a tap, or nil in the pad.
  private func pixel(
    _ geometry: WindowGeometry, _ row: Int, _ column: Int, _ ky: Int, _ kx: Int
  ) -> (y: Int, x: Int)? {
    let y = row * geometry.strideY - geometry.padTop + ky * geometry.dilationY
    let x = column * geometry.strideX - geometry.padLeft + kx * geometry.dilationX
    let inside = (0..<geometry.inputHeight).contains(y) && (0..<geometry.inputWidth).contains(x)
    return inside ? (y, x) : nil
  }

  /// The accumulator of one output element of a convolution.
  private func accumulator(
    _ convolution: QuantizedConvolution, _ input: IntegerTensor, zeroPoint: Int, row: Int,
    column: Int, output: Int
  ) -> Int {
    let group = output / convolution.outputChannelsPerGroup
    var sum = Int(convolution.bias[output])
    for ky in 0..<convolution.geometry.kernelHeight {
      for kx in 0..<convolution.geometry.kernelWidth {
        guard let (y, x) = pixel(convolution.geometry, row, column, ky, kx) else { continue }
        for channel in 0..<convolution.inputChannelsPerGroup {
          let code = input[y, x, group * convolution.inputChannelsPerGroup + channel]
          sum +=
            (code - zeroPoint)
            * convolution.weight(output: output, y: ky, x: kx, inputChannel: channel)
        }
      }
    }
    return sum
  }

  @Test(
    "A convolution of any grouping and geometry is the plain sum, requantized",
    arguments: [
      (1, 1, 1), (1, 1, 5), (1, 3, 4), (1, 16, 3), (2, 3, 2), (3, 1, 1), (5, 1, 2), (8, 1, 1),
    ])
  func convolution(groups: Int, inputs: Int, outputs: Int) throws {
    for seed in 0..<40 {
      var layers = RandomLayers(seed: seed)
      let graph = layers.convolution(groups: groups, inputs: inputs, outputs: outputs)
      guard case .convolution(let convolution) = graph.nodes[1].operation else { return }
      let input = layers.tensor(graph.nodes[0].type)
      let result = try graph.evaluate(input)[1]
      let type = graph.nodes[1].type
      for row in 0..<type.shape.height {
        for column in 0..<type.shape.width {
          for output in 0..<type.shape.channels {
            let sum = accumulator(
              convolution, input, zeroPoint: graph.nodes[0].type.zeroPoint, row: row,
              column: column, output: output)
            let code = type.zeroPoint + convolution.requantization[output].apply(sum)
            let wanted = min(
              max(code, convolution.clamp.lowerBound), convolution.clamp.upperBound)
            #expect(result[row, column, output] == wanted, "seed \(seed)")
          }
        }
      }
    }
  }

  @Test("A pool looks only at the cells inside the image", arguments: [true, false])
  func pool(average: Bool) throws {
    for seed in 0..<60 {
      var layers = RandomLayers(seed: seed)
      let graph = layers.pool(average: average)
      let geometry: WindowGeometry
      switch graph.nodes[1].operation {
      case .averagePool(let pool), .maxPool(let pool): geometry = pool.geometry
      default: return
      }
      let input = layers.tensor(graph.nodes[0].type)
      let result = try graph.evaluate(input)[1]
      for row in 0..<geometry.outputHeight {
        for column in 0..<geometry.outputWidth {
          for channel in 0..<input.shape.channels {
            var cells: [Int] = []
            for ky in 0..<geometry.kernelHeight {
              for kx in 0..<geometry.kernelWidth {
                guard let (y, x) = pixel(geometry, row, column, ky, kx) else { continue }
                cells.append(input[y, x, channel])
              }
            }
            let mean = Double(cells.reduce(0, +)) / Double(cells.count)
            let wanted =
              average ? Int(mean.rounded(.toNearestOrAwayFromZero)) : cells.max() ?? 0
            #expect(result[row, column, channel] == wanted, "seed \(seed)")
          }
        }
      }
    }
  }

  @Test("Results do not depend on the number of threads", arguments: [2, 3, 8])
  func threads(count: Int) throws {
    for seed in 0..<10 {
      var layers = RandomLayers(seed: seed)
      var input = layers.type([1, 40, 30, 16])
      input.zeroPoint = 0
      let geometry = WindowGeometry(
        inputHeight: 40, inputWidth: 30, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
        padding: .same)!
      let groups = seed % 2 == 0 ? 1 : 16
      let weights = (0..<16 * 9 * 16 / groups).map { Int16($0 * 31 % 251 - 125) }
      let convolution = QuantizedConvolution(
        geometry: geometry, inputChannels: 16, outputChannels: 16, groups: groups,
        weights: weights, bias: Array(repeating: 0, count: 16),
        requantization: Array(
          repeating: FixedPointMultiplier(multiplier: 1_400_000_000, exponent: -9), count: 16),
        clamp: input.element.range, weightZeroPoints: [0], weightScales: [1])
      let graph = layers.network(input, .convolution(convolution), input)
      let tensor = layers.tensor(input)
      #expect(
        try graph.evaluate(tensor, threads: count) == graph.evaluate(tensor, threads: 1))
    }
  }

  @Test("A pad copies the map into zero points, in any dimension")
  func pad() throws {
    let type = QuantizedType(
      shape: TensorShape([1, 1, 2, 2]), element: .int8, scale: 1, zeroPoint: -3)
    var padded = type
    padded.shape = TensorShape([1, 2, 4, 3])
    let pad = QuantizedPad(before: [0, 1, 1, 0], after: [0, 0, 1, 1])
    let graph = RandomLayers(seed: 0).network(type, .pad(pad), padded)
    let input = IntegerTensor(shape: type.shape, element: .int8, codes: [1, 2, 3, 4])
    #expect(
      try graph.evaluate(input)[1].codes
        == Array(repeating: -3, count: 12) + [-3, -3, -3, 1, 2, -3, 3, 4, -3, -3, -3, -3])
  }

  @Test("A mean over any dimensions sums the cells that share the other indices")
  func mean() throws {
    let type = QuantizedType(
      shape: TensorShape([2, 3, 2]), element: .uint8, scale: 1, zeroPoint: 0)
    let input = IntegerTensor(shape: type.shape, element: .uint8, codes: Array(0..<12))
    for (axes, shape, wanted) in [
      ([0], [3, 2], [3, 4, 5, 6, 7, 8]), ([1], [2, 2], [2, 3, 8, 9]),
      ([0, 1], [1, 1, 2], [5, 6]), ([2], [2, 3], [1, 3, 5, 7, 9, 11]),
    ] as [([Int], [Int], [Int])] {
      let cells = axes.reduce(1) { $0 * type.shape.dimensions[$1] }
      let mean = QuantizedMean(
        axes: axes,
        requantization: try #require(
          FixedPointMultiplier.mean(input: 1, output: 1, count: cells)), clamp: 0...255)
      var output = type
      output.shape = TensorShape(shape)
      let graph = RandomLayers(seed: 0).network(type, .mean(mean), output)
      #expect(try graph.evaluate(input)[1].codes == wanted, "axes \(axes)")
    }
  }

  @Test("A softmax goes on where LiteRT's own kernel aborts: 600 equal logits give zeros")
  func wideSoftmax() throws {
    var type = QuantizedType(
      shape: TensorShape([1, 600]), element: .int8, scale: 0.1, zeroPoint: 0)
    let input = IntegerTensor(
      shape: type.shape, element: .int8, codes: Array(repeating: 5, count: 600))
    let source = type
    type.scale = 1 / 256
    type.zeroPoint = -128
    let softmax = try #require(QuantizedSoftmax(inputScale: 0.1))
    let graph = RandomLayers(seed: 0).network(source, .softmax(softmax), type)
    #expect(
      try graph.evaluate(input)[1].codes == Array(repeating: -128, count: 600))
  }

  @Test("An input of another shape or type is refused")
  func wrongInput() {
    var layers = RandomLayers(seed: 3)
    let graph = layers.convolution(groups: 1, inputs: 3, outputs: 2)
    let type = graph.nodes[0].type
    let other: QuantizedElement = type.element == .int8 ? .uint8 : .int8
    let codes = Array(repeating: 0, count: type.shape.elementCount)
    #expect(throws: Diagnostics.self) {
      try graph.evaluate(IntegerTensor(shape: type.shape, element: other, codes: codes))
    }
    #expect(throws: Diagnostics.self) {
      try graph.evaluate(IntegerTensor(shape: TensorShape([]), element: type.element, codes: [0]))
    }
  }
}
