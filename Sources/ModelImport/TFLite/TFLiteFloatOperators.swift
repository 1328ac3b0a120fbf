import NeuralGraph

// The operators of float networks.

extension TFLiteFloatLowering {
  /// The node that an operator's output is.
  mutating func operation(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    let supported =
      "supported: " + Self.supportedKinds.joined(separator: ", ") + "; " + endBeforeRemedy
    guard !entry.isCustom else {
      throw failure(
        "is the custom operator '\(entry.kind)' (number \(entry.number))", entry, remedy: supported)
    }
    switch entry.kind {
    case "CONV_2D": return try convolution(entry)
    case "DEPTHWISE_CONV_2D": return try depthwiseConvolution(entry)
    case "FULLY_CONNECTED": return try fullyConnected(entry)
    case "AVERAGE_POOL_2D", "MAX_POOL_2D": return try pool(entry)
    case "MEAN": return try mean(entry)
    case "ADD": return try binary(entry, .add)
    case "SUB": return try binary(entry, .subtract)
    case "MUL": return try binary(entry, .multiply)
    case "DIV": return try binary(entry, .divide)
    case "MAXIMUM": return try binary(entry, .maximum)
    case "MINIMUM": return try binary(entry, .minimum)
    case "RELU": return try unary(entry, .activation(.relu))
    case "RELU6": return try unary(entry, .activation(.relu6))
    case "RELU_N1_TO_1": return try unary(entry, .activation(.reluN1To1))
    case "LOGISTIC": return try unary(entry, .nonlinearity(.sigmoid))
    case "TANH": return try unary(entry, .nonlinearity(.tanh))
    case "HARD_SWISH": return try unary(entry, .nonlinearity(.hardSwish))
    case "ELU": return try unary(entry, .nonlinearity(.elu(factor: 1)))
    case "ABS": return try unary(entry, .nonlinearity(.absolute))
    case "EXP": return try unary(entry, .nonlinearity(.exponential))
    case "NEG": return try unary(entry, .unary(.negate))
    case "SQUARE": return try unary(entry, .unary(.square))
    case "SQRT": return try unary(entry, .unary(.squareRoot))
    case "RSQRT": return try unary(entry, .unary(.reciprocalSquareRoot))
    case "LEAKY_RELU": return try leakyRelu(entry)
    case "PRELU": return try parametricRelu(entry)
    case "PAD", "PADV2": return try pad(entry)
    case "RESHAPE", "SQUEEZE", "EXPAND_DIMS": return try reshape(entry)
    case "TRANSPOSE":
      let permutation = try integers(
        entry.inputs.count > 1 ? entry.inputs[1] : -1, of: entry, limit: 8)
      return try unary(entry, .transpose(permutation: permutation))
    case "CONCATENATION": return try concatenation(entry)
    case "SOFTMAX": return try softmax(entry)
    case "FAKE_QUANT": return try fakeQuantization(entry)
    case "DEQUANTIZE":
      let operand = try operand(0, of: entry)
      guard graph.constant(operand) != nil else {
        throw failure("DEQUANTIZE of a computed tensor among real numbers", entry)
      }
      return operand
    default:
      throw failure(
        "the operator \(entry.kind) (number \(entry.number)) is not supported", entry,
        remedy: supported)
    }
  }

  private func name(_ entry: TFLiteModel.Operator) -> String {
    model.tensors[entry.outputs[0]].name
  }

  /// An operation on the first operand, named after the operator's output.
  private mutating func unary(
    _ entry: TFLiteModel.Operator, _ operation: Operation
  ) throws(TFLiteFailure) -> NodeID {
    try append(name(entry), operation, [operand(0, of: entry)])
  }

  /// An operation and the activation that the options fuse into it.
  private mutating func fused(
    _ entry: TFLiteModel.Operator, _ operation: Operation, _ operands: [NodeID], field: Int
  ) throws(TFLiteFailure) -> NodeID {
    var activation = FusedActivation.none
    if let options = entry.options {
      activation = try fusedActivation(entry, field: field, options)
    }
    guard activation != .none else { return try append(name(entry), operation, operands) }
    let layer = try append("\(name(entry))/linear", operation, operands)
    return try append(name(entry), .activation(activation), [layer])
  }

  private mutating func image(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> (NodeID, TensorShape) {
    let id = try operand(0, of: entry)
    guard graph[id].shape.isImage else {
      throw failure(
        "\(entry.kind) works on the shape \(graph[id].shape); 1xHxWxC is needed", entry,
        remedy: "export the network with batch size 1")
    }
    return (id, graph[id].shape)
  }

  /// Weights in another order of dimensions, and the bias when there is one.
  private mutating func parameters(
    _ entry: TFLiteModel.Operator, permutation: [Int]?
  ) throws(TFLiteFailure) -> [NodeID] {
    guard let weights = try constantOperand(1, of: entry) else {
      throw failure("\(entry.kind) has weights that are computed; constants are needed", entry)
    }
    var operands = [try operand(1, of: entry)]
    if let permutation {
      let shape = TensorShape(permutation.map { weights.shape.dimensions[$0] })
      operands[0] = try append(
        graph[operands[0]].name,
        .constant(
          Operation.transpose(permutation: permutation).evaluate([weights], shape: shape)), [])
    }
    guard entry.inputs.count > 2, entry.inputs[2] >= 0 else { return operands }
    guard let bias = try constantOperand(2, of: entry) else {
      throw failure("\(entry.kind) has a bias that is computed; a constant is needed", entry)
    }
    guard bias.shape.rank == 1 else {
      throw failure("\(entry.kind) has a bias of shape \(bias.shape)", entry)
    }
    operands.append(try operand(2, of: entry))
    return operands
  }

  private mutating func convolution(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    let (image, input) = try image(entry)
    let filter = try filterShape(entry, rank: 4)
    let options = try options(entry)
    let groups = try groups(entry, input, filter)
    let geometry = try geometry(
      entry, input, kernel: (filter[1], filter[2]), strides: (2, 1), dilations: (5, 4), options)
    return try fused(
      entry, .convolution(Convolution(geometry: geometry, groups: groups)),
      [image] + parameters(entry, permutation: [1, 2, 3, 0]), field: 3)
  }

  private mutating func depthwiseConvolution(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    let (image, input) = try image(entry)
    let filter = try filterShape(entry, rank: 4)
    let options = try options(entry)
    try checkDepthwise(entry, input, filter)
    let geometry = try geometry(
      entry, input, kernel: (filter[1], filter[2]), strides: (2, 1), dilations: (6, 5), options)
    // [1, Kh, Kw, C M] has the elements of [Kh, Kw, 1, C M] in the same order.
    return try fused(
      entry, .convolution(Convolution(geometry: geometry, groups: input.channels)),
      [image] + parameters(entry, permutation: [1, 2, 0, 3]), field: 4)
  }

  private mutating func fullyConnected(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    var input = try operand(0, of: entry)
    let filter = try filterShape(entry, rank: 2)
    let options = try options(entry)
    let shape = try fullyConnectedShape(entry, graph[input].shape, filter, options)
    let rows = TensorShape([graph[input].shape.elementCount / filter[1], filter[1]])
    if graph[input].shape != rows {
      input = try append("\(name(entry))/rows", .reshape(rows), [input])
    }
    let result = try fused(
      entry, .matrixMultiplication, [input] + parameters(entry, permutation: [1, 0]), field: 0)
    guard graph[result].shape.dimensions != shape else { return result }
    graph.rename(result, to: "\(name(entry))/matrix")
    return try append(name(entry), .reshape(TensorShape(shape)), [result])
  }

  private mutating func pool(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> NodeID {
    let (image, input) = try image(entry)
    let geometry = try poolGeometry(entry, input, options(entry))
    return try fused(
      entry, entry.kind == "MAX_POOL_2D" ? .maxPool(geometry) : .averagePool(geometry), [image],
      field: 5)
  }

  private mutating func mean(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> NodeID {
    let (axes, keeps, _) = try reduction(entry, shape(0, of: entry))
    return try unary(entry, .mean(axes: axes, keepsDimensions: keeps))
  }

  private mutating func binary(
    _ entry: TFLiteModel.Operator, _ operation: BinaryOperation
  ) throws(TFLiteFailure) -> NodeID {
    let operands = [try operand(0, of: entry), try operand(1, of: entry)]
    let hasActivation = operation != .minimum && operation != .maximum
    guard hasActivation else { return try append(name(entry), .binary(operation), operands) }
    return try fused(entry, .binary(operation), operands, field: 0)
  }

  private mutating func leakyRelu(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    let options = try options(entry)
    let slope = try read { () throws(Diagnostic) in try options.float(0) }
    guard slope.isFinite else { throw failure("LEAKY_RELU has the slope \(slope)", entry) }
    return try unary(entry, .nonlinearity(.leakyRelu(slopes: [slope])))
  }

  private mutating func parametricRelu(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    guard let slopes = try constantOperand(1, of: entry),
      slopes.values.count == slopes.shape.channels, slopes.firstNonFinite == nil
    else {
      throw failure("PRELU needs constant slopes, one or one a channel", entry)
    }
    return try unary(entry, .nonlinearity(.leakyRelu(slopes: slopes.values)))
  }

  private mutating func pad(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> NodeID {
    let (before, after, _) = try pads(entry, shape(0, of: entry))
    if entry.kind == "PADV2" {
      guard try constantOperand(2, of: entry)?.values == [0] else {
        throw failure("PADV2 fills with another number than 0, which is not supported", entry)
      }
    }
    return try unary(entry, .pad(before: before, after: after))
  }

  private mutating func reshape(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> NodeID {
    let input = try shape(0, of: entry)
    let shape =
      switch entry.kind {
      case "SQUEEZE": try squeezed(entry, input)
      case "EXPAND_DIMS": try expanded(entry, input)
      default: try reshaped(entry, input)
      }
    return try unary(entry, .reshape(TensorShape(shape)))
  }

  private mutating func concatenation(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    let axis = try concatenationAxis(entry, rank: shape(0, of: entry).rank)
    var operands: [NodeID] = []
    for position in entry.inputs.indices.prefix(NetworkLimits.operands + 1) {
      operands.append(try operand(position, of: entry))
    }
    return try fused(entry, .concatenation(axis: axis), operands, field: 1)
  }

  /// A factor on the operand, unless it is 1, and the softmax.
  private mutating func softmax(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> NodeID {
    let options = try options(entry)
    let beta = try read { () throws(Diagnostic) in try options.float(0) }
    guard beta != 1 else { return try unary(entry, .softmax) }
    guard beta.isFinite, beta > 0 else { throw failure("SOFTMAX has beta \(beta)", entry) }
    let factor = try append("\(name(entry))/beta", .constant(FloatTensor(scalar: beta)), [])
    let scaled = try append(
      "\(name(entry))/scaled", .binary(.multiply), [operand(0, of: entry), factor])
    return try append(name(entry), .softmax, [scaled])
  }

  /// FAKE_QUANT: options min 0, max 1, num_bits 2, narrow_range 3.
  private mutating func fakeQuantization(
    _ entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    let options = try options(entry)
    let bits = Int(try read { () throws(Diagnostic) in try options.number(2, default: Int32(0)) })
    guard (2...16).contains(bits) else { throw failure("FAKE_QUANT to \(bits) bits", entry) }
    var operands = [try operand(0, of: entry)]
    for (field, what) in ["min", "max"].enumerated() {
      let bound = try read { () throws(Diagnostic) in try options.float(field) }
      operands.append(
        try append("\(name(entry))/\(what)", .constant(FloatTensor(scalar: bound)), []))
    }
    return try append(
      name(entry),
      .fakeQuantization(FakeQuantization(bits: bits, narrowRange: flag(entry, field: 3))),
      operands)
  }
}
