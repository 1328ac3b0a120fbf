import NeuralGraph
import RTL

extension Stimulus {
  /// A stream as a faulty source and a nervous controller make it: whole frames, frames that are cut
  /// by an early start of frame, stray beats where a frame should begin, wrong `tlast`s, resets at
  /// any time, all of it with random stalls. Ends with two whole frames, which must be right.
  public static func disturbed(
    height: Int, width: Int, channels: Int, sidebandBits: Int, seed: UInt64
  ) -> Stimulus {
    var random = SplitMix64(seed: seed &+ 0xD157)
    let pixels = height * width
    var beats: [StreamStimulus.Beat] = []
    let mask = UInt64.max >> UInt64(64 - sidebandBits)
    func frame(_ count: Int, _ random: inout SplitMix64) {
      let user = random.next() & mask
      for index in 0..<count {
        beats.append(
          .init(
            startOfFrame: index == 0, lastOfLine: index % width == width - 1,
            user: random.chance(1, in: 8) && index > 0 ? random.next() & mask : user))
      }
    }
    func strays(_ count: Int, _ random: inout SplitMix64) {
      for _ in 0..<count {
        beats.append(
          .init(
            startOfFrame: false, lastOfLine: random.chance(1, in: 4), user: random.next() & mask))
      }
    }
    if random.chance(1, in: 2) { strays(random.number(in: 1...5), &random) }
    for _ in 0..<random.number(in: 3...6) {
      switch random.number(in: 0...5) {
      case 0...2: frame(pixels, &random)
      case 3: frame(random.number(in: 1...pixels), &random)
      case 4:
        frame(pixels, &random)
        beats[beats.count - random.number(in: 1...pixels)].lastOfLine.toggle()
      default:
        frame(pixels, &random)
        strays(random.number(in: 1...2 * width), &random)
      }
    }
    for _ in 0..<2 { frame(pixels, &random) }
    let data = (0..<beats.count * channels).map { _ in UInt8(random.number(in: 0...255)) }
    var stimulus = Stimulus(
      stream: StreamStimulus(beats: beats, resetCycles: random.number(in: 1...4)), data: data,
      channels: channels
    ).stalled(seed: seed)
    if random.chance(1, in: 2) {
      // Early enough that the last two frames come after them.
      var begin = random.number(in: 5...max(5, beats.count / 2))
      for _ in 0..<random.number(in: 1...3) {
        let length = random.number(in: 1...3)
        stimulus.stream.resets.append(begin..<begin + length)
        begin += length + random.number(in: 1...max(1, beats.count / 4))
      }
    }
    return stimulus
  }
}
