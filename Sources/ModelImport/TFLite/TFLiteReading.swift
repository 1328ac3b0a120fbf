import NeuralGraph

/// Why an operator of a TFLite file gave no node.
enum TFLiteFailure: Error {
  case found(Diagnostic)
  /// An operand has been reported already; in words.
  case reportedBefore(String)
}

/// What the readers of quantized and of float TFLite files share: constants, options, windows and
/// shapes, checked before use.
protocol TFLiteReading {
  var model: TFLiteModel { get }
  /// Small integer tensors that hold shapes, computed here (SHAPE, STRIDED_SLICE, PACK).
  var foldedIntegers: [Int: [Int]] { get set }
  /// The shape of the operand number `position`, which an earlier operator computes.
  func shape(
    _ position: Int, of entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> TensorShape
}

extension TFLiteReading {
  /// A diagnostic at an operator, named after its output tensor.
  func failure(
    _ message: String, _ entry: TFLiteModel.Operator, remedy: String? = nil
  ) -> TFLiteFailure {
    let node = entry.outputs.first.map { model.tensors[$0].name } ?? entry.kind
    return .found(
      Diagnostic(message, node: node, byteOffset: entry.position, remedy: remedy))
  }

  /// A diagnostic at a tensor.
  func failure(
    _ message: String, _ tensor: TFLiteModel.Tensor, remedy: String? = nil
  ) -> TFLiteFailure {
    .found(Diagnostic(message, node: tensor.name, byteOffset: tensor.position, remedy: remedy))
  }

  /// Runs a reading of the file; what is wrong with it is a failure of the operator.
  func read<Value>(_ body: () throws(Diagnostic) -> Value) throws(TFLiteFailure) -> Value {
    do {
      return try body()
    } catch {
      throw .found(error)
    }
  }

  /// What is known of an operator before it is lowered.
  func describe(_ entry: TFLiteModel.Operator) -> ModelListing.Entry {
    let output = entry.outputs.first.map { model.tensors[$0] }
    var listing = ModelListing.Entry(
      operatorIndex: entry.number, name: output?.name ?? "operator \(entry.number)",
      kind: entry.kind, outputShape: output?.shape, isSupported: true)
    let weighted = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"].contains(entry.kind)
    guard weighted, entry.inputs.count > 1, entry.inputs[1] >= 0,
      let shape = model.tensors[entry.inputs[1]].shape,
      let count = TensorShape.checkedElementCount(shape, limit: NetworkLimits.tensorElements)
    else { return listing }
    listing.weights = count
    return listing
  }

  // MARK: Constants

  /// The bytes of a constant tensor of `count` elements of `elementSize` bytes.
  func constant(
    _ tensor: TFLiteModel.Tensor, count: Int, elementSize: Int
  ) throws(TFLiteFailure) -> ArraySlice<UInt8> {
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
  ) throws(TFLiteFailure) -> [Int] {
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

  /// The zero points of a tensor with `count` scales; those left out are 0, one stands for all.
  func zeroPoints(
    of tensor: TFLiteModel.Tensor, count: Int
  ) throws(TFLiteFailure) -> [Int] {
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

  func check(scale: Float, of tensor: TFLiteModel.Tensor) throws(TFLiteFailure) {
    guard scale.isFinite, scale > 0 else {
      throw failure("has the scale \(scale); a scale is finite and above zero", tensor)
    }
  }

  // MARK: Options

  /// A field of the operator's options, or a diagnostic when the options are missing.
  func options(_ entry: TFLiteModel.Operator) throws(TFLiteFailure) -> FlatTable {
    guard let options = entry.options else {
      throw failure("\(entry.kind) lacks its options", entry)
    }
    return options
  }

  /// True when the operator has options whose byte number `field` is not 0.
  func flag(_ entry: TFLiteModel.Operator, field: Int) throws(TFLiteFailure) -> Bool {
    guard let options = entry.options else { return false }
    return try read { () throws(Diagnostic) in try options.number(field, default: UInt8(0)) } != 0
  }

  /// The activation that the options fuse into an operator.
  func fusedActivation(
    _ entry: TFLiteModel.Operator, field: Int, _ options: FlatTable
  ) throws(TFLiteFailure) -> FusedActivation {
    let code = try read { () throws(Diagnostic) in try options.number(field, default: Int8(0)) }
    switch code {
    case 0: return .none
    case 1: return .relu
    case 2: return .reluN1To1
    case 3: return .relu6
    default:
      let names = [4: "TANH", 5: "SIGN_BIT"]
      throw failure(
        "\(entry.kind) has the fused activation \(names[Int(code)] ?? "\(code)"); NONE, RELU, "
          + "RELU6 and RELU_N1_TO_1 are supported", entry)
    }
  }

  /// The window of an operator whose options hold the padding in field 0 and strides and dilations
  /// (vertical, horizontal) in the given fields.
  func geometry(
    _ entry: TFLiteModel.Operator, _ input: TensorShape, kernel: (Int, Int),
    strides: (Int, Int), dilations: (Int, Int)?, _ options: FlatTable
  ) throws(TFLiteFailure) -> WindowGeometry {
    func length(_ field: Int, missing: Int32) throws(TFLiteFailure) -> Int {
      Int(try read { () throws(Diagnostic) in try options.number(field, default: missing) })
    }
    let strides = (try length(strides.0, missing: 0), try length(strides.1, missing: 0))
    var dilation = (1, 1)
    if let dilations {
      dilation = (try length(dilations.0, missing: 1), try length(dilations.1, missing: 1))
    }
    let lengths = [kernel.0, kernel.1, strides.0, strides.1, dilation.0, dilation.1]
    guard lengths.allSatisfy({ (1...NetworkLimits.windowLength).contains($0) }) else {
      throw failure(
        "\(entry.kind) has the kernel \(kernel.0)x\(kernel.1), strides \(strides.0)x\(strides.1) "
          + "and dilation \(dilation.0)x\(dilation.1); each is 1 to \(NetworkLimits.windowLength)",
        entry)
    }
    let padding = try read { () throws(Diagnostic) in try options.number(0, default: Int8(0)) }
    guard padding == 0 || padding == 1 else {
      throw failure("\(entry.kind) has the unknown padding \(padding)", entry)
    }
    guard
      let geometry = WindowGeometry(
        inputHeight: input.height, inputWidth: input.width, kernelHeight: kernel.0,
        kernelWidth: kernel.1, strideY: strides.0, strideX: strides.1, dilationY: dilation.0,
        dilationX: dilation.1, padding: padding == 0 ? .same : .valid)
    else {
      throw failure(
        "\(entry.kind) with VALID padding has a window larger than its input \(input)", entry)
    }
    return geometry
  }

  /// The window of a pool over an image.
  func poolGeometry(
    _ entry: TFLiteModel.Operator, _ input: TensorShape, _ options: FlatTable
  ) throws(TFLiteFailure) -> WindowGeometry {
    let width = try read { () throws(Diagnostic) in try options.number(3, default: Int32(0)) }
    let height = try read { () throws(Diagnostic) in try options.number(4, default: Int32(0)) }
    return try geometry(
      entry, input, kernel: (Int(height), Int(width)), strides: (2, 1), dilations: nil, options)
  }

  /// The extents of the weights; all at least 1.
  func filterShape(
    _ entry: TFLiteModel.Operator, rank: Int
  ) throws(TFLiteFailure) -> [Int] {
    guard entry.inputs.count >= 2, entry.inputs[1] >= 0 else {
      throw failure("\(entry.kind) lacks its weights", entry)
    }
    let shape = model.tensors[entry.inputs[1]].shape ?? []
    guard shape.count == rank, shape.allSatisfy({ $0 > 0 }) else {
      throw failure(
        "\(entry.kind) has weights of shape \(shape); \(rank) extents above zero are needed", entry)
    }
    return shape
  }

  /// Groups of a convolution with weights of shape `filter` [outputs, height, width, depth].
  func groups(
    _ entry: TFLiteModel.Operator, _ input: TensorShape, _ filter: [Int]
  ) throws(TFLiteFailure) -> Int {
    let (outputs, depth) = (filter[0], filter[3])
    guard input.channels.isMultiple(of: depth),
      outputs.isMultiple(of: input.channels / depth)
    else {
      throw failure(
        "weights of shape \(filter) do not fit the \(input.channels) input channels", entry)
    }
    return input.channels / depth
  }

  /// Checks depthwise weights [1, height, width, outputs].
  func checkDepthwise(
    _ entry: TFLiteModel.Operator, _ input: TensorShape, _ filter: [Int]
  ) throws(TFLiteFailure) {
    guard filter[0] == 1, filter[3].isMultiple(of: input.channels) else {
      throw failure(
        "depthwise weights of shape \(filter) do not fit the \(input.channels) input channels",
        entry)
    }
  }

  /// The result's shape of a FULLY_CONNECTED with weights [outputs, inputs].
  func fullyConnectedShape(
    _ entry: TFLiteModel.Operator, _ input: TensorShape, _ filter: [Int], _ options: FlatTable
  ) throws(TFLiteFailure) -> [Int] {
    let (outputs, inputs) = (filter[0], filter[1])
    let format = try read { () throws(Diagnostic) in try options.number(1, default: Int8(0)) }
    guard format == 0 else { throw failure("FULLY_CONNECTED has shuffled weights", entry) }
    guard input.elementCount.isMultiple(of: inputs) else {
      throw failure("weights of shape \(filter) do not fit the input \(input)", entry)
    }
    guard try flag(entry, field: 2) else { return [input.elementCount / inputs, outputs] }
    guard input.channels == inputs else {
      throw failure("weights of shape \(filter) do not fit the input \(input)", entry)
    }
    return input.dimensions.dropLast() + [outputs]
  }
}
