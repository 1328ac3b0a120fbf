import AdderGraph
import Foundation

/// How weights are chosen while errors are fed back.
enum WeightRule: Sendable {
  /// The weights whose places are in the set become 0 (by row-major index), others are rounded.
  case zeros(Set<Int>)
  /// Each weight is the integer of the least `error + price * adders`: the error as `WeightLayer.price`
  /// has it, the adders of its signed digits as far as sharing does not spare them.
  case digits(price: Double)
}

/// What a weight costs in adders: one to add it, and one for each signed digit but one, less where
/// weights with the same odd part share the product.
struct DigitCosts: Sendable {
  /// By magnitude, 0 to 255.
  let digits: [Int]
  let oddPart: [Int]
  /// By the number of other weights with the same odd part: the share of a product's own adders.
  private let share: [Double]

  init() {
    digits = (0...255).map { SignedDigits($0).count }
    oddPart = (0...255).map { $0 == 0 ? 0 : $0 >> $0.trailingZeroBitCount }
    share = (0...255).map { 1 / cbrt(Double(1 + $0)) }
  }

  /// Adders of a weight beside so many others with its odd part. The more there are, the less each one's
  /// digits cost; not as little as their number says, since the optimiser shares parts of other
  /// products too. (The cube root was the best of five powers on photographs.)
  func adders(_ value: Int, uses: Int) -> Double {
    guard value != 0 else { return 0 }
    return 1 + Double(digits[min(255, abs(value))] - 1) * share[min(max(0, uses), 255)]
  }
}

/// The weights of an output before they are integers.
struct WeightRow: Sendable {
  var output: Int
  /// Real numbers, in units of the grid.
  var targets: [Double]
  /// What a squared error of one in the accumulator costs.
  var price: Double
  var range: ClosedRange<Int>

  /// The same weights in units of another grid.
  func moved(to grid: WeightGrid) -> WeightRow {
    guard grid.factor != 1 else { return self }
    var row = self
    row.targets = targets.map { $0 * grid.factor }
    row.price = price / (grid.factor * grid.factor)
    row.range = WeightGrid.range
    return row
  }
}

/// What a layer's weights became.
struct ChosenWeights: Sendable {
  /// [outputs][depth]
  var weights: [Int16]
  /// Of each output the number of its grid.
  var grids: [Int]
}

/// Chooses one weight by a rule.
struct WeightChoice {
  let rule: WeightRule
  private let costs = DigitCosts()

  init(rule: WeightRule) { self.rule = rule }

  func oddPart(_ value: Int16) -> Int { costs.oddPart[min(255, abs(Int(value)))] }

  /// `DigitCosts.adders`.
  func adders(_ value: Int, uses: Int) -> Double { costs.adders(value, uses: uses) }

  /// The weight for a target, `weight` the price of a squared error; `uses` says how often each odd
  /// part stands where products can be shared. `standing` is kept where nothing is cheaper.
  func value(
    _ target: Double, weight: Double, uses: [Int], place: Int, range: ClosedRange<Int>,
    standing: Int16? = nil
  ) -> Int16 {
    let nearest = Int(min(max(target.rounded(), -1e6), 1e6))
    let inside = min(max(nearest, range.lowerBound), range.upperBound)
    switch rule {
    case .zeros(let places): return places.contains(place) ? 0 : Int16(inside)
    case .digits(let price):
      return Int16(
        cheapest(
          target, weight: weight, price: price, uses: uses, nearest: inside, range: range,
          standing: standing.map(Int.init)))
    }
  }

  private func cheapest(
    _ target: Double, weight: Double, price: Double, uses: [Int], nearest: Int,
    range: ClosedRange<Int>,
    standing: Int?
  ) -> Int {
    func cost(_ value: Int) -> Double {
      let error = target - Double(value)
      return error * error * weight
        + price * adders(value, uses: uses[costs.oddPart[min(255, abs(value))]])
    }
    let start = standing ?? nearest
    var best = (value: start, cost: cost(start))
    func take(_ value: Int) {
      let candidate = cost(value)
      if candidate < best.cost { best = (value, candidate) }
    }
    if range.contains(0) { take(0) }
    take(nearest)
    // Further away than the whole price of the best, nothing can be cheaper.
    for distance in 1...255 {
      let least = max(0, Double(distance) - 0.5)
      if least * least * weight > best.cost { break }
      if range.contains(nearest - distance) { take(nearest - distance) }
      if range.contains(nearest + distance) { take(nearest + distance) }
    }
    return best.value
  }
}
