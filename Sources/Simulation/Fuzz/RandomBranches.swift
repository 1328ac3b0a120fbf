import NeuralGraph
import RTL

/// How the layers of a random network hang together.
public enum FuzzShape: String, CaseIterable, Codable, Sendable {
  /// One behind the other.
  case chain
  /// With residual blocks: identities, other windows on the short way, blocks inside blocks, a map added
  /// to itself.
  case branches
  /// With residual blocks, tables of codes, differences of maps, fully connected layers on maps, and max
  /// pools with a code outside.
  case mixed
}

extension RandomNetworkBuilder {
  /// A block that forks and joins behind a value, or nil when the windows tried do not fit.
  mutating func block(after value: ValueID) -> ValueID? {
    if random.chance(1, in: 12) { return sum(value, value) }
    var long = value
    for _ in 0..<random.number(in: 1...2) {
      let isNested = long != value && random.chance(1, in: 5)
      guard let next = isNested ? block(after: long) : window(after: long) else { return nil }
      long = next
    }
    guard let short = short(of: value, like: graph[long].type) else { return nil }
    if random.chance(1, in: 5) { return concatenation([long, short]) }
    guard let sum = random.chance(1, in: 2) ? sum(long, short) : sum(short, long) else {
      return nil
    }
    // A third way from the same fork.
    guard random.chance(1, in: 6), let third = self.short(of: value, like: graph[sum].type) else {
      return sum
    }
    return self.sum(sum, third)
  }

  /// A convolution or a requantization.
  private mutating func window(after value: ValueID) -> ValueID? {
    let input = graph[value].type
    if shape == .mixed, random.chance(1, in: 4) { return table(value, input) }
    switch random.number(in: 0...9) {
    case 0: return rescale(value, input)
    case 1...2: return convolution(value, input, groups: input.shape.channels)
    case 3...4: return convolution(value, input, groups: 1, isPointwise: true)
    default:
      // Mostly of the same size.
      let window =
        random.chance(2, in: 3)
        ? WindowGeometry(
          inputHeight: input.shape.height, inputWidth: input.shape.width,
          kernelHeight: random.choose([1, 3, 3, 5]), kernelWidth: random.choose([1, 3, 3, 2]),
          strideY: 1, strideX: 1, padding: .same) : nil
      return convolution(value, input, groups: 1, window: window)
    }
  }

  /// A value of the size of `wanted`: the identity where it is one, else one window.
  private mutating func short(of value: ValueID, like wanted: QuantizedType) -> ValueID? {
    let input = graph[value].type
    let isSame = input.shape == wanted.shape
    if isSame, random.chance(2, in: 3) { return value }
    if isSame, random.chance(1, in: 4) { return rescale(value, input) }
    for _ in 0..<20 {
      guard let window = geometry(input.shape, mayBeLarge: false) else { return nil }
      if window.outputHeight == wanted.shape.height, window.outputWidth == wanted.shape.width {
        return convolution(
          value, input, groups: 1, window: window, channels: wanted.shape.channels)
      }
    }
    let (height, width) = (wanted.shape.height, wanted.shape.width)
    for stride in 1...3 {
      let window = WindowGeometry(
        inputHeight: input.shape.height, inputWidth: input.shape.width, kernelHeight: 1,
        kernelWidth: 1, strideY: stride, strideX: stride, padding: .same)
      if let window, window.outputHeight == height, window.outputWidth == width {
        return convolution(
          value, input, groups: 1, window: window, channels: wanted.shape.channels)
      }
    }
    return nil
  }

  /// The channels of values of one size, brought to one quantization; sometimes one of them twice.
  private mutating func concatenation(_ values: [ValueID]) -> ValueID? {
    let first = graph[values[0]].type
    var operands: [ValueID] = []
    for value in values {
      var operand = value
      let type = graph[value].type
      if type.zeroPoint != first.zeroPoint || type.element != first.element {
        let multiplier =
          arithmetic == .onnx
          ? FixedPointMultiplier(random.exactMultiplier(near: 1, factors: 1))
          : FixedPointMultiplier(real: 1)
        var wanted = first
        wanted.shape = type.shape
        operand = append(
          .rescale(QuantizedRescale(requantization: multiplier, clamp: first.element.range)),
          [value], wanted)
      }
      operands.append(operand)
    }
    if random.chance(1, in: 4) { operands.append(operands[random.number(in: 0...1)]) }
    var type = first
    let channels = operands.reduce(0) { $0 + graph[$1].type.shape.channels }
    guard channels <= 24 else { return nil }
    type.shape = TensorShape(
      height: first.shape.height, width: first.shape.width, channels: channels)
    return append(.concatenation(QuantizedConcatenation(axis: 3)), operands, type)
  }

  /// The sum of two values by TFLite's or ONNX's rule, with random scales.
  private mutating func sum(_ a: ValueID, _ b: ValueID) -> ValueID? {
    let shape = graph[a].type.shape
    let element: QuantizedElement = random.chance(1, in: 4) ? .uint8 : graph[a].type.element
    let zero = zeroPoint(element)
    func scale(_ low: Int, _ high: Int) -> Float {
      Float(random.number(in: low << 12...high << 12)) / Float(1 << 20)
    }
    let first = scale(1, 16)
    let second = a == b || random.chance(1, in: 4) ? first : scale(1, 16)
    let output = random.choose([first, max(first, second), first + second, scale(1, 40)])
    let limits = clamp(element, zero)
    let add =
      arithmetic == .onnx
      ? QuantizedAdd(exactFirst: first, second: second, output: output, clamp: limits)
      : QuantizedAdd(first: first, second: second, output: output, clamp: limits)
    guard var add else { return nil }
    if self.shape == .mixed, a != b, random.chance(1, in: 3) {
      if random.chance(3, in: 4) {
        add.second = add.second.negated
      } else {
        add.first = add.first.negated
      }
    }
    return append(
      .add(add), [a, b],
      type(shape.height, shape.width, shape.channels, element, zeroPoint: zero))
  }
}
