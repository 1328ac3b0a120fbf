import NeuralGraph

/// A path as OpenSTA reports it, its ends by the names in the Verilog.
public struct TimingPath: Hashable, Sendable, Codable {
  /// The register or port that it starts from, and the one that it leads to.
  public var from: String
  public var to: String
  /// ns from the clock's edge at the start to the end, the setup time included.
  public var delay: Double
  /// Cells on it, the registers at its ends left out.
  public var gates: Int
}

/// The longest paths of a mapped module, ns, without wires.
public struct ModuleTiming: Hashable, Sendable, Codable {
  /// Between registers of the module.
  public var inside: TimingPath?
  /// From an input port to a register; the input comes at the clock's edge.
  public var input: TimingPath?
  /// From a register to an output port.
  public var output: TimingPath?
  /// From an input port to an output port.
  public var through: TimingPath?

  /// The clock period that the paths inside need, ns; 0 when there are none.
  public var period: Double { inside?.delay ?? 0 }

  /// A module without cells has no paths.
  init() {}

  /// Reads what `timing.tcl` printed at a clock of `period`; `registers` names flip-flops by cell.
  init(report: String, period: Double, registers: [String: String]) throws(Diagnostics) {
    var sections: [String: [Substring]] = [:]
    var title = ""
    for line in report.split(separator: "\n") {
      if line.hasPrefix("path ") {
        title = String(line.dropFirst(5))
      } else {
        sections[title, default: []].append(line)
      }
    }
    func path(_ title: String) throws(Diagnostics) -> TimingPath? {
      let lines = sections[title] ?? []
      if lines.contains(where: { $0.hasPrefix("No paths found") }) { return nil }
      func field(_ name: String) -> String? {
        guard let line = lines.first(where: { $0.hasPrefix(name) }) else { return nil }
        let cell = line.dropFirst(name.count).drop { $0 == " " }.prefix { $0 != " " }
        return registers[String(cell)] ?? String(cell)
      }
      guard let from = field("Startpoint:"), let to = field("Endpoint:"),
        let slack = lines.last(where: { $0.contains(" slack (") })?
          .split(separator: " ").first.flatMap({ Double($0) })
      else {
        throw Diagnostics(Diagnostic("OpenSTA's report has no path where one was asked for"))
      }
      let gates = lines.filter { $0.contains("/") && $0.contains("(") }.count
      // The start's clock and output pins and the end's pins are no gates.
      return TimingPath(from: from, to: to, delay: period - slack, gates: max(0, gates - 4))
    }
    inside = try path("inside")
    input = try path("input")
    output = try path("output")
    through = try path("through")
  }
}
