/// Why an operation does not take its operands.
public struct ShapeError: Error, Hashable, Sendable {
  public var message: String
  public init(_ message: String) { self.message = message }
}

extension Operation {
  /// The most elements that a tensor may have.
  public static let maximumElements = NetworkLimits.tensorElements

  /// The shape of the result, from the operands' shapes; checks their number and their fit.
  public func shape(of operands: [TensorShape]) throws(ShapeError) -> TensorShape {
    let result = try uncheckedShape(of: operands)
    guard
      let count = TensorShape.checkedElementCount(
        result.dimensions, limit: Operation.maximumElements)
    else { throw ShapeError("a tensor of \(result) is too large") }
    if case .constant = self { return result }
    guard count > 0 else { throw ShapeError("a tensor of \(result) has no elements") }
    return result
  }

  private func uncheckedShape(of operands: [TensorShape]) throws(ShapeError) -> TensorShape {
    switch self {
    case .input(let shape):
      try expect(operands, 0...0)
      return shape
    case .constant(let tensor):
      try expect(operands, 0...0)
      return tensor.shape
    case .convolution(let convolution):
      try expect(operands, 2...3)
      return try convolution.shape(of: operands)
    case .matrixMultiplication:
      try expect(operands, 2...3)
      return try Operation.matrixMultiplicationShape(operands)
    case .unary, .activation, .softmax:
      try expect(operands, 1...1)
      return operands[0]
    case .nonlinearity(let nonlinearity):
      try expect(operands, 1...1)
      guard nonlinearity.fits(operands[0]) else {
        throw ShapeError("it has not one number for each channel of \(operands[0])")
      }
      return operands[0]
    case .concatenation(let axis):
      try expect(operands, 1...NetworkLimits.operands)
      return try TensorShape.concatenated(operands, axis: axis)
    case .binary:
      try expect(operands, 2...2)
      return try operands[0].broadcast(with: operands[1])
    case .batchNormalization:
      try expect(operands, 5...5)
      for vector in operands.dropFirst() where vector != TensorShape([operands[0].channels]) {
        throw ShapeError("a parameter is \(vector) for \(operands[0].channels) channels")
      }
      return operands[0]
    case .fakeQuantization(let grid):
      try expect(operands, 3...3)
      if grid.isPerChannel {
        for bound in operands.dropFirst() where bound != TensorShape([operands[0].channels]) {
          throw ShapeError("a bound of the ranges is \(bound) for \(operands[0].channels) channels")
        }
        return operands[0]
      }
      for bound in operands.dropFirst() where bound.elementCount != 1 {
        throw ShapeError("a bound of the range is \(bound), not one number")
      }
      return operands[0]
    case .averagePool(let geometry), .maxPool(let geometry):
      try expect(operands, 1...1)
      try geometry.check(image: operands[0])
      return TensorShape(
        height: geometry.outputHeight, width: geometry.outputWidth, channels: operands[0].channels)
    case .mean(let axes, let keepsDimensions):
      try expect(operands, 1...1)
      return try operands[0].reduced(axes: axes, keepsDimensions: keepsDimensions)
    case .pad(let before, let after):
      try expect(operands, 1...1)
      return try operands[0].padded(before: before, after: after)
    case .reshape(let shape):
      try expect(operands, 1...1)
      let count = TensorShape.checkedElementCount(
        shape.dimensions, limit: Operation.maximumElements)
      guard count == operands[0].elementCount else {
        throw ShapeError("\(operands[0]) cannot be reshaped to \(shape)")
      }
      return shape
    case .transpose(let permutation):
      try expect(operands, 1...1)
      guard permutation.sorted() == Array(0..<operands[0].rank) else {
        throw ShapeError("\(permutation) does not permute the dimensions of \(operands[0])")
      }
      return TensorShape(permutation.map { operands[0].dimensions[$0] })
    }
  }

  private func expect(_ operands: [TensorShape], _ count: ClosedRange<Int>) throws(ShapeError) {
    guard count.contains(operands.count) else {
      let wanted =
        count.count == 1 ? "\(count.lowerBound)" : "\(count.lowerBound) or \(count.upperBound)"
      throw ShapeError("needs \(wanted) operands and has \(operands.count)")
    }
  }

  private static func matrixMultiplicationShape(
    _ operands: [TensorShape]
  ) throws(ShapeError) -> TensorShape {
    let (left, right) = (operands[0], operands[1])
    guard left.rank == 2, right.rank == 2, left.dimensions[1] == right.dimensions[0],
      left.dimensions[1] > 0
    else {
      throw ShapeError("\(left) and \(right) cannot be multiplied")
    }
    if operands.count == 3, operands[2] != TensorShape([right.dimensions[1]]) {
      throw ShapeError("the bias is \(operands[2]) for \(right.dimensions[1]) outputs")
    }
    return TensorShape([left.dimensions[0], right.dimensions[1]])
  }
}

extension Convolution {
  fileprivate func shape(of operands: [TensorShape]) throws(ShapeError) -> TensorShape {
    let (image, filter) = (operands[0], operands[1])
    try geometry.check(image: image)
    guard groups > 0, image.channels % groups == 0 else {
      throw ShapeError("\(groups) groups do not divide \(image.channels) input channels")
    }
    guard filter.rank == 4, filter.dimensions[0] == geometry.kernelHeight,
      filter.dimensions[1] == geometry.kernelWidth, filter.elementCount > 0
    else { throw ShapeError("the filter is \(filter)") }
    let outputs = try outputChannels(filter: filter, inputChannels: image.channels)
    if operands.count == 3, operands[2] != TensorShape([outputs]) {
      throw ShapeError("the bias is \(operands[2]) for \(outputs) output channels")
    }
    return TensorShape(
      height: geometry.outputHeight, width: geometry.outputWidth, channels: outputs)
  }

  /// Output channels of a filter [Kh, Kw, Cin / groups, Cout] or, depthwise, [Kh, Kw, Cin, M].
  public func outputChannels(
    filter: TensorShape, inputChannels: Int
  ) throws(ShapeError) -> Int {
    let (depth, last) = (filter.dimensions[2], filter.dimensions[3])
    if depth == inputChannels / groups, last % groups == 0 { return last }
    if groups == inputChannels, depth == inputChannels {
      let (outputs, overflow) = depth.multipliedReportingOverflow(by: last)
      if !overflow { return outputs }
    }
    throw ShapeError(
      "the filter \(filter) does not fit \(inputChannels) input channels in \(groups) groups")
  }
}

extension WindowGeometry {
  fileprivate func check(image: TensorShape) throws(ShapeError) {
    guard image.isImage, image.height == inputHeight, image.width == inputWidth else {
      throw ShapeError(
        "the operand is \(image), not an image 1x\(inputHeight)x\(inputWidth)xC")
    }
  }
}

extension TensorShape {
  /// NumPy's broadcasting: dimensions are matched from the innermost; 1 stretches.
  public func broadcast(with other: TensorShape) throws(ShapeError) -> TensorShape {
    let rank = max(self.rank, other.rank)
    var dimensions: [Int] = []
    for index in 0..<rank {
      let a = index < rank - self.rank ? 1 : self.dimensions[index - (rank - self.rank)]
      let b = index < rank - other.rank ? 1 : other.dimensions[index - (rank - other.rank)]
      guard a == b || a == 1 || b == 1 else {
        throw ShapeError("\(self) and \(other) cannot be broadcast to one shape")
      }
      dimensions.append(a == 1 ? b : a)
    }
    return TensorShape(dimensions)
  }

  /// The shape after the mean over `axes` (ascending, without repetition).
  public func reduced(axes: [Int], keepsDimensions: Bool) throws(ShapeError) -> TensorShape {
    guard axes.allSatisfy(dimensions.indices.contains), axes == Array(Set(axes)).sorted() else {
      throw ShapeError("\(axes) are not dimensions of \(self)")
    }
    guard axes.allSatisfy({ dimensions[$0] > 0 }) else {
      throw ShapeError("the mean of no elements of \(self)")
    }
    if keepsDimensions {
      return TensorShape(dimensions.indices.map { axes.contains($0) ? 1 : dimensions[$0] })
    }
    return TensorShape(dimensions.indices.filter { !axes.contains($0) }.map { dimensions[$0] })
  }

  /// Shapes joined along one dimension; all other extents are the same.
  public static func concatenated(_ shapes: [TensorShape], axis: Int) throws(ShapeError)
    -> TensorShape
  {
    guard var result = shapes.first, result.dimensions.indices.contains(axis) else {
      throw ShapeError("there is no dimension \(axis) to join along")
    }
    result.dimensions[axis] = 0
    for shape in shapes {
      var rest = shape
      if rest.dimensions.indices.contains(axis) { rest.dimensions[axis] = 0 }
      var wanted = result
      wanted.dimensions[axis] = 0
      let (sum, overflow) = result.dimensions[axis].addingReportingOverflow(
        shape.dimensions.indices.contains(axis) ? shape.dimensions[axis] : 0)
      guard rest == wanted, !overflow else {
        let list = shapes.prefix(8).map(\.description).joined(separator: ", ")
        throw ShapeError("\(list) cannot be joined along dimension \(axis)")
      }
      result.dimensions[axis] = sum
    }
    return result
  }

  /// The shape with elements added before and after each dimension.
  public func padded(before: [Int], after: [Int]) throws(ShapeError) -> TensorShape {
    guard before.count == rank, after.count == rank,
      (before + after).allSatisfy({ (0...(1 << 24)).contains($0) })
    else { throw ShapeError("\(before) and \(after) do not pad \(self)") }
    return TensorShape(dimensions.indices.map { dimensions[$0] + before[$0] + after[$0] })
  }
}
