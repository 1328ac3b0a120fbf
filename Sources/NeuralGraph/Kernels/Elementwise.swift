/// QUANTIZE between 8-bit types, and any function of one code: a table over the 256 codes.
struct TableKernel: Sendable {
  private let table: [UInt8]

  init(_ rescale: QuantizedRescale, input: QuantizedType, output: QuantizedType) {
    let requantizer = Requantizer(
      rescale.requantization, zeroPoint: output.zeroPoint, clamp: rescale.clamp)
    table = (0...255).map { requantizer(input.element.code(of: UInt8($0)) - input.zeroPoint) }
  }

  init(_ function: QuantizedTable, input: QuantizedType) {
    table = function.bytes(channel: 0, element: input.element)
  }

  func evaluate(_ bytes: [UInt8]) -> [UInt8] { bytes.map { table[Int($0)] } }
}

extension QuantizedTable {
  /// A channel's table by the raw byte of the operand's code.
  fileprivate func bytes(channel: Int, element: QuantizedElement) -> [UInt8] {
    (0...255).map {
      UInt8(
        truncatingIfNeeded: code(
          element.code(of: UInt8($0)), channel: channel, element: element))
    }
  }
}

/// A function of one code, another one in each channel.
struct ChannelTableKernel: Sendable {
  /// [channels][256].
  private let table: [UInt8]
  private let channels: Int

  init(_ function: QuantizedTable, input: QuantizedType) {
    channels = input.shape.channels
    table = (0..<channels).flatMap { function.bytes(channel: $0, element: input.element) }
  }

  func evaluate(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    for index in result.indices {
      result[index] = table[256 * (index % channels) + Int(result[index])]
    }
    return result
  }
}

/// ADD, SUB and MUL: each input is a table of its scaled or centred codes; their sum or product is
/// requantized. Source: TFLite reference kernels ADD, SUB, MUL (quantized).
struct BinaryKernel: Sendable {
  private let first: [Int]
  private let second: [Int]
  private let multiplies: Bool
  private let requantizer: Requantizer
  private let shape: TensorShape
  /// Elements from one index to the next in each dimension of the result; nil when the operand has
  /// the result's shape.
  private let steps: [[Int]]?

  init(_ add: QuantizedAdd, operands: [QuantizedType], output: QuantizedType) {
    func table(_ type: QuantizedType, _ multiplier: FixedPointMultiplier) -> [Int] {
      type.centredCodes.map { add.scaled($0, multiplier) }
    }
    first = table(operands[0], add.first)
    second = table(operands[1], add.second)
    multiplies = false
    requantizer = Requantizer(add.output, zeroPoint: output.zeroPoint, clamp: add.clamp)
    shape = output.shape
    steps = Self.steps(operands, output)
  }

  init(_ multiply: QuantizedMultiply, operands: [QuantizedType], output: QuantizedType) {
    first = operands[0].centredCodes
    second = operands[1].centredCodes
    multiplies = true
    requantizer = Requantizer(
      multiply.requantization, zeroPoint: output.zeroPoint, clamp: multiply.clamp)
    shape = output.shape
    steps = Self.steps(operands, output)
  }

  private static func steps(_ operands: [QuantizedType], _ output: QuantizedType) -> [[Int]]? {
    operands.allSatisfy { $0.shape == output.shape }
      ? nil : operands.map { $0.shape.steps(broadcastTo: output.shape) }
  }

  func evaluate(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] {
    func code(_ x: UInt8, _ y: UInt8) -> UInt8 {
      let (x, y) = (first[Int(x)], second[Int(y)])
      return requantizer(multiplies ? x * y : x + y)
    }
    guard let steps else { return zip(a, b).map(code) }
    var result: [UInt8] = []
    result.reserveCapacity(shape.elementCount)
    shape.forEachIndex(steps) { result.append(code(a[$0[0]], b[$0[1]])) }
    return result
  }
}

extension QuantizedType {
  /// `x - z_x` by the raw byte of x.
  fileprivate var centredCodes: [Int] {
    (0...255).map { element.code(of: UInt8($0)) - zeroPoint }
  }
}

/// CONCATENATION: runs of all operands in turn.
struct ConcatenationKernel: Sendable {
  /// Bytes of each operand that lie together in the result.
  private let runs: [Int]
  private let outer: Int

  init(_ concatenation: QuantizedConcatenation, operands: [QuantizedType]) {
    runs = operands.map { $0.shape.dimensions[concatenation.axis...].reduce(1, *) }
    outer = operands[0].shape.dimensions[..<concatenation.axis].reduce(1, *)
  }

  func evaluate(_ operands: [[UInt8]]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(outer * runs.reduce(0, +))
    for index in 0..<outer {
      for (operand, run) in zip(operands, runs) {
        result += operand[index * run..<(index + 1) * run]
      }
    }
    return result
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

/// PAD: copies the operand into a tensor of zero points, or of the code that the pad names.
struct PadKernel: Sendable {
  private let pad: QuantizedPad
  private let input: TensorShape
  private let output: TensorShape
  private let fill: UInt8

  init(_ pad: QuantizedPad, input: QuantizedType, output: QuantizedType) {
    self.pad = pad
    self.input = input.shape
    self.output = output.shape
    fill = UInt8(truncatingIfNeeded: pad.code ?? output.zeroPoint)
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
