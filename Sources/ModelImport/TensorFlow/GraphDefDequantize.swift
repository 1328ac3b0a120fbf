import NeuralGraph

/// Codes of quantized weights, 8 bits each.
struct GraphDefCodes: Hashable {
  var isSigned: Bool
  var shape: TensorShape
  var values: [Int16]
}

// Weights behind Dequantize, as graphs quantized for size have them; images behind a decoder.
extension GraphDefImporter {
  /// The real numbers of constant codes, in binary32 and in TensorFlow's order of operations.
  /// Source: kernels/dequantize_op.cc and quantization_utils.h.
  mutating func dequantize(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let node = call.node
    guard case .codes(let codes) = call.operands[0] else {
      throw node.problem(
        "its operand is no constant of qint8 or quint8",
        remedy: "only weights may be quantized; give the graph of real numbers otherwise")
    }
    let (low, high) = (
      try call.realScalar(1, in: graph), try call.realScalar(2, in: graph)
    )
    let isNarrow = try node.bool("narrow_range", default: false)
    let mode = try node.string("mode", default: "MIN_COMBINED")
    guard low.isFinite, high.isFinite, low <= high, try node.integer("axis", default: -1) == -1,
      !isNarrow || mode == "SCALED"
    else { throw node.problem("its range \(low)...\(high), axis or narrow_range is not supported") }
    let steps: Float = 255
    let values: [Float]
    switch mode {
    case "MIN_COMBINED":
      let scale = (high - low) / steps
      let half: Float = codes.isSigned ? 128 : 0
      values = codes.values.map { (Float($0) + half) * scale + low }
    case "MIN_FIRST":
      let scale = (high - low) / steps
      let rounded =
        low == high ? low : (low / scale).rounded(.toNearestOrAwayFromZero) * scale
      let offset = rounded - (codes.isSigned ? -128 : 0) * scale
      values = codes.values.map { offset + Float($0) * scale }
    case "SCALED":
      let scale =
        codes.isSigned ? max(low / (isNarrow ? -127 : -128), high / 127) : high / steps
      values = codes.values.map { Float($0) * scale }
    default: throw node.problem("its mode '\(mode)' is not MIN_COMBINED, MIN_FIRST or SCALED")
    }
    return .tensor(
      try graph.append(
        name: node.name, .constant(FloatTensor(shape: codes.shape, values: values))))
  }

  /// An image of a file's bytes: grey or RGB.
  func decodedImage(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let channels = try call.node.integer("channels", default: 0)
    guard [0, 1, 3].contains(channels) else {
      throw call.node.problem("it gives \(channels) channels; 1 and 3 are supported")
    }
    return .decoded(channels: channels == 0 ? 3 : channels)
  }

  /// A decoded image brought to the network's size: its pixels, 0 to 255, are the network's input.
  /// Of a computed tensor only a resize to its own size is supported.
  mutating func resize(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let size = try call.list(1)
    guard size.count == 2, size.allSatisfy({ (1...(1 << 16)).contains($0) }) else {
      throw call.node.problem("its size is \(size)")
    }
    switch call.operands[0] {
    case .decoded(let channels):
      graph.statedInputRange = 0...255
      let shape = TensorShape(height: size[0], width: size[1], channels: channels)
      return .tensor(try graph.append(name: call.node.name, .input(shape)))
    case .tensor(let id)
    where graph[id].shape.isImage
      && [graph[id].shape.height, graph[id].shape.width] == size:
      return call.operands[0]
    default:
      throw call.node.problem(
        "it changes a map's size", remedy: "only images are resized, before the network")
    }
  }

  /// Operands t, mean, variance, beta, gamma; gamma counts if `scale_after_normalization` says so.
  mutating func globalNormalization(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let node = call.node
    let epsilon = try node.float("variance_epsilon", default: 0)
    guard epsilon.isFinite, epsilon >= 0 else { throw node.problem("its epsilon is \(epsilon)") }
    var gamma = try call.tensor(4)
    if try !node.bool("scale_after_normalization", default: true) {
      let ones = FloatTensor(
        vector: Array(repeating: 1, count: graph[try call.tensor(0)].shape.channels))
      gamma = try graph.append(name: "\(node.name)/ones", .constant(ones))
    }
    let operands = [
      try call.tensor(0), gamma, try call.tensor(3), try call.tensor(1), try call.tensor(2),
    ]
    return .tensor(
      try graph.append(name: node.name, .batchNormalization(epsilon: epsilon), operands))
  }
}
