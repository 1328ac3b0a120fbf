/// Simulates the control of a design cycle by cycle, without its data: the same registers and
/// equations as the templates, so that it predicts the cycle of every beat exactly. Cost: a few
/// nanoseconds a stage and cycle.
public struct CycleModel: Sendable {
  public let timing: StreamTiming

  /// Traps on a stream that `StreamTiming.verify` refuses.
  public init(_ timing: StreamTiming) {
    precondition(
      !timing.stages.isEmpty && timing.verify().isEmpty,
      "a stream that cannot run at one pixel a clock was not refused")
    self.timing = timing
  }

  /// What happens, until nothing can happen any more. `recordStages` fills `windows`, `pops` and
  /// `fifoOccupancy`. With `stopWhenNotReady` the run ends at the first cycle in which
  /// `s_axis_tready` is low for want of a credit.
  public func run(
    _ stimulus: StreamStimulus, recordStages: Bool = false, stopWhenNotReady: Bool = false
  ) -> CycleTrace {
    var run = Run(timing, stimulus, recordStages: recordStages)
    let end = stimulus.resets.last?.upperBound ?? 0
    var resets = stimulus.resets[...]
    var cycle = 0
    while true {
      while let reset = resets.first, reset.upperBound <= cycle { resets.removeFirst() }
      if cycle < stimulus.resetCycles || resets.first?.contains(cycle) == true {
        run.reset(cycle)
      } else if !run.advance(cycle) && cycle >= end {
        break
      }
      if run.isStuck(cycle) && cycle >= end {
        run.trace.isDeadlocked = true
        break
      }
      if stopWhenNotReady && !run.trace.notReady.isEmpty { break }
      cycle += 1
    }
    run.trace.cycles = cycle
    return run.trace
  }
}

/// One simulation: the registers of `df_stream_in` and of every stage, and what was seen.
private struct Run {
  let stimulus: StreamStimulus
  let pixels: Int
  let width: Int
  let outputPixels: Int
  let outputWidth: Int
  let recordStages: Bool

  var stages: [StageState]
  var connections: StreamConnections
  /// The last cycle in which something moved, and cycles after which, nothing moving, nothing ever will.
  var lastMove = 0
  let patience: Int
  var trace = CycleTrace()

  // The source: the next beat and the idle cycles before it.
  var beat = 0
  var wait = 0
  // df_stream_in.
  var position = 0
  var column = 0
  var synchronised = false
  var framingError = false
  var framingErrorSeen = false
  // m_axis.
  var outputFrame = 0
  var outputIndex = 0
  var outputColumn = 0

  init(_ timing: StreamTiming, _ stimulus: StreamStimulus, recordStages: Bool) {
    self.stimulus = stimulus
    self.recordStages = recordStages
    pixels = timing.inputPixels
    width = timing.inputWidth
    outputPixels = timing.outputPixels
    outputWidth = timing.stages[timing.stages.count - 1].outputWidth
    stages = timing.stages.map(StageState.init)
    connections = StreamConnections(timing)
    patience = stimulus.ready.count + (timing.stages.map(\.latency).max() ?? 0) + 4
    trace.inputs.reserveCapacity(stimulus.beats.count)
    if recordStages {
      trace.windows = Array(repeating: [], count: stages.count)
      trace.pops = Array(repeating: [], count: stages.count)
      trace.fifoOccupancy = Array(repeating: 0, count: stages.count)
      trace.skipOccupancy = timing.inputs.map { Array(repeating: 0, count: $0.count) }
    }
    wait = stimulus.beats.first?.gap ?? 0
  }

  /// A cycle with `aresetn` low.
  mutating func reset(_ cycle: Int) {
    for stage in stages.indices { stages[stage].reset(nextFrame: trace.frames.count) }
    connections.reset()
    lastMove = cycle
    for stage in trace.windows.indices {
      while let event = trace.windows[stage].last, event.cycle >= cycle {
        trace.windows[stage].removeLast()
      }
    }
    position = 0
    column = 0
    synchronised = false
    framingError = false
    framingErrorSeen = false
    outputFrame = trace.frames.count
    outputIndex = 0
    outputColumn = 0
    wait = beat < stimulus.beats.count ? stimulus.beats[beat].gap : 0
  }

  /// A cycle out of reset; false when it, and so every later one, changes nothing.
  mutating func advance(_ cycle: Int) -> Bool {
    if framingError && !framingErrorSeen {
      framingErrorSeen = true
      trace.framingErrors.append(cycle)
    }
    if recordStages {
      for stage in stages.indices {
        trace.fifoOccupancy[stage] = max(
          trace.fifoOccupancy[stage], stages[stage].fifoOccupancy(cycle))
      }
    }
    connections.look(cycle, stages)
    let ready = connections.inputIsReady
    if !ready { trace.notReady.append(cycle) }

    var alive = beat < stimulus.beats.count
    let waited = wait
    let pixelValid = offer(cycle, ready: ready)
    connections.offer(pixelValid)
    // Time alone ends a gap, or frees a beat that was offered and is dropped.
    if alive && (waited > 0 || wait > 0 || (pixelValid && ready)) { lastMove = cycle }
    if trace.inputs.last == cycle { lastMove = cycle }

    let last = stages.count - 1
    for stage in stride(from: last, through: 0, by: -1) {
      let taken =
        stage == last
        ? connections.hasHead(stage) && stimulus.ready[cycle % stimulus.ready.count]
        : connections.isTaken(stage)
      if taken {
        if stage == last { output(cycle) }
        stages[stage].pop()
        if recordStages { trace.pops[stage].append(cycle) }
      }
      let step = stages[stage].advance(
        cycle, inValid: connections.inValid(stage), creditReturn: taken)
      if recordStages, let emission = step.emission {
        trace.windows[stage].append(
          .init(
            cycle: cycle + stages[stage].frontLatency, frame: emission.frame,
            index: emission.index))
      }
      if step.moves || taken { lastMove = cycle }
      // A word that leaves gives back a credit, which may let a flush go on.
      alive = alive || step.moves || taken || stages[stage].wordCount > 0
    }
    if connections.advance(cycle) { lastMove = cycle }
    if recordStages { connections.record(&trace.skipOccupancy) }
    return alive || connections.holdsPixels || (framingError && !framingErrorSeen)
  }

  /// True when nothing has moved for so long that nothing ever will, although something is left to do.
  func isStuck(_ cycle: Int) -> Bool { cycle - lastMove > patience }

  /// The source and `df_stream_in`: whether stage 0 is offered a pixel.
  private mutating func offer(_ cycle: Int, ready: Bool) -> Bool {
    guard beat < stimulus.beats.count else { return false }
    guard wait == 0 else {
      wait -= 1
      return false
    }
    let offered = stimulus.beats[beat]
    let inFrame = position != 0
    let early = offered.startOfFrame && inFrame
    let isPixel = offered.startOfFrame || inFrame
    let accepted = ready && !early
    if early {
      framingError = true
      trace.held.append(cycle)
    }
    if accepted {
      trace.inputs.append(cycle)
      if isPixel {
        if offered.lastOfLine != (column == width - 1) { framingError = true }
        if !inFrame {
          trace.frames.append(
            .init(firstBeat: beat, receivedPixels: 0, isComplete: false, user: offered.user))
        }
        trace.frames[trace.frames.count - 1].receivedPixels += 1
      } else if synchronised {
        framingError = true
      }
      beat += 1
      wait = beat < stimulus.beats.count ? stimulus.beats[beat].gap : 0
    }
    if isPixel && ready {
      synchronised = true
      position += 1
      column = column + 1 == width ? 0 : column + 1
      if position == pixels {
        position = 0
        trace.frames[trace.frames.count - 1].isComplete = true
      }
    }
    return isPixel
  }

  private mutating func output(_ cycle: Int) {
    trace.outputs.append(
      .init(
        cycle: cycle, frame: outputFrame, index: outputIndex, first: outputIndex == 0,
        last: outputColumn == outputWidth - 1, user: trace.frames[outputFrame].user))
    outputIndex += 1
    outputColumn = outputColumn + 1 == outputWidth ? 0 : outputColumn + 1
    if outputIndex == outputPixels {
      outputIndex = 0
      outputFrame += 1
    }
  }
}
