import NeuralGraph

/// Turns the operators of a TFLite file of real numbers into a `Graph`, as the other formats come in.
/// Weights may be float32, float16, or 8-bit codes with scales (behind DEQUANTIZE, or given to the
/// layer as they are); codes become the real numbers that they stand for, exactly.
struct TFLiteFloatLowering: TFLiteReading {
  /// What a tensor of the file is, once computed.
  enum Value {
    case tensor(NodeID)
    case unusable
  }

  let model: TFLiteModel
  let imageSize: ImageSize?
  var graph: Graph
  var diagnostics: [Diagnostic] = []
  var entries: [ModelListing.Entry] = []
  var foldedIntegers: [Int: [Int]] = [:]
  /// By tensor index.
  var values: [Int: Value] = [:]
  /// Constants may be shared between layers, but not without bound.
  var constantBudget: Int

  /// The supported operators, for messages.
  static let supportedKinds = [
    "ABS", "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D",
    "DEQUANTIZE (of constants)", "DIV", "ELU", "EXP", "EXPAND_DIMS", "FAKE_QUANT",
    "FULLY_CONNECTED", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MAXIMUM", "MEAN",
    "MINIMUM", "MUL", "NEG", "PAD", "PADV2", "PRELU", "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE",
    "RSQRT", "SOFTMAX", "SQRT", "SQUARE", "SQUEEZE", "SUB", "TANH", "TRANSPOSE",
  ]

  init(_ model: TFLiteModel, name: String, imageSize: ImageSize?) {
    self.model = model
    self.imageSize = imageSize
    graph = Graph(name: name)
    constantBudget = 4 * model.buffer.bytes.count + 65_536
  }

  /// Lowers the whole file. `graph` is complete only when `diagnostics` is empty.
  mutating func run() {
    defineInput()
    var convolutions = 0
    for entry in model.operators {
      var listing = describe(entry)
      do throws(TFLiteFailure) {
        try lower(entry, into: &listing)
      } catch {
        listing.isSupported = false
        switch error {
        case .found(let diagnostic):
          diagnostics.append(diagnostic)
          listing.reason = diagnostic.message
        case .reportedBefore(let reason): listing.reason = reason
        }
        for output in entry.outputs where values[output] == nil { values[output] = .unusable }
      }
      if entry.kind == "CONV_2D" || entry.kind == "DEPTHWISE_CONV_2D" {
        convolutions += 1
        listing.convolutionNumber = convolutions
      }
      entries.append(listing)
    }
    defineOutputs()
    if diagnostics.isEmpty { diagnostics = graph.verify() }
  }

  private mutating func lower(
    _ entry: TFLiteModel.Operator, into listing: inout ModelListing.Entry
  ) throws(TFLiteFailure) {
    guard entry.outputs.count == 1 else {
      throw failure("has \(entry.outputs.count) outputs; one is supported", entry)
    }
    let output = entry.outputs[0]
    guard values[output] == nil, foldedIntegers[output] == nil else {
      throw failure("computes a tensor that is computed before, or is the input", entry)
    }
    if try foldShapeOperator(entry) { return }
    let result = try operation(entry)
    let node = graph[result]
    try checkDeclared(entry, node.shape)
    values[output] = .tensor(result)
    listing.outputShape = node.shape.dimensions
    describe(result, &listing)
  }

  /// Weights and multiply-accumulates of the layer that an operator became.
  private func describe(_ result: NodeID, _ listing: inout ModelListing.Entry) {
    var node = graph[result]
    var pixels = 1
    // The layer may stand behind its activation and a reshape.
    for _ in 0..<2 {
      switch node.operation {
      case .activation, .reshape: node = graph[node.operands[0]]
      default: break
      }
    }
    switch node.operation {
    case .convolution(let convolution):
      pixels = convolution.geometry.outputHeight * convolution.geometry.outputWidth
    case .matrixMultiplication: pixels = node.shape.dimensions[0]
    default: return
    }
    guard listing.weights > 0, let weights = graph.constant(node.operands[1]) else { return }
    listing.zeroWeights = weights.values.count { $0 == 0 }
    let (operations, overflow) = listing.weights.multipliedReportingOverflow(by: pixels)
    listing.multiplyAccumulates = overflow ? Int.max : operations
  }

  /// Declared extents must agree with what the operator gives, where they are known.
  private func checkDeclared(
    _ entry: TFLiteModel.Operator, _ shape: TensorShape
  ) throws(TFLiteFailure) {
    let tensor = model.tensors[entry.outputs[0]]
    guard let declared = tensor.shape, !declared.isEmpty || shape.rank == 0 else { return }
    let free = tensor.signature ?? declared
    let agrees =
      declared.count == shape.rank
      && declared.indices.allSatisfy {
        declared[$0] == shape.dimensions[$0]
          || (free.count == shape.rank && free[$0] < 0) || imageSize != nil
      }
    guard agrees else {
      throw failure(
        "\(entry.kind) gives the shape \(shape.dimensions), but the file declares \(declared)",
        entry)
    }
  }

  // MARK: Ends

  private mutating func defineInput() {
    guard model.inputs.count == 1 else {
      diagnostics.append(
        Diagnostic(
          "the network has \(model.inputs.count) inputs; networks with one can be read",
          remedy: "export the image network alone"))
      for input in model.inputs { values[input] = .unusable }
      return
    }
    let input = model.inputs[0]
    do throws(TFLiteFailure) {
      let shape = try inputShape(model.tensors[input])
      values[input] = .tensor(
        try append(model.tensors[input].name, .input(TensorShape(shape)), []))
    } catch {
      if case .found(let diagnostic) = error { diagnostics.append(diagnostic) }
      values[input] = .unusable
    }
  }

  private func inputShape(_ tensor: TFLiteModel.Tensor) throws(TFLiteFailure) -> [Int] {
    guard tensor.type == .float32 else {
      throw failure("the network's input is \(tensor.type); float32 is needed", tensor)
    }
    guard var shape = tensor.signature ?? tensor.shape, !shape.isEmpty else {
      throw failure(
        "the network's input has no shape", tensor, remedy: "export it with a fixed input size")
    }
    if shape.count > 1, shape[0] == -1 { shape[0] = 1 }
    guard shape.count < 2 || shape[0] == 1 else {
      throw failure(
        "the network's input has the batch size \(shape[0])", tensor,
        remedy: "export it with batch size 1")
    }
    if shape.count == 4, shape[1] < 0 || shape[2] < 0 {
      guard let imageSize else {
        throw failure(
          "the network's input height or width is open", tensor,
          remedy: "state it with --image-size HEIGHTxWIDTH")
      }
      if shape[1] < 0 { shape[1] = imageSize.height }
      if shape[2] < 0 { shape[2] = imageSize.width }
    }
    guard
      let count = TensorShape.checkedElementCount(shape, limit: NetworkLimits.tensorElements),
      count > 0
    else {
      throw failure(
        "the network's input has the shape \(shape)", tensor,
        remedy: "export it with a fixed input size")
    }
    return shape
  }

  private mutating func defineOutputs() {
    if model.outputs.isEmpty { diagnostics.append(Diagnostic("the network has no output")) }
    for output in model.outputs {
      switch values[output] {
      case .tensor(let id): if !graph.outputs.contains(id) { graph.outputs.append(id) }
      case .unusable: break
      case nil:
        let tensor = model.tensors[output]
        diagnostics.append(
          Diagnostic(
            "no operator computes this output of the network", node: tensor.name,
            byteOffset: tensor.position))
      }
    }
  }

  // MARK: Operands

  func shape(
    _ position: Int, of entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> TensorShape {
    guard entry.inputs.indices.contains(position), entry.inputs[position] >= 0 else {
      throw failure("\(entry.kind) has \(entry.inputs.count) operands", entry)
    }
    switch values[entry.inputs[position]] {
    case .tensor(let id): return graph[id].shape
    case .unusable: throw .reportedBefore("works on a tensor that cannot be used")
    case nil:
      guard let shape = model.tensors[entry.inputs[position]].shape,
        TensorShape.checkedElementCount(shape, limit: NetworkLimits.tensorElements) != nil
      else { throw failure("\(entry.kind) works on a tensor of unknown shape", entry) }
      return TensorShape(shape)
    }
  }

  /// The operand number `position`: computed before, or a constant.
  mutating func operand(
    _ position: Int, of entry: TFLiteModel.Operator
  ) throws(TFLiteFailure) -> NodeID {
    guard entry.inputs.indices.contains(position), entry.inputs[position] >= 0 else {
      throw failure("\(entry.kind) has \(entry.inputs.count) operands", entry)
    }
    let index = entry.inputs[position]
    switch values[index] {
    case .tensor(let id): return id
    case .unusable: throw .reportedBefore("works on a tensor that cannot be used")
    case nil: break
    }
    guard model.tensors[index].data != nil else {
      throw failure(
        "\(entry.kind) reads '\(model.tensors[index].name)', which no operator before it computes",
        entry, remedy: "the operators of a TFLite file are in the order of execution")
    }
    let id = try append(
      model.tensors[index].name, .constant(floats(model.tensors[index], entry)), [])
    values[index] = .tensor(id)
    return id
  }

  mutating func append(
    _ name: String, _ operation: Operation, _ operands: [NodeID]
  ) throws(TFLiteFailure) -> NodeID {
    try read { () throws(Diagnostic) in
      try graph.append(name: name, operation, operands)
    }
  }
}
