import RTL

/// The stimuli that the control is tested with.
extension StreamStimulus {
  /// Frames with a random sideband, back to back.
  static func backToBack(_ count: Int, _ timing: StreamTiming, using g: inout SeededGenerator)
    -> StreamStimulus
  {
    let users = (0..<count).map { _ in UInt64(g.pick(0...15)) }
    return .frames(
      count, height: timing.inputHeight, width: timing.inputWidth, user: { users[$0] })
  }

  /// A random sink: mostly ready, mostly not, or in bursts.
  static func randomReady(using g: inout SeededGenerator) -> [Bool] {
    let length = g.pick(20...90)
    let percent = [15, 50, 85][g.pick(0...2)]
    var ready = (0..<length).map { _ in g.chance(percent) }
    if g.chance(40) {
      let burst = g.pick(2...12)
      ready = (0..<length).map { ($0 / burst) % 2 == 0 }
    }
    ready[g.pick(0...length - 1)] = true
    return ready
  }

  /// Random gaps inside frames, between frames, or both, up to longer than a flush.
  mutating func addGaps(_ timing: StreamTiming, using g: inout SeededGenerator) {
    let inside = g.chance(60) ? [5, 30, 70][g.pick(0...2)] : 0
    let flush = timing.stages.map { max(1, $0.latency + 7 * $0.inputWidth) }.max() ?? 1
    for beat in beats.indices {
      if beats[beat].startOfFrame {
        beats[beat].gap = g.chance(70) ? g.pick(0...flush) : 0
      } else if g.chance(inside) {
        beats[beat].gap = g.pick(1...4)
      }
    }
  }

  /// Wrong framing: frames cut short by the next, beats that belong to no frame, wrong `tlast`.
  mutating func addFramingFaults(using g: inout SeededGenerator) {
    var result: [Beat] = []
    func stray(_ count: Int) {
      for _ in 0..<count {
        result.append(
          Beat(gap: g.chance(30) ? 2 : 0, startOfFrame: false, lastOfLine: g.chance(50)))
      }
    }
    if g.chance(50) { stray(g.pick(1...5)) }
    var cut = 0
    for beat in beats {
      if beat.startOfFrame {
        cut = g.chance(40) ? g.pick(1...(beats.count)) : 0
        if g.chance(30) && !result.isEmpty { stray(g.pick(1...4)) }
      }
      // The rest of a cut frame is left out.
      if cut > 0 && !beat.startOfFrame {
        cut -= 1
        if cut == 0 { cut = -1 }
      }
      if cut == -1 && !beat.startOfFrame { continue }
      var beat = beat
      if g.chance(2) { beat.lastOfLine.toggle() }
      result.append(beat)
    }
    beats = result
  }

  /// Up to three resets in the first `cycles`.
  mutating func addResets(within cycles: Int, using g: inout SeededGenerator) {
    var at = resetCycles
    for _ in 0..<g.pick(1...3) {
      at += g.pick(1...max(2, cycles / 2))
      let end = at + g.pick(1...3)
      resets.append(at..<end)
      at = end
    }
  }
}

extension ControlCase {
  /// Everything: back to back, alone, gaps, stalls, wrong framing, resets.
  mutating func appendAll(using g: inout SeededGenerator) {
    let timing = chain.timing
    append(.backToBack(5, timing, using: &g), using: &g)
    append(.backToBack(1, timing, using: &g), using: &g)
    var gaps = StreamStimulus.backToBack(4, timing, using: &g)
    gaps.addGaps(timing, using: &g)
    append(gaps, using: &g)
    var stalls = StreamStimulus.backToBack(3, timing, using: &g)
    stalls.ready = StreamStimulus.randomReady(using: &g)
    append(stalls, using: &g)
    var both = StreamStimulus.backToBack(3, timing, using: &g)
    both.addGaps(timing, using: &g)
    both.ready = StreamStimulus.randomReady(using: &g)
    append(both, using: &g)
    var faults = StreamStimulus.backToBack(5, timing, using: &g)
    faults.addFramingFaults(using: &g)
    if g.chance(50) { faults.ready = StreamStimulus.randomReady(using: &g) }
    append(faults, using: &g)
    var resets = StreamStimulus.backToBack(4, timing, using: &g)
    if g.chance(60) { resets.addGaps(timing, using: &g) }
    resets.addResets(within: traces[1].cycles + timing.inputPixels, using: &g)
    append(resets, using: &g)
  }
}
