import NeuralGraph

/// The element types of a `.npy` file that are read: little-endian integers and binary floats.
public enum NPYElement: String, Hashable, Sendable, CaseIterable {
  case uint8 = "|u1"
  case int8 = "|i1"
  case bool = "|b1"
  case uint16 = "<u2"
  case int16 = "<i2"
  case uint32 = "<u4"
  case int32 = "<i4"
  case int64 = "<i8"
  case float32 = "<f4"
  case float64 = "<f8"

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .uint8, .int8, .bool: return 1
    case .uint16, .int16: return 2
    case .uint32, .int32, .float32: return 4
    case .int64, .float64: return 8
    }
  }
}

/// An array as NumPy saves it. Source: the NPY format, versions 1 to 3
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
public struct NPYArray: Hashable, Sendable {
  public let shape: [Int]
  public let element: NPYElement
  /// Little-endian elements in row-major order, whatever order the file had.
  public let bytes: [UInt8]

  /// Takes raw elements in row-major order.
  public init(shape: [Int], element: NPYElement, bytes: [UInt8]) {
    precondition(
      bytes.count == shape.reduce(element.size, *), "an array has size bytes an element")
    self.shape = shape
    self.element = element
    self.bytes = bytes
  }

  /// A tensor's codes as an array of uint8 or int8.
  public init(_ tensor: IntegerTensor) {
    self.init(
      shape: tensor.shape.dimensions, element: tensor.element == .uint8 ? .uint8 : .int8,
      bytes: tensor.bytes)
  }

  public var count: Int { bytes.count / element.size }

  /// Element `index` in row-major order as a number; nil for a float that is no integer.
  private func integer(_ index: Int) -> Int? {
    func load<Value: FixedWidthInteger>(_: Value.Type) -> Value {
      bytes.withUnsafeBytes {
        Value(
          littleEndian: $0.loadUnaligned(fromByteOffset: index * element.size, as: Value.self))
      }
    }
    switch element {
    case .uint8, .bool: return Int(bytes[index])
    case .int8: return Int(Int8(bitPattern: bytes[index]))
    case .uint16: return Int(load(UInt16.self))
    case .int16: return Int(load(Int16.self))
    case .uint32: return Int(load(UInt32.self))
    case .int32: return Int(load(Int32.self))
    case .int64: return Int(load(Int64.self))
    case .float32: return Int(exactly: Float(bitPattern: load(UInt32.self)))
    case .float64: return Int(exactly: Double(bitPattern: load(UInt64.self)))
    }
  }

  /// All elements as integers, row-major. Throws when a floating-point element is not one.
  public func integers() throws(Diagnostics) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(count)
    for index in 0..<count {
      guard let value = integer(index) else {
        throw Diagnostics(
          Diagnostic(
            "element \(index) is no integer", remedy: "save the array as an integer type"))
      }
      result.append(value)
    }
    return result
  }

  /// All elements as binary64 numbers, row-major; 64-bit integers are rounded to the nearest.
  public func doubles() -> [Double] {
    (0..<count).map { index in
      bytes.withUnsafeBytes { raw in
        switch element {
        case .float32:
          let bits = raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
          return Double(Float(bitPattern: UInt32(littleEndian: bits)))
        case .float64:
          let bits = raw.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
          return Double(bitPattern: UInt64(littleEndian: bits))
        default: return Double(integer(index) ?? 0)
        }
      }
    }
  }

  /// The file: format version 1.0, C order, data from a multiple of 64 bytes on.
  public var fileBytes: [UInt8] {
    let extents =
      shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.map(String.init).joined(separator: ", ")))"
    var header =
      "{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': \(extents), }"
    let padding = (64 - (10 + header.utf8.count + 1) % 64) % 64
    header += String(repeating: " ", count: padding) + "\n"
    let length = header.utf8.count
    return NPYArray.magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(header.utf8)
      + bytes
  }

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
}
