import NeuralGraph

/// A group of a liberty file: `name (arguments) { attributes and groups }`.
struct LibertyGroup {
  var name: String
  var arguments: [String]
  /// The group's bytes in the file, from its name to behind its brace.
  var bytes: Range<Int>
  /// Simple attributes (`a : b;`) and complex ones (`a (b, c);`), the last of a name.
  var attributes: [String: [String]] = [:]
  var groups: [LibertyGroup] = []

  /// A simple attribute as a number; nil when it is not there or none.
  func number(_ name: String) -> Double? {
    guard let text = attributes[name]?.first, let value = Double(text), value.isFinite else {
      return nil
    }
    return value
  }
}

/// Reads liberty text (the Liberty Reference Manual's groups and attributes). Groups of other names than
/// `wanted` are passed over: a library of megabytes is timing tables for the most part.
struct LibertyScanner {
  private let bytes: [UInt8]
  private let wanted: Set<String>
  private var position = 0

  init(_ bytes: [UInt8], wanted: Set<String>) {
    self.bytes = bytes
    self.wanted = wanted
  }

  private static let deepest = 16

  /// The file's one group, `library`.
  static func read(_ bytes: [UInt8], wanted: Set<String>) throws(Diagnostics) -> LibertyGroup {
    var scanner = LibertyScanner(bytes, wanted: wanted)
    let name = try scanner.word()
    guard name == "library", scanner.peek() == UInt8(ascii: "(") else {
      throw scanner.malformed("it does not begin with 'library ('")
    }
    let group = try scanner.group(name, from: 0, depth: 0)
    return group
  }

  private func malformed(_ message: String) -> Diagnostics {
    Diagnostics(
      Diagnostic(
        "the text is no liberty: \(message)", byteOffset: position,
        remedy: "give a cell library in liberty format (.lib, or .lib.gz)"))
  }

  /// Skips white space, comments and continued lines.
  private mutating func space() {
    while position < bytes.count {
      let byte = bytes[position]
      if byte <= 0x20 || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: ";") {
        position += 1
      } else if byte == UInt8(ascii: "/"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "*")
      {
        position += 2
        while position + 1 < bytes.count,
          !(bytes[position] == UInt8(ascii: "*") && bytes[position + 1] == UInt8(ascii: "/"))
        { position += 1 }
        position = min(position + 2, bytes.count)
      } else if byte == UInt8(ascii: "/"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "/")
      {
        while position < bytes.count, bytes[position] != 10 { position += 1 }
      } else {
        return
      }
    }
  }

  private mutating func peek() -> UInt8 {
    space()
    return position < bytes.count ? bytes[position] : 0
  }

  private static func ends(_ byte: UInt8) -> Bool {
    byte <= 0x20 || "(){}:;,\"\\".utf8.contains(byte)
  }

  /// A word, or a text in quotes without them.
  private mutating func word() throws(Diagnostics) -> String {
    if peek() == UInt8(ascii: "\"") {
      position += 1
      let start = position
      while position < bytes.count, bytes[position] != UInt8(ascii: "\"") { position += 1 }
      guard position < bytes.count else { throw malformed("a text does not end") }
      position += 1
      return String(decoding: bytes[start..<position - 1], as: UTF8.self)
    }
    let start = position
    while position < bytes.count, !Self.ends(bytes[position]) { position += 1 }
    guard position > start else {
      throw malformed(position < bytes.count ? "a name is missing" : "the file ends inside a group")
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func arguments() throws(Diagnostics) -> [String] {
    position += 1
    var found: [String] = []
    while true {
      switch peek() {
      case UInt8(ascii: ")"):
        position += 1
        return found
      case UInt8(ascii: ","), UInt8(ascii: ":"): position += 1
      case 0: throw malformed("the file ends inside parentheses")
      default: found.append(try word())
      }
    }
  }

  /// The rest of a group, from its parenthesis on.
  private mutating func group(_ name: String, from start: Int, depth: Int) throws(Diagnostics)
    -> LibertyGroup
  {
    guard depth < Self.deepest else { throw malformed("groups are nested too deep") }
    var group = LibertyGroup(name: name, arguments: try arguments(), bytes: start..<start)
    guard peek() == UInt8(ascii: "{") else { throw malformed("'{' is missing") }
    position += 1
    while peek() != UInt8(ascii: "}") {
      let start = position
      let name = try word()
      switch peek() {
      case UInt8(ascii: ":"):
        position += 1
        group.attributes[name] = [try value()]
      case UInt8(ascii: "("):
        let open = position
        let arguments = try arguments()
        guard peek() == UInt8(ascii: "{") else {
          group.attributes[name] = arguments
          continue
        }
        if wanted.contains(name) {
          position = open
          group.groups.append(try self.group(name, from: start, depth: depth + 1))
        } else {
          try skip()
          group.groups.append(
            LibertyGroup(name: name, arguments: arguments, bytes: start..<position))
        }
      default: throw malformed("':' or '(' is missing behind '\(name)'")
      }
    }
    position += 1
    group.bytes = start..<position
    return group
  }

  /// A simple attribute's value: a text, or all up to the semicolon or the line's end.
  private mutating func value() throws(Diagnostics) -> String {
    if peek() == UInt8(ascii: "\"") { return try word() }
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: ";"), bytes[position] != 10,
      bytes[position] != UInt8(ascii: "}")
    { position += 1 }
    var end = position
    while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  /// Passes over a group's braces and all between.
  private mutating func skip() throws(Diagnostics) {
    var open = 0
    while true {
      switch peek() {
      case 0: throw malformed("the file ends inside a group")
      case UInt8(ascii: "{"):
        open += 1
        position += 1
      case UInt8(ascii: "}"):
        open -= 1
        position += 1
        if open == 0 { return }
      case UInt8(ascii: "\""): _ = try word()
      default: position += 1
      }
    }
  }
}
