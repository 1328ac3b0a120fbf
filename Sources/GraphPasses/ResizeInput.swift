import NeuralGraph

/// `resize-input`: the same network for images of another size. Every window's geometry is derived
/// again from the padding rule that its numbers show: SAME, VALID, or pads kept as they are; a pool
/// over the whole map stays one. Weights do not change.
///
/// Layers that cannot hold at the new size (a window that no longer fits, a matrix product of so
/// many inputs, a sum of maps that now differ) are left out with all that reads them, and `note` is
/// told; what they read becomes an output. One walk.
public func resizeInput(
  _ graph: QuantizedGraph, to size: ImageSize, note: (Diagnostic) -> Void = { _ in }
) throws(Diagnostics) -> QuantizedGraph {
  guard let input = graph.nodes.first, input.type.shape.isImage else {
    throw Diagnostics(
      Diagnostic(
        "the network's input is \(graph.nodes.first?.type.shape.description ?? "missing"), not an "
          + "image: it has no image size"))
  }
  if input.type.shape.height == size.height, input.type.shape.width == size.width { return graph }
  guard (1...NetworkLimits.windowLength).contains(size.height),
    (1...NetworkLimits.windowLength).contains(size.width)
  else { throw Diagnostics(Diagnostic("an image of \(size) is no image")) }
  var resized = QuantizedGraph(name: graph.name)
  var images = [ValueID?](repeating: nil, count: graph.nodes.count)
  var firstLeftOut: (node: String, reason: String)?
  for id in graph.values {
    var node = graph[id]
    let operands = node.operands.compactMap { images[$0.index] }
    guard operands.count == node.operands.count else { continue }
    let types = operands.map { resized[$0].type }
    do throws(ShapeError) {
      let oldShapes = graph[id].operands.map { graph[$0].type.shape }
      node.type.shape = try node.resize(types, from: oldShapes, to: size)
    } catch {
      firstLeftOut = firstLeftOut ?? (node.name, error.message)
      continue
    }
    node.operands = operands
    images[id.index] = resized.append(node)
  }
  resized.outputs = outputs(of: graph, resized, images)
  guard resized.nodes.count > 1 else {
    throw Diagnostics(
      Diagnostic("no layer holds for images of \(size)", node: firstLeftOut?.node))
  }
  if let (name, reason) = firstLeftOut {
    note(
      Diagnostic(
        "at \(size) \(reason); this layer and what follows is left out", severity: .note, node: name
      ))
  }
  let found = resized.verify()
  guard found.isEmpty else { throw Diagnostics(found) }
  return resized
}

/// The outputs that are left, and the values that lost a reader and have none now.
private func outputs(
  of graph: QuantizedGraph, _ resized: QuantizedGraph, _ images: [ValueID?]
) -> [ValueID] {
  let old = Set(graph.outputs.compactMap { images[$0.index] })
  let readers = resized.readers
  return resized.values.filter {
    old.contains($0) || (readers[$0.index].isEmpty && $0.index > 0)
  }
}

extension QuantizedNode {
  /// Changes the operation's geometry to the operands' new types and returns the result's shape.
  fileprivate mutating func resize(
    _ operands: [QuantizedType], from old: [TensorShape], to size: ImageSize
  ) throws(ShapeError) -> TensorShape {
    let first = operands.first?.shape ?? type.shape
    switch operation {
    case .input:
      return TensorShape(height: size.height, width: size.width, channels: type.shape.channels)
    case .convolution(var convolution):
      convolution.geometry = try convolution.geometry.resized(first, isPool: false)
      operation = .convolution(convolution)
      return convolution.geometry.outputShape(channels: type.shape.channels)
    case .averagePool(var pool):
      pool.geometry = try pool.geometry.resized(first, isPool: true)
      operation = .averagePool(pool)
      return pool.geometry.outputShape(channels: type.shape.channels)
    case .maxPool(var pool):
      pool.geometry = try pool.geometry.resized(
        first, isPool: true, hasOwnPads: pool.padCode != nil)
      operation = .maxPool(pool)
      return pool.geometry.outputShape(channels: type.shape.channels)
    case .fullyConnected:
      guard first.elementCount == old[0].elementCount else {
        throw ShapeError("it multiplies \(old[0].elementCount) numbers, not \(first.elementCount)")
      }
      return type.shape
    case .mean(var mean):
      let count = mean.axes.reduce(1) { $0 * first.dimensions[$1] }
      let multiplier =
        mean.requantization.isExact
        ? ExactMultiplier([operands[0].scale], dividedBy: type.scale, count: count)
          .map { FixedPointMultiplier($0) }
        : FixedPointMultiplier.mean(
          input: operands[0].scale, output: type.scale, count: count)
      guard let multiplier else { throw ShapeError("its mean has no multiplier") }
      mean.requantization = multiplier
      operation = .mean(mean)
      return try first.reduced(
        axes: mean.axes, keepsDimensions: type.shape.rank == first.rank)
    case .add, .multiply: return try first.broadcast(with: operands[1].shape)
    case .concatenation(let concatenation):
      return try TensorShape.concatenated(operands.map(\.shape), axis: concatenation.axis)
    case .pad(let pad): return try first.padded(before: pad.before, after: pad.after)
    case .rescale, .table, .softmax, .l2Normalization: return first
    case .reshape: return try type.shape.reshapeTarget(of: first, from: old[0])
    }
  }
}

extension TensorShape {
  /// What a reshape of `old` to this shape becomes for an operand `new`: the same when the number of
  /// elements is, one row of all elements when it was that.
  fileprivate func reshapeTarget(
    of new: TensorShape, from old: TensorShape
  ) throws(ShapeError) -> TensorShape {
    if new.elementCount == old.elementCount { return self }
    if dimensions == [1, old.elementCount] { return TensorShape([1, new.elementCount]) }
    throw ShapeError("\(new) cannot be reshaped as \(old) was")
  }
}

extension WindowGeometry {
  func outputShape(channels: Int) -> TensorShape {
    TensorShape(height: outputHeight, width: outputWidth, channels: channels)
  }

  /// The same window over an image of another size, by the padding rule that these numbers show.
  /// `hasOwnPads` says that the pads are not a framework's rule.
  fileprivate func resized(
    _ image: TensorShape, isPool: Bool, hasOwnPads: Bool = false
  ) throws(ShapeError) -> WindowGeometry {
    guard image.isImage else { throw ShapeError("a window slides over \(image)") }
    var window = self
    if isPool, coversWholeInput {
      (window.kernelHeight, window.kernelWidth) = (image.height, image.width)
    }
    let resized = WindowGeometry(
      inputHeight: image.height, inputWidth: image.width, kernelHeight: window.kernelHeight,
      kernelWidth: window.kernelWidth, strideY: strideY, strideX: strideX, dilationY: dilationY,
      dilationX: dilationX, padding: hasOwnPads ? explicitPads : padding)
    guard let resized else {
      throw ShapeError(
        "its \(kernelHeight)x\(kernelWidth) window fits nowhere into \(image.height)x\(image.width)"
      )
    }
    return resized
  }

  /// VALID or SAME when they give this geometry at its own size (VALID first: it needs no pads), or
  /// else pads: those after the image equal to those before where both give this output size.
  fileprivate var padding: Padding {
    for rule in [Padding.valid, .same] where follows(rule) { return rule }
    return explicitPads
  }

  private var explicitPads: Padding {
    let symmetric = Padding.explicit(
      top: padTop, bottom: padTop, left: padLeft, right: padLeft)
    return follows(symmetric)
      ? symmetric
      : .explicit(top: padTop, bottom: max(0, padBottom), left: padLeft, right: max(0, padRight))
  }

  private func follows(_ padding: Padding) -> Bool {
    WindowGeometry(
      inputHeight: inputHeight, inputWidth: inputWidth, kernelHeight: kernelHeight,
      kernelWidth: kernelWidth, strideY: strideY, strideX: strideX, dilationY: dilationY,
      dilationX: dilationX, padding: padding) == self
  }
}
