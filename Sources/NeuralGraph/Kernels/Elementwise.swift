/// QUANTIZE between 8-bit types: a table over the 256 codes.
struct TableKernel: Sendable {
  private let table: [UInt8]

  init(_ rescale: QuantizedRescale, input: QuantizedType, output: QuantizedType) {
    let requantizer = Requantizer(
      rescale.requantization, zeroPoint: output.zeroPoint, clamp: rescale.clamp)
    table = (0...255).map { requantizer(input.element.code(of: UInt8($0)) - input.zeroPoint) }
  }

  func evaluate(_ bytes: [UInt8]) -> [UInt8] { bytes.map { table[Int($0)] } }
}

/// ADD: each input is a table of its scaled codes; their sum is requantized.
/// Source: TFLite reference kernel ADD (quantized).
struct AddKernel: Sendable {
  private let first: [Int]
  private let second: [Int]
  private let requantizer: Requantizer

  init(_ add: QuantizedAdd, operands: [QuantizedType], output: QuantizedType) {
    func table(_ type: QuantizedType, _ multiplier: FixedPointMultiplier) -> [Int] {
      (0...255).map { add.scaled(type.element.code(of: UInt8($0)) - type.zeroPoint, multiplier) }
    }
    first = table(operands[0], add.first)
    second = table(operands[1], add.second)
    requantizer = Requantizer(add.output, zeroPoint: output.zeroPoint, clamp: add.clamp)
  }

  func evaluate(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] {
    zip(a, b).map { requantizer(first[Int($0)] + second[Int($1)]) }
  }
}

/// MEAN over any dimensions: sums of `x - z_x`, then one requantization that also divides.
/// Source: LiteRT reference kernel MEAN (quantized).
struct MeanKernel: Sendable {
  private let input: QuantizedType
  /// How far one step of each input dimension moves in the output: 0 for reduced dimensions.
  private let outputStrides: [Int]
  private let outputs: Int
  private let requantizer: Requantizer

  init(_ mean: QuantizedMean, input: QuantizedType, output: QuantizedType) {
    self.input = input
    var strides = [Int](repeating: 0, count: input.shape.rank)
    var stride = 1
    for dimension in input.shape.dimensions.indices.reversed()
    where !mean.axes.contains(dimension) {
      strides[dimension] = stride
      stride *= input.shape.dimensions[dimension]
    }
    outputStrides = strides
    outputs = output.shape.elementCount
    requantizer = Requantizer(
      mean.requantization, zeroPoint: output.zeroPoint, clamp: mean.clamp)
  }

  func evaluate(_ bytes: [UInt8]) -> [UInt8] {
    var sums = [Int](repeating: 0, count: outputs)
    var position = [Int](repeating: 0, count: input.shape.rank)
    var target = 0
    for byte in bytes {
      sums[target] += input.element.code(of: byte) - input.zeroPoint
      var dimension = position.count - 1
      while dimension >= 0 {
        position[dimension] += 1
        target += outputStrides[dimension]
        if position[dimension] < input.shape.dimensions[dimension] { break }
        target -= outputStrides[dimension] * position[dimension]
        position[dimension] = 0
        dimension -= 1
      }
    }
    return sums.map { requantizer($0) }
  }
}

/// PAD: copies the operand into a tensor of zero points.
struct PadKernel: Sendable {
  private let pad: QuantizedPad
  private let input: TensorShape
  private let output: TensorShape
  private let fill: UInt8

  init(_ pad: QuantizedPad, input: QuantizedType, output: QuantizedType) {
    self.pad = pad
    self.input = input.shape
    self.output = output.shape
    fill = UInt8(truncatingIfNeeded: output.zeroPoint)
  }

  func evaluate(_ bytes: [UInt8]) -> [UInt8] {
    var result = [UInt8](repeating: fill, count: output.elementCount)
    guard input.rank > 0 else { return bytes }
    let run = input.channels
    for row in 0..<bytes.count / run {
      // The row's position in the outer dimensions, innermost first.
      var (rest, stride, target) = (row, output.channels, pad.before[input.rank - 1])
      for dimension in (0..<input.rank - 1).reversed() {
        let position = rest % input.dimensions[dimension]
        rest /= input.dimensions[dimension]
        target += (position + pad.before[dimension]) * stride
        stride *= output.dimensions[dimension]
      }
      for channel in 0..<run { result[target + channel] = bytes[row * run + channel] }
    }
    return result
  }
}
