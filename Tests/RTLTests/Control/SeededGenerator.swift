import NeuralGraph
import RTL

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  mutating func chance(_ percent: Int) -> Bool { pick(0...99) < percent }
}

extension WindowGeometry {
  /// A random window over an HxW map that the stream control can run.
  static func random(
    height: Int, width: Int, kernels: ClosedRange<Int> = 1...7, strides: ClosedRange<Int> = 1...3,
    using g: inout SeededGenerator
  ) -> WindowGeometry {
    while true {
      let square = g.chance(30)
      let kernelHeight = g.pick(kernels)
      let strideY = g.pick(strides)
      let kernelWidth = square ? kernelHeight : g.pick(kernels)
      let strideX = square ? strideY : g.pick(strides)
      let dilationY = g.chance(25) ? 2 : 1
      let dilationX = g.chance(25) ? 2 : 1
      let reachY = (kernelHeight - 1) * dilationY + 1
      let reachX = (kernelWidth - 1) * dilationX + 1
      let padding: Padding
      switch g.pick(0...3) {
      case 0: padding = .valid
      case 1, 2: padding = .same
      default:
        let top = g.pick(0...reachY - 1)
        let left = g.pick(0...reachX - 1)
        padding = .explicit(
          top: top, bottom: g.pick(0...(reachY - 1 - top)), left: left,
          right: g.pick(0...(reachX - 1 - left)))
      }
      if let geometry = WindowGeometry(
        inputHeight: height, inputWidth: width, kernelHeight: kernelHeight,
        kernelWidth: kernelWidth, strideY: strideY, strideX: strideX, dilationY: dilationY,
        dilationX: dilationX, padding: padding), WindowTiming.verify(geometry).isEmpty
      {
        return geometry
      }
    }
  }
}
