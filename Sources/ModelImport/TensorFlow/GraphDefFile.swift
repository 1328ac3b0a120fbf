import CModelProtos
import NeuralGraph

/// One operand of a GraphDef node: `name`, `name:output`, or `^name` for an order without data.
struct GraphDefInput: Hashable {
  var name: String
  var output: Int
  var isControl: Bool

  init(_ text: String) {
    if text.hasPrefix("^") {
      self.init(name: String(text.dropFirst()), output: 0, isControl: true)
    } else if let colon = text.lastIndex(of: ":"),
      let output = Int(text[text.index(after: colon)...]), output >= 0
    {
      self.init(name: String(text[..<colon]), output: output, isControl: false)
    } else {
      self.init(name: text, output: 0, isControl: false)
    }
  }

  init(name: String, output: Int, isControl: Bool) {
    self.name = name
    self.output = output
    self.isControl = isControl
  }
}

/// The static or partly unknown shape that a file states: nil for an unknown rank, -1 for an
/// unknown extent.
struct GraphDefShape: Hashable {
  var dimensions: [Int]?
}

/// The value of a node's attribute.
enum GraphDefAttribute {
  case string(String)
  case integer(Int)
  case float(Float)
  case bool(Bool)
  case type(Int)
  case shape(GraphDefShape)
  case integers([Int])
  case strings([String])
  case tensor(Result<GraphDefTensor, ShapeError>)
  /// The name of a function in the file's library.
  case function(String)
  /// A kind that no operator here reads.
  case other
}

/// One node as the file has it.
struct GraphDefNode {
  var name: String
  var operation: String
  var inputs: [GraphDefInput]
  var attributes: [String: GraphDefAttribute]

  /// Operands that carry data.
  var dataInputs: [GraphDefInput] { inputs.filter { !$0.isControl } }
}

/// The nodes of a GraphDef, in the file's order; functions stand where they are called.
struct GraphDefFile {
  var nodes: [GraphDefNode]
  /// True when the file has the version record that TensorFlow writes after the nodes.
  var hasVersions: Bool

  /// True when the bytes begin like a GraphDef: with a node, its function library, or its version.
  static func recognizes(_ bytes: [UInt8]) -> Bool {
    bytes.first.map { [0x0A, 0x12, 0x22].contains($0) } ?? false
  }

  /// Parses with libprotobuf-c. A `Diagnostic` is thrown when the bytes are not a GraphDef, or
  /// when its structure needs far more memory than its bytes.
  init(_ bytes: [UInt8]) throws(Diagnostic) {
    guard !bytes.isEmpty else {
      throw Diagnostic("the file is empty", remedy: "give a TensorFlow frozen graph (.pb)")
    }
    var status = DF_PARSE_OK
    let message = df_graphdef_parse(bytes, bytes.count, parsingLimit(bytes), &status)
    guard let message else {
      if status == DF_PARSE_TOO_LARGE {
        throw Diagnostic("the file's structure needs far more memory than its size")
      }
      throw Diagnostic(
        "the file is not a TensorFlow GraphDef, or it is cut short",
        remedy: "give a frozen graph (.pb) as one binary protocol buffer message")
    }
    defer { df_graphdef_free(message) }
    hasVersions = message.pointee.versions != nil
    var budget = GraphDefTensor.Budget()
    let nodes = pointers(message.pointee.node, message.pointee.n_node).map {
      GraphDefNode($0, &budget)
    }
    var functions: [String: GraphDefFunction] = [:]
    if let library = message.pointee.library?.pointee {
      for function in pointers(library.function, library.n_function) {
        functions[text(function.pointee.signature?.pointee.name)] = GraphDefFunction(
          function.pointee, &budget)
      }
    }
    self.nodes = GraphDefFile.withoutIdentityN(try GraphDefInlining.inlined(nodes, functions))
  }
}

extension GraphDefFile {
  /// IdentityN passes several tensors on, as TensorFlow's functions with gradients of their own (swish)
  /// leave it: what reads a result reads the operand instead, and the node is an Identity of the first.
  private static func withoutIdentityN(_ nodes: [GraphDefNode]) -> [GraphDefNode] {
    var operands: [String: [GraphDefInput]] = [:]
    for node in nodes where node.operation == "IdentityN" { operands[node.name] = node.dataInputs }
    if operands.isEmpty { return nodes }
    func resolved(_ input: GraphDefInput) -> GraphDefInput {
      var input = input
      // A row of them that is longer is no model's; a cycle is reported where nodes are ordered.
      for _ in 0..<64 {
        guard input.output > 0, let passed = operands[input.name], input.output < passed.count
        else { break }
        input = passed[input.output]
      }
      return input
    }
    return nodes.map { node in
      var node = node
      node.inputs = node.inputs.map(resolved)
      if node.operation == "IdentityN", let first = node.dataInputs.first {
        node.operation = "Identity"
        node.inputs = [first] + node.inputs.filter(\.isControl)
      }
      return node
    }
  }
}

extension GraphDefFunction {
  fileprivate init(_ message: Tensorflow__FunctionDef, _ budget: inout GraphDefTensor.Budget) {
    if let signature = message.signature?.pointee {
      arguments = pointers(signature.input_arg, signature.n_input_arg).map { text($0.pointee.name) }
      outputs = pointers(signature.output_arg, signature.n_output_arg).map {
        text($0.pointee.name)
      }
    }
    nodes = pointers(message.node_def, message.n_node_def).map { GraphDefNode($0, &budget) }
    for entry in pointers(message.ret, message.n_ret) {
      results[text(entry.pointee.key)] = GraphDefInput(text(entry.pointee.value))
    }
  }
}

extension GraphDefNode {
  fileprivate init(
    _ message: UnsafeMutablePointer<Tensorflow__NodeDef>, _ budget: inout GraphDefTensor.Budget
  ) {
    let node = message.pointee
    name = text(node.name)
    operation = text(node.op)
    inputs = texts(node.input, node.n_input).map(GraphDefInput.init)
    attributes = [:]
    for entry in pointers(node.attr, node.n_attr) {
      // As in any protocol buffer map, the last of equal keys counts.
      attributes[text(entry.pointee.key)] =
        entry.pointee.value.map { GraphDefAttribute($0.pointee, &budget) } ?? .other
    }
  }
}

extension GraphDefAttribute {
  fileprivate init(_ value: Tensorflow__AttrValue, _ budget: inout GraphDefTensor.Budget) {
    switch value.value_case {
    case TENSORFLOW__ATTR_VALUE__VALUE_S:
      self = .string(text(value.s))
    case TENSORFLOW__ATTR_VALUE__VALUE_I: self = .integer(Int(value.i))
    case TENSORFLOW__ATTR_VALUE__VALUE_F: self = .float(value.f)
    case TENSORFLOW__ATTR_VALUE__VALUE_B: self = .bool(value.b != 0)
    case TENSORFLOW__ATTR_VALUE__VALUE_TYPE: self = .type(Int(value.type))
    case TENSORFLOW__ATTR_VALUE__VALUE_SHAPE:
      self = value.shape.map { .shape(GraphDefShape($0.pointee)) } ?? .other
    case TENSORFLOW__ATTR_VALUE__VALUE_LIST:
      guard let list = value.list?.pointee else {
        self = .other
        return
      }
      if list.n_s > 0, let strings = list.s {
        self = .strings(UnsafeBufferPointer(start: strings, count: list.n_s).map { text($0) })
        return
      }
      // An empty list has no kind; it is taken as one of integers.
      self = .integers(
        UnsafeBufferPointer(start: list.i, count: list.i == nil ? 0 : list.n_i).map { Int($0) })
    case TENSORFLOW__ATTR_VALUE__VALUE_TENSOR:
      self = value.tensor.map { .tensor(GraphDefTensor.decode($0.pointee, &budget)) } ?? .other
    case TENSORFLOW__ATTR_VALUE__VALUE_FUNC:
      self = value.func.map { .function(text($0.pointee.name)) } ?? .other
    default: self = .other
    }
  }
}

extension GraphDefShape {
  init(_ message: Tensorflow__TensorShapeProto) {
    if message.unknown_rank != 0 {
      dimensions = nil
    } else {
      dimensions = pointers(message.dim, message.n_dim).map { Int($0.pointee.size) }
    }
  }
}
