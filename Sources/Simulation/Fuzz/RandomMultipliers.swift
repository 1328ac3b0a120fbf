import NeuralGraph

/// The rule by which a random network's requantizers round.
public enum FuzzArithmetic: String, CaseIterable, Codable, Sendable {
  /// TFLite's reference kernels: multipliers of 31 bits, two roundings.
  case tflite
  /// ONNX: quotients of binary32 scales in full, rounded once, ties to even.
  case onnx
}

extension SplitMix64 {
  /// `product of factors / (scale * count)`, exact and close to `real`, of one or two binary32 factors:
  /// mostly with all their bits random, sometimes powers of two, whose quotients meet ties.
  mutating func exactMultiplier(near real: Double, factors count: Int, cells: Int = 1)
    -> ExactMultiplier
  {
    while true {
      let factors = (0..<count).map { _ in
        chance(1, in: 4)
          ? 1 / Float(1 << number(in: 0...8)) : Float(number(in: 1...(1 << 24))) / 0x1p24
      }
      let product = factors.reduce(1) { $0 * Double($1) }
      if let multiplier = ExactMultiplier(
        factors, dividedBy: Float(product / (real * Double(cells))), count: cells)
      {
        return multiplier
      }
    }
  }
}
