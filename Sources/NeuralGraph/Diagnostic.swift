/// One thing wrong with the user's input: what, where, and what to do about it.
public struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
  /// An error stops the command; a warning or a note does not.
  public enum Severity: String, Hashable, Sendable, Codable {
    case error, warning, note
  }

  /// Where the trouble is: a file, a node in it, a byte offset in it. Each part may be absent.
  public struct Place: Hashable, Sendable {
    public var file: String?
    public var node: String?
    public var byteOffset: Int?

    public init(file: String? = nil, node: String? = nil, byteOffset: Int? = nil) {
      self.file = file
      self.node = node
      self.byteOffset = byteOffset
    }
  }

  public var severity: Severity
  public var message: String
  public var place: Place
  /// What the user can do; a sentence, or nil when the message says it all.
  public var remedy: String?

  public init(
    _ message: String, severity: Severity = .error, file: String? = nil, node: String? = nil,
    byteOffset: Int? = nil, remedy: String? = nil
  ) {
    self.severity = severity
    self.message = message
    self.place = Place(file: file, node: node, byteOffset: byteOffset)
    self.remedy = remedy
  }

  /// `FILE: node 'N', byte B: error: MESSAGE (REMEDY)`
  public var description: String {
    var location: [String] = []
    if let node = place.node { location.append("node '\(node)'") }
    if let offset = place.byteOffset { location.append("byte \(offset)") }
    let prefix = ([place.file, location.isEmpty ? nil : location.joined(separator: ", ")])
      .compactMap { $0 }.map { $0 + ": " }.joined()
    let tail = remedy.map { " (\($0))" } ?? ""
    return "\(prefix)\(severity.rawValue): \(message)\(tail)"
  }
}

/// All diagnostics that one step found. Thrown when at least one of them is an error.
public struct Diagnostics: Error, Equatable, Sendable, CustomStringConvertible {
  public var all: [Diagnostic]

  public init(_ all: [Diagnostic]) { self.all = all }
  public init(_ one: Diagnostic) { self.all = [one] }

  public var description: String { all.map(\.description).joined(separator: "\n") }

  /// Returns the same diagnostics, each that names no file naming `file`.
  public func inFile(_ file: String) -> Diagnostics {
    Diagnostics(
      all.map { diagnostic in
        var diagnostic = diagnostic
        if diagnostic.place.file == nil { diagnostic.place.file = file }
        return diagnostic
      })
  }
}
