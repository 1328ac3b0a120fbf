import NeuralGraph

/// The ONNX operators that are understood, by their names in a file.
enum ONNXOperator: String, CaseIterable {
  case abs = "Abs"
  case add = "Add"
  case averagePool = "AveragePool"
  case batchNormalization = "BatchNormalization"
  case cast = "Cast"
  case castLike = "CastLike"
  case clip = "Clip"
  case concat = "Concat"
  case constant = "Constant"
  case constantOfShape = "ConstantOfShape"
  case conv = "Conv"
  case convInteger = "ConvInteger"
  case dequantizeLinear = "DequantizeLinear"
  case div = "Div"
  case dropout = "Dropout"
  case elu = "Elu"
  case exp = "Exp"
  case flatten = "Flatten"
  case gather = "Gather"
  case gemm = "Gemm"
  case globalAveragePool = "GlobalAveragePool"
  case globalMaxPool = "GlobalMaxPool"
  case hardSigmoid = "HardSigmoid"
  case hardSwish = "HardSwish"
  case identity = "Identity"
  case leakyRelu = "LeakyRelu"
  case matMul = "MatMul"
  case matMulInteger = "MatMulInteger"
  case max = "Max"
  case maxPool = "MaxPool"
  case min = "Min"
  case mul = "Mul"
  case neg = "Neg"
  case pad = "Pad"
  case pRelu = "PRelu"
  case qGemm = "com.microsoft.QGemm"
  case qLinearAdd = "com.microsoft.QLinearAdd"
  case qLinearAveragePool = "com.microsoft.QLinearAveragePool"
  case qLinearConcat = "com.microsoft.QLinearConcat"
  case qLinearConv = "QLinearConv"
  case qLinearGlobalAveragePool = "com.microsoft.QLinearGlobalAveragePool"
  case qLinearLeakyRelu = "com.microsoft.QLinearLeakyRelu"
  case qLinearMatMul = "QLinearMatMul"
  case qLinearMul = "com.microsoft.QLinearMul"
  case qLinearSigmoid = "com.microsoft.QLinearSigmoid"
  case qLinearSoftmax = "com.microsoft.QLinearSoftmax"
  case quantizeLinear = "QuantizeLinear"
  case reciprocal = "Reciprocal"
  case reduceMax = "ReduceMax"
  case reduceMean = "ReduceMean"
  case reduceProd = "ReduceProd"
  case relu = "Relu"
  case reshape = "Reshape"
  case shape = "Shape"
  case sigmoid = "Sigmoid"
  case slice = "Slice"
  case softmax = "Softmax"
  case sqrt = "Sqrt"
  case squeeze = "Squeeze"
  case sub = "Sub"
  case sum = "Sum"
  case tanh = "Tanh"
  case transpose = "Transpose"
  case unsqueeze = "Unsqueeze"

  static let supportedNames = allCases.map(\.rawValue).sorted().joined(separator: ", ")

  /// How many operands it takes, absent ones at the end left out.
  var operandCounts: ClosedRange<Int> {
    switch self {
    case .constant: 0...0
    case .abs, .averagePool, .cast, .constantOfShape, .elu, .exp, .flatten, .hardSigmoid,
      .hardSwish,
      .leakyRelu, .sigmoid, .tanh, .globalAveragePool, .globalMaxPool,
      .identity, .maxPool, .neg, .reciprocal, .relu, .shape, .softmax, .sqrt, .transpose:
      1...1
    case .reduceMax, .reduceMean, .reduceProd, .squeeze, .unsqueeze, .reshape: 1...2
    case .dequantizeLinear, .quantizeLinear: 2...3
    case .qLinearAveragePool, .qLinearGlobalAveragePool, .qLinearSoftmax: 4...5
    case .qGemm: 8...9
    case .qLinearAdd, .qLinearMul: 7...8
    case .qLinearConcat: 5...1024
    case .qLinearSigmoid, .qLinearLeakyRelu: 4...5
    case .qLinearConv: 8...9
    case .qLinearMatMul: 8...8
    case .clip, .dropout: 1...3
    case .convInteger, .matMulInteger: 2...4
    case .pad: 1...4
    case .slice: 1...5
    case .add, .castLike, .div, .gather, .matMul, .mul, .pRelu, .sub: 2...2
    case .conv, .gemm: 2...3
    case .batchNormalization: 5...5
    case .concat, .max, .min, .sum: 1...1024
    }
  }

  /// False for nodes that compute nothing on the image.
  var isListed: Bool {
    switch self {
    case .cast, .castLike, .constant, .constantOfShape, .dequantizeLinear, .dropout,
      .quantizeLinear, .gather,
      .identity, .reduceProd, .shape,
      .slice, .unsqueeze:
      false
    default: true
    }
  }

  /// True for operators that do the same to codes as to the numbers that they stand for.
  var takesCodes: Bool {
    switch self {
    case .flatten, .globalMaxPool, .maxPool, .reshape, .squeeze, .transpose, .unsqueeze: true
    default: false
    }
  }

  /// True for operators that put numbers in another shape or order, and for those that change nothing.
  var movesNumbers: Bool {
    switch self {
    case .flatten, .reshape, .squeeze, .transpose, .unsqueeze: true
    default: false
    }
  }

  /// Operators on a network's result that feed no layer: they are left out.
  static let postprocessing: Set<String> = [
    "ArgMax", "ArgMin", "LogSoftmax", "NonMaxSuppression", "TopK",
  ]

  /// What to do about an operator that has a way round, or nil.
  static func remedy(_ operation: String) -> String? {
    switch operation {
    case "If", "Loop", "Scan":
      "the graph still chooses while it runs: export it for inference, with constants folded"
    case "DynamicQuantizeLinear", "com.microsoft.DynamicQuantizeMatMul",
      "com.microsoft.MatMulIntegerToFloat":
      "its scale depends on each image's numbers (dynamic quantization), so no constant hardware "
        + "computes it: quantize the model statically, with QuantizeLinear and DequantizeLinear, or "
        + "give the model of real numbers"
    case "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli":
      "the graph still has randomness: export it with training off"
    case "NonZero":
      "leave it out of the export: it works on the network's result"
    default:
      operation.contains(".")
        ? "only ONNX's own operators are supported: export the model without optimisation" : nil
    }
  }
}
