import AdderGraph
import NeuralGraph

/// How weights are chosen while errors are fed back.
enum WeightRule: Sendable {
  /// The weights whose places are in the set become 0 (by row-major index), others are rounded.
  case zeros(Set<Int>)
  /// Each weight is the integer of the least `error + price * adders`: the error as `WeightLayer.price`
  /// has it, the adders of its signed digits as far as sharing does not spare them.
  case digits(price: Double)
}

/// What a weight costs in adders: one to add it, and one for each signed digit but one, unless a
/// weight with the same odd part stands where the product can be shared.
struct DigitCosts: Sendable {
  /// By magnitude, 0 to 255.
  let digits: [Int]
  let oddPart: [Int]

  init() {
    digits = (0...255).map { SignedDigits($0).count }
    oddPart = (0...255).map { $0 == 0 ? 0 : $0 >> $0.trailingZeroBitCount }
  }
}

/// Rounds the weights of a layer by a rule, with error feedback.
struct WeightChooser: Sendable {
  let layer: WeightLayer
  let moments: InputMoments
  /// Of each group and block.
  private let feedback: [[ErrorFeedback]]

  init(_ layer: WeightLayer, moments: InputMoments, threads: Int) throws(Diagnostics) {
    self.layer = layer
    self.moments = moments
    let blocks = InputMoments.blocks(depth: layer.depth)
    feedback = try inParallel(layer.groups, threads: threads) { group throws(Diagnostics) in
      blocks.indices.map {
        ErrorFeedback(
          covariance: moments.covariances[group][$0], depth: blocks[$0].count)
      }
    }
  }

  /// The weights ([outputs][depth]) that stand for these.
  func choose(_ weights: [Int16], rule: WeightRule, threads: Int) throws(Diagnostics) -> [Int16] {
    let range = Int(min(0, weights.min() ?? 0))...Int(max(0, weights.max() ?? 0))
    let groups = try inParallel(layer.groups, threads: threads) { group throws(Diagnostics) in
      let rows = layer.outputs / layer.groups
      let first = group * rows
      let old = Array(weights[first * layer.depth..<(first + rows) * layer.depth])
      return chooseGroup(old, group: group, firstOutput: first, range: range, rule: rule)
    }
    return groups.flatMap { $0 }
  }

  /// What the weights of a group would best be, in real numbers, for the inputs as they are now to give
  /// what the old weights gave with the inputs as they were. ([rows][depth])
  private func targets(_ old: [Int16], group: Int) -> [Double] {
    var targets = old.map(Double.init)
    guard let cross = moments.cross else { return targets }
    let depth = layer.depth
    for (number, block) in InputMoments.blocks(depth: depth).enumerated() {
      let size = block.count
      let (now, then) = (moments.covariances[group][number], cross[group][number])
      for row in 0..<old.count / depth {
        var product = [Double](repeating: 0, count: size)
        for i in 0..<size {
          let weight = Double(old[row * depth + block.lowerBound + i])
          guard weight != 0 else { continue }
          for j in 0..<size {
            product[j] += weight * (then[i * size + j] - now[i * size + j])
          }
        }
        let change = feedback[group][number].solve(product)
        for j in 0..<size { targets[row * depth + block.lowerBound + j] += change[j] }
      }
    }
    return targets
  }

  private func chooseGroup(
    _ old: [Int16], group: Int, firstOutput: Int, range: ClosedRange<Int>, rule: WeightRule
  ) -> [Int16] {
    let depth = layer.depth
    let rows = old.count / depth
    let targets = targets(old, group: group)
    var new = old
    let choice = WeightChoice(rule: rule, range: range)
    for (number, block) in InputMoments.blocks(depth: depth).enumerated() {
      let feedback = feedback[group][number]
      let inputs = feedback.order.map { $0 + block.lowerBound }
      var rests = (0..<rows).map { row in inputs.map { targets[row * depth + $0] } }
      // A depthwise filter is one output: what it multiplies by is shared between its taps. Many
      // outputs share the products of one input.
      var uses = [Int](repeating: 0, count: 256)
      for (step, input) in inputs.enumerated() {
        let loss = feedback.price(step)
        if rows > 1 { uses = [Int](repeating: 0, count: 256) }
        // Two passes over the outputs of an input: the second knows what the first has in common.
        for pass in 0..<(rows == 1 ? 1 : 2) {
          var seen = [Int](repeating: 0, count: 256)
          for row in 0..<rows {
            let index = row * depth + input
            if pass == 1 { uses[choice.oddPart(new[index])] -= 1 }
            new[index] = choice.value(
              rests[row][step], weight: loss * layer.price(output: firstOutput + row), uses: uses,
              place: firstOutput * depth + index)
            if pass == 1 { uses[choice.oddPart(new[index])] += 1 }
            seen[choice.oddPart(new[index])] += 1
          }
          if pass == 0, rows > 1 { uses = seen }
        }
        if rows == 1 { uses[choice.oddPart(new[input])] += 1 }
        for row in 0..<rows {
          let error = rests[row][step] - Double(new[row * depth + input])
          if error != 0 { feedback.spread(error, step: step, over: &rests[row]) }
        }
      }
      refine(
        &new, targets: targets, block: block, covariance: moments.covariances[group][number],
        firstOutput: firstOutput, choice: choice)
    }
    return new
  }

  /// Coordinate descent behind the one pass: every weight in turn becomes what is best with all others
  /// as they are, five times over. The sum of error and price only falls, but for what sharing changes.
  private func refine(
    _ new: inout [Int16], targets: [Double], block: Range<Int>, covariance: [Double],
    firstOutput: Int, choice: WeightChoice
  ) {
    let (depth, size) = (layer.depth, block.count)
    let rows = new.count / depth
    var gradients = (0..<rows).map { row in
      var gradient = [Double](repeating: 0, count: size)
      for i in 0..<size {
        let index = row * depth + block.lowerBound + i
        let difference = Double(new[index]) - targets[index]
        guard difference != 0 else { continue }
        for j in 0..<size { gradient[j] += difference * covariance[i * size + j] }
      }
      return gradient
    }
    for _ in 0..<5 {
      var changed = false
      var uses = [Int](repeating: 0, count: 256)
      if rows == 1 { for index in block { uses[choice.oddPart(new[index])] += 1 } }
      for i in 0..<size {
        let own = covariance[i * size + i]
        guard own > 0 else { continue }
        if rows > 1 {
          uses = [Int](repeating: 0, count: 256)
          for row in 0..<rows { uses[choice.oddPart(new[row * depth + block.lowerBound + i])] += 1 }
        }
        for row in 0..<rows {
          let index = row * depth + block.lowerBound + i
          let old = new[index]
          uses[choice.oddPart(old)] -= 1
          // With the others as they are the error is least here.
          let target = Double(old) - gradients[row][i] / own
          let value = choice.value(
            target, weight: own * layer.price(output: firstOutput + row), uses: uses,
            place: firstOutput * depth + index,
            standing: old)
          uses[choice.oddPart(value)] += 1
          guard value != old else { continue }
          changed = true
          new[index] = value
          let step = Double(value) - Double(old)
          for j in 0..<size { gradients[row][j] += step * covariance[i * size + j] }
        }
      }
      if !changed { return }
    }
  }
}

/// Chooses one weight by a rule.
private struct WeightChoice {
  let rule: WeightRule
  let range: ClosedRange<Int>
  private let costs = DigitCosts()

  init(rule: WeightRule, range: ClosedRange<Int>) {
    self.rule = rule
    self.range = range
  }

  func oddPart(_ value: Int16) -> Int { costs.oddPart[min(255, abs(Int(value)))] }

  /// The weight for a target, `weight` the price of a squared error; `uses` says how often each odd
  /// part stands where products can be shared. `standing` is kept where nothing is cheaper.
  func value(
    _ target: Double, weight: Double, uses: [Int], place: Int, standing: Int16? = nil
  ) -> Int16 {
    let nearest = Int(min(max(target.rounded(), -1e6), 1e6))
    let inside = min(max(nearest, range.lowerBound), range.upperBound)
    switch rule {
    case .zeros(let places): return places.contains(place) ? 0 : Int16(inside)
    case .digits(let price):
      return Int16(
        cheapest(
          target, weight: weight, price: price, uses: uses, nearest: inside,
          standing: standing.map(Int.init)))
    }
  }

  private func cheapest(
    _ target: Double, weight: Double, price: Double, uses: [Int], nearest: Int, standing: Int?
  ) -> Int {
    func cost(_ value: Int) -> Double {
      let error = target - Double(value)
      let magnitude = min(255, abs(value))
      var adders = 0.0
      if value != 0 {
        // Each further user of a product spares its share of the product's own adders.
        adders =
          1 + Double(costs.digits[magnitude] - 1) / Double(1 + uses[costs.oddPart[magnitude]])
      }
      return error * error * weight + price * adders
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
