import NeuralGraph
import RTL

/// Compares a record with what was expected, event by event in the order in which they come.
struct Comparison {
  private let design: DesignDescription
  private let expectation: Expectation
  private let resets: [Range<Int>]
  private let tapEvents: [[Expectation.TapEvent]]
  /// By tap, then the two streams and the error.
  private var taps: [Progress]
  private var input = Progress()
  private var output = Progress()
  private var errors = Progress()
  private var inputCycles: [Int] = []
  private var outputCycles: [Int] = []

  /// How far an event stream has come and what was wrong in it.
  private struct Progress {
    var found = 0
    var valuesCompared = 0
    var mismatches = 0
    var wrongCycles = 0
    var problems: [String] = []

    /// The first few are what anybody reads.
    mutating func report(_ problem: @autoclosure () -> String) {
      if problems.count < 4 { problems.append(problem()) }
    }

    mutating func check(cycle: Int, predicted: Int, _ what: @autoclosure () -> String) {
      guard cycle != predicted else { return }
      wrongCycles += 1
      if wrongCycles == 1 { report("\(what()): cycle \(cycle), predicted \(predicted)") }
    }

    /// Compares the channels of one pixel with `values[begin...]`.
    mutating func compare(
      _ event: RecordEvent, _ tap: Tap, _ values: [UInt8], from begin: Int,
      _ place: @autoclosure () -> String
    ) {
      valuesCompared += tap.channels
      guard event.data.count == tap.channels else {
        mismatches += tap.channels
        report("\(place()): \(event.data.count) channels, expected \(tap.channels)")
        return
      }
      for channel in 0..<tap.channels {
        let isUnknown = channel == event.unknownChannel
        guard isUnknown || event.data[channel] != values[begin + channel] else { continue }
        mismatches += 1
        let found = isUnknown ? "unknown bits" : "\(tap.element.code(of: event.data[channel]))"
        report(
          "\(place()), channel \(channel): expected "
            + "\(tap.element.code(of: values[begin + channel])), found \(found)")
      }
    }
  }

  init(_ design: DesignDescription, _ expectation: Expectation) {
    self.design = design
    self.expectation = expectation
    resets = expectation.stimulus.mergedResets
    tapEvents = design.taps.map(expectation.events)
    taps = design.taps.map { _ in Progress() }
  }

  /// The result of comparing the record at `path`.
  static func compare(
    _ design: DesignDescription, _ expectation: Expectation, record path: String
  ) throws(Diagnostics) -> ComparisonResult {
    var comparison = Comparison(design, expectation)
    var reader = try RecordReader(path: path)
    while let event = try reader.next() { try comparison.take(event) }
    return comparison.finish()
  }

  private mutating func take(_ event: RecordEvent) throws(Diagnostics) {
    guard !resets.contains(where: { $0.contains(event.cycle) }) else { return }
    switch event.kind {
    case .input: takeInput(event)
    case .output: takeOutput(event)
    case .framingError: takeError(event)
    case .tap(let index):
      guard taps.indices.contains(index) else {
        throw Diagnostics(
          Diagnostic("the record speaks of the tap \(index), which the design has not"))
      }
      takeTap(design.taps[index], event)
    }
  }

  // MARK: Events

  private mutating func takeInput(_ event: RecordEvent) {
    let trace = expectation.trace
    let beat = input.found
    input.found += 1
    inputCycles.append(event.cycle)
    guard beat < trace.inputs.count else {
      input.report("input beat \(beat) was accepted in cycle \(event.cycle), which none was to be")
      return
    }
    input.check(
      cycle: event.cycle, predicted: trace.inputs[beat], "input beat \(beat) was accepted")
  }

  private mutating func takeOutput(_ event: RecordEvent) {
    let trace = expectation.trace
    let beat = output.found
    output.found += 1
    outputCycles.append(event.cycle)
    guard beat < trace.outputs.count else {
      output.report("output beat \(beat) in cycle \(event.cycle) is one too many")
      return
    }
    let wanted = trace.outputs[beat]
    let last = design.taps[design.taps.count - 1]
    func place() -> String {
      "output, \(Self.position(wanted.frame, wanted.index, last.width))"
    }
    output.check(cycle: event.cycle, predicted: wanted.cycle, place())
    let user = wanted.user << 1 | (wanted.first ? 1 : 0)
    if event.user != user {
      output.mismatches += 1
      output.report(
        "\(place()): tuser is \(event.user.map(String.init) ?? "unknown"), expected \(user)")
    }
    if event.last != wanted.last {
      output.mismatches += 1
      output.report(
        "\(place()): tlast is \(event.last.map(String.init) ?? "unknown"), expected \(wanted.last)")
    }
    output.compare(
      event, last, expectation.values[wanted.frame][last.index],
      from: wanted.index * last.channels, place())
  }

  private mutating func takeTap(_ tap: Tap, _ event: RecordEvent) {
    let number = taps[tap.index].found
    taps[tap.index].found += 1
    guard number < tapEvents[tap.index].count else {
      taps[tap.index].report(
        "\(tap.layer): output \(number) in cycle \(event.cycle) is one too many")
      return
    }
    let wanted = tapEvents[tap.index][number]
    func place() -> String {
      "\(tap.layer), \(Self.position(wanted.frame, wanted.pixel, tap.width))"
    }
    taps[tap.index].check(cycle: event.cycle, predicted: wanted.cycle, place())
    taps[tap.index].compare(
      event, tap, expectation.values[wanted.frame][tap.index],
      from: wanted.pixel * tap.channels, place())
  }

  private mutating func takeError(_ event: RecordEvent) {
    let wanted = expectation.trace.framingErrors
    let number = errors.found
    errors.found += 1
    guard number < wanted.count else {
      errors.report("framing_error rose in cycle \(event.cycle) without a fault")
      return
    }
    errors.check(cycle: event.cycle, predicted: wanted[number], "framing_error rose")
  }

  private static func position(_ frame: Int, _ pixel: Int, _ width: Int) -> String {
    "frame \(frame), row \(pixel / width), column \(pixel % width)"
  }

  // MARK: End

  private consuming func finish() -> ComparisonResult {
    let trace = expectation.trace
    Self.checkCount(&input, trace.inputs.count, "input beats were accepted")
    Self.checkCount(&output, trace.outputs.count, "output beats came")
    Self.checkCount(&errors, trace.framingErrors.count, "framing errors were shown")
    for tap in design.taps {
      Self.checkCount(
        &taps[tap.index], tapEvents[tap.index].count, "outputs of \(tap.layer) came")
    }
    let streams = [("input", input), ("output", output), ("framing_error", errors)]
    return ComparisonResult(
      layers: zip(design.taps, taps).map { tap, progress in
        Self.row(tap.layer, tap.valueName, progress)
      },
      streams: streams.map { Self.row($0, "", $1) }, inputCycles: inputCycles,
      outputCycles: outputCycles)
  }

  private static func checkCount(_ progress: inout Progress, _ wanted: Int, _ what: String) {
    if progress.found != wanted {
      progress.problems.insert("\(progress.found) \(what), expected \(wanted)", at: 0)
    }
  }

  private static func row(_ name: String, _ valueName: String, _ progress: Progress)
    -> ComparisonResult.Row
  {
    ComparisonResult.Row(
      name: name, valueName: valueName, events: progress.found,
      valuesCompared: progress.valuesCompared, mismatches: progress.mismatches,
      wrongCycles: progress.wrongCycles, problems: progress.problems)
  }
}

/// What a comparison found.
public struct ComparisonResult: Hashable, Sendable {
  /// A layer or a stream.
  public struct Row: Hashable, Sendable, Codable {
    public var name: String
    /// The tensor's name in the model; empty for a stream.
    public var valueName: String
    /// Valid outputs, beats or errors that were seen.
    public var events: Int
    public var valuesCompared: Int
    /// Values, `tuser` and `tlast` that differ.
    public var mismatches: Int
    /// Events in another cycle than predicted.
    public var wrongCycles: Int
    /// The first few things that are wrong; empty when all is right.
    public var problems: [String]
  }

  /// In the network's order.
  public var layers: [Row]
  /// The input, the output and the framing error.
  public var streams: [Row]
  /// The cycle of every accepted beat.
  public var inputCycles: [Int]
  public var outputCycles: [Int]

  public var passed: Bool { (layers + streams).allSatisfy(\.problems.isEmpty) }
}
