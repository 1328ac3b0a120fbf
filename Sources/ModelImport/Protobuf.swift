import CModelProtos

/// The elements of a protobuf-c repeated field of messages.
func pointers<Message>(
  _ base: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int
) -> [UnsafeMutablePointer<Message>] {
  UnsafeBufferPointer(start: base, count: base == nil ? 0 : count).compactMap { $0 }
}

/// The elements of a protobuf-c repeated field of strings.
func texts(_ base: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
  UnsafeBufferPointer(start: base, count: base == nil ? 0 : count).map { text($0) }
}

/// The elements of a protobuf-c repeated field of numbers.
func list<Number>(_ base: UnsafeMutablePointer<Number>?, _ count: Int) -> [Number] {
  Array(UnsafeBufferPointer(start: base, count: base == nil ? 0 : count))
}

/// A protobuf-c string; empty when it is absent, repaired where it is not UTF-8.
func text(_ string: UnsafePointer<CChar>?) -> String {
  string.map { String(cString: $0) } ?? ""
}

/// A protobuf-c field of bytes as text.
func text(_ bytes: ProtobufCBinaryData) -> String {
  String(
    decoding: UnsafeBufferPointer(start: bytes.data, count: bytes.data == nil ? 0 : bytes.len),
    as: UTF8.self)
}

/// How much memory parsing a file may take: a few bytes of a message can stand for a structure of a
/// hundred.
func parsingLimit(_ bytes: [UInt8]) -> Int {
  2 * bytes.count + min(30 * bytes.count, 200 << 20) + (1 << 20)
}
