import NeuralGraph

/// Reads JSON front to back, without building it: as fast and as small as a netlist of many
/// megabytes needs.
struct JSONScanner {
  private let bytes: UnsafeBufferPointer<UInt8>
  private(set) var position = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The deepest nesting that is followed.
  private static let deepest = 32

  func malformed(_ message: String) -> Diagnostics {
    Diagnostics(
      Diagnostic("the netlist is not as Yosys writes it: \(message)", byteOffset: position))
  }

  private mutating func space() {
    while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
  }

  /// The next byte that is no white space; 0 at the end.
  mutating func peek() -> UInt8 {
    space()
    return position < bytes.count ? bytes[position] : 0
  }

  private mutating func take(_ character: Character) throws(Diagnostics) {
    guard peek() == character.asciiValue else { throw malformed("'\(character)' is missing") }
    position += 1
  }

  /// Reads an object; `body` reads each entry's value.
  mutating func object(
    _ body: (inout JSONScanner, String) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    try take("{")
    if peek() == UInt8(ascii: "}") {
      position += 1
      return
    }
    while true {
      let key = try string()
      try take(":")
      try body(&self, key)
      if peek() == UInt8(ascii: ",") {
        position += 1
      } else {
        try take("}")
        return
      }
    }
  }

  /// Reads an array; `body` reads each element.
  mutating func array(
    _ body: (inout JSONScanner) throws(Diagnostics) -> Void
  ) throws(Diagnostics) {
    try take("[")
    if peek() == UInt8(ascii: "]") {
      position += 1
      return
    }
    while true {
      try body(&self)
      if peek() == UInt8(ascii: ",") {
        position += 1
      } else {
        try take("]")
        return
      }
    }
  }

  mutating func string() throws(Diagnostics) -> String {
    try take("\"")
    let start = position
    var hasEscape = false
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      if bytes[position] == UInt8(ascii: "\\") {
        hasEscape = true
        position += 1
      }
      position += 1
    }
    guard position < bytes.count else { throw malformed("a text does not end") }
    let text = UnsafeBufferPointer(rebasing: bytes[start..<position])
    position += 1
    guard hasEscape else { return String(decoding: text, as: UTF8.self) }
    // Yosys escapes with a backslash before the character itself, and control characters by their
    // code; those differ from each other without it too.
    var plain: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index] == UInt8(ascii: "\\"), index + 1 < text.count { index += 1 }
      plain.append(text[index])
      index += 1
    }
    return String(decoding: plain, as: UTF8.self)
  }

  mutating func integer() throws(Diagnostics) -> Int {
    var next = peek()
    let isNegative = next == UInt8(ascii: "-")
    if isNegative {
      position += 1
      next = position < bytes.count ? bytes[position] : 0
    }
    let start = position
    var value = 0
    while next >= UInt8(ascii: "0"), next <= UInt8(ascii: "9") {
      guard value < 1 << 56 else { throw malformed("a number is too large") }
      value = value * 10 + Int(next - UInt8(ascii: "0"))
      position += 1
      next = position < bytes.count ? bytes[position] : 0
    }
    guard position > start else { throw malformed("a number is missing") }
    return isNegative ? -value : value
  }

  /// Passes over a value.
  mutating func skip() throws(Diagnostics) { try skip(depth: 0) }

  private mutating func skip(depth: Int) throws(Diagnostics) {
    guard depth < Self.deepest else { throw malformed("it is nested too deep") }
    switch peek() {
    case UInt8(ascii: "{"):
      try object { scanner, _ throws(Diagnostics) in try scanner.skip(depth: depth + 1) }
    case UInt8(ascii: "["):
      try array { scanner throws(Diagnostics) in try scanner.skip(depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"), UInt8(ascii: "n"): position += 4
    case UInt8(ascii: "f"): position += 5
    default: _ = try integer()
    }
    guard position <= bytes.count else { throw malformed("it ends early") }
  }
}
