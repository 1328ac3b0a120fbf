import NeuralGraph

// ConvInteger and MatMulInteger: sums of products of codes in 32 bits, which Cast, Mul and Add make
// real numbers of. Real is what stands for them in the graph; lowering takes the sums as they are.
extension ONNXImporter {
  /// The codes' zero point z_x must be the tensor's, so that `x - z_x` is what it stands for.
  mutating func integerLayer(
    _ call: ONNXCall, axis: Int,
    _ layer: (inout ONNXImporter, ONNXCall) throws(Diagnostic) -> ONNXValue
  ) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    let input = try codes(call)
    guard case .constant(.codes(let weights)) = call.operand(1) else {
      throw node.problem(
        "its weights are not constant integers of 8 bits",
        remedy: "export the model with its weights as constants")
    }
    let zeroPoints = call.has(3) ? try call.integers(3).values : [0]
    guard weights.shape.rank > axis else {
      throw node.problem("its weights have the shape \(weights.shape)")
    }
    let channels = weights.shape.dimensions[axis]
    guard zeroPoints.count == 1 || zeroPoints.count == channels,
      zeroPoints.allSatisfy(weights.element.range.contains)
    else { throw node.problem("its weights \(weights.shape) have \(zeroPoints.count) zero points") }
    try spend(weights.values.count, node)
    let stride = max(1, weights.shape.dimensions[(axis + 1)...].reduce(1, *))
    let numbers = weights.values.enumerated().map { index, code in
      Float(Int(code) - zeroPoints[zeroPoints.count == 1 ? 0 : index / stride % channels])
    }
    let operands: [ONNXValue] = [
      .tensor(input), .constant(.floats(FloatTensor(shape: weights.shape, values: numbers))),
    ]
    let value = try layer(&self, ONNXCall(node: node, operands: operands, opset: call.opset))
    guard case .tensor(let result) = value else {
      throw node.problem("it computes nothing on the image")
    }
    layerScales[result.node] = ONNXLayerScales(
      weights: ONNXScales(
        scales: zeroPoints.map { _ in 1 }, zeroPoints: zeroPoints,
        axis: zeroPoints.count == 1 ? nil : axis), countsCodes: true)
    return .accumulator(result)
  }

  /// Operand 0, codes with the zero point that operand 2 states. Bytes that are the network's input
  /// are on the grid of scale 1.
  private mutating func codes(_ call: ONNXCall) throws(Diagnostic) -> ONNXActivation {
    let node = call.node
    let stated = call.has(2) ? try call.integers(2).values : [0]
    guard stated.count == 1 else {
      throw node.problem(
        "its operand has \(stated.count) zero points", remedy: "give it one zero point")
    }
    switch call.operand(0) {
    case .quantized(let tensor, let grid):
      guard grid.parameters.zeroPoint == stated[0] else {
        throw node.problem(
          "its zero point is \(stated[0]), and that of the tensor is \(grid.parameters.zeroPoint)",
          remedy: "export the model with one grid for each tensor")
      }
      return tensor
    case .tensor(let tensor):
      guard let element = byteInputs[tensor.node], element.range.contains(stated[0]) else {
        fallthrough
      }
      let grid = ONNXGrid(
        element: element, parameters: QuantizationParameters(scale: 1, zeroPoint: stated[0]))
      return try marked(tensor, grid, "\(node.label)/input")
    default:
      throw node.problem(
        "operand 0 is not quantized", remedy: "put a QuantizeLinear with a constant scale before it"
      )
    }
  }

  /// The integer bias of an accumulator: one number, or one a channel.
  func integerSummand(
    _ integers: KnownIntegers, _ node: ONNXNode
  ) throws(Diagnostic) -> FloatTensor {
    guard integers.values.allSatisfy({ $0.magnitude <= 1 << 24 }) else {
      throw node.problem("a number that it adds to an accumulator leaves 24 bits")
    }
    return FloatTensor(shape: integers.shape, values: integers.values.map { Float($0) })
  }
}

/// What stands between the sums of products of a layer and real numbers, for each output channel:
/// `product of factors * (sum + bias)`.
struct ONNXSumArithmetic {
  /// By channel: the scales of input and weights, or the constants that the sum is multiplied by.
  var factors: [[Float]]
  /// By channel, in units of the accumulator.
  var bias: [Int32]
}

extension ONNXIntegerLowering {
  /// Operators between a layer of codes and its QuantizeLinear, at most.
  private static let longestChain = 8

  /// A layer of codes (ConvInteger, MatMulInteger) behind `id`, with the products and sums with
  /// constants between; nil when something else is there.
  private func sumOfCodes(
    _ id: NodeID
  ) -> (layer: NodeID, steps: [(operation: BinaryOperation, constant: [Float])])? {
    var steps: [(operation: BinaryOperation, constant: [Float])] = []
    var next = id
    while steps.count <= Self.longestChain, values[next] == nil {
      if layers[next]?.countsCodes == true { return (next, steps.reversed()) }
      let node = graph[next]
      guard case .binary(let operation) = node.operation,
        [.multiply, .add, .subtract].contains(operation),
        let place = node.operands.firstIndex(where: { graph.constant($0) != nil }),
        operation != .subtract || place == 1, let constant = graph.constant(node.operands[place]),
        constant.values.count == 1
          || (constant.values.count == node.shape.channels
            && constant.shape.channels == node.shape.channels),
        graph[node.operands[1 - place]].shape == node.shape
      else { return nil }
      steps.append((operation, constant.values))
      next = node.operands[1 - place]
    }
    return nil
  }

  /// The integer operation of a layer of codes and what follows it up to `id`: its bias is rounded
  /// once to units of the accumulator, ties to even. Nil when `id` is something else.
  mutating func lowerSumOfCodes(
    _ id: NodeID, _ target: Target
  ) throws(Diagnostic) -> ValueID? {
    guard let (layer, steps) = sumOfCodes(id) else { return nil }
    let node = graph[layer]
    var arithmetic = ONNXSumArithmetic(factors: [], bias: [])
    for channel in 0..<node.shape.channels {
      var factors: [Float] = []
      var (scale, bias) = (1.0, 0.0)
      for (operation, constant) in steps {
        let number = constant[constant.count == 1 ? 0 : channel]
        switch operation {
        case .multiply:
          factors.append(number)
          scale *= Double(number)
        case .add: bias += Double(number) / scale
        default: bias -= Double(number) / scale
        }
      }
      guard factors.count <= 2, factors.allSatisfy({ $0.isNormal && $0 > 0 }) else {
        throw Diagnostic(
          "its sums are multiplied by \(factors.map { "\($0)" }.joined(separator: " and "))",
          node: node.name,
          remedy: "multiply them by one or two positive scales, one a tensor or one a channel")
      }
      bias.round(.toNearestOrEven)
      guard let integer = Int32(exactly: bias) else { throw biasOverflow(node, channel) }
      arithmetic.factors.append(factors.isEmpty ? [1] : factors)
      arithmetic.bias.append(integer)
    }
    if case .convolution(let convolution) = node.operation {
      return try lower(convolution, layer, bias: nil, target, arithmetic)
    }
    return try lowerMatrix(layer, bias: nil, target, arithmetic)
  }

  func biasOverflow(_ node: Node, _ channel: Int) -> Diagnostic {
    Diagnostic(
      "the bias of channel \(channel) leaves 32 bits in units of the accumulator", node: node.name)
  }
}
