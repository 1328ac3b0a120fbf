extension QuantizedGraph: CustomStringConvertible {
  /// One line a node: `%3 = convolution(%2) 3x3 stride 2x2 … : uint8 scale 0.02 zero 0 1x56x56x8
  /// "name"`; stable, and complete but for the weights, which appear as the SHA-256 of their values.
  public var description: String {
    var lines = ["network \"\(name)\""]
    for id in values {
      let node = self[id]
      let operands = node.operands.map(\.description).joined(separator: ", ")
      let detail = node.operation.detail
      lines.append(
        "\(id) = \(node.operation.kindName)(\(operands))\(detail.isEmpty ? "" : " " + detail) : "
          + "\(node.type.quantizationText) \(node.type.shape) \"\(node.name)\"")
    }
    lines.append("output " + outputs.map(\.description).joined(separator: ", "))
    return lines.joined(separator: "\n")
  }
}

extension QuantizedOperation {
  /// The operation's name: convolution, depthwise convolution, pointwise convolution, …
  public var kindName: String {
    switch self {
    case .input: return "input"
    case .convolution(let convolution):
      if convolution.isDepthwise { return "depthwise convolution" }
      if convolution.geometry.isPointwise && convolution.groups == 1 {
        return "pointwise convolution"
      }
      return "convolution"
    case .fullyConnected: return "fully connected"
    case .averagePool: return "average pool"
    case .maxPool: return "max pool"
    case .mean: return "mean"
    case .add(let add): return add.second.multiplier < 0 ? "subtract" : "add"
    case .multiply: return "multiply"
    case .rescale: return "rescale"
    case .table(let table): return table.function.rawValue
    case .concatenation: return "concatenation"
    case .pad: return "pad"
    case .reshape: return "reshape"
    case .softmax: return "softmax"
    case .l2Normalization: return "L2 normalization"
    }
  }

  /// The operation's parameters, for `QuantizedGraph.description`.
  fileprivate var detail: String {
    switch self {
    case .input, .reshape, .l2Normalization: return ""
    case .convolution(let c):
      return "\(c.geometry) groups \(c.groups) weights \(c.weights.count) "
        + "\(sha(c.weights)) bias \(sha(c.bias)) multipliers "
        + "\(sha(c.requantization.flatMap { [$0.multiplier, $0.exponent] + ($0.isExact ? [$0.divisor] : []) })) clamp \(c.clamp)"
        + (c.adaptation.map { " adaptive bias \($0.biasBits) scale \($0.scaleBits) bits" } ?? "")
    case .fullyConnected(let f):
      return "weights \(f.outputSize)x\(f.inputSize) \(sha(f.weights)) bias \(sha(f.bias)) "
        + "multipliers \(sha(f.requantization.flatMap { [$0.mantissa, $0.shift] + ($0.divisor > 0 ? [$0.divisor] : []) })) "
        + "clamp \(f.clamp)"
    case .averagePool(let pool), .maxPool(let pool):
      return "\(pool.geometry) clamp \(pool.clamp)"
        + (pool.padCode.map { " pads of code \($0)" } ?? "")
    case .mean(let mean):
      return "axes \(mean.axes) multiplier \(mean.requantization) clamp \(mean.clamp)"
    case .add(let add):
      return "multipliers \(add.first), \(add.second), \(add.output) clamp \(add.clamp)"
    case .multiply(let multiply):
      return "multiplier \(multiply.requantization) clamp \(multiply.clamp)"
    case .rescale(let rescale):
      return "multiplier \(rescale.requantization) clamp \(rescale.clamp)"
    case .table(let table): return "tables \(table.codes.count / 256) \(sha(table.codes))"
    case .concatenation(let concatenation): return "axis \(concatenation.axis)"
    case .pad(let pad):
      return "before \(pad.before) after \(pad.after)" + (pad.code.map { " code \($0)" } ?? "")
    case .softmax(let softmax):
      return "multiplier \(softmax.inputMultiplier) least \(softmax.minimumDifference)"
    }
  }
}

/// The first 16 digits of the SHA-256 of integers as little-endian 64-bit words.
private func sha<Value: FixedWidthInteger>(_ values: [Value]) -> String {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(values.count * 8)
  for value in values {
    withUnsafeBytes(of: Int64(value).littleEndian) { bytes.append(contentsOf: $0) }
  }
  return String(sha256Hex(bytes).prefix(16))
}

extension WindowGeometry: CustomStringConvertible {
  /// `3x3 stride 2x2 dilation 1x1 pads top 0 left 0 bottom 1 right 1`; bottom and right may be
  /// negative when the last window ends inside the image.
  public var description: String {
    "\(kernelHeight)x\(kernelWidth) stride \(strideY)x\(strideX) dilation \(dilationY)x\(dilationX)"
      + " pads top \(padTop) left \(padLeft) bottom \(padBottom) right \(padRight)"
  }
}
