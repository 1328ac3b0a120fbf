import Foundation

/// Files larger than this are refused unless a caller allows more: 512 MB.
public let maximumFileSize = 1 << 29

/// The bytes of a file, at most `limit`. Throws a diagnostic that names the file when it cannot be
/// read or is larger; no more than `limit` bytes are ever held.
public func readFile(
  _ path: String, limit: Int = maximumFileSize
) throws(Diagnostics) -> [UInt8] {
  func failure(_ message: String, remedy: String? = nil) -> Diagnostics {
    Diagnostics(Diagnostic(message, file: path, remedy: remedy))
  }
  guard let file = fopen(path, "rb") else {
    throw failure("cannot be opened: \(String(cString: strerror(errno)))")
  }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  // One more byte than a regular file's size, so that one read also finds its end.
  var status = stat()
  let size = fstat(fileno(file), &status) == 0 ? Int(status.st_size) : 0
  guard size <= limit else {
    throw failure("has \(size) bytes; at most \(limit) are read")
  }
  var wanted = max(size + 1, 65_536)
  while true {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: wanted))
    let count = bytes.withUnsafeMutableBytes {
      fread($0.baseAddress! + start, 1, wanted, file)
    }
    bytes.removeLast(wanted - count)
    guard ferror(file) == 0 else {
      throw failure("cannot be read: \(String(cString: strerror(errno)))")
    }
    guard bytes.count <= limit else { throw failure("has more than \(limit) bytes") }
    if count < wanted { return bytes }
    wanted = min(bytes.count, limit - bytes.count + 1)
  }
}

/// Writes a file as a whole: into a temporary file beside it, renamed when complete. Throws a
/// diagnostic that names the file.
public func writeFile(_ bytes: [UInt8], to path: String) throws(Diagnostics) {
  do {
    try Data(bytes).write(to: URL(filePath: path), options: .atomic)
  } catch {
    throw Diagnostics(
      Diagnostic("cannot be written: \(systemReason(error))", file: path))
  }
}
