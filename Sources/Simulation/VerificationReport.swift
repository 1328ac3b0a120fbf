import NeuralGraph
import RTL

/// What `verify` says: every layer's values and every beat's cycle, against the interpreter and the
/// cycle model.
public struct VerificationReport: Hashable, Sendable, Codable {
  /// A latency in cycles: `design.json`'s, and the one that was measured; nil when the run does not
  /// show it.
  public struct Figure: Hashable, Sendable, Codable {
    public var name: String
    public var predicted: Int
    public var measured: Int?
  }

  public var design: String
  public var simulator: Simulator
  public var frames: Int
  /// The seed of the random stalls, or nil when there were none.
  public var stalls: UInt64?
  /// Clock cycles that were simulated.
  public var cycles: Int
  /// Frames that took new values of adaptive batch norm; nil when none were written.
  public var parameterChanges: Int?
  public var layers: [ComparisonResult.Row]
  public var streams: [ComparisonResult.Row]
  public var latency: [Figure]
  /// Everything that is wrong, the earliest layer first; empty when the design is right.
  public var problems: [String]

  public var passed: Bool { problems.isEmpty }
}

extension VerificationReport {
  init(
    _ design: DesignDescription, _ simulator: Simulator, _ expectation: Expectation,
    _ result: ComparisonResult, stalls: UInt64?, cycles: Int? = nil, isStalled: Bool? = nil,
    parameterChanges: Int? = nil
  ) {
    self.design = design.name
    self.simulator = simulator
    frames = expectation.trace.frames.count
    self.stalls = stalls
    self.cycles = cycles ?? expectation.cycles
    self.parameterChanges = parameterChanges
    layers = result.layers
    streams = result.streams
    latency = Self.latency(design, expectation, result, isStalled: isStalled ?? (stalls != nil))
    problems = (result.layers + result.streams).flatMap(\.problems)
    for figure in latency {
      if let measured = figure.measured, measured != figure.predicted {
        problems.append(
          "\(figure.name): \(measured) cycles, \(DesignDescription.fileName) says "
            + "\(figure.predicted)")
      }
    }
  }

  /// The figures of `design.json` as far as this run shows them: without stalls, complete frames
  /// back to back.
  ///
  /// A small image under large windows is a case of its own: its first output waits for a flush,
  /// and the pixels of a frame behind it, which take the flush's place, come slower.
  private static func latency(
    _ design: DesignDescription, _ expectation: Expectation, _ result: ComparisonResult,
    isStalled: Bool
  ) -> [Figure] {
    let input = design.input.pixels
    let output = design.output.pixels
    let frames = expectation.trace.frames.count
    let isClean =
      !isStalled && frames > 0 && result.inputCycles.count == frames * input
      && result.outputCycles.count == frames * output
    let isAlone = isClean && frames == 1
    let neverWaits = design.stages.allSatisfy { stage in
      stage.fifoDepth >= stage.safeFIFODepth
        && (stage.inputs ?? []).allSatisfy { $0.skipDepth >= $0.safeSkipDepth }
    }
    let isUsual = isClean && neverWaits && comesWithOwnPixels(design)
    // A frame's last output waits for the pixels of so many frames, itself included.
    let covering = 1 + (design.latency.lastOutputFollowed - 1) / max(1, input)
    func begin(_ frame: Int) -> Int { result.inputCycles[frame * input] }
    func first(_ frame: Int) -> Int { result.outputCycles[frame * output] }
    func last(_ frame: Int) -> Int { result.outputCycles[(frame + 1) * output - 1] }
    return [
      Figure(
        name: "first_output", predicted: design.latency.firstOutput,
        measured: isAlone || isUsual ? first(0) - begin(0) : nil),
      Figure(
        name: "last_output", predicted: design.latency.lastOutput,
        measured: isAlone || isUsual ? last(frames - 1) - begin(frames - 1) : nil),
      Figure(
        name: "last_output_followed", predicted: design.latency.lastOutputFollowed,
        measured: isUsual && frames > covering ? last(0) - begin(0) : nil),
      Figure(
        name: "period", predicted: design.latency.period,
        measured: isUsual && frames > 1 ? first(1) - first(0) : nil),
    ]
  }
}

/// True when a frame's first output needs no flush in any stage: walks from the last stage's first
/// output back to the input pixels on which it depends.
private func comesWithOwnPixels(_ design: DesignDescription) -> Bool {
  let streams = design.streams
  // By stage: the last output that is needed.
  var needed = [Int](repeating: 0, count: design.stages.count)
  for (number, stage) in design.stages.enumerated().reversed() {
    let window = WindowTiming(stage.geometry)
    let (row, column) = needed[number].quotientAndRemainder(
      dividingBy: stage.geometry.outputWidth)
    let index = window.step(row: row, column: column)
    if index >= window.pixels { return false }
    for case .some(let source) in streams[number].map(\.stage) {
      needed[source] = max(needed[source], index)
    }
  }
  return true
}

extension VerificationReport: CustomStringConvertible {
  /// A table for people; ends with a newline.
  public var description: String {
    let stalled = stalls.map { "random stalls \($0)" } ?? "no stalls"
    var text =
      "\(design): \(frames) frame\(frames == 1 ? "" : "s"), \(stalled), "
      + "\(simulator.rawValue), \(cycles) cycles\n\n"
    var rows = [["", "events", "values compared", "mismatches", "wrong cycles"]]
    for row in layers + streams {
      rows.append([
        row.name, "\(row.events)", "\(row.valuesCompared)", "\(row.mismatches)",
        "\(row.wrongCycles)",
      ])
    }
    text += Self.table(rows) + "\n"
    rows = [["", "predicted", "measured"]]
    for figure in latency {
      rows.append([
        figure.name, "\(figure.predicted)", figure.measured.map(String.init) ?? "-",
      ])
    }
    text += Self.table(rows) + "\n"
    if passed {
      text += "All values and all cycles of this run are as predicted.\n"
      if let parameterChanges {
        text +=
          "\(parameterChanges) of \(frames) frames took new batch norm values, each from its first "
          + "pixel on.\n"
      }
      if streams.contains(where: { $0.name == PackedComparison.rowName }) {
        text += "The packed output's cycles are not predicted.\n"
      }
      let unmeasured = latency.filter { $0.measured == nil }.map(\.name)
      if !unmeasured.isEmpty {
        text +=
          "Not measured here: \(unmeasured.joined(separator: ", ")) "
          + "(they need runs without stalls: one frame alone for the first two; frames back to back, "
          + "where no output waits for the next frame's pixels).\n"
      }
    } else {
      text += "NOT as predicted:\n" + problems.map { "  \($0)\n" }.joined()
    }
    return text
  }

  /// The first column flush left, the others flush right.
  private static func table(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    return rows.map { row in
      row.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return column == 0 ? row[column] + padding : padding + row[column]
      }.joined(separator: "  ") + "\n"
    }.joined()
  }
}
