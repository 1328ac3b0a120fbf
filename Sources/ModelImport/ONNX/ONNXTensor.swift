import CModelProtos
import NeuralGraph

/// ONNX's element types (`TensorProto.DataType`).
enum ONNXType: Int {
  case float = 1
  case uint8 = 2
  case int8 = 3
  case uint16 = 4
  case int16 = 5
  case int32 = 6
  case int64 = 7
  case string = 8
  case bool = 9
  case float16 = 10
  case double = 11
  case uint32 = 12
  case uint64 = 13
  case bfloat16 = 16

  var isReal: Bool { [.float, .double, .float16, .bfloat16].contains(self) }

  /// The 8-bit type of a quantized tensor, or nil.
  var element: QuantizedElement? {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    default: nil
    }
  }

  /// The integers that it holds, as far as 64 bits with a sign reach; nil for a type of other values.
  var integers: ClosedRange<Int>? {
    switch self {
    case .bool: 0...1
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65_535
    case .int16: -32_768...32_767
    case .uint32: 0...Int(UInt32.max)
    case .int32: Int(Int32.min)...Int(Int32.max)
    case .uint64: 0...Int.max
    case .int64: Int.min...Int.max
    case .float, .string, .float16, .double, .bfloat16: nil
    }
  }

  /// Bytes of an element in `raw_data`.
  fileprivate var size: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .float, .int32, .uint32: 4
    case .int64, .uint64, .double: 8
    case .string: 0
    }
  }
}

/// Codes of a quantized tensor, row-major.
struct ONNXCodes: Hashable {
  var element: QuantizedElement
  var shape: TensorShape
  var values: [Int16]
}

/// A constant of an ONNX file.
enum ONNXTensor: Hashable {
  case floats(FloatTensor)
  /// 8-bit integers: quantized numbers, mostly.
  case codes(ONNXCodes)
  /// Shapes, axes, flags, int32 biases.
  case integers(KnownIntegers)

  var shape: TensorShape {
    switch self {
    case .floats(let tensor): tensor.shape
    case .codes(let codes): codes.shape
    case .integers(let integers): integers.shape
    }
  }

  static func decode(_ message: Onnx__TensorProto) -> Result<ONNXTensor, ShapeError> {
    do throws(ShapeError) {
      return .success(try decodeThrowing(message))
    } catch {
      return .failure(error)
    }
  }

  private static func decodeThrowing(
    _ message: Onnx__TensorProto
  ) throws(ShapeError) -> ONNXTensor {
    guard message.data_location != 1 else {
      throw ShapeError("the constant's numbers are in another file (external data)")
    }
    guard let type = ONNXType(rawValue: Int(message.data_type)), type != .string else {
      throw ShapeError("constants of ONNX's type \(message.data_type) are not supported")
    }
    let dimensions = list(message.dims, message.n_dims).map { Int($0) }
    guard dimensions.count <= 8,
      let count = TensorShape.checkedElementCount(dimensions, limit: Operation.maximumElements)
    else { throw ShapeError("the constant's shape is negative or too large") }
    let shape = TensorShape(dimensions)
    let data =
      message.has_raw_data != 0
      ? try raw(message.raw_data, type, count) : try listed(message, type)
    guard data.count == count else {
      throw ShapeError("the constant \(shape) needs \(count) numbers and has \(data.count)")
    }
    switch data {
    case .floats(let values): return .floats(FloatTensor(shape: shape, values: values))
    case .integers(let values): return .integers(KnownIntegers(shape: shape, values: values))
    case .codes(let values):
      return .codes(ONNXCodes(element: type.element ?? .int8, shape: shape, values: values))
    }
  }

  /// Numbers without a shape.
  private enum Numbers {
    case floats([Float])
    case codes([Int16])
    case integers([Int])

    var count: Int {
      switch self {
      case .floats(let values): values.count
      case .codes(let values): values.count
      case .integers(let values): values.count
      }
    }
  }

  /// All elements as little-endian bytes.
  private static func raw(
    _ data: ProtobufCBinaryData, _ type: ONNXType, _ count: Int
  ) throws(ShapeError) -> Numbers {
    let length = data.data == nil ? 0 : data.len
    guard length == count * type.size else {
      throw ShapeError(
        "the constant needs \(count * type.size) bytes and has \(length)")
    }
    let bytes = UnsafeRawBufferPointer(start: data.data, count: length)
    func read<T: BitwiseCopyable>(_: T.Type) -> some Sequence<T> {
      (0..<count).lazy.map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
      }
    }
    switch type {
    case .float: return .floats(Array(read(Float.self)))
    case .double: return .floats(read(Double.self).map { Float($0) })
    case .float16: return .floats(read(UInt16.self).map(Float.init(binary16:)))
    case .bfloat16: return .floats(read(UInt16.self).map(Float.init(brainFloat16:)))
    case .int8: return .codes(read(Int8.self).map { Int16($0) })
    case .uint8: return .codes(read(UInt8.self).map { Int16($0) })
    case .bool: return .integers(read(UInt8.self).map { $0 == 0 ? 0 : 1 })
    case .int16: return .integers(read(Int16.self).map { Int($0) })
    case .uint16: return .integers(read(UInt16.self).map { Int($0) })
    case .int32: return .integers(read(Int32.self).map { Int($0) })
    case .uint32: return .integers(read(UInt32.self).map { Int($0) })
    case .int64: return .integers(read(Int64.self).map { Int($0) })
    case .uint64: return .integers(try signed(Array(read(UInt64.self))))
    case .string: throw ShapeError("the constant holds text")
    }
  }

  /// Integers of 64 bits without a sign, which must have room in 64 bits with one.
  private static func signed(_ values: [UInt64]) throws(ShapeError) -> [Int] {
    guard values.allSatisfy({ $0 <= UInt64(Int.max) }) else {
      throw ShapeError("the constant holds a number above 2^63 - 1")
    }
    return values.map { Int($0) }
  }

  /// All elements in the list that the type has in a TensorProto.
  private static func listed(
    _ message: Onnx__TensorProto, _ type: ONNXType
  ) throws(ShapeError) -> Numbers {
    switch type {
    case .float: return .floats(list(message.float_data, message.n_float_data))
    case .double:
      return .floats(list(message.double_data, message.n_double_data).map { Float($0) })
    case .int64: return .integers(list(message.int64_data, message.n_int64_data).map { Int($0) })
    case .uint32, .uint64:
      return .integers(
        try signed(list(message.uint64_data, message.n_uint64_data).map { UInt64($0) }))
    case .string: throw ShapeError("the constant holds text")
    case .uint8, .int8, .uint16, .int16, .int32, .bool, .float16, .bfloat16: break
    }
    let numbers = list(message.int32_data, message.n_int32_data)
    switch type {
    case .float16:
      return .floats(numbers.map { Float(binary16: UInt16(truncatingIfNeeded: $0)) })
    case .bfloat16:
      return .floats(numbers.map { Float(brainFloat16: UInt16(truncatingIfNeeded: $0)) })
    case .uint8, .int8:
      let range = (type.element ?? .int8).range
      guard numbers.allSatisfy({ range.contains(Int($0)) }) else {
        throw ShapeError("a number of the constant is outside its 8-bit type")
      }
      return .codes(numbers.map { Int16($0) })
    default: return .integers(numbers.map { Int($0) })
    }
  }
}
