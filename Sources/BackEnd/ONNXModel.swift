import CModelProtos
import Foundation

/// An ONNX model under construction: nodes in order, their constants, inputs and outputs.
struct ONNXModel {
  /// The element types that are written, by ONNX's numbers (TensorProto.DataType).
  enum Element: Int32 {
    case float = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case int64 = 7
    case double = 11
  }

  enum Attribute {
    case int(Int)
    case ints([Int])
  }

  struct Node {
    var operation: String
    var inputs: [String]
    var output: String
    var attributes: [(name: String, value: Attribute)]
  }

  /// A constant: little-endian elements in row-major order.
  struct Constant {
    var name: String
    var element: Element
    var dimensions: [Int]
    var bytes: [UInt8]
  }

  struct Value {
    var name: String
    var element: Element
    var dimensions: [Int]
  }

  /// The operators' meaning is that of this version of the standard's set.
  static let operatorSet = 17
  /// The file format's version that came with it.
  static let formatVersion = 8

  var name: String
  var nodes: [Node] = []
  var constants: [Constant] = []
  var inputs: [Value] = []
  var outputs: [Value] = []

  init(name: String) { self.name = name }

  /// The file's bytes.
  func encode() -> [UInt8] {
    let memory = MessageMemory()
    let graph = memory.message(onnx__graph_proto__init)
    graph.pointee.name = memory.string(name)
    graph.pointee.n_node = nodes.count
    graph.pointee.node = memory.list(nodes.map { message($0, memory) })
    graph.pointee.n_initializer = constants.count
    graph.pointee.initializer = memory.list(constants.map { message($0, memory) })
    graph.pointee.n_input = inputs.count
    graph.pointee.input = memory.list(inputs.map { message($0, memory) })
    graph.pointee.n_output = outputs.count
    graph.pointee.output = memory.list(outputs.map { message($0, memory) })
    let set = memory.message(onnx__operator_set_id_proto__init)
    set.pointee.has_version = 1
    set.pointee.version = Int64(Self.operatorSet)
    let model = memory.message(onnx__model_proto__init)
    model.pointee.has_ir_version = 1
    model.pointee.ir_version = Int64(Self.formatVersion)
    model.pointee.producer_name = memory.string("deepfreeze")
    model.pointee.graph = graph
    model.pointee.n_opset_import = 1
    model.pointee.opset_import = memory.list([set])
    return [UInt8](unsafeUninitializedCapacity: onnx__model_proto__get_packed_size(model)) {
      $1 = onnx__model_proto__pack(model, $0.baseAddress)
    }
  }

  private func message(_ node: Node, _ memory: MessageMemory) -> UnsafeMutablePointer<
    Onnx__NodeProto
  > {
    let message = memory.message(onnx__node_proto__init)
    message.pointee.op_type = memory.string(node.operation)
    message.pointee.n_input = node.inputs.count
    message.pointee.input = memory.list(node.inputs.map(memory.string))
    message.pointee.n_output = 1
    message.pointee.output = memory.list([memory.string(node.output)])
    message.pointee.n_attribute = node.attributes.count
    message.pointee.attribute = memory.list(
      node.attributes.map { name, value in
        let attribute = memory.message(onnx__attribute_proto__init)
        attribute.pointee.name = memory.string(name)
        attribute.pointee.has_type = 1
        switch value {
        case .int(let number):
          // AttributeProto.AttributeType: INT and INTS.
          attribute.pointee.type = 2
          attribute.pointee.has_i = 1
          attribute.pointee.i = Int64(number)
        case .ints(let numbers):
          attribute.pointee.type = 7
          attribute.pointee.n_ints = numbers.count
          attribute.pointee.ints = memory.array(numbers.map(Int64.init))
        }
        return attribute
      })
    return message
  }

  private func message(_ constant: Constant, _ memory: MessageMemory) -> UnsafeMutablePointer<
    Onnx__TensorProto
  > {
    let message = memory.message(onnx__tensor_proto__init)
    message.pointee.name = memory.string(constant.name)
    message.pointee.has_data_type = 1
    message.pointee.data_type = constant.element.rawValue
    message.pointee.n_dims = constant.dimensions.count
    message.pointee.dims = memory.array(constant.dimensions.map(Int64.init))
    message.pointee.has_raw_data = 1
    message.pointee.raw_data = ProtobufCBinaryData(
      len: constant.bytes.count, data: memory.array(constant.bytes))
    return message
  }

  private func message(_ value: Value, _ memory: MessageMemory) -> UnsafeMutablePointer<
    Onnx__ValueInfoProto
  > {
    let shape = memory.message(onnx__tensor_shape_proto__init)
    shape.pointee.n_dim = value.dimensions.count
    shape.pointee.dim = memory.list(
      value.dimensions.map { size in
        let dimension = memory.message(onnx__tensor_shape_proto__dimension__init)
        dimension.pointee.has_dim_value = 1
        dimension.pointee.dim_value = Int64(size)
        return dimension
      })
    let tensor = memory.message(onnx__type_proto__tensor__init)
    tensor.pointee.has_elem_type = 1
    tensor.pointee.elem_type = value.element.rawValue
    tensor.pointee.shape = shape
    let type = memory.message(onnx__type_proto__init)
    type.pointee.tensor_type = tensor
    let message = memory.message(onnx__value_info_proto__init)
    message.pointee.name = memory.string(value.name)
    message.pointee.type = type
    return message
  }
}

/// The memory of protobuf-c messages that are put together here; it is given back as a whole.
private final class MessageMemory {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { for block in blocks { block.deallocate() } }

  /// A message with `initialize`'s defaults.
  func message<Message>(
    _ initialize: (UnsafeMutablePointer<Message>?) -> Void
  ) -> UnsafeMutablePointer<Message> {
    let message = UnsafeMutablePointer<Message>.allocate(capacity: 1)
    blocks.append(UnsafeMutableRawPointer(message))
    initialize(message)
    return message
  }

  func array<Number>(_ numbers: [Number]) -> UnsafeMutablePointer<Number> {
    let array = UnsafeMutablePointer<Number>.allocate(capacity: max(numbers.count, 1))
    blocks.append(UnsafeMutableRawPointer(array))
    array.initialize(from: numbers, count: numbers.count)
    return array
  }

  /// A repeated field of messages or strings.
  func list<Element>(_ elements: [UnsafeMutablePointer<Element>])
    -> UnsafeMutablePointer<UnsafeMutablePointer<Element>?>
  {
    array(elements.map(Optional.some))
  }

  func string(_ text: String) -> UnsafeMutablePointer<CChar> {
    array(text.utf8.map { CChar(bitPattern: $0) } + [0])
  }
}
