import NeuralGraph

/// How often the numbers of an activation fall where, in equal bins over its range.
struct ActivationHistogram {
  private static let bins = 4096
  private let low: Double
  private let width: Double
  private var counts = [Int](repeating: 0, count: ActivationHistogram.bins)

  init(low: Float, high: Float) {
    self.low = Double(low)
    width = max((Double(high) - Double(low)) / Double(Self.bins), .leastNormalMagnitude)
  }

  mutating func add(_ values: [Float]) {
    for value in values {
      let bin = Int(((Double(value) - low) / width).rounded(.down))
      counts[max(0, min(Self.bins - 1, bin))] += 1
    }
  }

  private func start(_ bin: Int) -> Double { low + Double(bin) * width }

  /// The range that leaves out half of 1 - share of all numbers at either end, 0.0 included.
  func percentile(_ share: Double) -> (low: Double, high: Double) {
    let total = Double(counts.reduce(0, +))
    let outside = total * (1 - share) / 2
    func bin(from bins: some Sequence<Int>) -> Int {
      var sum = 0.0
      for bin in bins {
        sum += Double(counts[bin])
        if sum > outside { return bin }
      }
      return 0
    }
    return (
      min(0, start(bin(from: 0..<Self.bins))),
      max(0, start(bin(from: (0..<Self.bins).reversed()) + 1))
    )
  }

  /// The range of least mean squared error in `steps` equal steps, numbers outside clipped: both ends
  /// are drawn in, one after the other, until neither gains.
  func leastError(steps: Int) -> (low: Double, high: Double) {
    let end = low + Double(Self.bins) * width
    var best = (low: min(0, low), high: max(0, end))
    var error = meanSquaredError(best, steps: steps)
    var improved = true
    var rounds = 0
    while improved, rounds < 4 {
      improved = false
      rounds += 1
      for isHigh in [true, false] {
        let whole = isHigh ? max(0, end) : min(0, low)
        for percent in stride(from: 100, through: 10, by: -2) {
          var range = best
          if isHigh { range.high = whole * Double(percent) / 100 }
          if !isHigh { range.low = whole * Double(percent) / 100 }
          guard range.high > range.low else { continue }
          let candidate = meanSquaredError(range, steps: steps)
          if candidate < error { (error, best, improved) = (candidate, range, true) }
        }
      }
    }
    return best
  }

  private func meanSquaredError(_ range: (low: Double, high: Double), steps: Int) -> Double {
    let step = (range.high - range.low) / Double(steps)
    guard step > 0 else { return .infinity }
    var sum = 0.0
    for bin in 0..<Self.bins where counts[bin] > 0 {
      let middle = start(bin) + width / 2
      let outside = max(range.low - middle, middle - range.high, 0)
      // Inside, rounding errors are spread evenly over a step.
      let square = outside > 0 ? outside * outside : step * step / 12
      sum += Double(counts[bin]) * square
    }
    return sum
  }
}
