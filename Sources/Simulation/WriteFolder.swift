import CPlatform
import Foundation
import NeuralGraph

/// Writes a folder as a whole or not at all: into a temporary folder beside it, which takes its
/// name when it is complete. Whatever goes wrong, the folder is as it was before.
public enum FolderWriter {
  /// Throws when `path` cannot take an emitted folder: it exists and `force` is not given, it is no
  /// folder, or it holds something that no `emit` has written. `force` is nil for a command that has no
  /// such option. Worth asking before long work.
  public static func check(_ path: String, force: Bool? = nil) throws(Diagnostics) {
    guard path.contains(where: { !$0.isWhitespace }) else {
      throw refuse(path, "the output folder has no name", "give a name to --output")
    }
    // What the path means, `missing/..` included, is what must not be there.
    let target = URL(filePath: path).standardizedFileURL.path
    try checkTarget(target, force: force)
    if target != path { try checkTarget(path, force: force) }
  }

  private static func checkTarget(_ path: String, force: Bool?) throws(Diagnostics) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      if (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil {
        throw refuse(path, "the output is a link to nothing", "remove it or give another --output")
      }
      return
    }
    guard isFolder.boolValue else {
      throw refuse(path, "the output is a file", "give another --output")
    }
    guard force == true else {
      throw refuse(
        path, "the output folder exists",
        "give another --output" + (force == nil ? "" : ", or --force"))
    }
    let contents = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? ["?"]
    guard contents.isEmpty || contents.contains("design.json") else {
      throw refuse(
        path, "the output folder was not written by 'deepfreeze emit'; it is not replaced",
        "remove it or give another --output")
    }
  }

  private static func refuse(_ path: String, _ message: String, _ remedy: String) -> Diagnostics {
    Diagnostics(Diagnostic(message, file: path, remedy: remedy))
  }

  /// Writes `files` as the folder `path`. With `force` an emitted folder of that name is replaced in
  /// one step. Throws when it cannot; `path` is untouched then.
  public static func write(
    _ files: [EmittedFile], to path: String, force: Bool? = nil
  ) throws(Diagnostics) {
    try check(path, force: force)
    // A link stays a link: what it points to is replaced.
    let target = URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath()
    let parent = target.deletingLastPathComponent()
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    let partial = parent.appending(path: ".\(target.lastPathComponent).\(unique).partial")
    defer { try? FileManager.default.removeItem(at: partial) }
    do {
      try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: false)
      var folders: Set<String> = [""]
      for file in files {
        let url = partial.appending(path: file.path)
        if folders.insert(url.deletingLastPathComponent().path).inserted {
          try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        }
        try Data(file.bytes).write(to: url)
      }
    } catch {
      throw Diagnostics(
        Diagnostic("the folder cannot be written: \(systemReason(error))", file: path))
    }
    // With `force` the two folders change names, and the old one, now the temporary, is removed.
    // Without it nothing is ever replaced: `rename` refuses a folder that holds something.
    let status =
      force == true && FileManager.default.fileExists(atPath: target.path)
      ? df_exchange(partial.path, target.path) : rename(partial.path, target.path)
    guard status == 0 else {
      throw Diagnostics(
        Diagnostic(
          "the folder cannot be put in place: \(String(cString: strerror(errno)))",
          file: path))
    }
  }
}
