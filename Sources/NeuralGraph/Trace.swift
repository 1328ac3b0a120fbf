/// What a network computes from some images, operator by operator: the form in which LiteRT's
/// results are recorded, so that two traces can be compared line by line.
public struct Trace: Hashable, Sendable, Codable {
  /// One operator's output tensor.
  public struct Operator: Hashable, Sendable, Codable {
    /// The operator's number in the model file.
    public var op: Int
    /// The model format's name of the operator.
    public var kind: String
    public var tensor: String
    public var shape: [Int]
    public var dtype: String
    /// Of the raw little-endian bytes.
    public var sha256: String
    /// The first eight codes.
    public var first: [Int]
  }

  /// One image.
  public struct Run: Hashable, Sendable, Codable {
    public var image: String
    public var inputDigest: String
    public var operators: [Operator]
    /// Up to five [class, code] pairs of the first output, best first.
    public var top5: [[Int]]

    enum CodingKeys: String, CodingKey {
      case image, top5
      case inputDigest = "input_sha256"
      case operators = "ops"
    }
  }

  public var model: String
  /// What computed the values.
  public var oracle: String
  public var modelDigest: String
  public var runs: [Run]

  enum CodingKeys: String, CodingKey {
    case model, oracle, runs
    case modelDigest = "model_sha256"
  }

  /// An empty trace of a model file.
  public init(model: String, modelDigest: String) {
    self.model = model
    oracle = "deepfreeze reference interpreter"
    self.modelDigest = modelDigest
    runs = []
  }
}

/// How the model file calls the operator behind a value.
public struct OperatorOrigin: Hashable, Sendable {
  /// The operator's number in the file.
  public var index: Int
  /// The format's name of the operator.
  public var kind: String

  public init(index: Int, kind: String) {
    self.index = index
    self.kind = kind
  }
}

extension Interpreter {
  /// Computes the network for one input and records every operator. Returns the outputs too.
  /// `origins` tells how the file calls the operator of a value; without it the value's own number
  /// and TFLite's name stand.
  public func trace(
    _ input: IntegerTensor, image: String, origins: [ValueID: OperatorOrigin] = [:],
    threads: Int = Interpreter.defaultThreads
  ) throws(Diagnostics) -> (run: Trace.Run, outputs: [IntegerTensor]) {
    var run = Trace.Run(image: image, inputDigest: input.sha256, operators: [], top5: [])
    var outputs: [ValueID: IntegerTensor] = [:]
    try forEachValue(input, threads: threads) { id, value in
      if graph.outputs.contains(id) { outputs[id] = value }
      guard id.index > 0 else { return }
      let origin = origins[id]
      run.operators.append(
        Trace.Operator(
          op: origin?.index ?? id.index - 1, kind: origin?.kind ?? graph[id].operation.tfliteName,
          tensor: graph[id].name, shape: value.shape.dimensions, dtype: value.element.rawValue,
          sha256: value.sha256, first: (0..<min(8, value.bytes.count)).map { value[$0] }))
    }
    let results = graph.outputs.map { outputs[$0]! }
    run.top5 = results[0].ranking(5).map { [$0, results[0][$0]] }
    return (run, results)
  }
}

extension IntegerTensor {
  /// The indices of the `count` greatest codes, greatest first, ties in index order.
  public func ranking(_ count: Int) -> [Int] {
    let codes = codes
    return Array(
      codes.indices.sorted { codes[$0] != codes[$1] ? codes[$0] > codes[$1] : $0 < $1 }
        .prefix(count))
  }
}

extension QuantizedOperation {
  /// TFLite's name of the operator that computes this.
  public var tfliteName: String {
    switch self {
    case .input: return "INPUT"
    case .convolution(let convolution):
      return convolution.isDepthwise ? "DEPTHWISE_CONV_2D" : "CONV_2D"
    case .fullyConnected: return "FULLY_CONNECTED"
    case .averagePool: return "AVERAGE_POOL_2D"
    case .maxPool: return "MAX_POOL_2D"
    case .mean: return "MEAN"
    case .add(let add): return add.second.multiplier < 0 ? "SUB" : "ADD"
    case .multiply: return "MUL"
    case .rescale: return "QUANTIZE"
    case .table(let table): return table.function.tfliteName
    case .concatenation: return "CONCATENATION"
    case .pad: return "PAD"
    case .reshape: return "RESHAPE"
    case .softmax: return "SOFTMAX"
    case .l2Normalization: return "L2_NORMALIZATION"
    }
  }
}
