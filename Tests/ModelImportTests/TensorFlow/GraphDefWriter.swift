/// Writes GraphDef files for tests, straight in the protocol buffers' wire format.
struct GraphDefWriter {
  /// TensorFlow's DataType numbers.
  enum DataType: Int {
    case float = 1
    case double = 2
    case int32 = 3
    case int64 = 9
    case bool = 10
    case qint8 = 11
    case quint8 = 12
    case half = 19
  }

  enum Attribute {
    case string(String)
    case integer(Int)
    case float(Float)
    case bool(Bool)
    case type(DataType)
    case shape([Int]?)
    case integers([Int])
    case strings([String])
    /// A tensor of raw bytes.
    case content(DataType, [Int], [UInt8])
    /// A tensor whose values are listed: float_val, double_val, int_val, int64_val, half_val.
    case floats([Int], [Float])
    case doubles([Int], [Double])
    case int32s([Int], [Int])
    case int64s([Int], [Int])
    case halves([Int], [Int])
    /// A function of the library, by name.
    case function(String)
  }

  private(set) var bytes: [UInt8] = []
  /// Where each node ends, in bytes.
  private(set) var ends: [Int] = []

  mutating func node(
    _ name: String, _ operation: String, _ inputs: [String] = [],
    _ attributes: KeyValuePairs<String, Attribute> = [:]
  ) {
    var node = Message()
    node.string(1, name)
    node.string(2, operation)
    for input in inputs { node.string(3, input) }
    for (key, value) in attributes {
      var entry = Message()
      entry.string(1, key)
      entry.message(2, encoded(value))
      node.message(5, entry)
    }
    var file = Message()
    file.message(1, node)
    bytes += file.bytes
    ends.append(bytes.count)
  }

  /// TensorFlow's version record, which follows the nodes.
  mutating func versions(producer: Int = 27) {
    var record = Message()
    record.varint(1, producer)
    var file = Message()
    file.message(4, record)
    bytes += file.bytes
  }

  /// A function of the library, with the operand of the body that each result is.
  mutating func function(
    _ name: String, _ arguments: [String], _ results: KeyValuePairs<String, String>,
    _ body: (inout GraphDefWriter) -> Void
  ) {
    var writer = GraphDefWriter()
    body(&writer)
    var signature = Message()
    signature.string(1, name)
    for argument in arguments {
      var definition = Message()
      definition.string(1, argument)
      signature.message(2, definition)
    }
    var function = Message()
    for (result, _) in results {
      var definition = Message()
      definition.string(1, result)
      signature.message(3, definition)
    }
    function.message(1, signature)
    // Nodes are field 3 of a function and field 1 of a graph.
    var start = 0
    for end in writer.ends {
      writer.bytes[start] = 3 << 3 | 2
      start = end
    }
    function.bytes += writer.bytes
    for (result, operand) in results {
      var entry = Message()
      entry.string(1, result)
      entry.string(2, operand)
      function.message(4, entry)
    }
    var library = Message()
    library.message(1, function)
    var file = Message()
    file.message(2, library)
    bytes += file.bytes
  }

  // MARK: The nodes that tests need most

  mutating func placeholder(_ shape: [Int]?, name: String = "input") {
    node(name, "Placeholder", [], ["dtype": .type(.float), "shape": .shape(shape)])
  }

  mutating func constant(_ name: String, _ shape: [Int], _ values: [Float]) {
    let content = values.flatMap { value in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
    node(name, "Const", [], ["dtype": .type(.float), "value": .content(.float, shape, content)])
  }

  mutating func integers(_ name: String, _ shape: [Int], _ values: [Int]) {
    node(name, "Const", [], ["dtype": .type(.int32), "value": .int32s(shape, values)])
  }

  mutating func convolution(
    _ name: String, _ image: String, _ filter: String, stride: Int = 1, padding: String = "SAME",
    operation: String = "Conv2D"
  ) {
    node(
      name, operation, [image, filter],
      [
        "T": .type(.float), "strides": .integers([1, stride, stride, 1]),
        "padding": .string(padding), "data_format": .string("NHWC"),
      ])
  }

  // MARK: The wire format

  private func encoded(_ attribute: Attribute) -> Message {
    var value = Message()
    switch attribute {
    case .string(let string): value.string(2, string)
    case .integer(let integer): value.varint(3, integer)
    case .float(let float): value.fixed32(4, float.bitPattern)
    case .bool(let bool): value.varint(5, bool ? 1 : 0)
    case .type(let type): value.varint(6, type.rawValue)
    case .shape(let dimensions): value.message(7, shape(dimensions))
    case .integers(let integers):
      var list = Message()
      list.packed(3, integers)
      value.message(1, list)
    case .strings(let strings):
      var list = Message()
      for string in strings { list.string(2, string) }
      value.message(1, list)
    case .content(let type, let dimensions, let content):
      value.message(8, tensor(type, dimensions) { $0.data(4, content) })
    case .floats(let dimensions, let values):
      let raw = values.flatMap { float in
        withUnsafeBytes(of: float.bitPattern.littleEndian) { Array($0) }
      }
      value.message(8, tensor(.float, dimensions) { $0.data(5, raw) })
    case .doubles(let dimensions, let values):
      let raw = values.flatMap { double in
        withUnsafeBytes(of: double.bitPattern.littleEndian) { Array($0) }
      }
      value.message(8, tensor(.double, dimensions) { $0.data(6, raw) })
    case .int32s(let dimensions, let values):
      value.message(8, tensor(.int32, dimensions) { $0.packed(7, values) })
    case .int64s(let dimensions, let values):
      value.message(8, tensor(.int64, dimensions) { $0.packed(10, values) })
    case .halves(let dimensions, let values):
      value.message(8, tensor(.half, dimensions) { $0.packed(13, values) })
    case .function(let name):
      var function = Message()
      function.string(1, name)
      value.message(10, function)
    }
    return value
  }

  private func tensor(
    _ type: DataType, _ dimensions: [Int], _ values: (inout Message) -> Void
  ) -> Message {
    var tensor = Message()
    tensor.varint(1, type.rawValue)
    tensor.message(2, shape(dimensions))
    values(&tensor)
    return tensor
  }

  private func shape(_ dimensions: [Int]?) -> Message {
    var shape = Message()
    guard let dimensions else {
      shape.varint(3, 1)
      return shape
    }
    for dimension in dimensions {
      var dim = Message()
      dim.varint(1, dimension)
      shape.message(2, dim)
    }
    return shape
  }

  private struct Message {
    var bytes: [UInt8] = []

    private mutating func number(_ value: UInt64) {
      var rest = value
      while rest >= 128 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
        rest >>= 7
      }
      bytes.append(UInt8(rest))
    }

    mutating func varint(_ field: Int, _ value: Int) {
      number(UInt64(field << 3))
      number(UInt64(bitPattern: Int64(value)))
    }

    mutating func fixed32(_ field: Int, _ value: UInt32) {
      number(UInt64(field << 3 | 5))
      bytes += withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    mutating func data(_ field: Int, _ data: [UInt8]) {
      number(UInt64(field << 3 | 2))
      number(UInt64(data.count))
      bytes += data
    }

    mutating func string(_ field: Int, _ string: String) { data(field, Array(string.utf8)) }

    mutating func message(_ field: Int, _ message: Message) { data(field, message.bytes) }

    mutating func packed(_ field: Int, _ values: [Int]) {
      var list = Message()
      for value in values { list.number(UInt64(bitPattern: Int64(value))) }
      data(field, list.bytes)
    }
  }
}
