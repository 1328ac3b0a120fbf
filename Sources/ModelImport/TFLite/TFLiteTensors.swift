import NeuralGraph

// Types and constants of the file's tensors, checked before use.

extension TFLiteLowering {
  /// A diagnostic at a tensor.
  func failure(
    _ message: String, _ tensor: TFLiteModel.Tensor, remedy: String? = nil
  ) -> Failure {
    .found(Diagnostic(message, node: tensor.name, byteOffset: tensor.position, remedy: remedy))
  }

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

  func check(scale: Float, of tensor: TFLiteModel.Tensor) throws(Failure) {
    guard scale.isFinite, scale > 0 else {
      throw failure("has the scale \(scale); a scale is finite and above zero", tensor)
    }
  }

  /// The zero points of a tensor with `count` scales; those left out are 0, one stands for all.
  func zeroPoints(of tensor: TFLiteModel.Tensor, count: Int) throws(Failure) -> [Int] {
    guard let vector = tensor.zeroPoints else { return Array(repeating: 0, count: count) }
    guard vector.count == count || vector.count == 1 else {
      throw failure("has \(vector.count) zero points for \(count) scales", tensor)
    }
    var points: [Int] = []
    points.reserveCapacity(count)
    for index in 0..<vector.count {
      let point = try read { () throws(Diagnostic) in try vector.number(index, as: Int64.self) }
      points.append(Int(point))
    }
    return vector.count == count ? points : Array(repeating: points[0], count: count)
  }

  /// Runs a reading of the file; what is wrong with it is a failure of the operator.
  func read<Value>(_ body: () throws(Diagnostic) -> Value) throws(Failure) -> Value {
    do {
      return try body()
    } catch {
      throw .found(error)
    }
  }

  /// The bytes of a constant tensor of `count` elements of `elementSize` bytes.
  func constant(
    _ tensor: TFLiteModel.Tensor, count: Int, elementSize: Int
  ) throws(Failure) -> ArraySlice<UInt8> {
    guard let data = tensor.data else {
      throw failure("has no data in the file; it must be a constant", tensor)
    }
    guard !tensor.isSparse else {
      throw failure("is stored in sparse form; dense tensors are supported", tensor)
    }
    guard data.count == count * elementSize else {
      throw failure(
        "has \(data.count) bytes of data; \(count) elements take \(count * elementSize)", tensor)
    }
    return model.buffer.bytes[data]
  }

  /// The values of a constant tensor of 32- or 64-bit integers (shapes, axes, pads), with at most
  /// `limit` elements.
  func integers(
    _ index: Int, of entry: TFLiteModel.Operator, limit: Int
  ) throws(Failure) -> [Int] {
    if let folded = foldedIntegers[index] { return folded }
    guard index >= 0 else { throw failure("\(entry.kind) lacks an operand", entry) }
    let tensor = model.tensors[index]
    let size: Int
    switch tensor.type {
    case .int32: size = 4
    case .int64: size = 8
    default:
      throw failure("has the element type \(tensor.type); int32 or int64 is needed", tensor)
    }
    guard let count = TensorShape.checkedElementCount(tensor.shape ?? [], limit: limit) else {
      throw failure("has the shape \(tensor.shape ?? []); at most \(limit) elements fit", tensor)
    }
    let bytes = Array(try constant(tensor, count: count, elementSize: size))
    let buffer = FlatBuffer(bytes: bytes)
    var values: [Int] = []
    for index in 0..<count {
      let value = try read { () throws(Diagnostic) in
        size == 4
          ? Int(try buffer.number(Int32.self, at: 4 * index))
          : Int(try buffer.number(Int64.self, at: 8 * index))
      }
      values.append(value)
    }
    return values
  }

  /// A field of the operator's options, or a diagnostic when the options are missing.
  func options(_ entry: TFLiteModel.Operator) throws(Failure) -> FlatTable {
    guard let options = entry.options else {
      throw failure("\(entry.kind) lacks its options", entry)
    }
    return options
  }
}
