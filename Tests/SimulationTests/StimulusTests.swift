import NeuralGraph
import RTL
import Simulation
import Testing

@Suite struct StimulusTests {
  @Test("SplitMix64 gives the published sequence")
  func splitMix() {
    var random = SplitMix64(seed: 1_234_567)
    #expect(random.next() == 6_457_827_717_110_365_317)
    #expect(random.next() == 3_203_168_211_198_807_973)
    #expect(random.next() == 9_817_491_932_198_370_423)
  }

  @Test("numbers in a range reach both ends and nothing outside")
  func range() {
    var random = SplitMix64(seed: 3)
    let numbers = (0..<1000).map { _ in random.number(in: -3...4) }
    #expect(Set(numbers) == Set(-3...4))
    #expect((0..<10).map { _ in random.number(in: 5...5) } == Array(repeating: 5, count: 10))
  }

  @Test("the stimulus file has pattern, resets and beats")
  func text() {
    let shape = TensorShape(height: 1, width: 2, channels: 2)
    var stimulus = Stimulus(
      frames: [
        IntegerTensor(shape: shape, element: .uint8, bytes: [0x12, 0xAB, 0, 0xFF]),
        IntegerTensor(shape: shape, element: .int8, bytes: [1, 2, 3, 4]),
      ], sidebandBits: 8)
    stimulus.stream.ready = [true, false, true]
    stimulus.stream.resets = [2..<3, 9..<11]
    stimulus.stream.beats[2].gap = 5
    #expect(
      String(decoding: stimulus.text(cycles: 40), as: UTF8.self) == """
        40
        3
        1 0 1
        2 0 3 9 11
        4
        0 0 1 ab12
        0 1 0 ff00
        5 0 3 0201
        0 1 2 0403

        """)
  }

  @Test("a seed gives the same stalls again, another seed others")
  func stalls() {
    let frames = Stimulus(frames: SmallDesign.images(3), sidebandBits: 8)
    #expect(frames.stalled(seed: 5) == frames.stalled(seed: 5))
    #expect(frames.stalled(seed: 5) != frames.stalled(seed: 6))
    #expect(frames.stalled(seed: 5).data == frames.data)
    #expect((1...50).allSatisfy { frames.stalled(seed: $0).stream.ready.contains(true) })
  }
}
