import RTL

extension Stimulus {
  /// The same beats with random gaps of the source and a random pattern of the sink: single
  /// stalls, bursts of them, long silences between frames in which a flush runs to its end or part
  /// of the way, and stretches without any. About two to three cycles a beat on the whole.
  public func stalled(seed: UInt64) -> Stimulus {
    var random = SplitMix64(seed: seed)
    var stalled = self
    stalled.stream.ready = Self.readyPattern(&random)
    var stretch = 0
    var density = 0
    var line = 1
    for beat in stalled.stream.beats.indices {
      if stretch == 0 {
        // Of 8 beats in this stretch, so many are late.
        density = random.choose([0, 0, 1, 4, 7])
        stretch = random.number(in: 1...64)
      }
      stretch -= 1
      var gap = 0
      if random.chance(density, in: 8) {
        gap = random.chance(1, in: 16) ? random.number(in: 1...24) : random.number(in: 1...2)
      }
      if stream.beats[beat].startOfFrame, beat > 0 {
        gap = random.choose([0, 0, 1, random.number(in: 1...8), random.number(in: 0...4 * line)])
      }
      if stream.beats[beat].lastOfLine, line == 1 { line = beat + 1 }
      stalled.stream.beats[beat].gap = gap
    }
    return stalled
  }

  /// Between 13 and 1,000 cycles, with at least one ready cycle.
  private static func readyPattern(_ random: inout SplitMix64) -> [Bool] {
    var pattern: [Bool] = []
    let length = random.number(in: 13...1000)
    while pattern.count < length {
      let density = random.choose([8, 8, 7, 4, 1])
      for _ in 0..<random.number(in: 1...48) { pattern.append(random.chance(density, in: 8)) }
    }
    pattern[random.number(in: 0...pattern.count - 1)] = true
    return pattern
  }
}
