import NeuralGraph

extension ONNXImporter {
  /// The value of one node whose operands are there, in a number that the operator takes.
  mutating func translate(
    _ operation: ONNXOperator, _ call: ONNXCall
  ) throws(Diagnostic) -> ONNXValue {
    if case .quantized(let tensor, let grid)? = call.operands.first, operation.takesCodes {
      // What only moves or compares numbers does the same to their codes.
      let real = ONNXCall(
        node: call.node, operands: [.tensor(tensor)] + call.operands.dropFirst(),
        opset: call.opset)
      let result = try translate(operation, real)
      if case .tensor(let moved) = result { return .quantized(moved, grid) }
      return result
    }
    if case .accumulator(let sums)? = call.operands.first, operation.movesNumbers {
      let moved = ONNXCall(
        node: call.node, operands: [.tensor(sums)] + call.operands.dropFirst(),
        opset: call.opset)
      guard case .tensor(let result) = try translate(operation, moved) else { return .missing }
      return .accumulator(result)
    }
    switch operation {
    case .quantizeLinear: return try quantize(call)
    case .dequantizeLinear: return try dequantize(call)
    case .convInteger:
      return try integerLayer(call, axis: 0) {
        importer, call throws(Diagnostic) in try importer.convolution(call)
      }
    case .matMulInteger:
      return try integerLayer(call, axis: 1) {
        importer, call throws(Diagnostic) in try importer.matrixMultiplication(call)
      }
    case .qLinearConv: return try quantizedConvolution(call)
    case .qLinearMatMul: return try quantizedMatrixProduct(call)
    case .qGemm: return try quantizedGemm(call)
    case .qLinearAdd: return try quantizedBinary(call, .add)
    case .qLinearMul: return try quantizedBinary(call, .multiply)
    case .qLinearConcat: return try quantizedConcatenation(call)
    case .qLinearSigmoid:
      return try quantizedFunction(call) {
        importer, call throws(Diagnostic) in
        try importer.elementwise(call, .nonlinearity(.sigmoid))
      }
    case .qLinearLeakyRelu:
      let slope = try slope(call, default: 0.01)
      return try quantizedFunction(call) {
        importer, call throws(Diagnostic) in
        try importer.elementwise(call, .nonlinearity(.leakyRelu(slopes: [slope])))
      }
    case .qLinearAveragePool:
      return try quantizedFunction(call) {
        importer, call throws(Diagnostic) in try importer.averagePool(call)
      }
    case .qLinearSoftmax:
      return try quantizedFunction(call) {
        importer, call throws(Diagnostic) in try importer.softmax(call)
      }
    case .qLinearGlobalAveragePool: return try quantizedGlobalAverage(call)
    case .constant: return try constantValue(call)
    case .constantOfShape: return try constantOfShape(call)
    case .identity:
      passScales(call.node, nil)
      return call.operands[0]
    case .dropout: return try dropout(call)
    case .cast:
      guard let type = ONNXType(rawValue: try call.node.integer("to", default: 0)) else {
        throw call.node.problem("its target type is not supported")
      }
      return try cast(call, to: type)
    case .castLike:
      switch call.operands[1] {
      case .tensor, .constant(.floats): return try cast(call, to: .float)
      default: throw call.node.problem("it turns numbers into another type than real numbers")
      }
    case .conv:
      let result = try convolution(call)
      try note(result, call, axis: 0)
      return result
    case .batchNormalization: return try batchNormalization(call)
    case .gemm:
      let result = try gemm(call)
      let factors = [
        try call.node.float("alpha", default: 1), try call.node.float("beta", default: 1),
      ]
      let isTransposed = try call.node.integer("transB", default: 0) != 0
      if factors == [1, 1] { try note(result, call, axis: isTransposed ? 0 : 1) }
      return result
    case .matMul:
      let result = try matrixMultiplication(call)
      try note(result, call, axis: 1)
      return result
    case .maxPool: return try maxPool(call)
    case .averagePool: return try averagePool(call)
    case .globalAveragePool: return try mean(call, axes: [2, 3], keeps: true)
    case .globalMaxPool: return try globalMaxPool(call)
    case .reduceMean: return try reduceMean(call)
    case .reduceMax: return try reduceMax(call)
    case .pad: return try pad(call)
    case .softmax: return try softmax(call)
    case .relu: return try elementwise(call, .activation(.relu))
    case .sigmoid: return try elementwise(call, .nonlinearity(.sigmoid))
    case .tanh: return try elementwise(call, .nonlinearity(.tanh))
    case .hardSwish: return try elementwise(call, .nonlinearity(.hardSwish))
    case .abs: return try elementwise(call, .nonlinearity(.absolute))
    case .exp: return try elementwise(call, .nonlinearity(.exponential))
    case .hardSigmoid:
      let offset = try call.node.float("beta", default: 0.5)
      return try elementwise(
        call,
        .nonlinearity(.hardSigmoid(slope: slope(call, default: 0.2), offset: offset)))
    case .leakyRelu:
      return try elementwise(
        call, .nonlinearity(.leakyRelu(slopes: [slope(call, default: 0.01)])))
    case .elu: return try elementwise(call, .nonlinearity(.elu(factor: slope(call, default: 1))))
    case .pRelu: return try parametricRelu(call)
    case .neg: return try elementwise(call, .unary(.negate))
    case .sqrt: return try elementwise(call, .unary(.squareRoot))
    case .reciprocal: return try elementwise(call, .unary(.reciprocal))
    case .clip: return try clip(call)
    case .add, .sum: return try chain(call, .add)
    case .sub: return try chain(call, .subtract)
    case .mul: return try chain(call, .multiply)
    case .div: return try chain(call, .divide)
    case .max: return try chain(call, .maximum)
    case .min: return try chain(call, .minimum)
    case .reshape, .flatten, .squeeze, .unsqueeze: return try reshape(operation, call)
    case .transpose: return try transpose(call)
    case .shape: return try shape(call)
    case .gather: return try gather(call)
    case .slice: return try slice(call)
    case .concat: return try concat(call)
    case .reduceProd: return try reduceProduct(call)
    }
  }

  // MARK: Element by element

  /// A function of one number, of an activation or a constant. The layout stays.
  func isConstant(_ value: ONNXValue) -> Bool {
    if case .constant = value { true } else { false }
  }

  mutating func elementwise(
    _ call: ONNXCall, _ operation: Operation
  ) throws(Diagnostic) -> ONNXValue {
    if isConstant(call.operands[0]) {
      return .constant(.floats(try folded(call.node, operation, [call.constant(0)])))
    }
    return .tensor(try apply(operation, try call.tensor(0), call.node.label))
  }

  private mutating func apply(
    _ operation: Operation, _ tensor: ONNXActivation, _ name: String
  ) throws(Diagnostic) -> ONNXActivation {
    ONNXActivation(
      node: try graph.append(name: name, operation, [tensor.node]), layout: tensor.layout)
  }

  /// Clip: ReLU, ReLU6 and ReLU_N1_TO_1 by their bounds, or a maximum and a minimum.
  private mutating func clip(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    func bound(_ key: String, _ index: Int, _ none: Float) throws(Diagnostic) -> Float {
      guard call.has(index) else { return try call.node.float(key, default: none) }
      let tensor = try call.constant(index)
      guard tensor.values.count == 1 else {
        throw call.node.problem("its bound \(key) is \(tensor.shape), not one number")
      }
      return tensor.values[0]
    }
    let largest = Float.greatestFiniteMagnitude
    let (low, high) = (try bound("min", 1, -largest), try bound("max", 2, largest))
    guard low <= high else { throw call.node.problem("its bounds are \(low) and \(high)") }
    let activation: FusedActivation? =
      switch (low, high) {
      case (0, 6): .relu6
      case (-1, 1): .reluN1To1
      case (0, largest...): .relu
      case (...(-largest), largest...): FusedActivation.none
      default: nil
      }
    if let activation { return try elementwise(call, .activation(activation)) }
    var value = call.operands[0]
    for (name, operation, bound) in [
      ("max", BinaryOperation.maximum, low), ("min", .minimum, high),
    ] where abs(bound) < largest {
      value = try binary(
        operation, value, .constant(.floats(FloatTensor(scalar: bound))), call.node,
        name: name == "min" || high >= largest ? call.node.label : "\(call.node.label)/\(name)")
    }
    return value
  }

  /// Operands combined two by two from the left, with ONNX's broadcasting.
  private mutating func chain(
    _ call: ONNXCall, _ operation: BinaryOperation
  ) throws(Diagnostic) -> ONNXValue {
    var value = call.operands[0]
    for index in call.operands.indices.dropFirst() {
      let isLast = index == call.operands.count - 1
      value = try binary(
        operation, value, call.operands[index], call.node,
        name: isLast ? call.node.label : "\(call.node.label)/\(index)")
    }
    return value
  }

  private mutating func binary(
    _ operation: BinaryOperation, _ first: ONNXValue, _ second: ONNXValue, _ node: ONNXNode,
    name: String
  ) throws(Diagnostic) -> ONNXValue {
    switch (first, second) {
    case (.constant(.floats(let a)), .constant(.floats(let b))):
      return .constant(.floats(try folded(node, .binary(operation), [a, b])))
    case (.constant(.integers(let a)), .constant(.integers(let b))):
      return .constant(.integers(try integerBinary(operation, a, b, node)))
    case (.tensor(let tensor), .constant(.floats(let constant))):
      return .tensor(
        try combine(operation, tensor, constant, node, name: name, isSwapped: false))
    case (.constant(.floats(let constant)), .tensor(let tensor)):
      return .tensor(
        try combine(operation, tensor, constant, node, name: name, isSwapped: true))
    case (.tensor(let a), .tensor(let b)):
      return .tensor(try combine(operation, a, b, name: name))
    case (.accumulator(let sums), .constant(.integers(let integers))) where operation == .add,
      (.constant(.integers(let integers)), .accumulator(let sums)) where operation == .add:
      let constant = try integerSummand(integers, node)
      return .accumulator(
        try combine(operation, sums, constant, node, name: name, isSwapped: false))
    case (.accumulator, _), (_, .accumulator):
      throw node.problem(
        "it computes with sums in 32 bits", remedy: "put a Cast to float before it")
    default: throw node.problem("its operands are not of one type of numbers")
    }
  }

  /// A tensor and a constant: the constant is brought into the tensor's layout.
  mutating func combine(
    _ operation: BinaryOperation, _ tensor: ONNXActivation, _ constant: FloatTensor,
    _ node: ONNXNode, name: String, isSwapped: Bool
  ) throws(Diagnostic) -> ONNXActivation {
    var tensor = tensor
    var aligned = FloatTensor(scalar: constant.values.first ?? 0)
    if constant.values.count != 1 || constant.shape.rank > tensor.shape.rank {
      if constant.shape.rank > tensor.shape.rank {
        let missing = constant.shape.rank - tensor.shape.rank
        let shape = TensorShape(Array(repeating: 1, count: missing) + tensor.shape.dimensions)
        tensor.layout = tensor.layout.reshaped(to: shape)
      }
      tensor = try direct(tensor, name)
      let order = tensor.layout.aligned(constant)
      aligned = try folded(
        node, .transpose(permutation: order.permutation), [constant.reshaped(to: order.shape)])
    }
    let operand = try self.constant(aligned, "\(name)/constant")
    let result = try graph.append(
      name: name, .binary(operation),
      isSwapped ? [operand, tensor.node] : [tensor.node, operand])
    return ONNXActivation(node: result, layout: tensor.layout.following(graph[result].shape))
  }

  /// Two tensors: in one layout as they are, images as NHWC, others as ONNX has them.
  mutating func combine(
    _ operation: BinaryOperation, _ a: ONNXActivation, _ b: ONNXActivation, name: String
  ) throws(Diagnostic) -> ONNXActivation {
    if a.layout == b.layout, graph[a.node].shape == graph[b.node].shape {
      return ONNXActivation(
        node: try graph.append(name: name, .binary(operation), [a.node, b.node]),
        layout: a.layout)
    }
    let rank = max(a.shape.rank, b.shape.rank)
    var nodes: [NodeID] = []
    for var tensor in [a, b] {
      let missing = rank - tensor.shape.rank
      if missing > 0 {
        tensor.layout = tensor.layout.reshaped(
          to: TensorShape(Array(repeating: 1, count: missing) + tensor.shape.dimensions))
      }
      nodes.append(rank == 4 ? try image(tensor, name) : try plain(tensor, name))
    }
    let node = try graph.append(name: name, .binary(operation), nodes)
    let shape = graph[node].shape
    return ONNXActivation(
      node: node, layout: rank == 4 ? ONNXLayout(image: shape) : ONNXLayout(plain: shape))
  }

  // MARK: What changes nothing

  private mutating func dropout(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    if call.has(2), try call.integers(2).values != [0] {
      throw call.node.problem(
        "it is in training mode", remedy: "export the model with training off")
    }
    return call.operands[0]
  }

  /// Real to real passes; known numbers change their kind. (An input of bytes is real already.)
  private mutating func cast(_ call: ONNXCall, to type: ONNXType) throws(Diagnostic) -> ONNXValue {
    switch call.operands[0] {
    case .accumulator(let sums) where type.isReal: return .tensor(sums)
    case .accumulator where type != .int32 && type != .int64:
      throw call.node.problem("it turns sums in 32 bits into another type than real numbers")
    case .tensor where !type.isReal:
      throw call.node.problem("it turns real numbers into integers")
    case .constant(.integers(let integers)) where type.isReal:
      try spend(integers.values.count, call.node)
      return .constant(
        .floats(
          FloatTensor(shape: integers.shape, values: integers.values.map { Float($0) })))
    case .constant(.codes(let codes)) where type.isReal:
      try spend(codes.values.count, call.node)
      return .constant(
        .floats(FloatTensor(shape: codes.shape, values: codes.values.map { Float($0) })))
    case .constant(.floats(let tensor)) where type == .int64 || type == .int32:
      try spend(tensor.values.count, call.node)
      guard tensor.values.allSatisfy({ abs($0) < 0x1p31 }) else {
        throw call.node.problem("a number does not fit its target type")
      }
      return .constant(
        .integers(
          KnownIntegers(shape: tensor.shape, values: tensor.values.map { Int($0) })))
    case .constant(.floats) where !type.isReal:
      throw call.node.problem("it turns real constants into another type than int32 and int64")
    case .constant(.codes(let codes)) where type.element == codes.element: return call.operands[0]
    case .constant(.codes), .constant(.integers):
      let integers = try call.integers(0)
      guard let range = type.integers, integers.values.allSatisfy(range.contains) else {
        throw call.node.problem("a number does not fit its target type")
      }
      guard let element = type.element else { return .constant(.integers(integers)) }
      // Zero points of PyTorch's fake quantization.
      try spend(integers.values.count, call.node)
      return .constant(
        .codes(
          ONNXCodes(
            element: element, shape: integers.shape, values: integers.values.map { Int16($0) })))
    default: return call.operands[0]
    }
  }
}

extension ONNXLayout {
  /// The same layout around a node whose tensor a constant has stretched to `view`.
  fileprivate func following(_ view: TensorShape) -> ONNXLayout {
    guard isDirect, view.rank == self.view.rank, view != self.view else { return self }
    return ONNXLayout(
      shape: TensorShape(permutation.map { view.dimensions[$0] }), view: view,
      permutation: permutation)
  }
}
