import CModelProtos
import NeuralGraph

/// A constant of a GraphDef.
enum GraphDefTensor: Hashable {
  case floats(FloatTensor)
  case integers(KnownIntegers)
  /// Quantized weights: qint8 and quint8.
  case codes(GraphDefCodes)
  /// Strings and other types that no operator here computes with.
  case other(type: String)

  /// TensorFlow's DataType numbers (types.proto), and their names.
  enum DataType: Int {
    case float = 1
    case double = 2
    case int32 = 3
    case uint8 = 4
    case int16 = 5
    case int8 = 6
    case string = 7
    case int64 = 9
    case bool = 10
    case qint8 = 11
    case quint8 = 12
    case bfloat16 = 14
    case uint16 = 17
    case half = 19
    case uint32 = 22
    case uint64 = 23

    var isQuantized: Bool { self == .qint8 || self == .quint8 }

    var isReal: Bool { [.float, .double, .half, .bfloat16].contains(self) }

    /// Bytes of an element in `tensor_content`.
    var size: Int {
      switch self {
      case .uint8, .int8, .bool, .qint8, .quint8: 1
      case .int16, .uint16, .bfloat16, .half: 2
      case .float, .int32, .uint32: 4
      case .double, .int64, .uint64: 8
      case .string: 0
      }
    }
  }

  /// Elements that all constants of a file together may get by repeating a value: a few bytes can
  /// ask for any number.
  struct Budget {
    var repetitions = 1 << 24
  }

  /// Integers are shapes, axes and the like; a longer list is no such thing.
  private static let maximumIntegers = 1 << 16

  static func decode(
    _ message: Tensorflow__TensorProto, _ budget: inout Budget
  ) -> Result<GraphDefTensor, ShapeError> {
    do throws(ShapeError) {
      return .success(try decodeThrowing(message, &budget))
    } catch {
      return .failure(error)
    }
  }

  private static func decodeThrowing(
    _ message: Tensorflow__TensorProto, _ budget: inout Budget
  ) throws(ShapeError) -> GraphDefTensor {
    guard let type = DataType(rawValue: Int(message.dtype)), type != .string else {
      return .other(type: "type \(message.dtype)")
    }
    let stated = message.tensor_shape.map { GraphDefShape($0.pointee) }
    guard let dimensions = (stated ?? GraphDefShape(dimensions: [])).dimensions,
      dimensions.count <= 8,
      let count = TensorShape.checkedElementCount(dimensions, limit: Operation.maximumElements)
    else {
      throw ShapeError("the constant's shape is unknown, negative or too large")
    }
    let shape = TensorShape(dimensions)
    guard type.isReal || type.isQuantized || count <= maximumIntegers else {
      return .other(type: "\(shape) integers")
    }
    if message.tensor_content.len > 0 {
      return try content(message.tensor_content, type: type, shape: shape, count: count)
    }
    return try listed(message, type: type, shape: shape, count: count, &budget)
  }

  /// All elements as little-endian bytes.
  private static func content(
    _ data: ProtobufCBinaryData, type: DataType, shape: TensorShape, count: Int
  ) throws(ShapeError) -> GraphDefTensor {
    guard data.len == count * type.size else {
      throw ShapeError(
        "the constant \(shape) needs \(count * type.size) bytes and has \(data.len)")
    }
    let bytes = UnsafeRawBufferPointer(start: data.data, count: data.len)
    func read<T: BitwiseCopyable>(_: T.Type) -> [T] {
      (0..<count).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
      }
    }
    switch type {
    case .float: return .floats(FloatTensor(shape: shape, values: read(Float.self)))
    case .double:
      return .floats(FloatTensor(shape: shape, values: read(Double.self).map(Float.init)))
    case .half:
      return .floats(
        FloatTensor(shape: shape, values: read(UInt16.self).map(Float.init(binary16:))))
    case .bfloat16:
      return .floats(
        FloatTensor(shape: shape, values: read(UInt16.self).map(Float.init(brainFloat16:))))
    case .qint8:
      return .codes(
        GraphDefCodes(isSigned: true, shape: shape, values: read(Int8.self).map { Int16($0) }))
    case .quint8:
      return .codes(
        GraphDefCodes(isSigned: false, shape: shape, values: read(UInt8.self).map { Int16($0) }))
    case .int8: return integers(read(Int8.self), shape)
    case .uint8, .bool: return integers(read(UInt8.self), shape)
    case .int16: return integers(read(Int16.self), shape)
    case .uint16: return integers(read(UInt16.self), shape)
    case .int32: return integers(read(Int32.self), shape)
    case .uint32: return integers(read(UInt32.self), shape)
    case .int64: return integers(read(Int64.self), shape)
    case .uint64: return integers(read(Int64.self), shape)
    case .string: return .other(type: "string")
    }
  }

  private static func integers(
    _ values: [some BinaryInteger], _ shape: TensorShape
  ) -> GraphDefTensor {
    .integers(KnownIntegers(shape: shape, values: values.map { Int($0) }))
  }

  /// The leading elements one by one; the last one stands for all that follow, none for zeros.
  private static func listed(
    _ message: Tensorflow__TensorProto, type: DataType, shape: TensorShape, count: Int,
    _ budget: inout Budget
  ) throws(ShapeError) -> GraphDefTensor {
    func list<T>(_ base: UnsafeMutablePointer<T>?, _ length: Int) -> UnsafeBufferPointer<T> {
      UnsafeBufferPointer(start: base, count: base == nil ? 0 : length)
    }
    func filled<T, R>(
      _ values: UnsafeBufferPointer<T>, zero: R, _ convert: (T) -> R
    ) throws(ShapeError) -> [R] {
      guard values.count <= count else {
        throw ShapeError("the constant \(shape) has \(values.count) values")
      }
      guard count - values.count <= budget.repetitions else {
        throw ShapeError("the constant \(shape) repeats one value too often")
      }
      budget.repetitions -= count - values.count
      var result = values.map(convert)
      result += repeatElement(result.last ?? zero, count: count - result.count)
      return result
    }
    switch type {
    case .float:
      let values = try filled(list(message.float_val, message.n_float_val), zero: 0) { $0 }
      return .floats(FloatTensor(shape: shape, values: values))
    case .double:
      let values = try filled(list(message.double_val, message.n_double_val), zero: 0) { Float($0) }
      return .floats(FloatTensor(shape: shape, values: values))
    case .half, .bfloat16:
      let convert = type == .half ? Float.init(binary16:) : Float.init(brainFloat16:)
      let values = try filled(list(message.half_val, message.n_half_val), zero: 0) {
        convert(UInt16(truncatingIfNeeded: $0))
      }
      return .floats(FloatTensor(shape: shape, values: values))
    case .int64:
      let values = try filled(list(message.int64_val, message.n_int64_val), zero: 0) { Int($0) }
      return integers(values, shape)
    case .bool:
      let values = try filled(list(message.bool_val, message.n_bool_val), zero: 0) {
        $0 == 0 ? 0 : 1
      }
      return integers(values, shape)
    case .int32, .uint8, .int8, .int16, .uint16:
      let values = try filled(list(message.int_val, message.n_int_val), zero: 0) { Int($0) }
      return integers(values, shape)
    case .qint8, .quint8:
      let values = try filled(list(message.int_val, message.n_int_val), zero: 0) { $0 }
      let range: ClosedRange<Int32> = type == .qint8 ? -128...127 : 0...255
      guard values.allSatisfy({ range.contains($0) }) else {
        throw ShapeError("the constant \(shape) has a code that leaves 8 bits")
      }
      return .codes(
        GraphDefCodes(
          isSigned: type == .qint8, shape: shape, values: values.map { Int16($0) }))
    case .uint32, .uint64, .string: return .other(type: "type \(message.dtype)")
    }
  }
}
