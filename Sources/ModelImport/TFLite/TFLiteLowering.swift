import NeuralGraph

/// Turns the operators of a TFLite file into a `QuantizedGraph`, one node an operator. All that is
/// wrong is collected: an operator that cannot be used does not hide what is wrong with the rest,
/// because every tensor of the file carries its own type.
struct TFLiteLowering: TFLiteReading {
  typealias Failure = TFLiteFailure

  /// One operator as a node, its operands still tensor indices.
  struct Lowered {
    var operation: QuantizedOperation
    var operands: [Int]
    var type: QuantizedType
    /// By operand's position: a table that the operand passes first, and what it gives.
    var tables: [Int: (QuantizedTable, QuantizedType)] = [:]
  }

  /// What is known of a tensor that operators pass on.
  enum Activation {
    case valid(QuantizedType)
    case unusable
  }

  let model: TFLiteModel
  var graph: QuantizedGraph
  var diagnostics: [Diagnostic] = []
  var entries: [ModelListing.Entry] = []
  /// The type of each tensor that has been computed so far, by tensor index.
  var activations: [Int: Activation] = [:]
  /// The value of each tensor that the graph computes.
  var values: [Int: ValueID] = [:]
  /// Small integer tensors that hold shapes, computed here (SHAPE, STRIDED_SLICE, PACK).
  var foldedIntegers: [Int: [Int]] = [:]
  /// Real tensors that stand for the integers that they were dequantized from.
  var realTail: Set<Int> = []
  /// Codes that tables may still have.
  var tableBudget = NetworkLimits.tableCodes
  /// What operators on the network's result compute, and the values that they read.
  var leftOut: Set<Int> = []
  var readByLeftOut: [ValueID] = []
  /// What the user should know.
  var notes: [Diagnostic] = []
  /// The first float32 tensor that an operator computes with: the model was not quantized.
  var floatTensor: Int?
  /// Weights may be shared between layers, but not without bound.
  var weightBudget: Int

  /// The supported operators, for messages.
  static let supportedKinds = [
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D",
    "DEQUANTIZE (at the end)", "ELU", "EXPAND_DIMS", "FULLY_CONNECTED", "HARD_SWISH",
    "L2_NORMALIZATION", "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MAXIMUM", "MEAN", "MINIMUM",
    "MUL", "PAD", "PADV2",
    "PRELU", "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE", "SOFTMAX", "SQUEEZE", "SUB",
    "TANH",
  ]

  init(_ model: TFLiteModel, name: String) {
    self.model = model
    graph = QuantizedGraph(name: name)
    weightBudget = 4 * model.buffer.bytes.count + 65_536
  }

  /// Lowers the whole file. `graph` is complete only when `diagnostics` is empty.
  mutating func run() {
    defineInput()
    var convolutions = 0
    for (index, entry) in model.operators.enumerated() {
      var listing = describe(entry)
      do throws(Failure) {
        try lower(entry, index, into: &listing)
      } catch {
        listing.isSupported = false
        switch error {
        case .found(let diagnostic):
          diagnostics.append(diagnostic)
          listing.reason = diagnostic.message
        case .reportedBefore(let reason): listing.reason = reason
        }
        markOutputs(of: entry)
      }
      if entry.kind == "CONV_2D" || entry.kind == "DEPTHWISE_CONV_2D" {
        convolutions += 1
        listing.convolutionNumber = convolutions
      }
      entries.append(listing)
    }
    defineOutputs()
    reportFloats()
    if diagnostics.isEmpty { diagnostics = graph.verify() }
  }

  /// Lowers one operator, and appends its node when all its operands have values.
  private mutating func lower(
    _ entry: TFLiteModel.Operator, _ index: Int, into listing: inout ModelListing.Entry
  ) throws(Failure) {
    if try leaveOut(entry) { return }
    guard entry.outputs.count == 1 else {
      throw failure("has \(entry.outputs.count) outputs; one is supported", entry)
    }
    if isInputQuantizer(entry) { return }
    guard activations[entry.outputs[0]] == nil, foldedIntegers[entry.outputs[0]] == nil else {
      throw failure("computes a tensor that is computed before, or is the input", entry)
    }
    if try foldShapeOperator(entry) { return }
    if try bypassFloat(entry, index) { return }
    let lowered = try operation(of: entry)
    let node = QuantizedNode(
      name: model.tensors[entry.outputs[0]].name, operation: lowered.operation, operands: [],
      type: lowered.type)
    activations[entry.outputs[0]] = .valid(lowered.type)
    listing.outputShape = lowered.type.shape.dimensions
    listing.weights = node.weights.count
    listing.zeroWeights = node.weights.count { $0 == 0 }
    listing.multiplyAccumulates = node.multiplyAccumulates
    var operands = lowered.operands.compactMap { values[$0] }
    guard operands.count == lowered.operands.count else { return }
    for (position, (table, type)) in lowered.tables.sorted(by: { $0.key < $1.key }) {
      operands[position] = graph.append(
        QuantizedNode(
          name: "\(node.name)/operand\(position)", operation: .table(table),
          operands: [operands[position]], type: type))
    }
    let value = graph.append(
      QuantizedNode(
        name: node.name, operation: node.operation, operands: operands, type: node.type))
    values[entry.outputs[0]] = value
    listing.value = value
  }

  /// The node's operation, by the operator's name.
  private mutating func operation(
    of entry: TFLiteModel.Operator
  ) throws(Failure) -> Lowered {
    guard !entry.isCustom else {
      throw failure(
        "is the custom operator '\(entry.kind)' (number \(entry.number))", entry,
        remedy: supportedText)
    }
    switch entry.kind {
    case "CONV_2D": return try convolution(entry)
    case "DEPTHWISE_CONV_2D": return try depthwiseConvolution(entry)
    case "FULLY_CONNECTED": return try fullyConnected(entry)
    case "AVERAGE_POOL_2D": return try pool(entry, average: true)
    case "MAX_POOL_2D": return try pool(entry, average: false)
    case "MEAN": return try mean(entry)
    case "ADD", "SUB", "MUL": return try binary(entry)
    case "MAXIMUM", "MINIMUM": return try extremum(entry)
    case "LOGISTIC", "TANH", "HARD_SWISH", "ELU", "LEAKY_RELU": return try nonlinearity(entry)
    case "PRELU": return try parametricRelu(entry)
    case "CONCATENATION": return try concatenation(entry)
    case "QUANTIZE": return try rescale(entry, activation: .none)
    case "RELU": return try rescale(entry, activation: .relu)
    case "RELU6": return try rescale(entry, activation: .relu6)
    case "RELU_N1_TO_1": return try rescale(entry, activation: .reluN1To1)
    case "PAD", "PADV2": return try pad(entry)
    case "RESHAPE": return try reshape(entry)
    case "SQUEEZE": return try squeeze(entry)
    case "EXPAND_DIMS": return try expandDimensions(entry)
    case "SOFTMAX": return try softmax(entry)
    case "L2_NORMALIZATION": return try l2Normalization(entry)
    default:
      throw failure(
        "the operator \(entry.kind) (number \(entry.number)) is not supported", entry,
        remedy: supportedText)
    }
  }

  private var supportedText: String {
    "supported: " + Self.supportedKinds.joined(separator: ", ") + "; " + endBeforeRemedy
  }

  /// Readers of a failed operator's outputs are still checked against the declared types.
  private mutating func markOutputs(of entry: TFLiteModel.Operator) {
    for output in entry.outputs where activations[output] == nil {
      activations[output] = declaredActivation(output)
    }
  }

  /// One diagnostic for all float tensors: a float model has hundreds.
  private mutating func reportFloats() {
    guard let floatTensor else { return }
    let tensor = model.tensors[floatTensor]
    let count = model.tensors.count { $0.type == .float32 && $0.data == nil }
    diagnostics.append(
      Diagnostic(
        "\(count) tensors between operators are float32 tensors; the rest is quantized, this one "
          + "first", node: tensor.name, byteOffset: tensor.position,
        remedy: "quantize all of the network to 8 bits, or none of it (then use --calibrate)"))
  }
}
