import Foundation
import NeuralGraph

/// A folder of its own for a simulation's files, gone afterwards unless it is to be kept.
public struct ScratchFolder: Hashable, Sendable {
  /// Absolute, without white space: Verilator's makefiles take none.
  public let path: String

  /// Runs `body` with a new folder. With `keep` the folder stays.
  public static func with<Result: Sendable>(
    keep: Bool = false, _ body: (ScratchFolder) async throws(Diagnostics) -> Result
  ) async throws(Diagnostics) -> Result {
    let folder = try ScratchFolder()
    defer {
      if !keep { try? FileManager.default.removeItem(atPath: folder.path) }
    }
    return try await body(folder)
  }

  private init() throws(Diagnostics) {
    let wanted = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    let usable =
      wanted.hasPrefix("/") && !wanted.contains(where: \.isWhitespace) ? wanted : "/tmp"
    path = usable + "/deepfreeze-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    } catch {
      throw Diagnostics(
        Diagnostic("no temporary folder can be made: \(systemReason(error))", file: path))
    }
  }

  /// Writes a file in the folder.
  package func write(_ name: String, _ bytes: [UInt8]) throws(Diagnostics) {
    do {
      try Data(bytes).write(to: URL(filePath: path + "/" + name))
    } catch {
      throw Diagnostics(
        Diagnostic("it cannot be written: \(systemReason(error))", file: path + "/" + name))
    }
  }

  /// Makes `name` in the folder stand for another folder.
  package func link(_ name: String, to target: String) throws(Diagnostics) {
    do {
      try FileManager.default.createSymbolicLink(
        atPath: path + "/" + name, withDestinationPath: URL(filePath: target).path)
    } catch {
      throw Diagnostics(
        Diagnostic("it cannot be linked: \(systemReason(error))", file: path + "/" + name))
    }
  }

  /// Removes a file if it is there.
  package func remove(_ name: String) {
    try? FileManager.default.removeItem(atPath: path + "/" + name)
  }
}
