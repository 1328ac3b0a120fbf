/// Index of a node of a `QuantizedGraph`, and of the one tensor that the node produces.
public struct ValueID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var index: Int
  public init(_ index: Int) { self.index = index }
  public static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
  public var description: String { "%\(index)" }
}

/// The two 8-bit tensor element types of TFLite's quantization.
public enum QuantizedElement: String, Hashable, Sendable, Codable {
  case uint8, int8

  /// All values of the type.
  public var range: ClosedRange<Int> { self == .uint8 ? 0...255 : -128...127 }
}

/// A quantized tensor: `real = scale * (q - zeroPoint)`.
public struct QuantizedType: Hashable, Sendable {
  public var shape: TensorShape
  public var element: QuantizedElement
  /// For people and for the back end; no arithmetic past quantization uses it.
  public var scale: Float
  public var zeroPoint: Int

  public init(shape: TensorShape, element: QuantizedElement, scale: Float, zeroPoint: Int) {
    self.shape = shape
    self.element = element
    self.scale = scale
    self.zeroPoint = zeroPoint
  }
}

/// A convolution in integers: `acc = bias + sum (w - z_w)(x - z_x)`, then
/// `clamp(z_y + requantization(acc))`. Full (groups = 1), grouped, and depthwise (groups =
/// input channels; output channel = c * multiplier + m) alike.
/// Source: TFLite reference kernels CONV_2D and DEPTHWISE_CONV_2D.
public struct QuantizedConvolution: Hashable, Sendable {
  public var geometry: WindowGeometry
  public var inputChannels: Int
  public var outputChannels: Int
  public var groups: Int
  /// `w - z_w`, shape [outputChannels][kernelHeight][kernelWidth][inputChannels / groups].
  public var weights: [Int16]
  /// One value an output channel, in units of input scale * weight scale.
  public var bias: [Int32]
  /// One multiplier an output channel.
  public var requantization: [FixedPointMultiplier]
  /// The fused activation's range in output codes, within the element type's range.
  public var clamp: ClosedRange<Int>
  /// z_w, one per tensor or one a channel: how the file stored the weights; not used in arithmetic.
  public var weightZeroPoints: [Int]
  /// s_w, one per tensor or one a channel; not used in arithmetic.
  public var weightScales: [Float]
  /// How biases and multipliers may be rewritten in hardware; nil when they are fixed.
  public var adaptation: Adaptation?

  public init(
    geometry: WindowGeometry, inputChannels: Int, outputChannels: Int, groups: Int,
    weights: [Int16], bias: [Int32], requantization: [FixedPointMultiplier],
    clamp: ClosedRange<Int>, weightZeroPoints: [Int], weightScales: [Float]
  ) {
    self.geometry = geometry
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.groups = groups
    self.weights = weights
    self.bias = bias
    self.requantization = requantization
    self.clamp = clamp
    self.weightZeroPoints = weightZeroPoints
    self.weightScales = weightScales
  }

  public var inputChannelsPerGroup: Int { inputChannels / groups }
  public var outputChannelsPerGroup: Int { outputChannels / groups }
  public var isDepthwise: Bool { groups == inputChannels && inputChannels > 1 }

  /// `w - z_w` of one tap; `inputChannel` counts within the output channel's group.
  public func weight(output: Int, y: Int, x: Int, inputChannel: Int) -> Int {
    Int(
      weights[
        ((output * geometry.kernelHeight + y) * geometry.kernelWidth + x) * inputChannelsPerGroup
          + inputChannel])
  }
}

/// A positive real multiplier in full: `mantissa * 2^-shift`, the mantissa a binary64's 53 bits. Or,
/// with a divisor, ONNX's: `mantissa * 2^-shift / divisor` exactly (`ExactMultiplier`).
public struct RealMultiplier: Hashable, Sendable {
  public var mantissa: Int
  public var shift: Int
  /// 0 for TFLite's rule; above 0 the result is rounded once, ties to even.
  public var divisor: Int

  public init(mantissa: Int, shift: Int, divisor: Int = 0) {
    self.mantissa = mantissa
    self.shift = shift
    self.divisor = divisor
  }
}

/// TFLite FULLY_CONNECTED: `clamp(z_y + half-away(binary64(acc * M)))`, M a real number; with exact
/// multipliers ONNX's `clamp(z_y + half-even(acc * M))`.
public struct QuantizedFullyConnected: Hashable, Sendable {
  public var inputSize: Int
  public var outputSize: Int
  /// `w - z_w`, shape [outputSize][inputSize].
  public var weights: [Int16]
  public var bias: [Int32]
  /// One multiplier an output.
  public var requantization: [RealMultiplier]
  public var clamp: ClosedRange<Int>
  public var weightZeroPoints: [Int]
  public var weightScales: [Float]

  public init(
    inputSize: Int, outputSize: Int, weights: [Int16], bias: [Int32],
    requantization: [RealMultiplier], clamp: ClosedRange<Int>, weightZeroPoints: [Int],
    weightScales: [Float]
  ) {
    self.inputSize = inputSize
    self.outputSize = outputSize
    self.weights = weights
    self.bias = bias
    self.requantization = requantization
    self.clamp = clamp
    self.weightZeroPoints = weightZeroPoints
    self.weightScales = weightScales
  }
}

/// A pooling window and its fused activation's range.
public struct QuantizedPool: Hashable, Sendable {
  public var geometry: WindowGeometry
  public var clamp: ClosedRange<Int>
  /// The code that a tap outside the map counts as, in a maximum: a pad of its own before the pool.
  /// Nil where such taps do not count. Only for windows without dilation.
  public var padCode: Int?

  public init(geometry: WindowGeometry, clamp: ClosedRange<Int>, padCode: Int? = nil) {
    self.geometry = geometry
    self.clamp = clamp
    self.padCode = padCode
  }

  /// The codes that outputs can have when the channel's inputs are `codes`. Every window has a cell of the
  /// map: a pad makes no output smaller.
  public func image(of codes: ClosedRange<Int>) -> ClosedRange<Int> {
    (codes.lowerBound...max(codes.upperBound, padCode ?? codes.upperBound)).clamped(into: clamp)
  }
}

/// TFLite ADD and SUB on two tensors, whose shapes broadcast as in NumPy: both inputs are brought to
/// a common scale with 20 extra bits, added, and requantized.
public struct QuantizedAdd: Hashable, Sendable {
  public var first: FixedPointMultiplier
  /// Below zero for SUB.
  public var second: FixedPointMultiplier
  public var output: FixedPointMultiplier
  public var clamp: ClosedRange<Int>

  public init(
    first: FixedPointMultiplier, second: FixedPointMultiplier, output: FixedPointMultiplier,
    clamp: ClosedRange<Int>
  ) {
    self.first = first
    self.second = second
    self.output = output
    self.clamp = clamp
  }

  /// Bits that both inputs are shifted left by before they are scaled.
  public static let leftShift = 20
}

/// TFLite MEAN: `clamp(z_y + requantization(sum - n z_x))`, the division by n in the multiplier.
public struct QuantizedMean: Hashable, Sendable {
  /// Reduced dimensions, ascending.
  public var axes: [Int]
  public var requantization: FixedPointMultiplier
  public var clamp: ClosedRange<Int>

  public init(axes: [Int], requantization: FixedPointMultiplier, clamp: ClosedRange<Int>) {
    self.axes = axes
    self.requantization = requantization
    self.clamp = clamp
  }
}

/// TFLite QUANTIZE between two 8-bit types: `clamp(z_y + requantization(x - z_x))`.
public struct QuantizedRescale: Hashable, Sendable {
  public var requantization: FixedPointMultiplier
  public var clamp: ClosedRange<Int>

  public init(requantization: FixedPointMultiplier, clamp: ClosedRange<Int>) {
    self.requantization = requantization
    self.clamp = clamp
  }
}

/// Pads in elements before and after each dimension.
public struct QuantizedPad: Hashable, Sendable {
  public var before: [Int]
  public var after: [Int]
  /// The code of the added cells; nil for the zero point.
  public var code: Int?

  public init(before: [Int], after: [Int], code: Int? = nil) {
    self.before = before
    self.after = after
    self.code = code
  }
}

/// TFLite SOFTMAX in fixed point over the innermost dimension; output scale 1/256.
public struct QuantizedSoftmax: Hashable, Sendable {
  /// Scales a difference of codes to 5 integer bits.
  public var inputMultiplier: FixedPointMultiplier
  /// Differences to the maximum below this contribute nothing.
  public var minimumDifference: Int

  public init(inputMultiplier: FixedPointMultiplier, minimumDifference: Int) {
    self.inputMultiplier = inputMultiplier
    self.minimumDifference = minimumDifference
  }
}

/// What a node computes, in integers only. Closed, so that the compiler finds a forgotten case.
public enum QuantizedOperation: Hashable, Sendable {
  case input
  case convolution(QuantizedConvolution)
  case fullyConnected(QuantizedFullyConnected)
  case averagePool(QuantizedPool)
  case maxPool(QuantizedPool)
  case mean(QuantizedMean)
  case add(QuantizedAdd)
  case multiply(QuantizedMultiply)
  case rescale(QuantizedRescale)
  case table(QuantizedTable)
  case concatenation(QuantizedConcatenation)
  case pad(QuantizedPad)
  case reshape
  case softmax(QuantizedSoftmax)
  /// TFLite L2_NORMALIZATION in fixed point over the innermost dimension; output scale 1/128.
  case l2Normalization
}

/// One node: an operation, its operands, and the tensor that it produces.
public struct QuantizedNode: Hashable, Sendable {
  /// The output tensor's name in the model file.
  public var name: String
  public var operation: QuantizedOperation
  public var operands: [ValueID]
  public var type: QuantizedType

  public init(
    name: String, operation: QuantizedOperation, operands: [ValueID], type: QuantizedType
  ) {
    self.name = name
    self.operation = operation
    self.operands = operands
    self.type = type
  }
}

/// A network in integers: nodes in topological order (an operand's index is below its reader's),
/// one input node, one or more outputs. Its evaluator is the reference interpreter.
public struct QuantizedGraph: Hashable, Sendable {
  public var name: String
  public private(set) var nodes: [QuantizedNode]
  public var outputs: [ValueID]

  public init(name: String) {
    self.name = name
    self.nodes = []
    self.outputs = []
  }

  /// Appends a node whose operands are in the graph already, and returns its value.
  public mutating func append(_ node: QuantizedNode) -> ValueID {
    precondition(
      node.operands.allSatisfy { (0..<nodes.count).contains($0.index) },
      "an operand must be appended before its reader")
    nodes.append(node)
    return ValueID(nodes.count - 1)
  }

  public subscript(id: ValueID) -> QuantizedNode { nodes[id.index] }

  /// All values, in topological order.
  public var values: [ValueID] { nodes.indices.map(ValueID.init) }

  /// The readers of each value, by value index.
  public var readers: [[ValueID]] {
    var readers = [[ValueID]](repeating: [], count: nodes.count)
    for id in values { for operand in self[id].operands { readers[operand.index].append(id) } }
    return readers
  }

  /// The same network with other operations in some nodes.
  package func replacing(_ operations: [ValueID: QuantizedOperation]) -> QuantizedGraph {
    var result = QuantizedGraph(name: name)
    for id in values {
      var node = self[id]
      if let operation = operations[id] { node.operation = operation }
      _ = result.append(node)
    }
    result.outputs = outputs
    return result
  }
}
