import NeuralGraph

/// The TensorFlow operators that are understood, by their names in a GraphDef.
enum GraphDefOperator: String, CaseIterable {
  case decodeJPEG = "DecodeJpeg"
  case decodePNG = "DecodePng"
  case decodeBMP = "DecodeBmp"
  case decodeImage = "DecodeImage"
  case resizeBilinear = "ResizeBilinear"
  case dequantize = "Dequantize"
  case placeholder = "Placeholder"
  case placeholderV2 = "PlaceholderV2"
  case placeholderWithDefault = "PlaceholderWithDefault"
  case constant = "Const"
  case identity = "Identity"
  case stopGradient = "StopGradient"
  case preventGradient = "PreventGradient"
  case checkNumerics = "CheckNumerics"
  case snapshot = "Snapshot"
  case ensureShape = "EnsureShape"
  case cast = "Cast"
  case noOperation = "NoOp"
  case conv2D = "Conv2D"
  case depthwiseConv2D = "DepthwiseConv2dNative"
  case fusedConv2D = "_FusedConv2D"
  case fusedDepthwiseConv2D = "_FusedDepthwiseConv2dNative"
  case fusedMatMul = "_FusedMatMul"
  case spaceToBatch = "SpaceToBatchND"
  case batchToSpace = "BatchToSpaceND"
  case matMul = "MatMul"
  case biasAdd = "BiasAdd"
  case biasAddV1 = "BiasAddV1"
  case fusedBatchNorm = "FusedBatchNorm"
  case fusedBatchNormV2 = "FusedBatchNormV2"
  case fusedBatchNormV3 = "FusedBatchNormV3"
  case globalNormalization = "BatchNormWithGlobalNormalization"
  case relu = "Relu"
  case relu6 = "Relu6"
  case maxPool = "MaxPool"
  case maxPoolV2 = "MaxPoolV2"
  case averagePool = "AvgPool"
  case mean = "Mean"
  case max = "Max"
  case pad = "Pad"
  case padV2 = "PadV2"
  case softmax = "Softmax"
  case squeeze = "Squeeze"
  case expandDims = "ExpandDims"
  case reshape = "Reshape"
  case transpose = "Transpose"
  case fakeQuantVars = "FakeQuantWithMinMaxVars"
  case fakeQuantArgs = "FakeQuantWithMinMaxArgs"
  case fakeQuantChannels = "FakeQuantWithMinMaxVarsPerChannel"
  case add = "Add"
  case addV2 = "AddV2"
  case addN = "AddN"
  case sub = "Sub"
  case mul = "Mul"
  case realDiv = "RealDiv"
  case div = "Div"
  case maximum = "Maximum"
  case minimum = "Minimum"
  case negate = "Neg"
  case square = "Square"
  case squareRoot = "Sqrt"
  case reciprocalSquareRoot = "Rsqrt"
  case reciprocal = "Reciprocal"
  case inverse = "Inv"
  case shape = "Shape"
  case stridedSlice = "StridedSlice"
  case pack = "Pack"
  case concat = "ConcatV2"
  case concatV1 = "Concat"
  case sigmoid = "Sigmoid"
  case tanh = "Tanh"
  case elu = "Elu"
  case leakyRelu = "LeakyRelu"
  case absolute = "Abs"
  case exponential = "Exp"
  case product = "Prod"

  static let supportedNames = allCases.map(\.rawValue).sorted().joined(separator: ", ")

  /// How many operands carry data.
  var operandCounts: ClosedRange<Int> {
    switch self {
    case .placeholder, .placeholderV2, .constant, .decodeJPEG, .decodePNG, .decodeBMP, .decodeImage:
      0...0
    case .noOperation: 0...0
    case .placeholderWithDefault, .identity, .stopGradient, .preventGradient, .checkNumerics,
      .snapshot, .ensureShape, .cast, .relu, .relu6, .maxPool, .averagePool, .softmax, .squeeze,
      .fakeQuantArgs, .negate, .square, .squareRoot, .reciprocalSquareRoot, .reciprocal,
      .inverse, .shape, .sigmoid, .tanh, .elu, .leakyRelu, .absolute, .exponential:
      1...1
    case .conv2D, .depthwiseConv2D, .matMul, .biasAdd, .biasAddV1, .mean, .max, .pad, .expandDims,
      .reshape, .transpose, .add, .addV2, .sub, .mul, .realDiv, .div, .maximum, .minimum,
      .product, .resizeBilinear:
      2...2
    case .dequantize, .padV2, .fakeQuantVars, .fakeQuantChannels, .maxPoolV2, .spaceToBatch,
      .batchToSpace:
      3...3
    case .fusedConv2D, .fusedDepthwiseConv2D, .fusedMatMul: 2...3
    case .stridedSlice: 4...4
    case .fusedBatchNorm, .fusedBatchNormV2, .fusedBatchNormV3, .globalNormalization: 5...5
    case .pack, .addN: 1...1024
    case .concat, .concatV1: 2...1024
    }
  }

  /// What to do about an operator that belongs to training or to an unfrozen graph, or nil.
  static func leftover(_ operation: String) -> String? {
    switch operation {
    case "Variable", "VariableV2", "VarHandleOp", "ReadVariableOp", "Assign", "AssignVariableOp",
      "VarIsInitializedOp", "RestoreV2", "SaveV2", "AutoReloadVariable":
      "the graph still has variables: freeze it (convert_variables_to_constants) and give that file"
    case "Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond", "If", "StatelessIf",
      "While", "StatelessWhile", "Select", "SelectV2", "Where":
      "the graph still chooses between training and inference: export it with training off"
    case "PartitionedCall", "StatefulPartitionedCall":
      "the graph calls a function that is not in its library: freeze it again "
        + "(convert_variables_to_constants_v2) and save the whole GraphDef"
    case "RandomUniform", "RandomStandardNormal", "TruncatedNormal", "Dropout", "Floor",
      "StatelessRandomUniformV2":
      "the graph still has dropout or other randomness: export it with training off"
    case "Conv2DBackpropInput":
      "it is a transposed convolution (or the graph still trains): export the network up to there"
    case "QuantizeV2", "QuantizedConv2D", "QuantizedMatMul", "QuantizedBiasAdd", "QuantizedRelu",
      "QuantizedRelu6", "QuantizedMaxPool", "QuantizedAvgPool", "QuantizedReshape",
      "RequantizationRange", "Requantize", "QuantizeDownAndShrinkRange":
      "the graph computes in TensorFlow's own eight bits: give the graph of real numbers that it "
        + "was made from"
    case "QueueDequeueV2", "QueueDequeueManyV2", "FIFOQueueV2", "IteratorGetNext", "IteratorV2",
      "OneShotIterator":
      "the graph reads its training data: export it with a Placeholder as its input"
    case "ScalarSummary", "HistogramSummary", "ImageSummary", "MergeSummary":
      "the graph still writes summaries: export it without them"
    default:
      operation.hasPrefix("Apply") || operation.hasPrefix("ResourceApply")
        || operation.hasSuffix("Grad") || operation.hasSuffix("Backprop")
        || operation.contains("BackpropInput") || operation.contains("BackpropFilter")
        ? "the graph still trains: export it for inference" : nil
    }
  }
}

/// A node with its operands' values, and typed access to them.
struct GraphDefCall {
  let node: GraphDefNode
  let operands: [GraphDefValue]

  /// Operand `index` as real numbers.
  func tensor(_ index: Int) throws(Diagnostic) -> NodeID {
    guard case .tensor(let id) = operands[index] else {
      throw node.problem("operand \(index) is not a tensor of real numbers")
    }
    return id
  }

  /// Operand `index` as integers known now.
  func integers(_ index: Int) throws(Diagnostic) -> KnownIntegers {
    guard case .integers(let integers) = operands[index] else {
      throw node.problem("operand \(index) is not a constant of integers")
    }
    return integers
  }

  /// Operand `index` as a list of integers.
  func list(_ index: Int) throws(Diagnostic) -> [Int] {
    guard let list = try integers(index).list else {
      throw node.problem("operand \(index) is not a list of integers")
    }
    return list
  }

  /// Operand `index` as one integer.
  func scalar(_ index: Int) throws(Diagnostic) -> Int {
    let values = try integers(index).values
    guard values.count == 1 else { throw node.problem("operand \(index) is not one integer") }
    return values[0]
  }

  /// Operand `index` as one real number known now.
  func realScalar(_ index: Int, in graph: Graph) throws(Diagnostic) -> Float {
    guard let values = graph.constant(try tensor(index))?.values, values.count == 1 else {
      throw node.problem("operand \(index) is not one number known now")
    }
    return values[0]
  }

  /// True when all operands are integers known now.
  var isIntegral: Bool {
    operands.allSatisfy { if case .integers = $0 { true } else { false } }
  }
}
