import CModelProtos
import NeuralGraph

/// The value of a node's attribute.
enum ONNXAttribute {
  case float(Float)
  case integer(Int)
  case string(String)
  case tensor(Result<ONNXTensor, ShapeError>)
  case floats([Float])
  case integers([Int])
  case strings([String])
  /// A kind that no operator here reads: a graph, a type, a sparse tensor.
  case other
}

/// One node as the file has it. An absent operand or result has an empty name.
struct ONNXNode {
  /// Its position in the file.
  var index: Int
  var name: String
  /// `Conv`; outside the standard's own domain with it: `com.microsoft.QLinearAdd`.
  var operation: String
  var inputs: [String]
  var outputs: [String]
  var attributes: [String: ONNXAttribute]

  /// The name for people: the node's, or its first result's when it has none.
  var label: String {
    if !name.isEmpty { return name }
    return outputs.first { !$0.isEmpty } ?? "node \(index)"
  }
}

/// A graph input or output as the file states it.
struct ONNXPort {
  var name: String
  /// nil for what is no dense tensor.
  var type: Int?
  /// nil for an unknown rank; -1 for an extent that the file leaves open.
  var dimensions: [Int]?
}

/// An ONNX model: its graph, in the file's order, and the version of its operators.
struct ONNXFile {
  var nodes: [ONNXNode]
  /// Constants by name.
  var initializers: [String: Result<ONNXTensor, ShapeError>]
  /// Without the initializers, which old files list as inputs too.
  var inputs: [ONNXPort]
  var outputs: [ONNXPort]
  /// True when the user named the outputs.
  var endsAtNames = false
  /// Nodes that the file's own outputs need and those that the user named do not.
  var behindEnd: [ONNXNode] = []
  /// The version of the standard's operators.
  var opset: Int
  /// What is wrong with names.
  var problems: [Diagnostic] = []

  /// The versions whose operators are understood.
  static let opsets = 7...24

  /// True when the bytes begin like a ModelProto: with its version, a small number.
  static func recognizes(_ bytes: [UInt8]) -> Bool {
    bytes.count > 2 && bytes[0] == 0x08 && (1...64).contains(bytes[1])
      && [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42].contains(bytes[2])
  }

  /// Parses with libprotobuf-c. A `Diagnostic` is thrown when the bytes are not a model, or when its
  /// structure needs far more memory than its bytes.
  init(_ bytes: [UInt8]) throws(Diagnostic) {
    var status = DF_PARSE_OK
    let message = df_onnx_parse(bytes, bytes.count, parsingLimit(bytes), &status)
    guard let message else {
      if status == DF_PARSE_TOO_LARGE {
        throw Diagnostic("the file's structure needs far more memory than its size")
      }
      throw Diagnostic(
        "the file is not an ONNX model, or it is cut short",
        remedy: "give a model (.onnx) as one binary protocol buffer message")
    }
    defer { df_onnx_free(message) }
    guard let graph = message.pointee.graph?.pointee else {
      throw Diagnostic("the file has no graph", remedy: "export the model again")
    }
    guard graph.n_sparse_initializer == 0 else {
      throw Diagnostic(
        "the file holds sparse tensors", remedy: "export the model with dense weights")
    }
    opset = try ONNXFile.opset(
      pointers(message.pointee.opset_import, message.pointee.n_opset_import))
    nodes = pointers(graph.node, graph.n_node).enumerated().map { ONNXNode($1.pointee, $0) }
    initializers = [:]
    for tensor in pointers(graph.initializer, graph.n_initializer) {
      let name = text(tensor.pointee.name)
      if initializers.updateValue(ONNXTensor.decode(tensor.pointee), forKey: name) != nil {
        problems.append(Diagnostic("two constants have this name", node: name))
      }
    }
    let constants = initializers
    inputs = pointers(graph.input, graph.n_input).map { ONNXPort($0.pointee) }
      .filter { constants[$0.name] == nil }
    outputs = pointers(graph.output, graph.n_output).map { ONNXPort($0.pointee) }
  }

  /// The version of the standard's operators, once it is known to be understood.
  private static func opset(
    _ imports: [UnsafeMutablePointer<Onnx__OperatorSetIdProto>]
  ) throws(Diagnostic) -> Int {
    let standard = imports.filter { ONNXNode.isStandard(text($0.pointee.domain)) }
    guard let version = standard.first?.pointee.version else {
      throw Diagnostic(
        "the file does not say the version of its operators (opset)",
        remedy: "export the model again with opset 7 to \(opsets.upperBound)")
    }
    guard opsets.contains(Int(version)) else {
      throw Diagnostic(
        "the operators are of version (opset) \(version)",
        remedy: "export the model with opset \(opsets.lowerBound) to \(opsets.upperBound)")
    }
    return Int(version)
  }
}

extension ONNXNode {
  /// True for the names of the standard's own operator domain.
  static func isStandard(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }

  fileprivate init(_ message: Onnx__NodeProto, _ index: Int) {
    self.index = index
    name = text(message.name)
    let domain = text(message.domain)
    operation = (ONNXNode.isStandard(domain) ? "" : domain + ".") + text(message.op_type)
    inputs = texts(message.input, message.n_input)
    outputs = texts(message.output, message.n_output)
    attributes = [:]
    for attribute in pointers(message.attribute, message.n_attribute) {
      attributes[text(attribute.pointee.name)] = ONNXAttribute(attribute.pointee)
    }
  }
}

extension ONNXAttribute {
  /// By the stated type, or in old files, which state none, by the field that is there.
  fileprivate init(_ message: Onnx__AttributeProto) {
    let type = message.has_type != 0 ? Int(message.type) : ONNXAttribute.type(message)
    switch type {
    case 1: self = .float(message.f)
    case 2: self = .integer(Int(message.i))
    case 3: self = .string(text(message.s))
    case 4: self = message.t.map { .tensor(ONNXTensor.decode($0.pointee)) } ?? .other
    case 6: self = .floats(list(message.floats, message.n_floats))
    case 7: self = .integers(list(message.ints, message.n_ints).map { Int($0) })
    case 8: self = .strings(list(message.strings, message.n_strings).map { text($0) })
    default: self = .other
    }
  }

  private static func type(_ message: Onnx__AttributeProto) -> Int {
    if message.has_f != 0 { return 1 }
    if message.has_i != 0 { return 2 }
    if message.has_s != 0 { return 3 }
    if message.t != nil { return 4 }
    if message.n_floats > 0 { return 6 }
    if message.n_ints > 0 { return 7 }
    return message.n_strings > 0 ? 8 : 0
  }
}

extension ONNXPort {
  fileprivate init(_ message: Onnx__ValueInfoProto) {
    name = text(message.name)
    guard let tensor = message.type?.pointee.tensor_type?.pointee else { return }
    type = Int(tensor.elem_type)
    dimensions = tensor.shape.map { shape in
      pointers(shape.pointee.dim, shape.pointee.n_dim).map {
        $0.pointee.has_dim_value != 0 && $0.pointee.dim_value > 0 ? Int($0.pointee.dim_value) : -1
      }
    }
  }
}
