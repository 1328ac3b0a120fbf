/// A minimal FlatBuffers writer: parents first, children behind them, so that offsets point on.
indirect enum FlatNode {
  case int8(Int)
  case int32(Int)
  case int64(Int)
  case float(Float)
  case string(String)
  case bytes([UInt8])
  case int32s([Int])
  case int64s([Int])
  case floats([Float])
  /// Fields by number.
  case table([Int: FlatNode])
  case tables([FlatNode])
}

/// Writes one file.
struct FlatFile {
  private(set) var bytes: [UInt8] = []

  init(root: FlatNode, identifier: String = "TFL3") {
    append(0, size: 4)
    bytes += identifier.utf8
    patch(0, write(root))
  }

  private mutating func append(_ value: Int, size: Int) {
    for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }

  /// Makes the 4 bytes at `position` the offset to `target`.
  private mutating func patch(_ position: Int, _ target: Int) {
    for index in 0..<4 {
      bytes[position + index] = UInt8(truncatingIfNeeded: (target - position) >> (8 * index))
    }
  }

  private mutating func align(_ size: Int) {
    while !bytes.count.isMultiple(of: size) { bytes.append(0) }
  }

  /// Appends a vector's count and elements; returns its position.
  private mutating func vector(_ values: [Int], size: Int) -> Int {
    // The elements, behind the count, begin at a multiple of 8.
    align(8)
    append(0, size: 4)
    let position = bytes.count
    append(values.count, size: 4)
    for value in values { append(value, size: size) }
    return position
  }

  /// Appends an object that others point to; returns its position.
  private mutating func write(_ node: FlatNode) -> Int {
    switch node {
    case .string(let text): return vector(text.utf8.map { Int($0) }, size: 1)
    case .bytes(let values): return vector(values.map { Int($0) }, size: 1)
    case .int32s(let values): return vector(values, size: 4)
    case .int64s(let values): return vector(values, size: 8)
    case .floats(let values): return vector(values.map { Int($0.bitPattern) }, size: 4)
    case .tables(let tables):
      let start = vector(Array(repeating: 0, count: tables.count), size: 4)
      for (index, table) in tables.enumerated() { patch(start + 4 + 4 * index, write(table)) }
      return start
    case .table(let fields): return write(fields)
    case .int8, .int32, .int64, .float: preconditionFailure("a number lies inside its table")
    }
  }

  private mutating func write(_ fields: [Int: FlatNode]) -> Int {
    let count = (fields.keys.max() ?? -1) + 1
    align(8)
    let vtable = bytes.count
    append(4 + 2 * count, size: 2)
    append(4 + 8 * fields.count, size: 2)
    for _ in 0..<count { append(0, size: 2) }
    align(8)
    append(0, size: 4)
    // The table begins 4 bytes before its fields, each in a slot of 8.
    let table = bytes.count
    append(table - vtable, size: 4)
    var references: [(position: Int, node: FlatNode)] = []
    for (field, node) in fields.sorted(by: { $0.key < $1.key }) {
      let position = bytes.count
      let entry = vtable + 4 + 2 * field
      bytes[entry] = UInt8((position - table) & 255)
      bytes[entry + 1] = UInt8((position - table) >> 8)
      switch node {
      case .int8(let value), .int32(let value), .int64(let value): append(value, size: 8)
      case .float(let value): append(Int(value.bitPattern), size: 8)
      default:
        references.append((position, node))
        append(0, size: 8)
      }
    }
    for (position, node) in references { patch(position, write(node)) }
    return table
  }
}

/// A TFLite file in parts, for tests: tensors and operators by index.
struct TFLiteWriter {
  enum Element: Int {
    case float32 = 0
    case int32 = 2
    case uint8 = 3
    case int64 = 4
    case int16 = 7
    case int8 = 9
  }

  struct Tensor {
    var name: String
    var shape: [Int]?
    var element: Element
    var scales: [Float] = []
    var zeroPoints: [Int] = []
    var dimension = 0
    var data: [UInt8]?
    var signature: [Int]?
    var isVariable = false
    /// Overrides the buffer's number.
    var buffer: Int?
  }

  struct Operator {
    var code: Int
    var inputs: [Int]
    var outputs: [Int]
    var options: [Int: FlatNode]?
    var customName: String?
  }

  var tensors: [Tensor] = []
  var operators: [Operator] = []
  var inputs: [Int] = [0]
  var outputs: [Int] = []
  var version = 3
  var subgraphs = 1

  /// Codes of `enum BuiltinOperator`.
  static let codes = [
    "ADD": 0, "AVERAGE_POOL_2D": 1, "L2_NORMALIZATION": 11, "ARG_MAX": 56, "CONCATENATION": 2,
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4,
    "DEQUANTIZE": 6,
    "FULLY_CONNECTED": 9, "LOGISTIC": 14, "MAX_POOL_2D": 17, "MUL": 18, "RELU": 19, "RELU6": 21,
    "RESHAPE": 22, "SOFTMAX": 25, "CUSTOM": 32, "PAD": 34, "MEAN": 40, "SQUEEZE": 43,
    "SUB": 41, "STRIDED_SLICE": 45, "EXP": 47, "PRELU": 54, "MAXIMUM": 55, "PADV2": 60, "SHAPE": 77,
    "PACK": 83, "LEAKY_RELU": 98, "QUANTIZE": 114, "HARD_SWISH": 117,
  ]

  /// Adds an activation; returns its index.
  @discardableResult
  mutating func activation(
    _ name: String, _ shape: [Int], _ element: Element = .int8, scale: Float = 0.5,
    zeroPoint: Int = 0
  ) -> Int {
    tensors.append(
      Tensor(
        name: name, shape: shape, element: element, scales: [scale], zeroPoints: [zeroPoint]))
    return tensors.count - 1
  }

  /// Adds a constant of 8-bit codes; returns its index.
  mutating func codes(
    _ name: String, _ shape: [Int], _ codes: [Int], _ element: Element = .int8,
    scales: [Float] = [0.25], zeroPoints: [Int] = [0], dimension: Int = 0
  ) -> Int {
    tensors.append(
      Tensor(
        name: name, shape: shape, element: element, scales: scales, zeroPoints: zeroPoints,
        dimension: dimension, data: codes.map { UInt8(truncatingIfNeeded: $0) }))
    return tensors.count - 1
  }

  /// Adds a constant of 32-bit integers; returns its index.
  mutating func integers(_ name: String, _ shape: [Int], _ values: [Int]) -> Int {
    let data = values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    tensors.append(Tensor(name: name, shape: shape, element: .int32, data: data))
    return tensors.count - 1
  }

  mutating func add(
    _ kind: String, _ inputs: [Int], _ outputs: [Int], _ options: [Int: FlatNode]? = nil
  ) {
    operators.append(
      Operator(code: Self.codes[kind]!, inputs: inputs, outputs: outputs, options: options))
  }

  /// The file.
  var bytes: [UInt8] {
    var buffers: [FlatNode] = [.table([:])]
    let tables = tensors.map { tensor -> FlatNode in
      var fields: [Int: FlatNode] = [1: .int8(tensor.element.rawValue), 3: .string(tensor.name)]
      if let shape = tensor.shape { fields[0] = .int32s(shape) }
      if let data = tensor.data {
        fields[2] = .int32(buffers.count)
        buffers.append(.table([0: .bytes(data)]))
      }
      if let buffer = tensor.buffer { fields[2] = .int32(buffer) }
      if !tensor.scales.isEmpty || !tensor.zeroPoints.isEmpty {
        fields[4] = .table([
          2: .floats(tensor.scales), 3: .int64s(tensor.zeroPoints), 6: .int32(tensor.dimension),
        ])
      }
      if tensor.isVariable { fields[5] = .int8(1) }
      if let signature = tensor.signature { fields[7] = .int32s(signature) }
      return .table(fields)
    }
    let codes = operators.map { entry -> FlatNode in
      var fields: [Int: FlatNode] = [0: .int8(min(entry.code, 127)), 3: .int32(entry.code)]
      if let name = entry.customName { fields[1] = .string(name) }
      return .table(fields)
    }
    let entries = operators.enumerated().map { index, entry -> FlatNode in
      var fields: [Int: FlatNode] = [
        0: .int32(index), 1: .int32s(entry.inputs), 2: .int32s(entry.outputs),
      ]
      if let options = entry.options { fields[4] = .table(options) }
      return .table(fields)
    }
    let graph = FlatNode.table([
      0: .tables(tables), 1: .int32s(inputs), 2: .int32s(outputs), 3: .tables(entries),
    ])
    return FlatFile(
      root: .table([
        0: .int32(version), 1: .tables(codes),
        2: .tables(Array(repeating: graph, count: subgraphs)), 4: .tables(buffers),
      ])
    ).bytes
  }
}
