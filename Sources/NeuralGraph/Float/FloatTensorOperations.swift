import Foundation

extension FloatTensor {
  func map(_ function: (Float) -> Float) -> FloatTensor {
    FloatTensor(shape: shape, values: values.map(function))
  }

  /// NumPy's broadcasting of two tensors to `shape`, which `TensorShape.broadcast` gave.
  static func broadcast(
    _ a: FloatTensor, _ b: FloatTensor, shape: TensorShape, _ function: (Float, Float) -> Float
  ) -> FloatTensor {
    if a.shape == b.shape { return FloatTensor(shape: shape, values: zipped(a, b, function)) }
    let stepsA = a.steps(broadcastTo: shape)
    let stepsB = b.steps(broadcastTo: shape)
    var result: [Float] = []
    result.reserveCapacity(shape.elementCount)
    shape.forEachIndex([stepsA, stepsB]) {
      result.append(function(a.values[$0[0]], b.values[$0[1]]))
    }
    return FloatTensor(shape: shape, values: result)
  }

  private static func zipped(
    _ a: FloatTensor, _ b: FloatTensor, _ function: (Float, Float) -> Float
  ) -> [Float] {
    zip(a.values, b.values).map(function)
  }

  private func steps(broadcastTo target: TensorShape) -> [Int] { shape.steps(broadcastTo: target) }

  /// `(x - mean) * (gamma / sqrt(variance + epsilon)) + beta`.
  static func normalize(_ operands: [FloatTensor], epsilon: Float) -> FloatTensor {
    let (gamma, beta, mean, variance) = (operands[1], operands[2], operands[3], operands[4])
    let scale = zip(gamma.values, variance.values).map { gamma, variance in
      gamma * UnaryOperation.reciprocalSquareRoot.apply(variance + epsilon)
    }
    let channels = scale.count
    var result = operands[0].values
    for index in result.indices {
      let channel = index % channels
      result[index] = (result[index] - mean.values[channel]) * scale[channel] + beta.values[channel]
    }
    return FloatTensor(shape: operands[0].shape, values: result)
  }

  /// Combines the cells of each window that are inside the image, channel by channel.
  func pool(
    _ geometry: WindowGeometry, initial: Float, _ combine: (Float, Float) -> Float,
    finish: (Float, Int) -> Float
  ) -> [Float] {
    let channels = shape.channels
    var result = [Float](
      repeating: initial, count: geometry.outputHeight * geometry.outputWidth * channels)
    for y in 0..<geometry.outputHeight {
      let top = y * geometry.strideY - geometry.padTop
      let rows = max(0, top)..<max(0, top, min(geometry.inputHeight, top + geometry.kernelHeight))
      for x in 0..<geometry.outputWidth {
        let left = x * geometry.strideX - geometry.padLeft
        let columns =
          max(0, left)..<max(0, left, min(geometry.inputWidth, left + geometry.kernelWidth))
        let base = (y * geometry.outputWidth + x) * channels
        for row in rows {
          for column in columns {
            let offset = (row * geometry.inputWidth + column) * channels
            for channel in 0..<channels {
              result[base + channel] = combine(result[base + channel], values[offset + channel])
            }
          }
        }
        for channel in 0..<channels {
          result[base + channel] = finish(result[base + channel], rows.count * columns.count)
        }
      }
    }
    return result
  }

  /// The tensors' numbers along one dimension; the shapes fit.
  static func concatenated(_ tensors: [FloatTensor], axis: Int) -> [Float] {
    let runs = tensors.map { $0.shape.dimensions[axis...].reduce(1, *) }
    let outer = tensors[0].shape.dimensions[..<axis].reduce(1, *)
    var result: [Float] = []
    result.reserveCapacity(outer * runs.reduce(0, +))
    for index in 0..<outer {
      for (tensor, run) in zip(tensors, runs) {
        result += tensor.values[index * run..<(index + 1) * run]
      }
    }
    return result
  }

  func mean(axes: [Int]) -> [Float] {
    let kept = try? shape.reduced(axes: axes, keepsDimensions: true)
    guard let kept else { preconditionFailure("shape inference accepts axes before evaluation") }
    var sums = [Float](repeating: 0, count: kept.elementCount)
    let source = steps(broadcastTo: shape)
    let target = FloatTensor(shape: kept, values: sums).steps(broadcastTo: shape)
    shape.forEachIndex([source, target]) { sums[$0[1]] += values[$0[0]] }
    let count = Float(axes.reduce(1) { $0 * shape.dimensions[$1] })
    return sums.map { $0 / count }
  }

  func padded(before: [Int], to target: TensorShape) -> [Float] {
    var result = [Float](repeating: 0, count: target.elementCount)
    let source = steps(broadcastTo: shape)
    var steps = [Int](repeating: 1, count: target.rank)
    for axis in target.dimensions.indices.dropLast().reversed() {
      steps[axis] = steps[axis + 1] * target.dimensions[axis + 1]
    }
    let start = zip(before, steps).reduce(0) { $0 + $1.0 * $1.1 }
    shape.forEachIndex([source, steps]) { result[start + $0[1]] = values[$0[0]] }
    return result
  }

  func transposed(_ permutation: [Int], to target: TensorShape) -> [Float] {
    var strides = [Int](repeating: 1, count: shape.rank)
    for axis in shape.dimensions.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape.dimensions[axis + 1]
    }
    var result: [Float] = []
    result.reserveCapacity(values.count)
    target.forEachIndex([permutation.map { strides[$0] }]) { result.append(values[$0[0]]) }
    return result
  }

  /// Over the innermost dimension; the maximum is subtracted first.
  func softmax() -> [Float] {
    let size = shape.channels
    var result = values
    guard size > 0 else { return result }
    for base in stride(from: 0, to: result.count, by: size) {
      let row = base..<(base + size)
      let maximum = result[row].max() ?? 0
      for index in row { result[index] = exp(result[index] - maximum) }
      let sum = result[row].reduce(0, +)
      for index in row { result[index] /= sum }
    }
    return result
  }
}

extension TensorShape {
  /// Elements from one index to the next in each dimension of `target`; 0 where this shape is
  /// stretched.
  func steps(broadcastTo target: TensorShape) -> [Int] {
    var steps = [Int](repeating: 0, count: target.rank)
    var step = 1
    for (offset, dimension) in dimensions.reversed().enumerated() {
      steps[target.rank - 1 - offset] = dimension == 1 ? 0 : step
      step *= dimension
    }
    return steps
  }

  /// Walks all indices in row-major order and calls `body` with one offset a step list: the sum
  /// over dimensions of index times step.
  func forEachIndex(_ steps: [[Int]], _ body: ([Int]) -> Void) {
    guard elementCount > 0 else { return }
    var index = [Int](repeating: 0, count: rank)
    var offsets = [Int](repeating: 0, count: steps.count)
    while true {
      body(offsets)
      var axis = rank - 1
      while axis >= 0 {
        index[axis] += 1
        for list in steps.indices { offsets[list] += steps[list][axis] }
        if index[axis] < dimensions[axis] { break }
        for list in steps.indices { offsets[list] -= steps[list][axis] * dimensions[axis] }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
