import Foundation
import NeuralGraph

/// A line of a record file (`sim/df_recorder.v` says what they mean).
struct RecordEvent: Hashable {
  enum Kind: Hashable {
    /// An accepted beat.
    case input, output
    /// A layer's valid output.
    case tap(Int)
    /// The first cycle with `framing_error` high.
    case framingError
  }

  var kind: Kind
  var cycle: Int
  /// A byte a channel, channel 0 first; of a tap or a beat.
  var data: [UInt8] = []
  /// The lowest channel with a bit that the simulator calls unknown, or nil.
  var unknownChannel: Int?
  /// `tuser` of a beat; nil when a bit is unknown.
  var user: UInt64?
  /// `tlast` of a beat; nil when unknown.
  var last: Bool?
}

/// Reads a record file line by line, so that its size does not matter.
struct RecordReader: ~Copyable {
  private let path: String
  private let file: UnsafeMutablePointer<FILE>
  private var line: UnsafeMutablePointer<CChar>?
  private var capacity = 0
  private var lineNumber = 0

  init(path: String) throws(Diagnostics) {
    guard let file = fopen(path, "rb") else {
      throw Diagnostics(Diagnostic("the simulation has left no record", file: path))
    }
    self.path = path
    self.file = file
  }

  deinit {
    fclose(file)
    free(line)
  }

  /// The next event, or nil at the end of the file.
  mutating func next() throws(Diagnostics) -> RecordEvent? {
    let count = getline(&line, &capacity, file)
    guard count > 0, let line else { return nil }
    lineNumber += 1
    let bytes = UnsafeRawBufferPointer(start: line, count: count)
    var fields = Fields(bytes: bytes)
    guard let event = fields.event() else {
      let text = String(decoding: bytes.prefix(80), as: UTF8.self)
      throw Diagnostics(
        Diagnostic(
          "line \(lineNumber) of the record means nothing: "
            + text.trimmingSuffix(while: \.isNewline), file: path,
          remedy: "the simulation was stopped, or its disk is full"))
    }
    return event
  }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
    var end = endIndex
    while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
    return String(self[..<end])
  }
}

/// The fields of one line, parsed from left to right; nil for a field that is not what it should be.
private struct Fields {
  let bytes: UnsafeRawBufferPointer
  var at = 0

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func event() -> RecordEvent? {
    guard let first = bytes.first, bytes.last == UInt8(ascii: "\n") else { return nil }
    switch first {
    case UInt8(ascii: "i"), UInt8(ascii: "o"):
      at = 1
      guard let cycle = number() else { return nil }
      var event = RecordEvent(
        kind: first == UInt8(ascii: "i") ? .input : .output, cycle: cycle)
      guard data(&event), let user = field(), let last = field(), last.count == 1 else {
        return nil
      }
      event.user = hexadecimal(user)
      event.last = last.first.flatMap {
        $0 == UInt8(ascii: "1") ? true : $0 == UInt8(ascii: "0") ? false : nil
      }
      return event
    case UInt8(ascii: "e"):
      at = 1
      return number().map { RecordEvent(kind: .framingError, cycle: $0) }
    default:
      guard let tap = number(), let cycle = number() else { return nil }
      var event = RecordEvent(kind: .tap(tap), cycle: cycle)
      return data(&event) ? event : nil
    }
  }

  private mutating func field() -> UnsafeRawBufferPointer.SubSequence? {
    while at < bytes.count, bytes[at] == UInt8(ascii: " ") { at += 1 }
    let begin = at
    while at < bytes.count, bytes[at] > UInt8(ascii: " ") { at += 1 }
    return at > begin ? bytes[begin..<at] : nil
  }

  private mutating func number() -> Int? {
    guard let field = field(), field.count <= 18 else { return nil }
    var value = 0
    for digit in field {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = 10 * value + Int(digit - UInt8(ascii: "0"))
    }
    return value
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  private func hexadecimal(_ field: UnsafeRawBufferPointer.SubSequence) -> UInt64? {
    guard field.count <= 16 else { return nil }
    var value: UInt64 = 0
    for byte in field {
      guard let digit = Self.digit(byte) else { return nil }
      value = value << 4 | UInt64(digit)
    }
    return value
  }

  /// Two digits a channel, the last channel first; an unknown bit makes the digit an x or a z.
  private mutating func data(_ event: inout RecordEvent) -> Bool {
    guard let field = field(), field.count.isMultiple(of: 2) else { return false }
    let count = field.count / 2
    event.data = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      for channel in 0..<count {
        let at = field.endIndex - 2 * channel - 2
        if let high = Self.digit(field[at]), let low = Self.digit(field[at + 1]) {
          buffer[channel] = high << 4 | low
        } else {
          buffer[channel] = 0
          if event.unknownChannel == nil { event.unknownChannel = channel }
        }
      }
      initialized = count
    }
    return true
  }
}
