import NeuralGraph

// Functions of one quantized tensor, products, and concatenations, by ONNX's rules.

extension ONNXIntegerLowering {
  /// Operators between one quantized tensor and the next, at most.
  private static let longestFunction = 64

  /// What stands between one quantized tensor and `id` when that is arithmetic element by element
  /// with constants of one number or one a channel (sigmoid, hard swish in its parts, `x / 2`): a
  /// table. Each operator is computed in binary32, as ONNX Runtime computes it, for all 256 codes;
  /// the result is divided by the scale in binary32 and rounded, ties to even. Nil when it is
  /// something else.
  mutating func lowerTable(_ id: NodeID, _ target: Target) -> ValueID? {
    guard
      let function = PointwiseFunction(
        id, in: graph, limit: Self.longestFunction,
        isQuantized: {
          values[$0] != nil
        }), let source = values[function.source], function.operation != nil
    else { return nil }
    let type = result[source].type
    let (grid, clamp) = (target.grid.parameters, target.clamp)
    let inputs = type.element.range.map { type.scale * Float($0 - type.zeroPoint) }
    tableBudget -= 256 * function.channels
    guard tableBudget >= 0 else { return nil }
    var codes: [Int16] = []
    codes.reserveCapacity(256 * function.channels)
    for channel in 0..<function.channels {
      if let exact = exactCodes(id, type, target, channel: channel) {
        codes += exact
        continue
      }
      for real in function.evaluate(inputs, channel: channel, in: graph) {
        let steps = (real / grid.scale).rounded(.toNearestOrEven)
        let code =
          steps.isNaN ? clamp.lowerBound : Int(max(-1024, min(1024, steps))) + grid.zeroPoint
        codes.append(Int16(min(max(code, clamp.lowerBound), clamp.upperBound)))
      }
    }
    return emit(
      .table(QuantizedTable(function: function.operation ?? .requantize, codes: codes)),
      [source], graph[id].shape, target)
  }

  /// The codes of a sum or product with a constant of codes (QLinearAdd, QLinearMul), by the rule of
  /// two quantized tensors; nil for anything else.
  private func exactCodes(
    _ id: NodeID, _ type: QuantizedType, _ target: Target, channel: Int
  ) -> [Int16]? {
    let node = graph[id]
    guard case .binary(let operation) = node.operation,
      let operand = node.operands.first(where: { constantGrids[$0] != nil }),
      let grid = constantGrids[operand]?.parameters, let constant = graph.constant(operand)
    else { return nil }
    let number = constant.values[constant.values.count == 1 ? 0 : channel]
    let code = Int((number / grid.scale).rounded())
    let output = target.grid.parameters
    let clamp = target.clamp
    let distances = type.element.range.map { $0 - type.zeroPoint }
    let results: [Int]
    switch operation {
    case .add:
      guard
        let add = QuantizedAdd(
          exactFirst: type.scale, second: grid.scale, output: output.scale, clamp: clamp)
      else { return nil }
      let summand = add.second.apply(code << QuantizedAdd.leftShift)
      results = distances.map {
        add.output.apply(add.first.apply($0 << QuantizedAdd.leftShift) + summand)
      }
    case .multiply:
      guard let exact = ExactMultiplier([type.scale, grid.scale], dividedBy: output.scale)
      else { return nil }
      let multiplier = FixedPointMultiplier(exact)
      results = distances.map { multiplier.apply($0 * code) }
    default: return nil
    }
    return results.map {
      Int16(min(max($0 + output.zeroPoint, clamp.lowerBound), clamp.upperBound))
    }
  }

  /// A product, or difference, of two quantized tensors.
  mutating func lowerProduct(_ id: NodeID, _ target: Target) throws(Diagnostic) -> ValueID {
    let node = graph[id]
    let sources = [
      try operand(node.operands[0], of: node), try operand(node.operands[1], of: node),
    ]
    let multiplier = try exact(node, sources.map { result[$0].type.scale }, target)
    return emit(
      .multiply(
        QuantizedMultiply(
          requantization: FixedPointMultiplier(multiplier), clamp: target.clamp)),
      sources, node.shape, target)
  }

  /// Quantized tensors one behind the other; those on another grid are brought to the target's.
  mutating func lowerConcatenation(
    _ id: NodeID, axis: Int, _ target: Target
  ) throws(Diagnostic) -> ValueID {
    let node = graph[id]
    var sources: [ValueID] = []
    for (index, id) in node.operands.enumerated() {
      let source = try operand(id, of: node)
      var named = target
      named.name = "\(target.name)/operand\(index)"
      sources.append(try rescale(node, source, named))
    }
    return emit(
      .concatenation(QuantizedConcatenation(axis: axis)), sources, node.shape, target)
  }
}

/// Arithmetic element by element from one tensor to a node.
private struct PointwiseFunction {
  /// The quantized tensor that it reads.
  let source: NodeID
  /// The nodes between, in topological order.
  private let nodes: [NodeID]
  /// 1, or one function a channel.
  let channels: Int
  /// What it is called: its last operator, or what it is as a whole; nil when there is none.
  let operation: QuantizedTable.Function?

  init?(_ id: NodeID, in graph: Graph, limit: Int, isQuantized: (NodeID) -> Bool) {
    var found: Set<NodeID> = []
    var waiting = [id]
    var sources: Set<NodeID> = []
    var channels = 1
    let shape = graph[id].shape
    while let next = waiting.popLast() {
      if isQuantized(next) {
        guard graph[next].shape == shape else { return nil }
        sources.insert(next)
        continue
      }
      let node = graph[next]
      if let constant = graph.constant(next) {
        if constant.values.count == 1 { continue }
        guard shape.rank > 0, constant.values.count == shape.channels,
          constant.shape.channels == shape.channels
        else { return nil }
        channels = shape.channels
        continue
      }
      guard node.shape == shape, found.count < limit else { return nil }
      switch node.operation {
      case .unary, .binary, .activation: break
      case .batchNormalization: channels = shape.channels
      case .nonlinearity(.leakyRelu(let slopes)) where slopes.count > 1: channels = shape.channels
      case .nonlinearity: break
      default: return nil
      }
      if found.insert(next).inserted { waiting += node.operands }
    }
    guard sources.count == 1, let source = sources.first else { return nil }
    self.source = source
    self.channels = channels
    nodes = found.sorted()
    operation = PointwiseFunction.function(graph, found.sorted())
  }

  private static func function(_ graph: Graph, _ nodes: [NodeID]) -> QuantizedTable.Function? {
    guard let last = nodes.last else { return nil }
    let nonlinearities = nodes.compactMap { id in
      if case .nonlinearity(let nonlinearity) = graph[id].operation { nonlinearity } else { nil }
    }
    switch graph[last].operation {
    case .nonlinearity(let nonlinearity): return nonlinearity.tableFunction
    case .binary(.multiply) where nonlinearities == [.sigmoid]: return .swish
    case .binary(.add): return .add
    case .binary(.subtract): return .subtract
    case .binary(.multiply): return .multiply
    case .binary(.divide): return .divide
    case .binary(.minimum): return .minimum
    case .binary(.maximum): return .maximum
    case .unary(.negate): return .negate
    case .unary(.square): return .square
    case .unary(.squareRoot): return .squareRoot
    case .unary(.reciprocal): return .reciprocal
    case .unary(.reciprocalSquareRoot): return .reciprocalSquareRoot
    default: return .requantize
    }
  }

  /// The function of each of the numbers, in a channel.
  func evaluate(_ inputs: [Float], channel: Int, in graph: Graph) -> [Float] {
    var values: [NodeID: [Float]] = [source: inputs]
    func value(_ id: NodeID) -> [Float] {
      if let value = values[id] { return value }
      guard let constant = graph.constant(id) else { return inputs }
      let number = constant.values[constant.values.count == 1 ? 0 : channel]
      return [Float](repeating: number, count: inputs.count)
    }
    for id in nodes {
      let operands = graph[id].operands.map(value)
      values[id] =
        switch graph[id].operation {
        case .unary(let operation): operands[0].map(operation.apply)
        case .binary(let operation): zip(operands[0], operands[1]).map(operation.apply)
        case .activation(let activation):
          operands[0].map {
            min(max($0, activation.bounds.lowerBound), activation.bounds.upperBound)
          }
        case .batchNormalization(let epsilon):
          // ONNX Runtime's order: one factor and one summand a channel.
          operands[0].indices.map { index in
            let factor = operands[1][index] / (operands[4][index] + epsilon).squareRoot()
            return operands[0][index] * factor + (operands[2][index] - operands[3][index] * factor)
          }
        case .nonlinearity(let nonlinearity):
          operands[0].map { Float(nonlinearity.apply(Double($0), channel: channel)) }
        default: operands[0]
        }
    }
    return nodes.last.flatMap { values[$0] } ?? inputs
  }
}
