/// Checks one node of a `QuantizedGraph` against its operands' types.
struct NodeChecker {
  let node: QuantizedNode
  let operands: [QuantizedType]
  private var found: [Diagnostic] = []

  init(node: QuantizedNode, operands: [QuantizedType]) {
    self.node = node
    self.operands = operands
  }

  /// All that is wrong with the node.
  consuming func check() -> [Diagnostic] {
    checkType()
    let wanted: ClosedRange<Int>
    switch node.operation {
    case .input: wanted = 0...0
    case .add, .multiply: wanted = 2...2
    case .concatenation: wanted = 1...NetworkLimits.operands
    default: wanted = 1...1
    }
    require(
      wanted.contains(operands.count),
      "has \(operands.count) operands; its operation takes \(wanted.lowerBound)"
        + (wanted.count > 1 ? " to \(wanted.upperBound)" : ""))
    if found.isEmpty, operands.allSatisfy(Self.hasValidShape) { checkOperation() }
    return found
  }

  private mutating func require(_ condition: Bool, _ message: String) {
    guard !condition else { return }
    found.append(Diagnostic(message, node: node.name))
  }

  private static func hasValidShape(_ type: QuantizedType) -> Bool {
    guard
      let count = TensorShape.checkedElementCount(
        type.shape.dimensions, limit: NetworkLimits.tensorElements)
    else { return false }
    return count > 0 && type.shape.channels <= NetworkLimits.channels
  }

  private mutating func checkType() {
    let type = node.type
    require(
      Self.hasValidShape(type),
      "has the shape \(type.shape); a tensor has 1 to \(NetworkLimits.tensorElements) elements and "
        + "at most \(NetworkLimits.channels) channels")
    require(
      type.scale.isFinite && type.scale > 0,
      "has the scale \(type.scale); a scale is finite and above zero")
    require(
      type.element.range.contains(type.zeroPoint),
      "has the zero point \(type.zeroPoint), which is no \(type.element.rawValue)")
  }

  private mutating func checkOperation() {
    switch node.operation {
    case .input: break
    case .convolution(let convolution): check(convolution)
    case .fullyConnected(let layer): check(layer)
    case .averagePool(let pool):
      check(pool)
      require(pool.padCode == nil, "is an average pool whose pads have a code")
    case .maxPool(let pool): check(pool)
    case .mean(let mean): check(mean)
    case .add(let add): check(add)
    case .multiply(let multiply):
      checkBroadcast("multiplies", "by")
      check([multiply.requantization])
      check(clamp: multiply.clamp)
    case .table(let table): check(table)
    case .concatenation(let concatenation): check(concatenation)
    case .rescale(let rescale):
      require(operands[0].shape == node.type.shape, "changes its operand's shape")
      check([rescale.requantization])
      check(clamp: rescale.clamp)
    case .pad(let pad): check(pad)
    case .reshape:
      require(
        operands[0].shape.elementCount == node.type.shape.elementCount,
        "reshapes \(operands[0].shape) to \(node.type.shape), which has another element count")
      requireSameQuantization()
    case .softmax(let softmax): check(softmax)
    case .l2Normalization: checkL2Normalization()
    }
  }

  private mutating func requireSameQuantization() {
    for operand in operands { requireSameQuantization(operand) }
  }

  private mutating func requireSameQuantization(_ operand: QuantizedType) {
    require(
      operand.element == node.type.element && operand.zeroPoint == node.type.zeroPoint
        && abs(operand.scale - node.type.scale) <= 1e-6,
      "copies codes from a tensor of another quantization (\(operand.quantizationText) to "
        + "\(node.type.quantizationText))")
  }

  private mutating func check(clamp: ClosedRange<Int>) {
    require(
      node.type.element.range.covers(clamp),
      "clamps to \(clamp), which leaves \(node.type.element.rawValue)")
  }

  private mutating func check(
    _ multipliers: [FixedPointMultiplier], mantissas: ClosedRange<Int> = 1 << 30...Int(Int32.max)
  ) {
    for (channel, multiplier) in multipliers.enumerated() {
      if multiplier.divisor != 0 {
        guard !multiplier.isValidExact else { continue }
        require(
          false,
          "has the multiplier \(multiplier) in channel \(channel); it leaves 128-bit arithmetic")
        return
      }
      let valid =
        multiplier.multiplier == 0 || mantissas.contains(multiplier.multiplier)
      guard !valid || !(-31...30).contains(multiplier.exponent) else { continue }
      require(
        false,
        "has the multiplier \(multiplier) in channel \(channel); its mantissa is 0 or "
          + "\(mantissas), its exponent -31...30")
      return
    }
  }

  private mutating func check(_ geometry: WindowGeometry, channels: Int) {
    let input = operands[0].shape
    let output = node.type.shape
    require(input.isImage && output.isImage, "slides a window over a tensor that is no image")
    guard found.isEmpty else { return }
    require(
      input
        == TensorShape(
          height: geometry.inputHeight, width: geometry.inputWidth, channels: input.channels),
      "has a window over \(geometry.inputHeight)x\(geometry.inputWidth) pixels on \(input)")
    require(
      output.dimensions == [1, geometry.outputHeight, geometry.outputWidth, channels],
      "has the shape \(output); its window gives "
        + "1x\(geometry.outputHeight)x\(geometry.outputWidth)x\(channels)")
    let lengths = [
      geometry.kernelHeight, geometry.kernelWidth, geometry.strideY, geometry.strideX,
      geometry.dilationY, geometry.dilationX, geometry.padTop + 1, geometry.padLeft + 1,
    ]
    require(
      lengths.allSatisfy { (1...NetworkLimits.windowLength).contains($0) },
      "has a kernel, stride, dilation or pad outside 1...\(NetworkLimits.windowLength)")
  }

  private mutating func check(_ convolution: QuantizedConvolution) {
    let input = operands[0].shape
    let (inputs, outputs) = (convolution.inputChannels, convolution.outputChannels)
    require(
      convolution.groups > 0 && inputs > 0 && outputs > 0 && inputs == input.channels
        && inputs.isMultiple(of: max(1, convolution.groups))
        && outputs.isMultiple(of: max(1, convolution.groups)),
      "has \(convolution.groups) groups over \(inputs) to \(outputs) channels on \(input)")
    check(convolution.geometry, channels: outputs)
    guard found.isEmpty else { return }
    check(
      weights: convolution.weights,
      extents: [
        outputs, convolution.geometry.kernelHeight, convolution.geometry.kernelWidth,
        convolution.inputChannelsPerGroup,
      ])
    check(
      channels: outputs, bias: convolution.bias.count,
      multipliers: convolution.requantization.count, scales: convolution.weightScales,
      zeroPoints: convolution.weightZeroPoints.count)
    check(convolution.requantization)
    check(clamp: convolution.clamp)
    if found.isEmpty, let problem = convolution.adaptation?.problem(of: convolution) {
      require(false, problem)
    }
  }

  private mutating func check(_ layer: QuantizedFullyConnected) {
    let inputs = operands[0].shape.elementCount
    require(
      layer.inputSize > 0 && inputs.isMultiple(of: max(1, layer.inputSize))
        && node.type.shape.elementCount == inputs / max(1, layer.inputSize) * layer.outputSize
        && node.type.shape.channels == layer.outputSize,
      "maps \(layer.inputSize) to \(layer.outputSize) values from \(operands[0].shape) to "
        + "\(node.type.shape)")
    guard found.isEmpty else { return }
    check(weights: layer.weights, extents: [layer.outputSize, layer.inputSize])
    check(
      channels: layer.outputSize, bias: layer.bias.count,
      multipliers: layer.requantization.count, scales: layer.weightScales,
      zeroPoints: layer.weightZeroPoints.count)
    for (output, multiplier) in layer.requantization.enumerated() {
      if multiplier.divisor != 0 {
        let exact = FixedPointMultiplier(
          multiplier: multiplier.mantissa, exponent: -max(-1000, min(1000, multiplier.shift)),
          divisor: multiplier.divisor)
        require(
          exact.isValidExact,
          "has the multiplier \(multiplier) in output \(output); it leaves 128-bit arithmetic")
        continue
      }
      guard
        !(0..<1 << 53).contains(multiplier.mantissa)
          || !(-1100...1100).contains(multiplier.shift)
      else { continue }
      require(false, "has the multiplier \(multiplier) in output \(output), which is no binary64")
      break
    }
    check(clamp: layer.clamp)
  }

  private mutating func check(weights: [Int16], extents: [Int]) {
    require(
      TensorShape.checkedElementCount(extents, limit: weights.count) == weights.count,
      "has \(weights.count) weights; its shape is \(TensorShape(extents))")
    require(
      weights.allSatisfy { (-255...255).contains($0) }, "has a weight outside -255...255")
  }

  private mutating func check(
    channels: Int, bias: Int, multipliers: Int, scales: [Float], zeroPoints: Int
  ) {
    require(bias == channels, "has \(bias) biases for \(channels) output channels")
    require(
      multipliers == channels, "has \(multipliers) multipliers for \(channels) output channels")
    require(
      [1, channels].contains(scales.count) && [1, channels].contains(zeroPoints),
      "has \(scales.count) weight scales and \(zeroPoints) weight zero points for \(channels) "
        + "output channels")
    require(scales.allSatisfy { $0.isFinite && $0 > 0 }, "has a weight scale that is no scale")
  }

  private mutating func check(_ pool: QuantizedPool) {
    check(pool.geometry, channels: operands[0].shape.channels)
    check(clamp: pool.clamp)
    requireSameQuantization()
    if let code = pool.padCode {
      require(node.type.element.range.contains(code), "pads with the code \(code)")
      require(
        pool.geometry.dilationY == 1 && pool.geometry.dilationX == 1,
        "has a dilated window and pads of a code")
    }
    guard found.isEmpty else { return }
    for axis in [pool.geometry.vertical, pool.geometry.horizontal] {
      require(
        !axis.distinctTaps.contains(where: \.isEmpty), "has a window that lies wholly in the pad")
    }
  }

  private mutating func check(_ mean: QuantizedMean) {
    let input = operands[0].shape
    require(
      !mean.axes.isEmpty && mean.axes == Set(mean.axes).sorted()
        && mean.axes.allSatisfy { (0..<input.rank).contains($0) },
      "reduces the dimensions \(mean.axes) of \(input)")
    guard found.isEmpty else { return }
    let kept = input.dimensions.indices.filter { !mean.axes.contains($0) }
    require(
      node.type.shape.dimensions == kept.map { input.dimensions[$0] }
        || node.type.shape.dimensions
          == input.dimensions.indices.map { mean.axes.contains($0) ? 1 : input.dimensions[$0] },
      "reduces \(input) over \(mean.axes) to \(node.type.shape)")
    check([mean.requantization], mantissas: 1...Int(Int32.max))
    check(clamp: mean.clamp)
  }

  private mutating func check(_ add: QuantizedAdd) {
    checkBroadcast("adds", "and")
    check([add.first.magnitude, add.second.magnitude, add.output])
    guard found.isEmpty else { return }
    let widest = 255 << QuantizedAdd.leftShift
    for multiplier in [add.first, add.second] {
      require(
        multiplier.accepts(-widest...widest)
          && (!multiplier.isExact || multiplier.magnitude.apply(widest) < 1 << 49),
        "scales an input by \(multiplier), which leaves the accumulator")
    }
    check(clamp: add.clamp)
  }

  /// The result has the shape to which both operands' broadcast.
  private mutating func checkBroadcast(_ verb: String, _ and: String) {
    let shape = try? operands[0].shape.broadcast(with: operands[1].shape)
    require(
      shape == node.type.shape,
      "\(verb) \(operands[0].shape) \(and) \(operands[1].shape) to \(node.type.shape)")
  }

  private mutating func check(_ table: QuantizedTable) {
    require(operands[0].shape == node.type.shape, "changes its operand's shape")
    require(
      [256, 256 * node.type.shape.channels].contains(table.codes.count),
      "has \(table.codes.count) codes; a table has 256, for all of \(node.type.shape.channels) "
        + "channels or each")
    require(
      table.codes.allSatisfy { node.type.element.range.contains(Int($0)) },
      "has a code that is no \(node.type.element.rawValue)")
  }

  private mutating func check(_ concatenation: QuantizedConcatenation) {
    let (axis, output) = (concatenation.axis, node.type.shape)
    guard output.dimensions.indices.contains(axis),
      operands.allSatisfy({ $0.shape.rank == output.rank })
    else {
      require(false, "joins tensors along dimension \(axis) of \(output)")
      return
    }
    // No operand is larger than `NetworkLimits` allows, nor are there more of them.
    var joined = operands[0].shape
    joined.dimensions[axis] = operands.reduce(0) { $0 + $1.shape.dimensions[axis] }
    let fits = operands.allSatisfy { operand in
      output.dimensions.indices.allSatisfy {
        $0 == axis || operand.shape.dimensions[$0] == output.dimensions[$0]
      }
    }
    require(
      fits && joined == output,
      "joins \(operands.map(\.shape.description).joined(separator: ", ")) along dimension "
        + "\(axis) to \(output)")
    requireSameQuantization()
  }

  private mutating func check(_ pad: QuantizedPad) {
    let input = operands[0].shape
    let pads = pad.before + pad.after
    require(
      pad.before.count == input.rank && pad.after.count == input.rank
        && pads.allSatisfy { (0...NetworkLimits.windowLength).contains($0) },
      "pads \(pad.before) before and \(pad.after) after \(input)")
    guard found.isEmpty else { return }
    let padded = input.dimensions.indices.map {
      pad.before[$0] + input.dimensions[$0] + pad.after[$0]
    }
    require(
      node.type.shape.dimensions == padded,
      "pads \(input) to \(TensorShape(padded)), but its shape is \(node.type.shape)")
    require(
      pad.code.map(node.type.element.range.contains) ?? true,
      "fills with \(pad.code ?? 0), which is no \(node.type.element.rawValue)")
    requireSameQuantization()
  }

  private mutating func checkL2Normalization() {
    let (input, output) = (operands[0], node.type)
    require(input.shape == output.shape, "changes its operand's shape")
    require(
      input.element == output.element && output.scale == 1 / 128
        && output.zeroPoint == output.element.range.lowerBound + 128,
      "gives \(output.quantizationText); an L2 normalization gives scale 1/128 and 0 in the middle")
    // The sum of squares stays in int32.
    require(
      input.shape.channels <= 33_000, "sums \(input.shape.channels) squares; at most 33000 fit")
  }

  private mutating func check(_ softmax: QuantizedSoftmax) {
    require(operands[0].shape == node.type.shape, "changes its operand's shape")
    let multiplier = softmax.inputMultiplier
    require(
      (1 << 30...Int(Int32.max)).contains(multiplier.multiplier)
        && (0...31).contains(multiplier.exponent) && softmax.minimumDifference <= 0
        && softmax.minimumDifference >= -((31 << 26) >> multiplier.exponent),
      "has the input multiplier \(multiplier) and the least difference "
        + "\(softmax.minimumDifference), which leave 5 integer bits")
    require(
      abs(node.type.scale - 1 / 256) <= 0.001 / 256
        && node.type.zeroPoint == node.type.element.range.lowerBound
        && node.type.element == operands[0].element,
      "gives \(node.type.quantizationText); a softmax gives scale 1/256 and the lowest code for 0")
  }
}

extension QuantizedType {
  /// Element type, scale and zero point, for messages and `description`.
  var quantizationText: String { "\(element.rawValue) scale \(scale) zero \(zeroPoint)" }
}

extension FixedPointMultiplier: CustomStringConvertible {
  public var description: String {
    isExact ? "\(multiplier)*2^\(exponent)/\(divisor)" : "\(multiplier)*2^\(exponent - 31)"
  }
}

extension RealMultiplier: CustomStringConvertible {
  public var description: String {
    "\(mantissa)*2^\(-shift)" + (divisor > 0 ? "/\(divisor)" : "")
  }
}
