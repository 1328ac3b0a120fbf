import NeuralGraph

/// The parts of a TFLite file that describe its one subgraph, read and bounds-checked, but not yet
/// interpreted. Source: tensorflow/lite/schema/schema.fbs, version 3.
struct TFLiteModel: Sendable {
  /// One entry of the tensor table.
  struct Tensor: Sendable {
    var name: String
    /// nil when the file leaves the shape to the runtime.
    var shape: [Int]?
    /// The shape with -1 for extents that are not known; nil when all are.
    var signature: [Int]?
    var type: TFLiteElement
    /// The bytes of a constant; nil for an activation.
    var data: Range<Int>?
    var scales: FlatVector?
    var zeroPoints: FlatVector?
    var quantizedDimension: Int
    var isVariable: Bool
    var isSparse: Bool
    /// Where the tensor's table begins in the file.
    var position: Int
  }

  /// One operator, in execution order.
  struct Operator: Sendable {
    /// Its position in the file.
    var number: Int
    /// The builtin operator's name; a custom operator's own name.
    var kind: String
    var isCustom: Bool
    /// Tensor indices; -1 stands for an optional operand that is absent.
    var inputs: [Int]
    var outputs: [Int]
    var options: FlatTable?
    var position: Int
  }

  var buffer: FlatBuffer
  var tensors: [Tensor]
  var operators: [Operator]
  var inputs: [Int]
  var outputs: [Int]
  /// True when the user named the outputs.
  var endsAtNames = false
}

/// Element types of a TFLite tensor (schema.fbs, `enum TensorType`).
enum TFLiteElement: Hashable, Sendable, CustomStringConvertible {
  case float32, float16, int32, uint8, int64, int8
  case other(String)

  init(code: Int) {
    let names = [
      "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64",
      "int8", "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4",
      "bfloat16",
    ]
    switch code {
    case 0: self = .float32
    case 1: self = .float16
    case 2: self = .int32
    case 3: self = .uint8
    case 4: self = .int64
    case 9: self = .int8
    default: self = .other(names.indices.contains(code) ? names[code] : "type \(code)")
    }
  }

  var description: String {
    switch self {
    case .float32: return "float32"
    case .float16: return "float16"
    case .int32: return "int32"
    case .uint8: return "uint8"
    case .int64: return "int64"
    case .int8: return "int8"
    case .other(let name): return name
    }
  }

  /// The 8-bit type that networks here are made of, or nil.
  var quantized: QuantizedElement? {
    switch self {
    case .uint8: return .uint8
    case .int8: return .int8
    default: return nil
    }
  }
}

/// Reads a `TFLiteModel`. Names, shapes and index lists are copied out of the file; parts of a
/// hostile file may overlap, so the copies are paid from a budget in proportion to its size.
struct TFLiteParser {
  private let buffer: FlatBuffer
  private var budget: Int
  private(set) var diagnostics: [Diagnostic] = []

  /// More tables than this are refused; the largest published networks have a few thousand.
  private static let maximumTables = 1 << 16

  /// The four bytes at offset 4 of every TFLite file.
  static let identifier = Array("TFL3".utf8)

  /// True when the bytes carry TFLite's file identifier.
  static func recognizes(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 8 && Array(bytes[4..<8]) == identifier
  }

  init(_ bytes: [UInt8]) {
    buffer = FlatBuffer(bytes: bytes)
    budget = 4 * bytes.count + 65_536
  }

  /// The model, or nil with `diagnostics` saying why not.
  mutating func parse() -> TFLiteModel? {
    do throws(Diagnostic) {
      guard Self.recognizes(buffer.bytes) else {
        throw Diagnostic(
          "this is no TFLite file: it lacks the identifier TFL3", byteOffset: 4,
          remedy: "give a .tflite file as TensorFlow's converter writes it")
      }
      let root = try buffer.root()
      let version = try root.number(0, default: UInt32(0))
      guard version == 3 else {
        throw Diagnostic(
          "the file has schema version \(version); version 3 can be read",
          byteOffset: root.position)
      }
      return try parseModel(root)
    } catch {
      diagnostics.append(error)
      return nil
    }
  }

  private mutating func parseModel(_ root: FlatTable) throws(Diagnostic) -> TFLiteModel? {
    let subgraphs = try tables(root, 2, "subgraphs")
    guard subgraphs.count == 1 else {
      throw Diagnostic(
        "the file has \(subgraphs.count) subgraphs; networks with one can be read",
        byteOffset: root.position,
        remedy: "export without control flow (no while loops and conditionals)")
    }
    let graph = try subgraphs.table(0)
    let buffers = try tables(root, 4, "buffers")
    let tensors = try tables(graph, 0, "tensors")
    var model = TFLiteModel(
      buffer: buffer, tensors: [], operators: [], inputs: try indices(graph, 1),
      outputs: try indices(graph, 2))
    for index in 0..<tensors.count {
      model.tensors.append(try tensor(tensors.table(index), index, buffers: buffers))
    }
    let kinds = try operatorKinds(tables(root, 1, "operator codes"))
    let operators = try tables(graph, 3, "operators")
    for index in 0..<operators.count {
      model.operators.append(try parseOperator(operators.table(index), index, kinds))
    }
    checkIndices(model)
    return diagnostics.isEmpty ? model : nil
  }

  /// A vector of tables, empty when it is left out.
  private func tables(
    _ table: FlatTable, _ field: Int, _ what: String
  ) throws(Diagnostic) -> FlatVector {
    guard let vector = try table.vector(field, elementSize: 4) else {
      return FlatVector(buffer: buffer, start: 0, count: 0, elementSize: 4)
    }
    guard vector.count <= Self.maximumTables else {
      throw Diagnostic(
        "the file lists \(vector.count) \(what); at most \(Self.maximumTables) are accepted",
        byteOffset: vector.start)
    }
    return vector
  }

  private mutating func pay(_ bytes: Int, at position: Int) throws(Diagnostic) {
    budget -= bytes
    guard budget >= 0 else {
      throw Diagnostic(
        "the file's parts overlap: they describe more than the file holds", byteOffset: position,
        remedy: "the file is damaged; get a new copy")
    }
  }

  /// A vector of 32-bit integers, or nil when it is left out.
  private mutating func integers(
    _ table: FlatTable, _ field: Int
  ) throws(Diagnostic) -> [Int]? {
    guard let vector = try table.vector(field, elementSize: 4) else { return nil }
    try pay(8 * vector.count, at: vector.start)
    var values: [Int] = []
    for index in 0..<vector.count { values.append(Int(try vector.number(index, as: Int32.self))) }
    return values
  }

  private mutating func indices(_ table: FlatTable, _ field: Int) throws(Diagnostic) -> [Int] {
    try integers(table, field) ?? []
  }

  private mutating func string(_ table: FlatTable, _ field: Int) throws(Diagnostic) -> String {
    guard let vector = try table.vector(field, elementSize: 1) else { return "" }
    try pay(vector.count, at: vector.start)
    let text = try table.string(field) ?? ""
    // Names go to terminals and into generated files.
    return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 ? "?" : $0 }))
  }

  private mutating func tensor(
    _ table: FlatTable, _ index: Int, buffers: FlatVector
  ) throws(Diagnostic) -> TFLiteModel.Tensor {
    var name = try string(table, 3)
    if name.isEmpty { name = "tensor \(index)" }
    let quantization = try table.table(4)
    let bufferIndex = Int(try table.number(2, default: UInt32(0)))
    var tensor = TFLiteModel.Tensor(
      name: name, shape: try integers(table, 0), signature: try integers(table, 7),
      type: TFLiteElement(code: Int(try table.number(1, default: Int8(0)))), data: nil,
      scales: try quantization?.vector(2, elementSize: 4),
      zeroPoints: try quantization?.vector(3, elementSize: 8),
      quantizedDimension: Int(try quantization?.number(6, default: Int32(0)) ?? 0),
      isVariable: try table.number(5, default: UInt8(0)) != 0, isSparse: try table.has(6),
      position: table.position)
    if let shape = tensor.shape, shape.count > 8 {
      throw Diagnostic(
        "has \(shape.count) dimensions; at most 8 are accepted", node: name,
        byteOffset: table.position)
    }
    if tensor.scales?.count == 0 { tensor.scales = nil }
    if tensor.zeroPoints?.count == 0 { tensor.zeroPoints = nil }
    guard bufferIndex > 0 else { return tensor }
    guard bufferIndex < buffers.count else {
      diagnostics.append(
        Diagnostic(
          "its data is buffer \(bufferIndex), but the file has \(buffers.count) buffers",
          node: name, byteOffset: table.position,
          remedy: "the file is truncated or damaged; get a new copy"))
      return tensor
    }
    tensor.data = try data(buffers.table(bufferIndex), node: name)
    return tensor
  }

  /// The bytes of a buffer: its own vector, or, in files over 2 GB, a range after the FlatBuffer.
  private func data(_ table: FlatTable, node: String) throws(Diagnostic) -> Range<Int>? {
    if let vector = try table.vector(0, elementSize: 1), vector.count > 0 {
      return vector.byteRange
    }
    let offset = try table.number(1, default: UInt64(0))
    let size = try table.number(2, default: UInt64(0))
    guard offset > 1 else { return nil }
    let end = UInt64(buffer.bytes.count)
    guard offset <= end, size <= end - offset else {
      throw Diagnostic(
        "its data, \(size) bytes at \(offset), runs past the end of the file, which has \(end) "
          + "bytes", node: node, byteOffset: table.position,
        remedy: "the file is truncated or damaged; get a new copy")
    }
    return Int(offset)..<Int(offset + size)
  }

  /// The operators' names: the newer 32-bit code and the older 8-bit one, whichever is larger.
  private mutating func operatorKinds(
    _ codes: FlatVector
  ) throws(Diagnostic) -> [(kind: String, isCustom: Bool)] {
    var kinds: [(kind: String, isCustom: Bool)] = []
    for index in 0..<codes.count {
      let table = try codes.table(index)
      let code = max(
        Int(try table.number(0, default: Int8(0))), Int(try table.number(3, default: Int32(0))))
      let known = tfliteOperatorNames.indices.contains(code)
      let name = known ? tfliteOperatorNames[code] : "operator code \(code)"
      if name == "CUSTOM" {
        kinds.append((try string(table, 1), true))
      } else {
        kinds.append((name, false))
      }
    }
    return kinds
  }

  private mutating func parseOperator(
    _ table: FlatTable, _ index: Int, _ kinds: [(kind: String, isCustom: Bool)]
  ) throws(Diagnostic) -> TFLiteModel.Operator {
    let code = Int(try table.number(0, default: UInt32(0)))
    guard code < kinds.count else {
      throw Diagnostic(
        "operator \(index) has the code index \(code), but the file lists \(kinds.count) codes",
        byteOffset: table.position, remedy: "the file is damaged; get a new copy")
    }
    return TFLiteModel.Operator(
      number: index, kind: kinds[code].kind, isCustom: kinds[code].isCustom,
      inputs: try indices(table, 1),
      outputs: try indices(table, 2), options: try table.table(4), position: table.position)
  }

  /// Every tensor index must be one of the table's, or -1 for an operand that is left out.
  private mutating func checkIndices(_ model: TFLiteModel) {
    func check(_ indices: [Int], from least: Int, _ what: String, _ position: Int?) {
      guard let wrong = indices.first(where: { !(least..<model.tensors.count).contains($0) })
      else { return }
      diagnostics.append(
        Diagnostic(
          "\(what) tensor \(wrong), but the file has \(model.tensors.count) tensors",
          byteOffset: position, remedy: "the file is damaged; get a new copy"))
    }
    check(model.inputs, from: 0, "the network's input is", nil)
    check(model.outputs, from: 0, "the network's output is", nil)
    for (index, entry) in model.operators.enumerated() {
      let name = "operator \(index) (\(entry.kind))"
      check(entry.inputs, from: -1, "\(name) reads", entry.position)
      check(entry.outputs, from: 0, "\(name) writes", entry.position)
    }
  }
}
