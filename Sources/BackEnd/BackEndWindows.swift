import NeuralGraph

/// Operators with a window, and products of matrices.
extension BackEndBuilder {
  mutating func convolution(
    _ convolution: QuantizedConvolution, _ operand: String, _ type: QuantizedType,
    _ result: QuantizedType
  ) -> String {
    let geometry = convolution.geometry
    let depth = convolution.inputChannelsPerGroup
    let taps = geometry.kernelHeight * geometry.kernelWidth
    // [output][row][column][input] to [output][input][row][column].
    var weights = [Int](repeating: 0, count: convolution.weights.count)
    for output in 0..<convolution.outputChannels {
      for tap in 0..<taps {
        for input in 0..<depth {
          weights[(output * depth + input) * taps + tap] = Int(
            convolution.weights[(output * taps + tap) * depth + input])
        }
      }
    }
    let (codes, zero) = unsigned(operand, type)
    let source = channelsFirst(codes, geometry)
    let sums = productSum(
      weights,
      [convolution.outputChannels, depth, geometry.kernelHeight, geometry.kernelWidth]
    ) { builder, weights, weightZero in
      builder.node(
        "ConvInteger", [source, weights, builder.integers([zero], [], .uint8), weightZero],
        Self.window(geometry) + [
          ("dilations", .ints([geometry.dilationY, geometry.dilationX])),
          ("group", .int(convolution.groups)),
        ])
    }
    let accumulators = node(
      "Add",
      [channelsLast(sums), integers(convolution.bias.map(Int.init), nil, .int32)])
    return requantized(
      cast(accumulators, .int64), convolution.requantization, convolution.clamp, result)
  }

  mutating func fullyConnected(
    _ layer: QuantizedFullyConnected, _ operand: String, _ type: QuantizedType,
    _ result: QuantizedType
  ) -> String {
    // [output][input] to [input][output].
    var weights = [Int](repeating: 0, count: layer.weights.count)
    for output in 0..<layer.outputSize {
      for input in 0..<layer.inputSize {
        weights[input * layer.outputSize + output] = Int(
          layer.weights[output * layer.inputSize + input])
      }
    }
    let (codes, zero) = unsigned(operand, type)
    let rows = reshaped(codes, [type.shape.elementCount / layer.inputSize, layer.inputSize])
    let sums = productSum(weights, [layer.inputSize, layer.outputSize]) {
      builder, weights, weightZero in
      builder.node(
        "MatMulInteger", [rows, weights, builder.integers([zero], [], .uint8), weightZero])
    }
    let accumulators = node("Add", [sums, integers(layer.bias.map(Int.init), nil, .int32)])
    let codesOut = requantized(
      cast(accumulators, .int64), layer.requantization, layer.clamp, result)
    return reshaped(codesOut, result.shape.dimensions)
  }

  mutating func maxPool(_ pool: QuantizedPool, _ operand: String, _ type: QuantizedType) -> String {
    var geometry = pool.geometry
    var operand = operand
    if let code = pool.padCode {
      let (bottom, right) = (max(0, geometry.padBottom), max(0, geometry.padRight))
      operand = padded(
        operand, before: [0, geometry.padTop, geometry.padLeft, 0], after: [0, bottom, right, 0],
        code: code, type)
      geometry.inputHeight += geometry.padTop + bottom
      geometry.inputWidth += geometry.padLeft + right
      (geometry.padTop, geometry.padLeft) = (0, 0)
    }
    let source = channelsFirst(operand, geometry)
    let pooled = node(
      "MaxPool", [source],
      Self.window(geometry) + [
        ("kernel_shape", .ints([geometry.kernelHeight, geometry.kernelWidth])),
        ("dilations", .ints([geometry.dilationY, geometry.dilationX])),
      ])
    let codes = channelsLast(pooled)
    let range = type.element.range
    if pool.clamp == range { return codes }
    let wide = cast(codes, .int32)
    let high = node("Min", [wide, integers([pool.clamp.upperBound], [], .int32)])
    let low = node("Max", [high, integers([pool.clamp.lowerBound], [], .int32)])
    return cast(low, Self.element(type))
  }

  /// Sums of codes by a convolution with ones, divided by the cells inside the image: rounded to the
  /// nearest, halves away from zero.
  mutating func averagePool(_ pool: QuantizedPool, _ operand: String, _ type: QuantizedType)
    -> String
  {
    let geometry = pool.geometry
    let channels = type.shape.channels
    let (codes, _) = unsigned(operand, type)
    let ones = integers(
      [Int](repeating: 1, count: channels * geometry.kernelHeight * geometry.kernelWidth),
      [channels, 1, geometry.kernelHeight, geometry.kernelWidth], .uint8)
    let zero = integers([0], [], .uint8)
    let sums = node(
      "ConvInteger", [channelsFirst(codes, geometry), ones, zero, zero],
      Self.window(geometry) + [
        ("dilations", .ints([geometry.dilationY, geometry.dilationX])),
        ("group", .int(channels)),
      ])
    var counts: [Int] = []
    for row in 0..<geometry.outputHeight {
      for column in 0..<geometry.outputWidth {
        counts.append(geometry.rowTaps(row).count * geometry.columnTaps(column).count)
      }
    }
    let shape = [1, geometry.outputHeight, geometry.outputWidth, 1]
    var value = cast(channelsLast(sums), .int64)
    if type.element == .int8 {
      value = node("Sub", [value, integers(counts.map { 128 * $0 }, shape, .int64)])
    }
    let rounded = node(
      "Div",
      [
        node("Add", [node("Abs", [value]), integers(counts.map { $0 / 2 }, shape, .int64)]),
        integers(counts, shape, .int64),
      ])
    let mean = node("Mul", [node("Sign", [value]), rounded])
    let high = node("Min", [mean, integers([pool.clamp.upperBound], [], .int64)])
    let low = node("Max", [high, integers([pool.clamp.lowerBound], [], .int64)])
    return cast(low, Self.element(type))
  }

  // MARK: Layout and windows

  /// Strides and pads; lines that no window reaches are cut by `channelsFirst`.
  private static func window(_ geometry: WindowGeometry) -> [(
    name: String, value: ONNXModel.Attribute
  )] {
    [
      ("strides", .ints([geometry.strideY, geometry.strideX])),
      (
        "pads",
        .ints([
          geometry.padTop, geometry.padLeft, max(0, geometry.padBottom), max(0, geometry.padRight),
        ])
      ),
    ]
  }

  /// NHWC to NCHW, without the lines and columns behind the last window.
  private mutating func channelsFirst(_ value: String, _ geometry: WindowGeometry) -> String {
    var value = value
    if geometry.padBottom < 0 || geometry.padRight < 0 {
      let ends = [
        geometry.inputHeight + min(0, geometry.padBottom),
        geometry.inputWidth + min(0, geometry.padRight),
      ]
      value = node(
        "Slice",
        [
          value, integers([0, 0], nil, .int64), integers(ends, nil, .int64),
          integers([1, 2], nil, .int64),
        ])
    }
    return node("Transpose", [value], [("perm", .ints([0, 3, 1, 2]))])
  }

  private mutating func channelsLast(_ value: String) -> String {
    node("Transpose", [value], [("perm", .ints([0, 2, 3, 1]))])
  }

  /// Integer products with weights of any 9 bits, as codes without sign and a zero point, or as the sum of
  /// two such: processors without VNNI saturate products of uint8 and int8 in ONNX Runtime.
  private mutating func productSum(
    _ weights: [Int], _ dimensions: [Int],
    _ product: (inout BackEndBuilder, _ weights: String, _ zero: String) -> String
  ) -> String {
    let low = weights.min() ?? 0
    let high = weights.max() ?? 0
    func part(_ builder: inout BackEndBuilder, _ values: [Int], zero: Int) -> String {
      let tensor = builder.integers(values.map { $0 + zero }, dimensions, .uint8)
      return product(&builder, tensor, builder.integers([zero], [], .uint8))
    }
    if low >= -128, high <= 127 { return part(&self, weights, zero: 128) }
    if high - low <= 255, low <= 0, high >= 0 { return part(&self, weights, zero: -low) }
    // -255 ... 255 less what -128 ... 127 holds is -127 ... 128.
    let first = weights.map { min(max($0, -128), 127) }
    let second = zip(weights, first).map { $0 - $1 }
    return node("Add", [part(&self, first, zero: 128), part(&self, second, zero: 127)])
  }
}
