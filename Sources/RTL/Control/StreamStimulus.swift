/// What a test bench does to a design's stream, cycle by cycle: the beats it offers, when it takes
/// beats, when it resets. Simulators and `CycleModel` follow the same rules:
///
/// - Cycle c ends with rising edge c. `aresetn` is low in the cycles 0 ..< `resetCycles` and in
///   every cycle of `resets`; no handshake counts there.
/// - A beat is offered (`s_axis_tvalid` high) until it is accepted, after `gap` cycles of
///   `s_axis_tvalid` low, counted from the cycle after the beat before was accepted, or after a
///   reset (a reset while a gap runs or a beat is offered starts the gap anew; no beat is lost).
/// - `m_axis_tready` in cycle c is `ready[c % ready.count]`.
public struct StreamStimulus: Hashable, Sendable {
  public struct Beat: Hashable, Sendable {
    /// Cycles of `s_axis_tvalid` low before the beat.
    public var gap: Int
    /// `tuser[0]`
    public var startOfFrame: Bool
    /// `tlast`
    public var lastOfLine: Bool
    /// `tuser` above bit 0.
    public var user: UInt64

    public init(gap: Int = 0, startOfFrame: Bool, lastOfLine: Bool, user: UInt64 = 0) {
      self.gap = gap
      self.startOfFrame = startOfFrame
      self.lastOfLine = lastOfLine
      self.user = user
    }
  }

  public var beats: [Beat]
  /// The pattern of `m_axis_tready`, repeated for ever; at least one is true.
  public var ready: [Bool]
  public var resetCycles: Int
  /// Later resets, in order, not overlapping.
  public var resets: [Range<Int>]

  public init(
    beats: [Beat], ready: [Bool] = [true], resetCycles: Int = 2, resets: [Range<Int>] = []
  ) {
    precondition(ready.contains(true), "a sink that is never ready never ends")
    self.beats = beats
    self.ready = ready
    self.resetCycles = resetCycles
    self.resets = resets
  }

  /// `count` well-formed frames, `gapBetweenFrames` idle cycles between them and none inside; frame
  /// f carries `user(f)`.
  public static func frames(
    _ count: Int, height: Int, width: Int, gapBetweenFrames: Int = 0,
    user: (Int) -> UInt64 = { _ in 0 }
  ) -> StreamStimulus {
    var beats: [Beat] = []
    beats.reserveCapacity(count * height * width)
    for frame in 0..<count {
      let sideband = user(frame)
      for row in 0..<height {
        for column in 0..<width {
          let first = row == 0 && column == 0
          beats.append(
            Beat(
              gap: first && frame > 0 ? gapBetweenFrames : 0, startOfFrame: first,
              lastOfLine: column == width - 1, user: sideband))
        }
      }
    }
    return StreamStimulus(beats: beats)
  }
}
