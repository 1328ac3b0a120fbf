import NeuralGraph

extension GraphDefImporter {
  /// The value of one node whose operands are there, in the number that the operator takes.
  mutating func translate(
    _ operation: GraphDefOperator, _ call: GraphDefCall
  ) throws(Diagnostic) -> GraphDefValue {
    switch operation {
    case .placeholder, .placeholderV2: return try placeholder(call)
    case .decodeJPEG, .decodePNG, .decodeBMP, .decodeImage: return try decodedImage(call)
    case .resizeBilinear: return try resize(call)
    case .dequantize: return try dequantize(call)
    case .constant: return try constant(call)
    case .placeholderWithDefault, .identity, .stopGradient, .preventGradient, .checkNumerics,
      .snapshot, .ensureShape:
      return call.operands[0]
    case .noOperation: return .missing
    case .cast: return try cast(call)
    case .fusedConv2D, .fusedDepthwiseConv2D, .fusedMatMul: return try fused(operation, call)
    case .spaceToBatch: return try spaceToBatch(call)
    case .batchToSpace: return try batchToSpace(call)
    case .conv2D: return try convolution(call, isDepthwise: false)
    case .depthwiseConv2D: return try convolution(call, isDepthwise: true)
    case .matMul: return try matrixMultiplication(call)
    case .biasAdd, .biasAddV1: return try biasAdd(call)
    case .fusedBatchNorm, .fusedBatchNormV2, .fusedBatchNormV3:
      return try batchNormalization(call)
    case .globalNormalization: return try globalNormalization(call)
    case .sigmoid: return try append(call, .nonlinearity(.sigmoid), 1)
    case .tanh: return try append(call, .nonlinearity(.tanh), 1)
    case .elu: return try append(call, .nonlinearity(.elu(factor: 1)), 1)
    case .absolute: return try append(call, .nonlinearity(.absolute), 1)
    case .exponential: return try append(call, .nonlinearity(.exponential), 1)
    case .leakyRelu:
      let slope = try call.node.float("alpha", default: 0.2)
      guard slope.isFinite else { throw call.node.problem("its alpha is \(slope)") }
      return try append(call, .nonlinearity(.leakyRelu(slopes: [slope])), 1)
    case .relu: return try append(call, .activation(.relu), 1)
    case .relu6: return try append(call, .activation(.relu6), 1)
    case .softmax: return try append(call, .softmax, 1)
    case .maxPool, .maxPoolV2, .averagePool: return try pool(operation, call)
    case .mean: return try mean(call)
    case .max: return try globalMaximum(call)
    case .pad, .padV2: return try pad(call)
    case .squeeze, .expandDims, .reshape: return try reshape(operation, call)
    case .transpose: return try append(call, .transpose(permutation: call.list(1)), 1)
    case .fakeQuantVars: return try append(call, .fakeQuantization(fakeQuantization(call)), 3)
    case .fakeQuantChannels:
      return try append(call, .fakeQuantization(fakeQuantization(call, isPerChannel: true)), 3)
    case .fakeQuantArgs: return try fakeQuantArgs(call)
    case .add, .addV2: return try binary(call, .add)
    case .sub: return try binary(call, .subtract)
    case .mul: return try binary(call, .multiply)
    case .realDiv, .div: return try binary(call, .divide)
    case .maximum: return try binary(call, .maximum)
    case .minimum: return try binary(call, .minimum)
    case .addN: return try addN(call)
    case .negate: return try append(call, .unary(.negate), 1)
    case .square: return try append(call, .unary(.square), 1)
    case .squareRoot: return try append(call, .unary(.squareRoot), 1)
    case .reciprocalSquareRoot: return try append(call, .unary(.reciprocalSquareRoot), 1)
    case .reciprocal, .inverse: return try append(call, .unary(.reciprocal), 1)
    case .shape: return .integers(.vector(try shape(call).dimensions))
    case .stridedSlice: return try stridedSlice(call)
    case .pack: return try pack(call)
    case .concat, .concatV1: return try concat(operation, call)
    case .product: return try product(call)
    }
  }

  /// A node named after the call, on its first `count` operands.
  mutating func append(
    _ call: GraphDefCall, _ operation: Operation, _ count: Int
  ) throws(Diagnostic) -> GraphDefValue {
    var operands: [NodeID] = []
    for index in 0..<count { operands.append(try call.tensor(index)) }
    return .tensor(try graph.append(name: call.node.name, operation, operands))
  }

  /// The shape of the first operand.
  func shape(_ call: GraphDefCall) throws(Diagnostic) -> TensorShape {
    if case .integers(let integers) = call.operands[0] { return integers.shape }
    return graph[try call.tensor(0)].shape
  }

  // MARK: Inputs and constants

  private mutating func placeholder(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let node = call.node
    guard case .type(let number)? = node.attributes["dtype"],
      let type = GraphDefTensor.DataType(rawValue: number),
      type.isReal || type == .uint8
    else {
      throw node.problem(
        "the input is neither of real numbers nor of bytes",
        remedy: "export the model for inference with one image as its input")
    }
    guard case .shape(let stated)? = node.attributes["shape"], var dimensions = stated.dimensions,
      !dimensions.isEmpty
    else {
      throw node.problem(
        "the input's shape is unknown",
        remedy: "export the model with the input shape [1, height, width, channels]")
    }
    guard dimensions[0] == -1 || dimensions[0] == 1 else {
      throw node.problem(
        "the input has a batch of \(dimensions[0])", remedy: "export the model with batch 1")
    }
    dimensions[0] = 1
    if dimensions.count == 4, dimensions[1] < 0 || dimensions[2] < 0 {
      guard let imageSize else {
        throw node.problem(
          "the input's height or width is open", remedy: "state it with --image-size HEIGHTxWIDTH")
      }
      if dimensions[1] < 0 { dimensions[1] = imageSize.height }
      if dimensions[2] < 0 { dimensions[2] = imageSize.width }
    }
    guard dimensions.allSatisfy({ $0 > 0 }) else {
      throw node.problem(
        "the input's shape \(stated.dimensions ?? []) leaves an extent open or empty",
        remedy: "export the model with the input shape [1, height, width, channels]")
    }
    if type == .uint8 { graph.statedInputRange = 0...255 }
    return .tensor(try graph.append(name: node.name, .input(TensorShape(dimensions))))
  }

  private mutating func constant(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    guard case .tensor(let result)? = call.node.attributes["value"] else {
      throw call.node.problem("it has no value")
    }
    switch result {
    case .failure(let error): throw call.node.problem(error.message)
    case .success(.floats(let tensor)):
      return .tensor(try graph.append(name: call.node.name, .constant(tensor)))
    case .success(.integers(let integers)): return .integers(integers)
    case .success(.codes(let codes)): return .codes(codes)
    case .success(.other(let type)):
      throw call.node.problem("constants of \(type) are not supported")
    }
  }

  /// Real to real passes; known integers become real constants. (An input of bytes is real already.)
  private mutating func cast(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    guard case .type(let number)? = call.node.attributes["DstT"],
      let type = GraphDefTensor.DataType(rawValue: number)
    else { throw call.node.problem("its target type is not supported") }
    switch call.operands[0] {
    case .integers(let integers) where type.isReal:
      let tensor = FloatTensor(shape: integers.shape, values: integers.values.map { Float($0) })
      return .tensor(try graph.append(name: call.node.name, .constant(tensor)))
    case .tensor where !type.isReal:
      throw call.node.problem("it turns real numbers into integers")
    default: return call.operands[0]
    }
  }

  // MARK: Arithmetic

  private mutating func binary(
    _ call: GraphDefCall, _ operation: BinaryOperation
  ) throws(Diagnostic) -> GraphDefValue {
    if call.isIntegral { return try integerBinary(call, operation) }
    return try append(call, .binary(operation), 2)
  }

  /// A sum of several tensors of one shape, from the left.
  private mutating func addN(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    var sum = try call.tensor(0)
    for index in 1..<max(1, call.operands.count) {
      let isLast = index == call.operands.count - 1
      sum = try graph.append(
        name: isLast ? call.node.name : "\(call.node.name)/\(index)", .binary(.add),
        [sum, call.tensor(index)])
    }
    return .tensor(sum)
  }

  private func fakeQuantization(
    _ call: GraphDefCall, isPerChannel: Bool = false
  ) throws(Diagnostic) -> FakeQuantization {
    let bits = try call.node.integer("num_bits", default: 8)
    guard (2...16).contains(bits) else {
      throw call.node.problem("its num_bits is \(bits), not 2 to 16")
    }
    return FakeQuantization(
      bits: bits, narrowRange: try call.node.bool("narrow_range", default: false),
      isPerChannel: isPerChannel)
  }

  private mutating func fakeQuantArgs(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let name = call.node.name
    let minimum = FloatTensor(scalar: try call.node.float("min", default: -6))
    let maximum = FloatTensor(scalar: try call.node.float("max", default: 6))
    let bounds = [
      try graph.append(name: "\(name)/min", .constant(minimum)),
      try graph.append(name: "\(name)/max", .constant(maximum)),
    ]
    return .tensor(
      try graph.append(
        name: name, .fakeQuantization(fakeQuantization(call)), [call.tensor(0)] + bounds))
  }
}
