extension AdderGraph {
  /// A line of a graph's text that cannot be read.
  public struct UnreadableLine: Error, Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    public var line: Int
    public var message: String

    public var description: String { "line \(line): \(message)" }
  }

  /// Reads what `description` writes: a line a node, `n5 = n1 - n2<<3`, then a line an output. Empty lines
  /// and lines that begin with `#` are skipped. `verify` tells whether the graph is sound.
  public init(text: String) throws(UnreadableLine) {
    var nodes: [Operation] = []
    var outputs: [Term?] = []
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      let words = line.split(separator: " ")
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      func fail(_ message: String) -> UnreadableLine { .init(line: number, message: message) }
      func term(_ text: Substring) throws(UnreadableLine) -> Term {
        guard let term = Term(text: text) else { throw fail("'\(text)' is no term") }
        return term
      }
      if first == "output" {
        guard words.count == 4, Int(words[1]) == outputs.count, words[2] == "=" else {
          throw fail("an output reads 'output \(outputs.count) = TERM'")
        }
        outputs.append(words[3] == "0" ? nil : try term(words[3]))
        continue
      }
      guard first == "n\(nodes.count)", words.count >= 4, words[1] == "=", outputs.isEmpty else {
        throw fail("node \(nodes.count) or an output is expected")
      }
      if words[2] == "input", words.count == 4, let input = Int(words[3]) {
        nodes.append(.input(input))
      } else if words.count == 5, words[3] == "+" || words[3] == "-" {
        let second = try term(words[4])
        nodes.append(.add(try term(words[2]), words[3] == "-" ? second.negated : second))
      } else {
        throw fail("a node reads 'input NUMBER', 'TERM + TERM' or 'TERM - TERM'")
      }
    }
    self.init(nodes: nodes, outputs: outputs)
  }
}

extension AdderGraph.Term {
  /// `-n12<<3`
  fileprivate init?(text: Substring) {
    var rest = text
    let isNegated = rest.first == "-"
    if isNegated { rest.removeFirst() }
    guard rest.first == "n" else { return nil }
    let parts = rest.dropFirst().split(separator: "<", omittingEmptySubsequences: false)
    guard let node = Int(parts[0]), node >= 0 else { return nil }
    var shift = 0
    if parts.count > 1 {
      guard parts.count == 3, parts[1].isEmpty, let bits = Int(parts[2]) else { return nil }
      shift = bits
    }
    self.init(node: .init(node), shift: shift, isNegated: isNegated)
  }
}
