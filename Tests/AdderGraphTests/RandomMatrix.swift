import AdderGraph

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A random matrix with the features that trip optimisers: zeros, empty rows and columns, repeated,
/// negated and shifted columns, powers of two, huge weights, single rows and columns.
func randomMatrix(seed: Int) -> ConstantMatrix {
  var random = SeededGenerator(seed: seed)
  let inputs = seed % 7 == 0 ? 1 : Int.random(in: 1...12, using: &random)
  let outputs = seed % 7 == 1 ? 1 : Int.random(in: 1...12, using: &random)
  let bits = [2, 4, 8, 8, 8, 16, 40, 59].randomElement(using: &random)!
  let density = Double.random(in: 0...1, using: &random)
  var columns: [[Int]] = []
  for _ in 0..<outputs {
    if let earlier = columns.randomElement(using: &random),
      Int.random(in: 0..<4, using: &random) == 0
    {
      let shift = bits < 40 ? Int.random(in: 0...3, using: &random) : 0
      let sign = Bool.random(using: &random) ? 1 : -1
      columns.append(earlier.map { ($0 * sign) << shift })
      continue
    }
    let isPowers = Int.random(in: 0..<6, using: &random) == 0
    columns.append(
      (0..<inputs).map { _ in
        guard Double.random(in: 0..<1, using: &random) < density else { return 0 }
        if isPowers {
          return (Bool.random(using: &random) ? 1 : -1) << Int.random(in: 0..<bits, using: &random)
        }
        return Int.random(in: -(1 << bits) + 1...(1 << bits) - 1, using: &random)
      })
  }
  return ConstantMatrix(
    inputs: inputs, outputs: outputs,
    values: (0..<inputs).flatMap { input in columns.map { $0[input] } })
}

/// A matrix of uniformly random signed weights of that many bits.
func randomMatrix(inputs: Int, outputs: Int, bits: Int, seed: Int) -> ConstantMatrix {
  var random = SeededGenerator(seed: seed)
  let limit = 1 << (bits - 1)
  let values = (0..<inputs * outputs).map { _ in Int.random(in: -limit..<limit, using: &random) }
  return ConstantMatrix(inputs: inputs, outputs: outputs, values: values)
}
