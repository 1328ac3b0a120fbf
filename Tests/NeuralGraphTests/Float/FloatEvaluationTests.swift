import NeuralGraph
import Testing

@Suite("Float evaluation") struct FloatEvaluationTests {
  private func evaluate(_ operation: Operation, _ operands: [FloatTensor]) throws -> FloatTensor {
    operation.evaluate(operands, shape: try operation.shape(of: operands.map(\.shape)))
  }

  private func tensor(_ dimensions: [Int], _ values: [Float]) -> FloatTensor {
    FloatTensor(shape: TensorShape(dimensions), values: values)
  }

  /// Small whole numbers, so that every sum is exact in any order.
  private func integers(_ dimensions: [Int], seed: Int) -> FloatTensor {
    let shape = TensorShape(dimensions)
    return FloatTensor(
      shape: shape, values: (0..<shape.elementCount).map { Float(($0 * 7 + seed * 13) % 11 - 5) })
  }

  /// The definition, cell by cell.
  private func reference(
    _ convolution: Convolution, _ x: FloatTensor, _ w: FloatTensor, outputs: Int
  ) -> [Float] {
    let g = convolution.geometry
    let channels = x.shape.channels
    let (ins, outs) = (channels / convolution.groups, outputs / convolution.groups)
    var result: [Float] = []
    for y in 0..<g.outputHeight {
      for column in 0..<g.outputWidth {
        for output in 0..<outputs {
          var sum: Float = 0
          for ky in 0..<g.kernelHeight {
            for kx in 0..<g.kernelWidth {
              let row = y * g.strideY - g.padTop + ky * g.dilationY
              let col = column * g.strideX - g.padLeft + kx * g.dilationX
              guard (0..<g.inputHeight).contains(row), (0..<g.inputWidth).contains(col) else {
                continue
              }
              for input in 0..<ins {
                let channel = output / outs * ins + input
                let tap = (ky * g.kernelWidth + kx) * ins + input
                sum +=
                  x.values[(row * g.inputWidth + col) * channels + channel]
                  * w.values[tap * outputs + output]
              }
            }
          }
          result.append(sum)
        }
      }
    }
    return result
  }

  @Test(
    "A convolution is its definition, for any channels, groups, strides, dilations and pads",
    arguments: [
      // height, width, in, out, groups, kernel, stride, dilation, same
      [5, 7, 3, 8, 1, 3, 2, 1, 1], [5, 7, 3, 9, 1, 3, 1, 2, 1], [4, 4, 2, 17, 1, 1, 1, 1, 0],
      [6, 5, 4, 4, 4, 3, 2, 1, 1], [6, 5, 4, 8, 4, 3, 1, 1, 0], [6, 6, 6, 9, 3, 2, 1, 1, 1],
      [1, 1, 5, 3, 1, 3, 1, 1, 1], [3, 9, 1, 1, 1, 5, 3, 1, 1], [9, 3, 1, 2, 1, 3, 1, 1, 0],
    ])
  func convolution(c: [Int]) throws {
    let geometry = try #require(
      WindowGeometry(
        inputHeight: c[0], inputWidth: c[1], kernelHeight: c[5], kernelWidth: c[5],
        strideY: c[6], strideX: c[6], dilationY: c[7], dilationX: c[7],
        padding: c[8] == 1 ? .same : .valid))
    let convolution = Convolution(geometry: geometry, groups: c[4])
    let x = integers([1, c[0], c[1], c[2]], seed: 1)
    let w = integers([c[5], c[5], c[2] / c[4], c[3]], seed: 2)
    let bias = integers([c[3]], seed: 3)
    let plain = reference(convolution, x, w, outputs: c[3])
    #expect(try evaluate(.convolution(convolution), [x, w]).values == plain)
    let biased = plain.indices.map { plain[$0] + bias.values[$0 % c[3]] }
    #expect(try evaluate(.convolution(convolution), [x, w, bias]).values == biased)
  }

  @Test("A depthwise filter [Kh, Kw, C, M] computes the same as [Kh, Kw, 1, C * M]")
  func depthwiseLayout() throws {
    let geometry = try #require(
      WindowGeometry(
        inputHeight: 3, inputWidth: 3, kernelHeight: 2, kernelWidth: 2, strideY: 1, strideX: 1,
        padding: .same))
    let operation = Operation.convolution(Convolution(geometry: geometry, groups: 3))
    let x = integers([1, 3, 3, 3], seed: 1)
    let w = integers([2, 2, 3, 2], seed: 2)
    let flat = w.reshaped(to: TensorShape([2, 2, 1, 6]))
    #expect(try evaluate(operation, [x, w]) == evaluate(operation, [x, flat]))
  }

  @Test("A matrix product is its definition, whatever remains of the tiles")
  func matrixMultiplication() throws {
    for (rows, depth, columns) in [(1, 3, 1), (5, 2, 9), (4, 7, 16), (6, 1, 23)] {
      let a = integers([rows, depth], seed: 1)
      let b = integers([depth, columns], seed: 2)
      var expected: [Float] = []
      for row in 0..<rows {
        for column in 0..<columns {
          expected.append(
            (0..<depth).reduce(0) {
              $0 + a.values[row * depth + $1] * b.values[$1 * columns + column]
            })
        }
      }
      #expect(try evaluate(.matrixMultiplication, [a, b]).values == expected)
    }
  }

  @Test("Pooling leaves out what is outside the image: the average divides by the cells inside")
  func pools() throws {
    let x = tensor([1, 3, 3, 1], [-1, -2, -3, -4, -5, -6, -7, -8, -9])
    let geometry = try #require(
      WindowGeometry(
        inputHeight: 3, inputWidth: 3, kernelHeight: 2, kernelWidth: 2, strideY: 2, strideX: 2,
        padding: .same))
    #expect(try evaluate(.averagePool(geometry), [x]).values == [-3, -4.5, -7.5, -9])
    #expect(try evaluate(.maxPool(geometry), [x]).values == [-1, -3, -7, -9])
  }

  @Test("Shapes broadcast from the innermost dimension")
  func broadcasting() throws {
    let a = tensor([2, 1, 2], [1, 2, 3, 4])
    let b = tensor([3, 1], [10, 20, 30])
    let sum = try evaluate(.binary(.add), [a, b])
    #expect(sum.shape == TensorShape([2, 3, 2]))
    #expect(sum.values == [11, 12, 21, 22, 31, 32, 13, 14, 23, 24, 33, 34])
    #expect(
      try evaluate(.binary(.subtract), [FloatTensor(scalar: 1), b]).values == [-9, -19, -29])
  }

  @Test("Mean, pad and transpose move each element to its place")
  func rearrangements() throws {
    let x = tensor([1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(
      try evaluate(.mean(axes: [1, 2], keepsDimensions: false), [x])
        == tensor([1, 2], [4, 5]))
    #expect(
      try evaluate(.pad(before: [0, 1, 0, 0], after: [0, 0, 1, 0]), [x])
        == tensor([1, 3, 3, 2], [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0]))
    #expect(
      try evaluate(.transpose(permutation: [0, 3, 1, 2]), [x])
        == tensor([1, 2, 2, 2], [1, 3, 5, 7, 2, 4, 6, 8]))
  }

  @Test("Batch normalization scales, shifts and rounds step by step")
  func batchNormalization() throws {
    let x = tensor([1, 1, 2, 2], [3, 0, 5, 8])
    let result = try evaluate(
      .batchNormalization(epsilon: 0),
      [
        x, FloatTensor(vector: [2, 1]), FloatTensor(vector: [1, -1]),
        FloatTensor(vector: [3, 4]), FloatTensor(vector: [4, 16]),
      ])
    #expect(result.values == [1, -2, 3, 0])
  }

  @Test("Softmax of equal numbers is flat, and large numbers do not overflow")
  func softmax() throws {
    #expect(
      try evaluate(.softmax, [tensor([1, 4], [1e30, 1e30, 1e30, 1e30])]).values
        == [0.25, 0.25, 0.25, 0.25])
  }

  @Test("The mean of no elements is refused")
  func emptyMean() {
    #expect(throws: ShapeError.self) {
      try Operation.mean(axes: [1], keepsDimensions: false).shape(of: [TensorShape([1, 0])])
    }
  }
}

@Suite("Fake quantization") struct FakeQuantizationTests {
  private func nudged(
    _ minimum: Float, _ maximum: Float, bits: Int = 8, narrow: Bool = false
  ) -> FakeQuantizationRange? {
    FakeQuantizationRange(
      FakeQuantization(bits: bits, narrowRange: narrow), minimum: minimum, maximum: maximum)
  }

  @Test("A range from zero has zero point 0; 0...5.9997 is ReLU6's usual scale")
  func positiveRange() throws {
    let range = try #require(nudged(0, 5.999761581420898))
    #expect(range.parameters.zeroPoint == 0)
    #expect(range.parameters.scale == 0.023528477)
  }

  @Test("The zero point is nudged to a whole code, so that 0.0 is exact")
  func nudging() throws {
    // (0 + 13.339) / 0.14329 = 93.09.
    let range = try #require(nudged(-13.33924674987793, 23.199363708496094))
    #expect(range.parameters.zeroPoint == 93)
    #expect(range.apply(0) == 0)
    // -0.1 lies 0.5 steps of 0.2 below zero: halves go up.
    #expect(nudged(-0.1, 0.5, bits: 2)?.parameters.zeroPoint == 1)
  }

  @Test("A narrow range leaves code 0 unused")
  func narrowRange() throws {
    let range = try #require(nudged(-1, 1, narrow: true))
    #expect(range.codes == 1...255)
    #expect(range.parameters.zeroPoint == 128)
    #expect(range.parameters.scale == Float(2.0 / 254.0))
    #expect(range.code(-5) == 1)
    #expect(range.code(5) == 255)
  }

  @Test("A range beside zero moves until it touches it, as TensorFlow does")
  func rangeBesideZero() {
    #expect(nudged(2, 3)?.parameters.zeroPoint == 0)
    #expect(nudged(2, 3)?.minimum == 0)
    #expect(nudged(-3, -2)?.parameters.zeroPoint == 255)
  }

  @Test("An empty, reversed or infinite range has no grid")
  func unusableRanges() {
    #expect(nudged(0, 0) == nil)
    #expect(nudged(1, -1) == nil)
    #expect(nudged(-.infinity, 1) == nil)
    #expect(nudged(0, .nan) == nil)
  }

  @Test("A number that is none goes to the lowest code instead of trapping")
  func notANumber() throws {
    #expect(try #require(nudged(0, 1)).code(.nan) == 0)
  }
}
