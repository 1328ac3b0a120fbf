import NeuralGraph

/// The bytes of a FlatBuffers file. Every access is checked against the file's end, so a hostile
/// file ends in a diagnostic with the offending byte offset and never in a trap.
/// Source: the FlatBuffers binary format (https://flatbuffers.dev/internals).
struct FlatBuffer: Sendable {
  let bytes: [UInt8]

  /// A little-endian number at a byte offset.
  func number<Value: FixedWidthInteger>(
    _: Value.Type = Value.self, at position: Int
  ) throws(Diagnostic) -> Value {
    let size = Value.bitWidth / 8
    guard position >= 0, position <= bytes.count - size else {
      throw outOfFile(position, "a \(size)-byte number")
    }
    return bytes.withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Value.self))
    }
  }

  /// The position that the unsigned offset stored at `position` points to.
  func target(of position: Int) throws(Diagnostic) -> Int {
    let target = position + Int(try number(UInt32.self, at: position))
    guard target < bytes.count else { throw outOfFile(target, "what byte \(position) points to") }
    return target
  }

  /// The table that the whole file is.
  func root() throws(Diagnostic) -> FlatTable { try FlatTable(self, at: target(of: 0)) }

  /// The vector at `position`: a 32-bit count and its elements, all inside the file.
  func vector(at position: Int, elementSize: Int) throws(Diagnostic) -> FlatVector {
    let count = Int(try number(UInt32.self, at: position))
    let start = position + 4
    guard count <= (bytes.count - start) / elementSize else {
      throw outOfFile(position, "a vector of \(count) elements of \(elementSize) bytes")
    }
    return FlatVector(buffer: self, start: start, count: count, elementSize: elementSize)
  }

  func outOfFile(_ position: Int, _ what: String) -> Diagnostic {
    Diagnostic(
      "\(what) runs past the end of the file, which has \(bytes.count) bytes",
      byteOffset: position, remedy: "the file is truncated or damaged; get a new copy")
  }
}

/// A vector inside the file; elements are read when asked for.
struct FlatVector: Sendable {
  let buffer: FlatBuffer
  let start: Int
  let count: Int
  let elementSize: Int

  /// Positions of all its bytes in the file.
  var byteRange: Range<Int> { start..<start + count * elementSize }

  /// Element `index` as a number; the vector's extent has been checked.
  func number<Value: FixedWidthInteger>(
    _ index: Int, as _: Value.Type = Value.self
  ) throws(Diagnostic) -> Value {
    try buffer.number(at: start + index * elementSize)
  }

  /// Element `index` as a binary32 number.
  func float(_ index: Int) throws(Diagnostic) -> Float {
    Float(bitPattern: try number(index, as: UInt32.self))
  }

  /// Element `index` of a vector of tables.
  func table(_ index: Int) throws(Diagnostic) -> FlatTable {
    try FlatTable(buffer, at: buffer.target(of: start + index * elementSize))
  }
}

/// A table: fields found through a vtable of 16-bit offsets; a missing field has its default.
struct FlatTable: Sendable {
  let buffer: FlatBuffer
  /// Where the table begins in the file.
  let position: Int
  private let vtable: Int
  private let vtableSize: Int

  init(_ buffer: FlatBuffer, at position: Int) throws(Diagnostic) {
    let vtable = position - Int(try buffer.number(Int32.self, at: position))
    let size = Int(try buffer.number(UInt16.self, at: vtable))
    guard size >= 4, size.isMultiple(of: 2), vtable + size <= buffer.bytes.count else {
      throw Diagnostic(
        "a table's field list is damaged (size \(size))", byteOffset: vtable,
        remedy: "the file is truncated or damaged; get a new copy")
    }
    self.buffer = buffer
    self.position = position
    self.vtable = vtable
    vtableSize = size
  }

  /// The position of field number `index`, or nil when the table leaves it out.
  private func field(_ index: Int) throws(Diagnostic) -> Int? {
    let entry = 4 + 2 * index
    guard entry + 2 <= vtableSize else { return nil }
    let offset = Int(try buffer.number(UInt16.self, at: vtable + entry))
    return offset == 0 ? nil : position + offset
  }

  /// A number field; `default` when it is left out.
  func number<Value: FixedWidthInteger>(
    _ index: Int, default: Value
  ) throws(Diagnostic) -> Value {
    guard let position = try field(index) else { return `default` }
    return try buffer.number(at: position)
  }

  /// A binary32 field; zero when it is left out.
  func float(_ index: Int) throws(Diagnostic) -> Float {
    Float(bitPattern: try number(index, default: UInt32(0)))
  }

  /// True when the table has field number `index`.
  func has(_ index: Int) throws(Diagnostic) -> Bool { try field(index) != nil }

  /// A field that is a table.
  func table(_ index: Int) throws(Diagnostic) -> FlatTable? {
    guard let position = try field(index) else { return nil }
    return try FlatTable(buffer, at: buffer.target(of: position))
  }

  /// A field that is a vector of elements of `elementSize` bytes (4 for tables: their offsets).
  func vector(_ index: Int, elementSize: Int) throws(Diagnostic) -> FlatVector? {
    guard let position = try field(index) else { return nil }
    return try buffer.vector(at: buffer.target(of: position), elementSize: elementSize)
  }

  /// A field that is a string, or a vector of bytes taken as one; wrong UTF-8 is repaired.
  func string(_ index: Int) throws(Diagnostic) -> String? {
    guard let vector = try vector(index, elementSize: 1) else { return nil }
    return String(decoding: buffer.bytes[vector.byteRange], as: UTF8.self)
  }
}
