import NeuralGraph

// Types and constants of the file's tensors, checked before use.

extension TFLiteLowering {
  /// The type of an operand that an earlier operator, or the input, has computed.
  func activation(
    _ index: Int, of entry: TFLiteModel.Operator
  ) throws(Failure) -> QuantizedType {
    guard index >= 0 else { throw failure("\(entry.kind) lacks an operand", entry) }
    switch activations[index] {
    case .valid(let type): return type
    case .unusable:
      let isFloat = model.tensors[index].type == .float32
      throw .reportedBefore(
        isFloat ? "works on float32 tensors" : "works on a tensor that cannot be used")
    case nil: break
    }
    let tensor = model.tensors[index]
    guard tensor.data == nil else {
      throw failure(
        "\(entry.kind) works on the constant '\(tensor.name)'; operands are computed tensors",
        entry)
    }
    throw failure(
      "\(entry.kind) reads '\(tensor.name)', which no operator before it computes", entry,
      remedy: "the operators of a TFLite file are in the order of execution")
  }

  /// The operand number `position` of an operator as an activation.
  func operand(
    _ position: Int, of entry: TFLiteModel.Operator
  ) throws(Failure) -> QuantizedType {
    guard entry.inputs.indices.contains(position) else {
      throw failure("\(entry.kind) has \(entry.inputs.count) operands", entry)
    }
    return try activation(entry.inputs[position], of: entry)
  }

  func shape(
    _ position: Int, of entry: TFLiteModel.Operator
  ) throws(Failure) -> TensorShape { try operand(position, of: entry).shape }

  /// The type that the file declares for a tensor, if it can be used at all; reports nothing.
  func declaredActivation(_ index: Int) -> Activation {
    var silent = self
    guard let shape = model.tensors[index].shape,
      let type = try? silent.quantizedType(index, shape: shape)
    else { return .unusable }
    return .valid(type)
  }

  /// The output's type: its declared quantization, and the shape that the operator gives. Declared
  /// extents must agree with it, where they are known.
  mutating func result(
    of entry: TFLiteModel.Operator, shape: [Int]
  ) throws(Failure) -> QuantizedType {
    let tensor = model.tensors[entry.outputs[0]]
    if let declared = tensor.shape, !declared.isEmpty || shape.isEmpty {
      let free = tensor.signature ?? declared
      let agrees =
        declared.count == shape.count
        && shape.indices.allSatisfy {
          declared[$0] == shape[$0] || (free.count == shape.count && free[$0] < 0)
        }
      guard agrees else {
        // The rest is checked against what the operator gives.
        let type = try quantizedType(entry.outputs[0], shape: shape)
        activations[entry.outputs[0]] = .valid(type)
        throw failure(
          "\(entry.kind) gives the shape \(shape), but the file declares \(declared)", entry)
      }
    }
    return try quantizedType(entry.outputs[0], shape: shape)
  }

  /// A tensor's type with the given shape: 8-bit, one scale, one zero point.
  mutating func quantizedType(_ index: Int, shape: [Int]) throws(Failure) -> QuantizedType {
    let tensor = model.tensors[index]
    guard let element = tensor.type.quantized else {
      if tensor.type == .float32 {
        if floatTensor == nil { floatTensor = index }
        throw .reportedBefore("works on float32 tensors")
      }
      throw failure(
        "has the element type \(tensor.type); uint8 and int8 are supported", tensor,
        remedy: "quantize the network to 8 bits")
    }
    guard !tensor.isVariable else {
      throw failure("is a variable: the network keeps state between images", tensor)
    }
    guard
      let count = TensorShape.checkedElementCount(shape, limit: NetworkLimits.tensorElements),
      count > 0
    else {
      throw failure(
        "has the shape \(shape); a tensor has 1 to \(NetworkLimits.tensorElements) elements",
        tensor)
    }
    guard let scales = tensor.scales else {
      throw failure(
        "has no quantization parameters", tensor, remedy: "quantize the network to 8 bits")
    }
    guard scales.count == 1 else {
      throw failure("has \(scales.count) scales; an activation has one", tensor)
    }
    let scale = try read { () throws(Diagnostic) in try scales.float(0) }
    try check(scale: scale, of: tensor)
    let zeroPoint = try zeroPoints(of: tensor, count: 1)[0]
    guard element.range.contains(zeroPoint) else {
      throw failure(
        "has the zero point \(zeroPoint), which is no \(element.rawValue)", tensor)
    }
    return QuantizedType(
      shape: TensorShape(shape), element: element, scale: scale, zeroPoint: zeroPoint)
  }

}
