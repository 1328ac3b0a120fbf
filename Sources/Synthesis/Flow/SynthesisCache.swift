import Foundation
import NeuralGraph

/// Results of synthesis by content: the same sources, library, scripts and tools give the same entry. An
/// entry is whole or absent: it is written beside its name and renamed.
public struct SynthesisCache: Sendable {
  public let folder: String

  /// The folder is made when it is not there.
  public init(folder: String) throws(Diagnostics) {
    self.folder = folder
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw Diagnostics(
        Diagnostic(
          "the cache's folder cannot be made: \(systemReason(error))", file: folder,
          remedy: "give another --cache"))
    }
  }

  /// `deepfreeze/synthesis` where the system keeps caches: `$XDG_CACHE_HOME`, or `~/.cache`.
  public static var usualFolder: String {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? (environment["HOME"] ?? "/tmp") + "/.cache"
    return base + "/deepfreeze/synthesis"
  }

  private func path(_ key: String, _ kind: String) -> String { folder + "/\(key).\(kind)" }

  /// The entry's bytes; nil when there is none. Every entry begins with the digest of what follows: one
  /// that was damaged is none.
  func entry(_ key: String, _ kind: String) -> [UInt8]? {
    guard let bytes = try? readFile(path(key, kind), limit: 1 << 32), bytes.count > 65 else {
      return nil
    }
    let body = Array(bytes[65...])
    return Array(sha256Hex(body).utf8) + [10] == bytes[..<65] ? body : nil
  }

  func store(_ key: String, _ kind: String, _ bytes: [UInt8]) throws(Diagnostics) {
    try writeFile(Array(sha256Hex(bytes).utf8) + [10] + bytes, to: path(key, kind))
  }
}
