import NeuralGraph
import RTL

/// What a simulation does to a design's ports: the one source for both simulators, which read it as
/// a file, and for the cycle model, which reads `stream`.
public struct Stimulus: Hashable, Sendable {
  /// Beats without data, gaps, the sink's pattern, resets.
  public var stream: StreamStimulus
  /// `tdata` of all beats: `channels` bytes a beat, channel 0 first.
  public var data: [UInt8]
  /// Bytes a beat.
  public var channels: Int

  /// Limits of the Icarus test bench.
  static let readyLimit = 65536
  static let resetLimit = 1024

  public init(stream: StreamStimulus, data: [UInt8], channels: Int) {
    precondition(data.count == stream.beats.count * channels, "each beat has a byte a channel")
    precondition(stream.ready.count <= Self.readyLimit, "the sink's pattern is too long")
    precondition(stream.resets.count < Self.resetLimit, "there are too many resets")
    self.stream = stream
    self.data = data
    self.channels = channels
  }

  /// Well-formed frames back to back, without a stall on either side. Frame f carries the frame id
  /// f in the sideband, cut to `sidebandBits`. The tensors are images of one shape, at least one.
  public init(frames: [IntegerTensor], sidebandBits: Int) {
    let shape = frames[0].shape
    precondition(frames.allSatisfy { $0.shape == shape }, "frames are of one shape")
    let mask = UInt64.max >> UInt64(64 - sidebandBits)
    self.init(
      stream: .frames(
        frames.count, height: shape.height, width: shape.width, user: { UInt64($0) & mask }),
      data: frames.flatMap(\.bytes), channels: shape.channels)
  }

  /// The stimulus file of the simulators (`sim/stimulus-format.txt`) for a run of `cycles`.
  public func text(cycles: Int) -> [UInt8] {
    var text = StimulusText()
    text.number(cycles)
    text.newLine()
    text.number(stream.ready.count)
    for (index, ready) in stream.ready.enumerated() {
      if index % 64 == 0 { text.newLine() }
      text.number(ready ? 1 : 0)
    }
    text.newLine()
    let resets = mergedResets
    text.number(resets.count)
    for reset in resets {
      text.number(reset.lowerBound)
      text.number(reset.upperBound)
    }
    text.newLine()
    text.number(stream.beats.count)
    text.newLine()
    for (index, beat) in stream.beats.enumerated() {
      text.number(beat.gap)
      text.number(beat.lastOfLine ? 1 : 0)
      text.hexadecimal(beat.user << 1 | (beat.startOfFrame ? 1 : 0))
      text.hexadecimal(data[index * channels..<(index + 1) * channels])
      text.newLine()
    }
    return text.bytes
  }

  /// All resets, ascending, with a cycle or more between them.
  var mergedResets: [Range<Int>] {
    var merged: [Range<Int>] = []
    for reset in [0..<stream.resetCycles] + stream.resets where !reset.isEmpty {
      if let last = merged.last, last.upperBound >= reset.lowerBound {
        merged[merged.count - 1] =
          last.lowerBound..<max(last.upperBound, reset.upperBound)
      } else {
        merged.append(reset)
      }
    }
    return merged
  }
}

/// Numbers between spaces.
private struct StimulusText {
  private(set) var bytes: [UInt8] = []
  private static let digits = Array("0123456789abcdef".utf8)

  mutating func number(_ value: Int) {
    bytes.append(contentsOf: String(value).utf8)
    bytes.append(UInt8(ascii: " "))
  }

  mutating func hexadecimal(_ value: UInt64) {
    bytes.append(contentsOf: String(value, radix: 16).utf8)
    bytes.append(UInt8(ascii: " "))
  }

  /// The lowest byte first in memory, last in print.
  mutating func hexadecimal(_ value: ArraySlice<UInt8>) {
    for byte in value.reversed() {
      bytes.append(Self.digits[Int(byte >> 4)])
      bytes.append(Self.digits[Int(byte & 15)])
    }
    bytes.append(UInt8(ascii: " "))
  }

  mutating func newLine() { bytes[bytes.count - 1] = UInt8(ascii: "\n") }
}
