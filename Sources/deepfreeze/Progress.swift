import Foundation
import Synchronization

/// A line on the terminal that says how far long work is. Where standard error is no terminal
/// nothing is ever printed.
final class Progress: Sendable {
  private let isShown: Bool
  private let done = Mutex(0)

  init() { isShown = isatty(FileHandle.standardError.fileDescriptor) != 0 }

  /// Replaces the line.
  func show(_ text: String) {
    guard isShown else { return }
    FileHandle.standardError.write(Data("\r\(text)\u{1b}[K".utf8))
  }

  /// One of `total` steps, in any order, is done.
  func step(of total: Int, _ what: String) {
    done.withLock {
      $0 += 1
      show("\($0) of \(counted(total, what))")
    }
  }

  /// Removes the line; what follows stands in its place.
  func end() {
    guard isShown else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K".utf8))
  }
}

/// "1 layer", "2 layers".
func counted(_ count: Int, _ noun: String) -> String {
  "\(grouped(count)) \(noun)" + (count == 1 ? "" : "s")
}
