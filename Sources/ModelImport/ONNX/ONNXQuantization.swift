import NeuralGraph

/// The grid of a quantized activation: `real = scale * (code - zeroPoint)`.
struct ONNXGrid: Hashable {
  var element: QuantizedElement
  var parameters: QuantizationParameters

  func type(_ shape: TensorShape) -> QuantizedType {
    QuantizedType(
      shape: shape, element: element, scale: parameters.scale, zeroPoint: parameters.zeroPoint)
  }

  /// The code nearest to a bound of the real numbers, ties to even, within the type.
  func code(_ bound: Float) -> Int {
    let range = element.range
    let distance = (Double(bound) / Double(parameters.scale)).rounded(.toNearestOrEven)
    let code = Int(min(max(distance, -1024), 1024)) + parameters.zeroPoint
    return min(max(code, range.lowerBound), range.upperBound)
  }
}

/// How a constant was quantized: with one scale and zero point, or one for each index of a dimension.
struct ONNXScales {
  var scales: [Float]
  var zeroPoints: [Int]
  /// nil for one scale.
  var axis: Int?
  /// The integers themselves where they may have more digits than a real number (biases).
  var integers: [Int]?
}

/// What a layer's constants are in integers.
struct ONNXLayerScales {
  /// One, or one an output channel.
  var weights: ONNXScales
  var bias: ONNXScales?
  /// True for a layer whose result is the sum of products of codes itself: ConvInteger.
  var countsCodes = false
}

// QuantizeLinear and DequantizeLinear. A quantized activation is a node that passes its tensor on
// and has a grid: `grids`. Lowering makes integers of what stands between such nodes.
extension ONNXImporter {
  mutating func quantize(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    switch call.operands[0] {
    case .tensor(let tensor):
      return try quantized(tensor, grid(call, 1, 2), node.label)
    case .constant(.floats(let tensor)):
      let scales = try self.scales(call, 1, 2, shape: tensor.shape)
      let element = try element(call, 2)
      try spend(tensor.values.count, node)
      let stride = try stride(scales.axis, tensor.shape)
      var codes: [Int16] = []
      for (index, value) in tensor.values.enumerated() {
        let channel = index / stride % scales.scales.count
        let steps = (value / scales.scales[channel]).rounded(.toNearestOrEven)
        guard !steps.isNaN else { throw node.problem("it quantizes a number that is none") }
        let code = Int(min(max(steps, -1024), 1024)) + scales.zeroPoints[channel]
        codes.append(
          Int16(min(max(code, element.range.lowerBound), element.range.upperBound)))
      }
      return .constant(
        .codes(ONNXCodes(element: element, shape: tensor.shape, values: codes)))
    default: throw node.problem("its operand holds no real numbers")
    }
  }

  mutating func dequantize(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    switch call.operands[0] {
    case .quantized(let tensor, let stated):
      guard try grid(call, 1, 2, of: stated.element) == stated else {
        throw node.problem(
          "its scale or zero point is not that of the QuantizeLinear before it",
          remedy: "export the model with one grid for each tensor")
      }
      return .tensor(tensor)
    case .tensor(let tensor):
      guard let element = byteInputs[tensor.node] else {
        throw node.problem(
          "its operand is no quantized tensor",
          remedy: "bytes must be read by DequantizeLinear itself, before any other operator")
      }
      return .tensor(try marked(tensor, grid(call, 1, 2, of: element), node.label))
    case .constant(.codes(let codes)):
      return try dequantized(
        call, codes.values.map { Int($0) }, codes.shape, keepsIntegers: false)
    case .constant(.integers(let integers)):
      return try dequantized(call, integers.values, integers.shape, keepsIntegers: true)
    case .accumulator(let sums): return try dequantized(call, sums)
    default: throw node.problem("its operand holds no integers")
    }
  }

  private mutating func dequantized(
    _ call: ONNXCall, _ values: [Int], _ shape: TensorShape, keepsIntegers: Bool
  ) throws(Diagnostic) -> ONNXValue {
    var scales = try self.scales(call, 1, 2, shape: shape)
    try spend(values.count, call.node)
    let stride = try stride(scales.axis, shape)
    var result: [Float] = []
    result.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      let channel = index / stride % scales.scales.count
      guard value.magnitude < 1 << 33 else {
        throw call.node.problem("a number of its operand leaves 32 bits")
      }
      result.append(Float(value - scales.zeroPoints[channel]) * scales.scales[channel])
    }
    if keepsIntegers {
      scales.integers = values.enumerated().map { index, value in
        value - scales.zeroPoints[index / stride % scales.scales.count]
      }
    }
    if let name = call.node.outputs.first { constantScales[name] = scales }
    return .constant(.floats(FloatTensor(shape: shape, values: result)))
  }

  /// Sums in 32 bits times a scale, one or one a channel.
  private mutating func dequantized(
    _ call: ONNXCall, _ sums: ONNXActivation
  ) throws(Diagnostic) -> ONNXValue {
    let scales = try self.scales(call, 1, 2, shape: sums.shape)
    guard scales.zeroPoints.allSatisfy({ $0 == 0 }) else {
      throw call.node.problem("sums in 32 bits have a zero point that is not 0")
    }
    var dimensions = [Int](repeating: 1, count: sums.shape.rank)
    if let axis = scales.axis { dimensions[axis] = scales.scales.count }
    return .tensor(
      try combine(
        .multiply, sums, FloatTensor(shape: TensorShape(dimensions), values: scales.scales),
        call.node, name: call.node.label, isSwapped: false))
  }

  /// A node that passes the tensor on and has a grid.
  mutating func marked(
    _ tensor: ONNXActivation, _ grid: ONNXGrid, _ name: String
  ) throws(Diagnostic) -> ONNXActivation {
    let node = try graph.append(name: name, .activation(.none), [tensor.node])
    grids[node] = grid
    return ONNXActivation(node: node, layout: tensor.layout)
  }

  /// A quantized tensor on a grid.
  mutating func quantized(
    _ tensor: ONNXActivation, _ grid: ONNXGrid, _ name: String
  ) throws(Diagnostic) -> ONNXValue {
    .quantized(try marked(tensor, grid, name), grid)
  }

  /// Elements from one index of a dimension to the next.
  private func stride(_ axis: Int?, _ shape: TensorShape) throws(Diagnostic) -> Int {
    guard let axis else { return 1 }
    return max(1, shape.dimensions[(axis + 1)...].reduce(1, *))
  }

  /// The grid that operands `scale` and `zero` state: one scale, one zero point. `source` is the type
  /// of the integers that are dequantized; nil for a result of QuantizeLinear.
  func grid(
    _ call: ONNXCall, _ scale: Int, _ zero: Int, of source: QuantizedElement? = nil
  ) throws(Diagnostic) -> ONNXGrid {
    let values = try call.constant(scale).values
    guard values.count == 1 else {
      throw call.node.problem(
        "an activation has \(values.count) scales",
        remedy: "quantize activations with one scale a tensor")
    }
    let element =
      if let source, !call.has(zero) { source } else { try element(call, zero) }
    guard source == nil || source == element else {
      throw call.node.problem("its zero point has another type than its operand")
    }
    let zeroPoint = call.has(zero) ? try call.integers(zero).values.first ?? 0 : 0
    guard values[0].isNormal, values[0] > 0, element.range.contains(zeroPoint) else {
      throw call.node.problem("its scale is \(values[0]), its zero point \(zeroPoint)")
    }
    return ONNXGrid(
      element: element,
      parameters: QuantizationParameters(scale: values[0], zeroPoint: zeroPoint))
  }

  /// The 8-bit type of operand `zero`; uint8 when it is absent.
  private func element(_ call: ONNXCall, _ zero: Int) throws(Diagnostic) -> QuantizedElement {
    let stated = try call.node.integer("output_dtype", default: 0)
    switch call.operand(zero) {
    case .absent where stated == 0 || stated == ONNXType.uint8.rawValue: return .uint8
    case .absent where stated == ONNXType.int8.rawValue: return .int8
    case .constant(.codes(let codes)): return codes.element
    default:
      throw call.node.problem(
        "its integers are not of 8 bits", remedy: "quantize the model to uint8 or int8")
    }
  }

  /// The scales of a constant of this shape.
  func scales(
    _ call: ONNXCall, _ scale: Int, _ zero: Int, shape: TensorShape, axis stated: Int? = nil
  ) throws(Diagnostic) -> ONNXScales {
    let node = call.node
    guard try node.integer("block_size", default: 0) == 0 else {
      throw node.problem("it is quantized in blocks", remedy: "use one scale an output channel")
    }
    let scales = try call.constant(scale)
    var zeroPoints = [Int](repeating: 0, count: scales.values.count)
    if call.has(zero) { zeroPoints = try call.integers(zero).values }
    guard zeroPoints.count == scales.values.count, !zeroPoints.isEmpty,
      scales.values.allSatisfy({ $0.isNormal && $0 > 0 }),
      zeroPoints.allSatisfy({ $0.magnitude < 1 << 32 })
    else { throw node.problem("its scales or zero points cannot be used") }
    if scales.values.count == 1 {
      return ONNXScales(scales: scales.values, zeroPoints: zeroPoints, axis: nil)
    }
    let written = try node.integer("axis", default: 1)
    let given = stated ?? written
    // A vector has one dimension, whatever the default says.
    let axis = shape.rank == 1 ? 0 : try call.dimension(given, rank: shape.rank)
    guard shape.rank > 0, shape.dimensions[axis] == scales.values.count else {
      throw node.problem("it has \(scales.values.count) scales for \(shape)")
    }
    return ONNXScales(scales: scales.values, zeroPoints: zeroPoints, axis: axis)
  }

  /// Notes the scales of a layer's constants, when they have scales. `axis` is the dimension of its
  /// weights, as the file has them, that counts output channels.
  mutating func note(
    _ value: ONNXValue, _ call: ONNXCall, axis: Int
  ) throws(Diagnostic) {
    guard case .tensor(let tensor) = value, let weights = constantScales[call.node.inputs[1]]
    else { return }
    guard weights.axis == nil || weights.axis == axis else {
      throw call.node.problem(
        "its weights have scales along dimension \(weights.axis ?? 0)",
        remedy: "quantize them with one scale an output channel")
    }
    let bias = call.has(2) ? constantScales[call.node.inputs[2]] : nil
    layerScales[tensor.node] = ONNXLayerScales(weights: weights, bias: bias)
  }

  /// Scales pass through operators on constants that only move numbers.
  mutating func passScales(_ node: ONNXNode, _ permutation: [Int]?) {
    guard let source = node.inputs.first, let result = node.outputs.first,
      var scales = constantScales[source]
    else { return }
    if let permutation, let axis = scales.axis {
      scales.axis = permutation.firstIndex(of: axis)
      scales.integers = nil
    }
    constantScales[result] = scales
  }
}
