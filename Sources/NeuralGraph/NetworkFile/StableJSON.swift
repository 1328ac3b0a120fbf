import Foundation

/// The JSON of emitted files and reports: sorted keys, indented, the same value the same bytes.
public enum StableJSON {
  /// Traps on a value with a number that JSON cannot hold (not finite): no emitted value has one.
  public static func encode(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    do {
      return [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
    } catch {
      preconditionFailure("a value has no JSON: \(error)")
    }
  }

  /// Decodes `bytes`; the diagnostic says which entry of `file` is wrong.
  public static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8], file: String
  ) throws(Diagnostics) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw Diagnostics(Diagnostic(message(error), file: file))
    } catch {
      throw Diagnostics(Diagnostic("it is not JSON: \(error)", file: file))
    }
  }

  private static func message(_ error: DecodingError) -> String {
    func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
      let keys = context.codingPath + (last.map { [$0] } ?? [])
      let text = keys.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }
        .joined()
      return text.isEmpty ? "the whole" : String(text.drop { $0 == "." })
    }
    switch error {
    case .keyNotFound(let key, let context): return "\(path(context, key)) is missing"
    case .valueNotFound(_, let context): return "\(path(context)) has no value"
    case .typeMismatch(_, let context): return "\(path(context)) is of another type"
    case .dataCorrupted(let context):
      return "\(path(context)) is not valid: \(context.debugDescription)"
    @unknown default: return "it cannot be read"
    }
  }
}
