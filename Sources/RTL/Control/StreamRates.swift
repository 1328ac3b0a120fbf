/// How many pixels streams bring at most in a stretch of time, whatever the gaps of the input, when nothing
/// waits but for serial sums.
struct StreamRates: Hashable, Sendable {
  private let stream: StreamTiming
  /// By stage, a bound on the cycles for which an output of it waits for serial sums that read it.
  private(set) var longestWaits: [Int] = []
  /// By stage, a bound on the cycles by which the time from the input to the end of a frame, behind the
  /// stage, differs from frame to frame.
  private var spreads: [Int] = []

  init(_ stream: StreamTiming) {
    self.stream = stream
    var latency = 0
    // By stage and output.
    var known: [[Int]: Int] = [:]
    var flushed: [[Int]: Int] = [:]
    for (index, stage) in stream.stages.enumerated() {
      latency += stage.latency + StageInput.skipLatency
      let last = stage.outputPixels - 1
      spreads.append(
        lastPixel(of: index, output: last, isFlushed: false, &known)
          - lastPixel(of: index, output: last, isFlushed: true, &flushed) + latency)
      longestWaits.append(longestWait(behind: index))
      latency += longestWaits[index]
    }
  }

  /// The pixel of the input that a stage's output needs, both numbered through frames one behind the other:
  /// if only pixels move the stream, or if every frame's end is flushed by bubbles.
  private func lastPixel(
    of stage: Int, output: Int, isFlushed: Bool, _ known: inout [[Int]: Int]
  ) -> Int {
    if let pixel = known[[stage, output]] { return pixel }
    let timing = stream.stages[stage]
    let geometry = timing.geometry
    let (frame, index) = output.quotientAndRemainder(dividingBy: timing.outputPixels)
    let (row, column) = index.quotientAndRemainder(dividingBy: timing.outputWidth)
    var step =
      row * geometry.strideY * geometry.inputWidth + column * geometry.strideX
      + WindowTiming.delay(geometry)
    if isFlushed { step = min(step, timing.inputPixels - 1) }
    let pixel = frame * timing.inputPixels + step
    let last =
      stream.inputs[stage].map { input in
        guard let source = input.stage else { return pixel }
        return lastPixel(of: source, output: pixel, isFlushed: isFlushed, &known)
      }.max() ?? pixel
    known[[stage, output]] = last
    return last
  }

  /// The most frames whose end leaves a stage, or the input, in any `cycles` cycles: at the input ends are
  /// a frame's cycles apart.
  private func maximumEnds(of stage: Int?, inCycles cycles: Int) -> Int {
    1 + (cycles + (stage.map { spreads[$0] } ?? 0)) / stream.inputPixels
  }

  /// Of A outputs in T cycles the last waits (A - 1) p - (T - 1) cycles when a pixel takes p. In a frame's
  /// time no more pixels come than p allows, so that the longest wait is that of a stretch of at most two
  /// frames. T is tried in steps: A is that of a step's end, T its beginning.
  private func longestWait(behind stage: Int) -> Int {
    let cycles =
      stream.readers(of: stage).map { stream.stages[$0.stage].cyclesPerStep }.max() ?? 1
    guard cycles > 1 else { return 0 }
    let stretch = max(1, stream.inputPixels / 64)
    var wait = 0
    for begin in stride(from: 1, through: 2 * stream.inputPixels, by: stretch) {
      let outputs = maximumOutputs(of: stage, inCycles: begin + stretch - 1)
      wait = max(wait, (outputs - 1) * cycles - (begin - 1))
    }
    return wait
  }

  /// The most outputs of a stage in any `cycles` cycles in a row.
  func maximumOutputs(of stage: Int, inCycles cycles: Int) -> Int {
    var known: [[Int]: Int] = [:]
    return maximumOutputs(of: stage, inCycles: cycles, &known)
  }

  /// The most pixels of a stream in any `cycles` cycles in a row; `source` is nil for the input.
  func maximumPixels(of source: Int?, inCycles cycles: Int) -> Int {
    source.map { maximumOutputs(of: $0, inCycles: cycles) } ?? cycles
  }

  /// A join takes pixels as the slower of its inputs brings them, now one, now the other: in no
  /// stretch of time more than the faster one brings in some stretch as long. Pixels that waited for
  /// serial sums come together with later ones. A frame's end is flushed by bubbles, once.
  private func maximumOutputs(
    of stage: Int, inCycles cycles: Int, _ known: inout [[Int]: Int]
  ) -> Int {
    if let outputs = known[[stage, cycles]] { return outputs }
    let timing = stream.stages[stage]
    let pace = timing.cyclesPerStep
    let pixels =
      stream.inputs[stage].map { input in
        guard let source = input.stage else { return cycles }
        let waited = pace > 1 ? longestWaits[source] : 0
        return maximumOutputs(of: source, inCycles: cycles + waited, &known)
      }.max() ?? cycles
    // The frame that ended last before these cycles is flushed in them, and those that end in them.
    let frames = stream.inputs[stage].map { maximumEnds(of: $0.stage, inCycles: cycles) }.max() ?? 1
    let ends = 1 + min(frames, (pixels + timing.inputPixels - 1) / timing.inputPixels)
    let steps = min((cycles + pace - 1) / pace, pixels + ends * timing.flushSteps)
    var outputs = timing.maximumOutputs(inSteps: steps)
    if timing.outputPixels == 1 {
      outputs = min(outputs, maximumEnds(of: stage, inCycles: cycles))
    }
    known[[stage, cycles]] = outputs
    return outputs
  }
}
