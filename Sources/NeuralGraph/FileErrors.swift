import Foundation

/// Why the system refused a file operation, in its own words ("Permission denied"), without the
/// codes and paths that Foundation wraps around them.
public func systemReason(_ error: any Error) -> String {
  var current: NSError? = error as NSError
  while let inner = current {
    if inner.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(inner.code))) }
    current = inner.userInfo[NSUnderlyingErrorKey] as? NSError
  }
  guard let error = error as? CocoaError else { return (error as NSError).localizedDescription }
  let code: Int32? =
    switch error.code {
    case .fileNoSuchFile, .fileReadNoSuchFile: ENOENT
    case .fileReadNoPermission, .fileWriteNoPermission: EACCES
    case .fileWriteOutOfSpace: ENOSPC
    case .fileWriteVolumeReadOnly: EROFS
    case .fileWriteFileExists: EEXIST
    case .fileWriteInvalidFileName, .fileReadInvalidFileName: EINVAL
    default: nil
    }
  return code.map { String(cString: strerror($0)) } ?? error.localizedDescription
}
