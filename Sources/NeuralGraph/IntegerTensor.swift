/// A tensor of 8-bit codes in row-major order: what the interpreter computes and the hardware
/// streams. The codes are kept as the raw bytes that a file or an AXI stream would hold.
public struct IntegerTensor: Hashable, Sendable {
  public let shape: TensorShape
  public let element: QuantizedElement
  /// The codes' bytes, int8 in two's complement; `shape.elementCount` of them.
  public private(set) var bytes: [UInt8]

  /// Takes the raw bytes of `shape.elementCount` codes.
  public init(shape: TensorShape, element: QuantizedElement, bytes: [UInt8]) {
    precondition(bytes.count == shape.elementCount, "a tensor has one byte an element")
    self.shape = shape
    self.element = element
    self.bytes = bytes
  }

  /// Takes the codes as integers; each must lie in `element.range`.
  public init(shape: TensorShape, element: QuantizedElement, codes: [Int]) {
    precondition(codes.allSatisfy(element.range.contains), "a code leaves its element type")
    self.init(
      shape: shape, element: element, bytes: codes.map { UInt8(truncatingIfNeeded: $0) })
  }

  /// The code at a row-major index.
  public subscript(index: Int) -> Int {
    get { element.code(of: bytes[index]) }
    set {
      precondition(element.range.contains(newValue), "a code leaves its element type")
      bytes[index] = UInt8(truncatingIfNeeded: newValue)
    }
  }

  /// The code of one channel of one pixel of an image tensor [1, H, W, C].
  public subscript(y: Int, x: Int, channel: Int) -> Int {
    self[(y * shape.width + x) * shape.channels + channel]
  }

  /// All codes in row-major order.
  public var codes: [Int] { bytes.map(element.code(of:)) }

  /// SHA-256 of the raw bytes, in hexadecimal; the form of the traces.
  public var sha256: String { sha256Hex(bytes) }
}

extension QuantizedElement {
  /// The code that a raw byte means.
  public func code(of byte: UInt8) -> Int {
    self == .uint8 ? Int(byte) : Int(Int8(bitPattern: byte))
  }
}
