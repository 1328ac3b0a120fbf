/// What happens in a design's control under a `StreamStimulus`, by cycle. Frames are numbered from 0
/// in the order in which they begin at the input, over resets.
public struct CycleTrace: Hashable, Sendable {
  /// A frame that began at the input.
  public struct Frame: Hashable, Sendable {
    /// Index of the input beat of its first pixel; the frame's beats follow one another.
    public var firstBeat: Int
    /// Beats of the input in it; the rest, if it was completed, is padding.
    public var receivedPixels: Int
    /// False when a reset, or the end of the input, came first.
    public var isComplete: Bool
    public var user: UInt64
  }

  /// A beat taken at `m_axis`.
  public struct OutputBeat: Hashable, Sendable {
    public var cycle: Int
    public var frame: Int
    /// Raster index of the output pixel in its frame.
    public var index: Int
    public var first: Bool
    public var last: Bool
    public var user: UInt64
  }

  /// A cycle in which a stage's `window_valid` (or `result_valid`) is high.
  public struct WindowEvent: Hashable, Sendable {
    public var cycle: Int
    public var frame: Int
    /// Raster index of the stage's output pixel in its frame.
    public var index: Int
  }

  /// The cycle of every accepted input beat, dropped ones included.
  public var inputs: [Int] = []
  public var frames: [Frame] = []
  public var outputs: [OutputBeat] = []
  /// A stage's windows; empty unless recorded.
  public var windows: [[WindowEvent]] = []
  /// The cycles in which a word leaves a stage's FIFO; empty unless recorded.
  public var pops: [[Int]] = []
  /// The most words that a stage's FIFO held at once.
  public var fifoOccupancy: [Int] = []
  /// The most words that each skip FIFO held at once, by stage and input; 0 where there is none, empty
  /// unless recorded.
  public var skipOccupancy: [[Int]] = []
  /// True when a skip FIFO too shallow has stopped everything for ever, pixels still inside.
  public var isDeadlocked = false
  /// The first cycles with `framing_error` high, one a reset at most.
  public var framingErrors: [Int] = []
  /// Cycles out of reset in which stage 0 could take no pixel: `s_axis_tready` low for want of a
  /// credit.
  public var notReady: [Int] = []
  /// Cycles out of reset in which an early start of frame was held.
  public var held: [Int] = []
  /// Cycles simulated: until nothing can happen any more.
  public var cycles = 0
}
