import Foundation

/// The folder of real models and recorded results, which a development machine has beside the
/// repository: `DEEPFREEZE_SHARED`, or `../shared`. Nil on a fresh machine.
enum SharedFolder {
  static let path: String? = {
    let here = URL(filePath: #filePath)
    let root = here.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let candidates: [String?] = [
      ProcessInfo.processInfo.environment["DEEPFREEZE_SHARED"],
      root.deletingLastPathComponent().appending(path: "shared").path,
      root.deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared").path,
    ]
    return candidates.compactMap { $0 }.first {
      FileManager.default.fileExists(atPath: $0 + "/golden")
    }
  }()

  static var isPresent: Bool { path != nil }
}
