import NeuralGraph

// Operators with their scales as operands: each is DequantizeLinear, the operator, QuantizeLinear.
extension ONNXImporter {
  /// x, its scale and zero point, w, …, y's scale and zero point, and an int32 bias of scale s_x s_w.
  mutating func quantizedConvolution(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let result = try quantizedLayer(call, bias: 8, axis: 0) {
      importer, call throws(Diagnostic) in try importer.convolution(call)
    }
    return try quantized(result, grid(call, 6, 7), call.node.label)
  }

  mutating func quantizedMatrixProduct(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let result = try quantizedLayer(call, bias: nil, axis: 1) {
      importer, call throws(Diagnostic) in try importer.matrixMultiplication(call)
    }
    return try quantized(result, grid(call, 6, 7), call.node.label)
  }

  /// com.microsoft.QGemm: a, …, b, …, an int32 summand of scale s_a s_b, y's scale and zero point.
  mutating func quantizedGemm(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    guard try call.node.float("alpha", default: 1) == 1, call.has(7) else {
      throw call.node.problem("its alpha is not 1, or its result is real")
    }
    let isTransposed = try call.node.integer("transB", default: 0) != 0
    let result = try quantizedLayer(call, bias: 6, axis: isTransposed ? 0 : 1) {
      importer, call throws(Diagnostic) in try importer.gemm(call)
    }
    return try quantized(result, grid(call, 7, 8), call.node.label)
  }

  /// com.microsoft.QLinearAdd and QLinearMul.
  mutating func quantizedBinary(
    _ call: ONNXCall, _ operation: BinaryOperation
  ) throws(Diagnostic) -> ONNXValue {
    let name = call.node.label
    let result: ONNXActivation
    switch (call.operand(0), call.operand(3)) {
    case (.constant, .constant): throw call.node.problem("it computes with constants alone")
    case (.constant, _):
      result = try quantizedBinary(call, operation, 3, constant: 0)
    case (_, .constant):
      result = try quantizedBinary(call, operation, 0, constant: 3)
    default:
      result = try combine(
        operation, dequantizedOperand(call, 0), dequantizedOperand(call, 3), name: name)
    }
    return try quantized(result, grid(call, 6, 7), name)
  }

  /// A tensor at operand `index` and a constant of codes at operand `constant`, each with its scale and
  /// zero point next.
  private mutating func quantizedBinary(
    _ call: ONNXCall, _ operation: BinaryOperation, _ index: Int, constant: Int
  ) throws(Diagnostic) -> ONNXActivation {
    guard case .constant(.codes(let codes)) = call.operand(constant) else {
      throw call.node.problem("operand \(constant) is not quantized")
    }
    let grid = try grid(call, constant + 1, constant + 2, of: codes.element)
    try spend(codes.values.count, call.node)
    let real = FloatTensor(
      shape: codes.shape,
      values: codes.values.map {
        Float(Int($0) - grid.parameters.zeroPoint) * grid.parameters.scale
      })
    let result = try combine(
      operation, dequantizedOperand(call, index), real, call.node, name: call.node.label,
      isSwapped: constant < index)
    for operand in graph[result.node].operands where graph.constant(operand) != nil {
      constantGrids[operand] = grid
    }
    return result
  }

  /// An operator of one tensor in com.microsoft (QLinearSigmoid, QLinearSoftmax, …): x, its scale and
  /// zero point, y's.
  mutating func quantizedFunction(
    _ call: ONNXCall,
    _ function: (inout ONNXImporter, ONNXCall) throws(Diagnostic) -> ONNXValue
  ) throws(Diagnostic) -> ONNXValue {
    guard try call.node.integer("channels_last", default: 0) == 0 else {
      throw call.node.problem("its channels are last", remedy: "export the model with NCHW")
    }
    let source = try dequantizedOperand(call, 0)
    // QLinearSoftmax states by which version's rule it is a softmax.
    let opset = try call.node.integer("opset", default: call.opset)
    let result = try function(
      &self, ONNXCall(node: call.node, operands: [.tensor(source)], opset: opset))
    guard case .tensor(let tensor) = result else { return .missing }
    return try quantized(tensor, grid(call, 3, 4), call.node.label)
  }

  /// com.microsoft.QLinearConcat: y's scale and zero point, then each tensor with its own.
  mutating func quantizedConcatenation(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    guard call.operands.count % 3 == 2 else {
      throw call.node.problem("it has \(call.operands.count) operands")
    }
    var operands: [ONNXValue] = []
    for index in stride(from: 2, to: call.operands.count, by: 3) {
      operands.append(.tensor(try dequantizedOperand(call, index)))
    }
    let joined = try concatenation(
      ONNXCall(node: call.node, operands: operands, opset: call.opset))
    guard case .tensor(let tensor) = joined else { return .missing }
    return try quantized(tensor, grid(call, 0, 1), call.node.label)
  }

  mutating func quantizedGlobalAverage(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    guard try call.node.integer("channels_last", default: 0) == 0 else {
      throw call.node.problem("its channels are last", remedy: "export the model with NCHW")
    }
    let source = try dequantizedOperand(call, 0)
    let real = ONNXCall(node: call.node, operands: [.tensor(source)], opset: call.opset)
    guard case .tensor(let result) = try mean(real, axes: [2, 3], keeps: true) else {
      return .missing
    }
    return try quantized(result, grid(call, 3, 4), call.node.label)
  }

  /// Operand `index`, a quantized activation, whose scale and zero point are the next two.
  private mutating func dequantizedOperand(
    _ call: ONNXCall, _ index: Int
  ) throws(Diagnostic) -> ONNXActivation {
    switch call.operand(index) {
    case .quantized(let tensor, let made):
      guard try grid(call, index + 1, index + 2, of: made.element) == made else {
        throw call.node.problem(
          "the scale or zero point of operand \(index) is not that of the tensor",
          remedy: "export the model with one grid for each tensor")
      }
      return tensor
    case .tensor(let tensor):
      guard let element = byteInputs[tensor.node] else { fallthrough }
      return try marked(
        tensor, grid(call, index + 1, index + 2, of: element), "\(call.node.label)/input")
    default: throw call.node.problem("operand \(index) is not quantized")
    }
  }

  /// A layer on a quantized activation (operand 0) with quantized weights (operand 3).
  private mutating func quantizedLayer(
    _ call: ONNXCall, bias: Int?, axis: Int,
    _ layer: (inout ONNXImporter, ONNXCall) throws(Diagnostic) -> ONNXValue
  ) throws(Diagnostic) -> ONNXActivation {
    let node = call.node
    let input = try dequantizedOperand(call, 0)
    guard case .constant(.codes(let codes)) = call.operand(3) else {
      throw node.problem("its weights are not constant integers of 8 bits")
    }
    let scales = try scales(call, 4, 5, shape: codes.shape, axis: axis)
    guard scales.axis == nil || scales.axis == axis else {
      throw node.problem("its scales are not one an output channel")
    }
    try spend(codes.values.count, node)
    let stride = max(1, scales.axis.map { codes.shape.dimensions[($0 + 1)...].reduce(1, *) } ?? 1)
    let real = codes.values.enumerated().map { index, code in
      let channel = index / stride % scales.scales.count
      return Float(Int(code) - scales.zeroPoints[channel]) * scales.scales[channel]
    }
    var operands: [ONNXValue] = [
      .tensor(input), .constant(.floats(FloatTensor(shape: codes.shape, values: real))),
    ]
    var biasScales: ONNXScales?
    if let bias, call.has(bias) {
      let integers = try call.integers(bias).values
      let scale = try grid(call, 1, 2).parameters.scale
      let units = scales.scales.map { scale * $0 }
      guard units.count == 1 || units.count == integers.count else {
        throw node.problem("it has \(integers.count) biases for \(units.count) scales")
      }
      let values = integers.enumerated().map { index, integer in
        Float(integer) * units[units.count == 1 ? 0 : index]
      }
      operands.append(.constant(.floats(FloatTensor(vector: values))))
      biasScales = ONNXScales(
        scales: units, zeroPoints: units.map { _ in 0 }, axis: nil, integers: integers)
    }
    let value = try layer(
      &self, ONNXCall(node: node, operands: operands, opset: call.opset))
    guard case .tensor(let result) = value else {
      throw node.problem("it computes nothing on the image")
    }
    layerScales[result.node] = ONNXLayerScales(weights: scales, bias: biasScales)
    return result
  }
}
