import NeuralGraph
import RTL

/// Small random networks that hardware exists for, chosen to hit corner cases: odd sizes, one
/// column, images smaller than the window, every way of padding, unequal strides, zero points at the
/// ends of the range, extreme and zero weights, channels that are constant. A seed gives the same
/// network for ever.
public struct RandomNetwork: Sendable {
  public var graph: QuantizedGraph
  public var options: FreezeOptions

  /// A network that was made elsewhere.
  public init(graph: QuantizedGraph, options: FreezeOptions) {
    self.graph = graph
    self.options = options
  }

  /// The network of a seed. Candidates that the checks refuse, or that hardware exists only in part
  /// for, are thrown away; the search is part of the seed's sequence.
  public init(
    seed: UInt64, arithmetic: FuzzArithmetic = .tflite, shape: FuzzShape = .chain
  ) {
    var random = SplitMix64(seed: seed)
    while true {
      var builder = RandomNetworkBuilder(random: random, arithmetic: arithmetic, shape: shape)
      let candidate = builder.network()
      random = builder.random
      let options = Self.options(&random)
      if let candidate, candidate.verify().isEmpty,
        (arithmetic == .tflite && shape == .chain) || Self.isWholeInHardware(candidate)
      {
        graph = candidate
        self.options = options
        return
      }
    }
  }

  /// ONNX's requantizers have hardware only where no two ties in a row are met, sums where a plane is.
  private static func isWholeInHardware(_ graph: QuantizedGraph) -> Bool {
    guard let prefix = try? FixedPrefix(graph, fixedLayers: nil) else { return false }
    return prefix.layers.count == graph.nodes.count { !$0.operation.isInputOrReshape }
  }

  /// Where registers fall and how signals fan out is not part of the function.
  private static func options(_ random: inout SplitMix64) -> FreezeOptions {
    FreezeOptions(
      fixedLayers: nil, pipelineLevels: random.number(in: 1...4),
      fanOutLimit: random.choose([2, 3, 5, 8, 32]), sidebandBits: random.choose([1, 2, 8, 13]),
      adderStyle: random.choose([.words, .words, .words, .heap]))
  }

  /// Images for the network: uniform noise, few distinct codes, extremes only, a constant, a ramp.
  public func images(_ count: Int, seed: UInt64) -> [IntegerTensor] {
    var random = SplitMix64(seed: seed &+ 0x5EED)
    let type = graph.nodes[0].type
    return (0..<count).map { _ in
      let style = random.number(in: 0...5)
      let start = random.number(in: 0...255)
      let bytes = (0..<type.shape.elementCount).map { index -> UInt8 in
        switch style {
        case 0, 1: return UInt8(random.number(in: 0...255))
        case 2: return random.choose([0, 255, 127, 128])
        case 3: return UInt8(start)
        case 4: return UInt8(truncatingIfNeeded: start + 3 * index)
        default:
          return UInt8(truncatingIfNeeded: type.zeroPoint + random.number(in: -2...2))
        }
      }
      return IntegerTensor(shape: type.shape, element: type.element, bytes: bytes)
    }
  }
}

/// Builds one candidate.
struct RandomNetworkBuilder {
  var random: SplitMix64
  let arithmetic: FuzzArithmetic
  let shape: FuzzShape
  var graph: QuantizedGraph

  init(random: SplitMix64, arithmetic: FuzzArithmetic, shape: FuzzShape) {
    self.shape = shape
    self.random = random
    self.arithmetic = arithmetic
    graph = QuantizedGraph(name: "")
  }

  private static let names = [
    "net", "taps", "bench", "module", "1st model", "df_fifo", "stage1", "layer1_conv", "a/b;c",
    "",
  ]
  private static let nodeNames = ["conv", "x/y/Relu6", "always", "Ärger", "p0_r0", "q0", "dut"]

  mutating func network() -> QuantizedGraph? {
    graph = QuantizedGraph(name: random.choose(Self.names))
    let height = extent()
    let width = random.chance(1, in: 4) ? height : extent()
    let element: QuantizedElement = random.chance(1, in: 2) ? .uint8 : .int8
    var value = append(
      .input, [],
      type(height, width, random.number(in: 1...9), element, zeroPoint: zeroPoint(element)))
    let layers = random.number(in: 1...4)
    for layer in 0..<layers {
      let next =
        shape != .chain && random.chance(1, in: 2)
        ? block(after: value) : self.layer(after: value, isLast: layer == layers - 1)
      guard let next else { return nil }
      value = next
    }
    graph.outputs = [value]
    return graph
  }

  mutating func extent() -> Int {
    switch random.number(in: 0...9) {
    case 0: 1
    case 1: random.number(in: 2...3)
    case 2...7: random.number(in: 3...12)
    default: random.number(in: 13...20)
    }
  }

  mutating func zeroPoint(_ element: QuantizedElement) -> Int {
    let range = element.range
    return switch random.number(in: 0...4) {
    case 0: range.lowerBound
    case 1: range.upperBound
    case 2: range.lowerBound + 128
    default: random.number(in: range)
    }
  }

  func type(
    _ height: Int, _ width: Int, _ channels: Int, _ element: QuantizedElement, zeroPoint: Int
  ) -> QuantizedType {
    QuantizedType(
      shape: TensorShape(height: height, width: width, channels: channels), element: element,
      scale: 0.5, zeroPoint: zeroPoint)
  }

  mutating func append(
    _ operation: QuantizedOperation, _ operands: [ValueID], _ type: QuantizedType
  ) -> ValueID {
    graph.append(
      QuantizedNode(
        name: random.choose(Self.nodeNames), operation: operation, operands: operands, type: type))
  }

  mutating func layer(after value: ValueID, isLast: Bool) -> ValueID? {
    let input = graph[value].type
    if input.shape.height * input.shape.width == 1, random.chance(1, in: 3) {
      return fullyConnected(value, input)
    }
    if shape == .mixed, random.chance(1, in: 3) { return table(value, input) }
    if shape == .mixed, random.chance(1, in: 8) { return pool(value, input, isAverage: false) }
    if shape == .mixed, (2...240).contains(input.shape.elementCount), random.chance(1, in: 4) {
      return random.chance(1, in: 2)
        ? fullyConnected(value, input) : fullyConnected(flattened(value, input), input)
    }
    switch random.number(in: 0...15) {
    case 0...5: return convolution(value, input, groups: 1)
    case 6...8: return convolution(value, input, groups: input.shape.channels)
    case 9: return convolution(value, input, groups: divisor(of: input.shape.channels))
    case 10...11: return convolution(value, input, groups: 1, isPointwise: true)
    case 12: return pool(value, input, isAverage: false)
    case 13: return pool(value, input, isAverage: true)
    case 14: return rescale(value, input)
    default: return isLast || random.chance(1, in: 4) ? global(value, input) : rescale(value, input)
    }
  }

  mutating func divisor(of count: Int) -> Int {
    random.choose((1...count).filter { count.isMultiple(of: $0) })
  }

  // MARK: Windows

  mutating func geometry(_ shape: TensorShape, mayBeLarge: Bool) -> WindowGeometry? {
    for _ in 0..<40 {
      let kernel = random.choose([1, 2, 3, 3, 3, 4, 5, mayBeLarge ? 7 : 3])
      let isSquare = random.chance(2, in: 3)
      let kernelWidth = isSquare ? kernel : random.number(in: 1...(mayBeLarge ? 7 : 4))
      let stride = random.choose([1, 1, 1, 2, 2, 3])
      let dilation = random.choose([1, 1, 1, 1, 2])
      let dilationX = isSquare ? dilation : random.choose([1, 1, 2])
      let (reachY, reachX) = ((kernel - 1) * dilation + 1, (kernelWidth - 1) * dilationX + 1)
      let padding: WindowGeometry.Padding
      switch random.number(in: 0...4) {
      case 0...1: padding = .same
      case 2: padding = .valid
      default:
        let top = random.number(in: 0...reachY - 1)
        let left = random.number(in: 0...reachX - 1)
        padding = .explicit(
          top: top, bottom: random.number(in: 0...reachY - 1 - top), left: left,
          right: random.number(in: 0...reachX - 1 - left))
      }
      if let geometry = WindowGeometry(
        inputHeight: shape.height, inputWidth: shape.width, kernelHeight: kernel,
        kernelWidth: kernelWidth, strideY: stride,
        strideX: isSquare ? stride : random.number(in: 1...3), dilationY: dilation,
        dilationX: dilationX, padding: padding), WindowTiming.verify(geometry).isEmpty
      {
        return geometry
      }
    }
    return nil
  }

  mutating func pool(_ value: ValueID, _ input: QuantizedType, isAverage: Bool) -> ValueID? {
    guard let geometry = geometry(input.shape, mayBeLarge: false) else { return nil }
    let clamp = clamp(input.element, input.zeroPoint)
    var pool = QuantizedPool(geometry: geometry, clamp: clamp)
    if shape == .mixed, !isAverage, geometry.dilationY == 1, geometry.dilationX == 1,
      random.chance(3, in: 4)
    {
      pool.padCode = random.number(in: input.element.range)
    }
    return append(
      isAverage ? .averagePool(pool) : .maxPool(pool), [value],
      type(
        geometry.outputHeight, geometry.outputWidth, input.shape.channels, input.element,
        zeroPoint: input.zeroPoint))
  }

  mutating func global(_ value: ValueID, _ input: QuantizedType) -> ValueID? {
    let (height, width) = (input.shape.height, input.shape.width)
    let channels = input.shape.channels
    if random.chance(1, in: 2) {
      guard
        let geometry = WindowGeometry(
          inputHeight: height, inputWidth: width, kernelHeight: height, kernelWidth: width,
          strideY: 1, strideX: 1, padding: .valid)
      else { return nil }
      let pool = QuantizedPool(geometry: geometry, clamp: clamp(input.element, input.zeroPoint))
      return append(
        .averagePool(pool), [value],
        type(1, 1, channels, input.element, zeroPoint: input.zeroPoint))
    }
    let zero = zeroPoint(input.element)
    let scale = random.choose([0.4, 0.5, 1.7] as [Float])
    let multiplier =
      arithmetic == .onnx
      ? FixedPointMultiplier(
        random.exactMultiplier(
          near: Double(scale) / Double(height * width) * 2, factors: 1, cells: height * width))
      : FixedPointMultiplier.mean(input: scale, output: 0.5, count: height * width)
    guard let multiplier else { return nil }
    return append(
      .mean(
        QuantizedMean(
          axes: [1, 2], requantization: multiplier, clamp: clamp(input.element, zero))), [value],
      type(1, 1, channels, input.element, zeroPoint: zero))
  }

  mutating func rescale(_ value: ValueID, _ input: QuantizedType) -> ValueID {
    let element: QuantizedElement = random.chance(1, in: 2) ? .uint8 : .int8
    let zero = zeroPoint(element)
    let real = random.choose([1.0, 0.5, 0.3, 1.9, 0.01, 2.5])
    let multiplier =
      arithmetic == .onnx
      ? FixedPointMultiplier(random.exactMultiplier(near: real, factors: 1))
      : FixedPointMultiplier(real: real)
    return append(
      .rescale(
        QuantizedRescale(
          requantization: multiplier, clamp: clamp(element, zero))),
      [value],
      type(
        input.shape.height, input.shape.width, input.shape.channels, element, zeroPoint: zero))
  }

  /// A table: a curve that rises, one that falls and rises, noise, few results, one result; the same for
  /// all channels or another one in each.
  mutating func table(_ value: ValueID, _ input: QuantizedType) -> ValueID {
    let element: QuantizedElement = random.chance(1, in: 2) ? .uint8 : .int8
    let range = element.range
    let isPerChannel = random.chance(1, in: 2)
    let codes = (0..<(isPerChannel ? input.shape.channels : 1)).flatMap { _ -> [Int16] in
      let style = random.number(in: 0...5)
      let bend = random.number(in: 0...255)
      let few = [random.number(in: range), random.number(in: range)]
      return (0...255).map { index in
        let code =
          switch style {
          case 0: range.lowerBound + index * index / 255
          case 1: range.lowerBound + abs(index - bend)
          case 2: random.number(in: range)
          case 3: random.choose(few)
          case 4: few[0]
          default: range.upperBound - max(0, index - bend)
          }
        return Int16(code)
      }
    }
    return append(
      .table(
        QuantizedTable(function: random.choose([.hardSwish, .logistic, .prelu]), codes: codes)),
      [value],
      type(
        input.shape.height, input.shape.width, input.shape.channels, element,
        zeroPoint: zeroPoint(element)))
  }

  mutating func clamp(_ element: QuantizedElement, _ zero: Int) -> ClosedRange<Int> {
    let range = element.range
    switch random.number(in: 0...5) {
    case 0...1: return range
    case 2...3: return max(range.lowerBound, zero)...range.upperBound
    case 4: return zero...min(range.upperBound, zero + random.number(in: 0...200))
    default:
      let a = random.number(in: range)
      let b = random.number(in: range)
      return min(a, b)...max(a, b)
    }
  }

  // MARK: Weights

  mutating func convolution(
    _ value: ValueID, _ input: QuantizedType, groups: Int, isPointwise: Bool = false,
    window: WindowGeometry? = nil, channels: Int? = nil
  ) -> ValueID? {
    let shape = input.shape
    let perGroup = shape.channels / groups
    let geometry =
      window != nil
      ? window
      : isPointwise
        ? WindowGeometry(
          inputHeight: shape.height, inputWidth: shape.width, kernelHeight: 1, kernelWidth: 1,
          strideY: 1, strideX: 1, padding: .valid)
        : self.geometry(shape, mayBeLarge: perGroup <= 2)
    guard let geometry else { return nil }
    let outputs = channels ?? groups * random.number(in: 1...max(1, 9 / groups))
    let taps = geometry.kernelHeight * geometry.kernelWidth * perGroup
    let element: QuantizedElement = random.chance(1, in: 5) ? .uint8 : input.element
    let zero = zeroPoint(element)
    var weights: [Int16] = []
    var bias: [Int32] = []
    var multipliers: [FixedPointMultiplier] = []
    for _ in 0..<outputs {
      let channel = self.weights(taps)
      weights += channel
      let (offset, real) = requantization(channel)
      bias.append(offset)
      multipliers.append(
        arithmetic == .onnx
          ? FixedPointMultiplier(random.exactMultiplier(near: real, factors: 2))
          : FixedPointMultiplier(real: real))
    }
    return append(
      .convolution(
        QuantizedConvolution(
          geometry: geometry, inputChannels: shape.channels, outputChannels: outputs,
          groups: groups, weights: weights, bias: bias, requantization: multipliers,
          clamp: clamp(element, zero), weightZeroPoints: [0], weightScales: [1])), [value],
      type(geometry.outputHeight, geometry.outputWidth, outputs, element, zeroPoint: zero))
  }

  /// A map as a row, sometimes by way of another shape.
  mutating func flattened(_ value: ValueID, _ input: QuantizedType) -> ValueID {
    var value = value
    var shapes = [TensorShape([1, input.shape.elementCount])]
    if random.chance(1, in: 4) {
      shapes.insert(
        TensorShape(
          height: input.shape.width, width: input.shape.height, channels: input.shape.channels),
        at: 0)
    }
    for shape in shapes {
      var type = input
      type.shape = shape
      value = append(.reshape, [value], type)
    }
    return value
  }

  mutating func fullyConnected(_ value: ValueID, _ input: QuantizedType) -> ValueID {
    let outputs = random.number(in: 1...9)
    let zero = zeroPoint(input.element)
    var weights: [Int16] = []
    var bias: [Int32] = []
    var multipliers: [RealMultiplier] = []
    for _ in 0..<outputs {
      let channel = self.weights(input.shape.elementCount)
      weights += channel
      let (offset, real) = requantization(channel)
      bias.append(offset)
      if arithmetic == .onnx {
        multipliers.append(RealMultiplier(random.exactMultiplier(near: real, factors: 2)))
        continue
      }
      // Of the same size, with all 53 bits of a binary64.
      multipliers.append(
        RealMultiplier(
          mantissa: 1 << 52 | random.number(in: 0...(1 << 52) - 1),
          shift: 53 - FixedPointMultiplier(real: real).exponent))
    }
    return append(
      .fullyConnected(
        QuantizedFullyConnected(
          inputSize: input.shape.elementCount, outputSize: outputs, weights: weights, bias: bias,
          requantization: multipliers, clamp: clamp(input.element, zero), weightZeroPoints: [0],
          weightScales: [1])), [value],
      type(1, 1, outputs, input.element, zeroPoint: zero))
  }

  /// One output channel's weights, in one of several styles.
  mutating func weights(_ count: Int) -> [Int16] {
    let style = random.number(in: 0...7)
    return (0..<count).map { _ in
      switch style {
      case 0: Int16(random.number(in: -255...255))
      case 1: random.choose([-255, 255])
      case 2: random.chance(1, in: 5) ? Int16(random.number(in: -127...127)) : 0
      case 3: 0
      case 4: random.choose([1, 2, 4, 8, -16, 64, 0])
      case 5: Int16(random.number(in: 0...255))
      default: Int16(random.number(in: -127...127))
      }
    }
  }

  /// A bias and a multiplier with which the accumulator of such a channel mostly spans the codes;
  /// sometimes far less, sometimes far more, sometimes a dead channel.
  mutating func requantization(_ weights: [Int16]) -> (bias: Int32, real: Double) {
    let span = max(1, weights.reduce(0) { $0 + abs(Int($1)) } * 128)
    let bias =
      random.chance(1, in: 8)
      ? random.choose([-4, 4]) * span : random.number(in: -span / 2...span / 2)
    let spread = Double(random.number(in: 16...4096)) / 256
    return (Int32(bias), min(255 / Double(span) * spread, 0x1p20))
  }
}

extension QuantizedOperation {
  /// True for what is no layer in hardware.
  public var isInputOrReshape: Bool { self == .input || self == .reshape }
}
