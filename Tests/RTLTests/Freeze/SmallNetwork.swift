import NeuralGraph

/// Builds small networks layer by layer, with seeded weights.
struct SmallNetwork {
  private(set) var graph: QuantizedGraph
  private var last: ValueID
  private var random: SeededGenerator

  init(
    height: Int, width: Int, channels: Int, element: QuantizedElement = .uint8, zeroPoint: Int = 0,
    seed: UInt64 = 1
  ) {
    graph = QuantizedGraph(name: "small")
    random = SeededGenerator(seed)
    last = graph.append(
      QuantizedNode(
        name: "input", operation: .input, operands: [],
        type: QuantizedType(
          shape: TensorShape(height: height, width: width, channels: channels), element: element,
          scale: 1, zeroPoint: zeroPoint)))
    graph.outputs = [last]
  }

  private var type: QuantizedType { graph[last].type }

  /// The value that the next layer reads: the newest, or one chosen before.
  var value: ValueID { last }
  mutating func go(to value: ValueID) { last = value }

  /// The channels of values of one quantization.
  mutating func concatenate(_ name: String, _ values: [ValueID]) {
    var type = graph[values[0]].type
    let channels = values.reduce(0) { $0 + graph[$1].type.shape.channels }
    type.shape = TensorShape(
      height: type.shape.height, width: type.shape.width, channels: channels)
    last = graph.append(
      QuantizedNode(
        name: name, operation: .concatenation(QuantizedConcatenation(axis: 3)), operands: values,
        type: type))
    graph.outputs = [last]
  }

  /// The sum of two values by TFLite's rule.
  mutating func add(
    _ name: String, _ a: ValueID, _ b: ValueID, scales: (Float, Float, Float) = (0.11, 0.07, 0.13),
    zeroPoint: Int = 0, clamp: ClosedRange<Int>? = nil
  ) {
    var type = graph[a].type
    type.zeroPoint = zeroPoint
    let add = QuantizedAdd(
      first: scales.0, second: scales.1, output: scales.2, clamp: clamp ?? type.element.range)!
    last = graph.append(
      QuantizedNode(name: name, operation: .add(add), operands: [a, b], type: type))
    graph.outputs = [last]
  }

  mutating func append(
    _ name: String, _ operation: QuantizedOperation, _ height: Int, _ width: Int, _ channels: Int,
    zeroPoint: Int
  ) {
    last = graph.append(
      QuantizedNode(
        name: name, operation: operation, operands: [last],
        type: QuantizedType(
          shape: TensorShape(height: height, width: width, channels: channels),
          element: type.element, scale: 1, zeroPoint: zeroPoint)))
    graph.outputs = [last]
  }

  func window(_ kernel: Int, _ stride: Int, _ padding: WindowGeometry.Padding) -> WindowGeometry {
    WindowGeometry(
      inputHeight: type.shape.height, inputWidth: type.shape.width, kernelHeight: kernel,
      kernelWidth: kernel, strideY: stride, strideX: stride, padding: padding)!
  }

  /// A convolution with random weights; `dead` channels have a bias that holds them at the clamp.
  mutating func convolve(
    _ name: String, kernel: Int, stride: Int = 1, padding: WindowGeometry.Padding = .same,
    channels: Int, groups: Int = 1, zeroPoint: Int = 0, clamp: ClosedRange<Int>? = nil,
    dead: Set<Int> = [], multiplier: FixedPointMultiplier? = nil
  ) {
    let geometry = window(kernel, stride, padding)
    let inputs = type.shape.channels
    let count = kernel * kernel * inputs / groups
    let weights = (0..<channels * count).map { _ in Int16(random.pick(-127...127)) }
    let bias = (0..<channels).map { channel in
      dead.contains(channel) ? Int32(-9_000_000) : Int32(random.pick(-3000...3000))
    }
    let convolution = QuantizedConvolution(
      geometry: geometry, inputChannels: inputs, outputChannels: channels, groups: groups,
      weights: weights, bias: bias,
      requantization: (0..<channels).map { _ in
        multiplier
          ?? FixedPointMultiplier(multiplier: random.pick(1 << 30...(1 << 31) - 1), exponent: -7)
      }, clamp: clamp ?? type.element.range, weightZeroPoints: [0], weightScales: [1])
    append(
      name, .convolution(convolution), geometry.outputHeight, geometry.outputWidth, channels,
      zeroPoint: zeroPoint)
  }

  mutating func pool(_ name: String, _ geometry: WindowGeometry, isMaximum: Bool) {
    let pool = QuantizedPool(geometry: geometry, clamp: type.element.range)
    append(
      name, isMaximum ? .maxPool(pool) : .averagePool(pool), geometry.outputHeight,
      geometry.outputWidth, type.shape.channels, zeroPoint: type.zeroPoint)
  }

  /// A random frame of input codes.
  func frame(seed: UInt64) -> [Int] {
    var random = SeededGenerator(seed)
    let input = graph[ValueID(0)].type
    return (0..<input.shape.elementCount).map { _ in random.pick(input.element.range) }
  }
}
