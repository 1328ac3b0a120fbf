import Foundation

extension Graph {
  /// Computes every node in binary32, in topological order, and returns the outputs' tensors.
  ///
  /// `images` are one a node of `inputs`, of its shape, else a `Diagnostic` is thrown. `observe`
  /// sees every tensor but the constants as it is computed. A tensor is let go after its last
  /// reader, so memory is that of the widest cut through the graph.
  public func evaluate(
    _ images: [FloatTensor], observe: (NodeID, FloatTensor) throws -> Void = { _, _ in }
  ) throws -> [FloatTensor] {
    guard images.count == inputs.count else {
      throw Diagnostic("the network has \(inputs.count) inputs and was given \(images.count)")
    }
    var pending = zip(inputs, images).makeIterator()
    var tensors = [FloatTensor?](repeating: nil, count: nodes.count)
    var remaining = readers.map(\.count)
    for output in outputs { remaining[output.index] += 1 }
    for id in ids {
      let node = self[id]
      if case .input(let shape) = node.operation {
        guard let (_, image) = pending.next(), image.shape == shape else {
          throw Diagnostic(
            "the input is \(shape) and was given another shape", node: node.name,
            remedy: "resize the image")
        }
        tensors[id.index] = image
      } else {
        tensors[id.index] = node.operation.evaluate(
          node.operands.map { tensors[$0.index]! }, shape: node.shape)
      }
      if case .constant = node.operation {} else { try observe(id, tensors[id.index]!) }
      for operand in node.operands {
        remaining[operand.index] -= 1
        if remaining[operand.index] == 0 { tensors[operand.index] = nil }
      }
    }
    return outputs.map { tensors[$0.index]! }
  }
}

extension Operation {
  /// The result of one operation on operands that `shape(of:)` accepted; `shape` is its answer.
  /// An input has no result of its own and traps.
  public func evaluate(_ operands: [FloatTensor], shape: TensorShape) -> FloatTensor {
    switch self {
    case .input: preconditionFailure("an input is given, not computed")
    case .constant(let tensor): return tensor
    case .reshape: return operands[0].reshaped(to: shape)
    case .convolution, .matrixMultiplication, .averagePool, .maxPool, .softmax, .mean, .pad,
      .transpose, .concatenation, .nonlinearity:
      return FloatTensor(shape: shape, values: structured(operands, shape: shape))
    case .unary(let operation): return operands[0].map(operation.apply)
    case .activation(let activation):
      let bounds = activation.bounds
      return operands[0].map { min(max($0, bounds.lowerBound), bounds.upperBound) }
    case .binary(let operation):
      return FloatTensor.broadcast(operands[0], operands[1], shape: shape, operation.apply)
    case .batchNormalization(let epsilon):
      return FloatTensor.normalize(operands, epsilon: epsilon)
    case .fakeQuantization(let grid):
      let ranges = zip(operands[1].values, operands[2].values).map {
        FakeQuantizationRange(grid, minimum: $0, maximum: $1)
      }
      let values = operands[0].values.enumerated().map { index, value in
        ranges[index % ranges.count]?.apply(value) ?? value
      }
      return FloatTensor(shape: operands[0].shape, values: values)
    }
  }

  /// The operations that gather from many elements, or treat channels apart.
  private func structured(_ operands: [FloatTensor], shape: TensorShape) -> [Float] {
    let first = operands[0]
    switch self {
    case .convolution(let convolution):
      return FloatConvolution.convolve(
        convolution.geometry, groups: convolution.groups, inputChannels: first.shape.channels,
        outputChannels: shape.channels, first.values, operands[1].values,
        bias: operands.count == 3 ? operands[2].values : nil)
    case .matrixMultiplication:
      return FloatConvolution.multiply(
        rows: shape.dimensions[0], depth: first.shape.channels, columns: shape.channels,
        first.values, operands[1].values, bias: operands.count == 3 ? operands[2].values : nil)
    case .averagePool(let geometry):
      return first.pool(geometry, initial: 0, +) { sum, count in sum / Float(count) }
    case .maxPool(let geometry):
      return first.pool(geometry, initial: -.infinity, max) { maximum, _ in maximum }
    case .mean(let axes, _): return first.mean(axes: axes)
    case .pad(let before, _): return first.padded(before: before, to: shape)
    case .transpose(let permutation): return first.transposed(permutation, to: shape)
    case .softmax: return first.softmax()
    case .concatenation(let axis): return FloatTensor.concatenated(operands, axis: axis)
    case .nonlinearity(let nonlinearity):
      let channels = shape.channels
      return first.values.enumerated().map {
        Float(nonlinearity.apply(Double($0.element), channel: $0.offset % channels))
      }
    default: preconditionFailure("\(name) computes each element from few")
    }
  }
}

extension UnaryOperation {
  /// Each step rounded to binary32; the reciprocal square root is 1 / sqrt(x), both rounded.
  public func apply(_ x: Float) -> Float {
    switch self {
    case .negate: -x
    case .square: x * x
    case .squareRoot: x.squareRoot()
    case .reciprocalSquareRoot: 1 / x.squareRoot()
    case .reciprocal: 1 / x
    }
  }
}

extension BinaryOperation {
  /// Rounded to binary32.
  public func apply(_ x: Float, _ y: Float) -> Float {
    switch self {
    case .add: x + y
    case .subtract: x - y
    case .multiply: x * y
    case .divide: x / y
    case .minimum: min(x, y)
    case .maximum: max(x, y)
    }
  }
}
