import NeuralGraph

/// How deep FIFOs must be.
///
/// A step that emits waits only for a credit, and a credit is back `creditLoop` = L + 4 cycles after
/// its step while the stage's reader is ready. So a stage with as many words as it can emit in any
/// L + 4 cycles never lowers its ready; from the last stage on, by induction, no stage of the chain
/// does, whatever the gaps of the input. Such depths are called safe here. They hold for flushes
/// too, which step at full rate behind a stage that does not.
///
/// Serial sums take a pixel every `cyclesPerStep` clocks at most. What comes faster waits in the FIFO before
/// them: `StreamRates`.
extension StageTiming {
  /// The most outputs that `steps` steps in a row emit, frames back to back.
  public func maximumOutputs(inSteps steps: Int) -> Int {
    let geometry = self.geometry
    if steps <= 0 { return 0 }
    if outputPixels == inputPixels { return steps }
    if outputPixels == 1 { return (steps + inputPixels - 1) / inputPixels }
    // Frames repeat.
    if steps >= inputPixels {
      let (frames, rest) = steps.quotientAndRemainder(dividingBy: inputPixels)
      return frames * outputPixels + maximumOutputs(inSteps: rest)
    }
    // Two fingers over the emitting steps; the second runs on into the following frames.
    func step(_ output: Int) -> Int {
      let (frame, index) = output.quotientAndRemainder(dividingBy: outputPixels)
      let (row, column) = index.quotientAndRemainder(dividingBy: outputWidth)
      return frame * inputPixels + row * geometry.strideY * inputWidth + column * geometry.strideX
    }
    var most = 1
    var end = 0
    for begin in 0..<outputPixels {
      let first = step(begin)
      while step(end) - first < steps { end += 1 }
      most = max(most, end - begin)
    }
    return most
  }

  /// The least depth that is safe wherever the stage stands: for a step in every cycle.
  public var safeFIFODepth: Int { maximumOutputs(inSteps: creditLoop) }

  /// The depth for one output a clock: L + 4.
  public var fullRateFIFODepth: Int { creditLoop }

  /// The depth for one output every `cycles` clocks: ceil((L + 4) / cycles). Not safe: a flush, which
  /// steps at full rate, waits for credits then, and the next frame's first pixels may wait with it.
  public func fifoDepth(cyclesPerOutput cycles: Int) -> Int {
    precondition(cycles >= 1, "a rate is at least one cycle an output")
    return (creditLoop + cycles - 1) / cycles
  }

  /// Steps without a pixel that a frame's end takes.
  var flushSteps: Int {
    let geometry = self.geometry
    return max(0, geometry.padBottom * geometry.inputWidth + geometry.padRight)
  }
}

extension StreamTiming {
  /// The least safe depth of every stage where it stands: a stage steps no more often than the stage
  /// before it emits, flushes aside. With these `s_axis_tready` never falls while
  /// `m_axis_tready` is high, whatever the gaps of `s_axis_tvalid`.
  public var safeFIFODepths: [Int] {
    let rates = StreamRates(self)
    return stages.indices.map { stage in
      rates.maximumOutputs(
        of: stage, inCycles: stages[stage].creditLoop + rates.longestWaits[stage])
    }
  }

  /// The same stream with the depths `safeFIFODepths` and the skip FIFOs that never delay it.
  public func withSafeFIFOs() -> StreamTiming {
    var result = self
    for (stage, depth) in safeFIFODepths.enumerated() { result.stages[stage].fifoDepth = depth }
    return result.withSafeSkips()
  }

  /// True when `s_axis_tready` stays high in the cycle model through `frames` frames with
  /// `gapBetweenFrames` idle cycles between them, and through the flush of the last.
  public func staysReady(frames: Int, gapBetweenFrames: Int = 0) -> Bool {
    let stimulus = StreamStimulus.frames(
      frames, height: inputHeight, width: inputWidth, gapBetweenFrames: gapBetweenFrames)
    return CycleModel(self).run(stimulus, stopWhenNotReady: true).notReady.isEmpty
  }

  /// Small depths, found by the cycle model, with which `s_axis_tready` stays high through `frames`
  /// frames back to back: greedily, the stages with the most FIFO bits first, each made as shallow
  /// as the others, at their depth so far, allow. `wordBits` are the FIFO words' bits.
  ///
  /// Only back to back: a frame that begins while slowed flushes are under way may find
  /// `s_axis_tready` low for some cycles. `safeFIFODepths` promise more and cost no simulation.
  public func backToBackFIFODepths(wordBits: [Int], frames: Int = 3) -> [Int] {
    precondition(wordBits.count == stages.count, "one word width a stage")
    var stream = withSafeFIFOs()
    let order = stages.indices.sorted { a, b in
      let bits = (
        stream.stages[a].fifoDepth * wordBits[a], stream.stages[b].fifoDepth * wordBits[b]
      )
      return bits.0 != bits.1 ? bits.0 > bits.1 : a < b
    }
    for stage in order {
      var tooSmall = 0
      var enough = stream.stages[stage].fifoDepth
      while enough - tooSmall > 1 {
        let depth = (enough + tooSmall) / 2
        stream.stages[stage].fifoDepth = depth
        if stream.staysReady(frames: frames) { enough = depth } else { tooSmall = depth }
      }
      stream.stages[stage].fifoDepth = enough
    }
    return stream.stages.map(\.fifoDepth)
  }
}
