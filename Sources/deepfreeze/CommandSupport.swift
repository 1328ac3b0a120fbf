import ArgumentParser
import Foundation
import NeuralGraph

/// What every command takes.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON object for machines instead of text.")
  var json = false
}

extension ExitCode {
  /// A check ran and failed: a mismatch, a budget missed.
  static let checkFailed = ExitCode(1)
  /// The user's input cannot be used; diagnostics say why.
  static let unusableInput = ExitCode(2)
}

/// Runs a command's work. Diagnostics go to standard error, and with `json` also to standard
/// output as `{"diagnostics": […]}`; the command then ends with exit code 2.
func reportingDiagnostics(
  _ output: OutputOptions, _ body: () async throws -> Void
) async throws {
  do {
    try await body()
  } catch let error as Diagnostics {
    try report(error.all, output)
  } catch let error as Diagnostic {
    try report([error], output)
  }
}

private func report(_ diagnostics: [Diagnostic], _ output: OutputOptions) throws -> Never {
  printToStandardError(diagnostics.map(\.description).joined(separator: "\n"))
  if output.json { printJSON(["diagnostics": diagnostics.map(DiagnosticRecord.init)]) }
  throw ExitCode.unusableInput
}

/// A diagnostic as machines get it.
struct DiagnosticRecord: Encodable {
  var severity: String
  var message: String
  var file: String?
  var node: String?
  var byteOffset: Int?
  var remedy: String?

  init(_ diagnostic: Diagnostic) {
    severity = diagnostic.severity.rawValue
    message = diagnostic.message
    file = diagnostic.place.file
    node = diagnostic.place.node
    byteOffset = diagnostic.place.byteOffset
    remedy = diagnostic.remedy
  }
}

func printToStandardError(_ text: String) {
  FileHandle.standardError.write(Data((text + "\n").utf8))
}

/// Prints a value as JSON: keys sorted, so that the same value gives the same text.
func printJSON(_ value: some Encodable) {
  FileHandle.standardOutput.write(Data(StableJSON.encode(value)))
}

/// Makes a folder for a command's output, and those above it, where there is none.
func makeFolder(_ path: String) throws(Diagnostics) {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw Diagnostics(
      Diagnostic("the folder cannot be made: \(systemReason(error))", file: path))
  }
}

/// Text in columns: the first row is the heading; columns in `left` are flush left, others right.
func table(_ rows: [[String]], left: Set<Int>) -> String {
  let columns = rows.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in
    rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
  }
  return rows.map { row in
    var line = ""
    for (column, cell) in row.enumerated() {
      let space = String(repeating: " ", count: widths[column] - cell.count)
      line += (column > 0 ? "  " : "") + (left.contains(column) ? cell + space : space + cell)
    }
    while line.last == " " { line.removeLast() }
    return line
  }.joined(separator: "\n")
}

/// A number with commas between thousands.
func grouped(_ number: Int) -> String {
  var digits = Array(String(number.magnitude))
  var position = digits.count - 3
  while position > 0 {
    digits.insert(",", at: position)
    position -= 3
  }
  return (number < 0 ? "-" : "") + String(digits)
}

/// A long name cut in the middle, so that both ends can be read.
func shortened(_ name: String, to length: Int = 60) -> String {
  guard name.count > length else { return name }
  let half = (length - 1) / 2
  return name.prefix(half) + "…" + name.suffix(length - 1 - half)
}

/// The process's largest resident set until now, in bytes.
func peakMemory() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss * 1024
}
