import NeuralGraph
import RTL

/// What a design must do under a stimulus: the cycle of every beat from the cycle model, and every
/// layer's values from the reference interpreter.
struct Expectation {
  let stimulus: Stimulus
  let trace: CycleTrace
  let taps: [Tap]
  /// By frame of the trace, then by tap: the codes in raster order, the channels of a pixel together.
  let values: [[[UInt8]]]

  /// Runs the cycle model and the interpreter. A frame that an early start of frame cuts is
  /// completed with the input's zero point, as the hardware does it.
  ///
  /// Throws when the design's taps are not values of the network.
  init(
    _ design: DesignDescription, _ interpreter: Interpreter, _ stimulus: Stimulus
  ) throws(Diagnostics) {
    let trace = CycleModel(design.timing).run(stimulus.stream, recordStages: true)
    try self.init(design, stimulus, trace) { _ in interpreter }
  }

  /// The same with another interpreter for each frame, whose networks have the same tensors.
  init(
    _ design: DesignDescription, _ stimulus: Stimulus, _ trace: CycleTrace,
    _ interpreters: (_ frame: Int) -> Interpreter
  ) throws(Diagnostics) {
    struct Key: Hashable {
      var graph: QuantizedGraph
      var bytes: [UInt8]
    }
    self.stimulus = stimulus
    self.trace = trace
    taps = design.taps
    if !trace.frames.isEmpty { try Self.check(design, interpreters(0).graph) }
    var known: [Key: [[UInt8]]] = [:]
    var values: [[[UInt8]]] = []
    let size = design.input.pixels * design.input.channels
    for (number, frame) in trace.frames.enumerated() {
      let interpreter = interpreters(number)
      let begin = frame.firstBeat * stimulus.channels
      var bytes = Array(
        stimulus.data[begin..<begin + frame.receivedPixels * stimulus.channels])
      let pad = UInt8(truncatingIfNeeded: design.input.zeroPoint)
      bytes.append(contentsOf: repeatElement(pad, count: size - bytes.count))
      let key = Key(graph: interpreter.graph, bytes: bytes)
      if known[key] == nil {
        let input = IntegerTensor(
          shape: interpreter.graph.nodes[0].type.shape, element: design.input.element,
          bytes: bytes)
        var found = [[UInt8]](repeating: [], count: taps.count)
        try interpreter.forEachValue(input) { id, value in
          for tap in design.taps where tap.value == id.index { found[tap.index] = value.bytes }
        }
        known[key] = found
      }
      values.append(known[key]!)
    }
    self.values = values
  }

  /// The design and the network are two files: do they fit?
  private static func check(
    _ design: DesignDescription, _ graph: QuantizedGraph
  ) throws(Diagnostics) {
    func fits(
      _ type: QuantizedType, _ height: Int, _ width: Int, _ channels: Int,
      _ element: QuantizedElement
    ) -> Bool {
      type.shape.channels == channels && type.shape.elementCount == height * width * channels
        && type.element == element
    }
    let input = design.input
    var problem: String?
    if !fits(graph.nodes[0].type, input.height, input.width, input.channels, input.element)
      || graph.nodes[0].type.zeroPoint != input.zeroPoint
    {
      problem = "the input stream is not the network's input"
    }
    for tap in design.taps {
      guard tap.value < graph.nodes.count,
        fits(graph.nodes[tap.value].type, tap.height, tap.width, tap.channels, tap.element)
      else {
        problem = "the layer '\(tap.layer)' is no value of the network"
        continue
      }
    }
    let output = design.output
    guard let last = design.taps.last, last.channels == output.channels,
      last.height == output.height, last.width == output.width
    else {
      throw Diagnostics(
        Diagnostic("the output stream is not the last layer", file: DesignDescription.fileName))
    }
    guard let problem else { return }
    throw Diagnostics(
      Diagnostic(
        "\(problem) in \(NetworkFile.jsonName)", file: DesignDescription.fileName,
        remedy: "the two files are of different designs; emit the design again"))
  }

  /// A moment at which a tap is valid.
  struct TapEvent: Hashable {
    var cycle: Int
    var frame: Int
    /// Raster index of the pixel in its frame.
    var pixel: Int
  }

  /// The events of a tap in order. A reset takes what is on its way from the window registers to the
  /// tap.
  func events(of tap: Tap) -> [TapEvent] {
    let resets = stimulus.mergedResets.filter { !$0.isEmpty }
    let events = trace.windows[tap.stage].map { event in
      TapEvent(cycle: event.cycle + tap.rank, frame: event.frame, pixel: event.index)
    }
    guard resets.count > 1 else { return events }
    return events.filter { event in
      !resets.contains { $0.overlaps(event.cycle - tap.rank..<event.cycle + 1) }
    }
  }

  /// True when `aresetn` is low in a cycle.
  func isReset(_ cycle: Int) -> Bool { stimulus.mergedResets.contains { $0.contains(cycle) } }

  /// Cycles after which nothing more can happen, and some in which nothing may.
  var cycles: Int { trace.cycles + 64 }
}
