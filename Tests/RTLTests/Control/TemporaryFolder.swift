import Foundation

/// A folder of a test's own, and the tools that run in it.
struct TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("deepfreeze-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: path(name), atomically: false, encoding: .utf8)
  }

  struct ToolFailed: Error {
    var output: String
  }

  /// Standard output and error of a command that runs in the folder; throws when it fails.
  func run(_ command: [String]) throws -> String {
    let file = path("output-\(UUID().uuidString).txt")
    try "".write(toFile: file, atomically: false, encoding: .utf8)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = url
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    try handle.close()
    let output = try String(contentsOfFile: file, encoding: .utf8)
    guard process.terminationStatus == 0 else { throw ToolFailed(output: output) }
    return output
  }

  static func isInstalled(_ tool: String) -> Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)")
    }
  }

  /// True where a missing tool must fail the tests instead of skipping them.
  static var isCI: Bool { ProcessInfo.processInfo.environment["CI"] != nil }
}
