import NeuralGraph

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

  /// The weights ([outputs][depth]) that stand for these, and the grid of each output that they lie
  /// on: of `grids`, which has the present one first, that of the least error and price. Without
  /// `grids` all stay on theirs.
  func choose(
    _ weights: [Int16], rule: WeightRule, grids: [[WeightGrid]]? = nil, threads: Int
  ) throws(Diagnostics) -> ChosenWeights {
    let range = Int(min(0, weights.min() ?? 0))...Int(max(0, weights.max() ?? 0))
    let choice = WeightChoice(rule: rule)
    let height = layer.outputs / layer.groups
    let groups = try inParallel(layer.groups, threads: threads) { group throws(Diagnostics) in
      let first = group * height
      let old = Array(weights[first * layer.depth..<(first + height) * layer.depth])
      let targets = targets(old, group: group)
      var rows = (0..<height).map { row in
        WeightRow(
          output: first + row,
          targets: Array(targets[row * layer.depth..<(row + 1) * layer.depth]),
          price: layer.price(output: first + row), range: range)
      }
      var chosen = [Int](repeating: 0, count: height)
      if let grids, case .digits(let price) = rule {
        chosen = chooseGrids(
          &rows, Array(grids[first..<first + height]), group: group, adderPrice: price,
          choice: choice)
      }
      return ChosenWeights(weights: chooseRows(rows, group: group, choice: choice), grids: chosen)
    }
    return ChosenWeights(
      weights: groups.flatMap(\.weights), grids: groups.flatMap(\.grids))
  }

  /// Puts each row on the grid of the least error and price, one after the other, with the others as they
  /// are then; the numbers of the grids.
  private func chooseGrids(
    _ rows: inout [WeightRow], _ grids: [[WeightGrid]], group: Int, adderPrice: Double,
    choice: WeightChoice
  ) -> [Int] {
    guard grids.contains(where: { $0.count > 1 }) else { return grids.map { _ in 0 } }
    let depth = layer.depth
    var new = chooseRows(rows, group: group, choice: choice)
    // How often each odd part stands at an input in all rows but the one that is looked at.
    var uses = [[Int]](repeating: [Int](repeating: 0, count: 256), count: depth)
    func count(_ row: Int, _ step: Int) {
      for input in 0..<depth { uses[input][choice.oddPart(new[row * depth + input])] += step }
    }
    let isShared = rows.count > 1
    if isShared { for row in rows.indices { count(row, 1) } }
    return rows.indices.map { row in
      guard grids[row].count > 1 else { return 0 }
      if isShared { count(row, -1) }
      var best: (cost: Double, grid: Int, row: WeightRow, weights: [Int16])?
      for (number, grid) in grids[row].enumerated() {
        let moved = rows[row].moved(to: grid)
        let weights = chooseRows(
          [moved], group: group, choice: choice, others: isShared ? uses : nil)
        var cost =
          adderPrice * grid.adders + moved.price * squaredError(weights, moved, group: group)
        var own = [Int](repeating: 0, count: 256)
        for input in 0..<depth {
          let odd = choice.oddPart(weights[input])
          cost +=
            adderPrice
            * choice.adders(Int(weights[input]), uses: isShared ? uses[input][odd] : own[odd])
          own[odd] += 1
        }
        if cost < best?.cost ?? .infinity { best = (cost, number, moved, weights) }
      }
      rows[row] = best!.row
      for input in 0..<depth { new[row * depth + input] = best!.weights[input] }
      if isShared { count(row, 1) }
      return best!.grid
    }
  }

  /// The mean square of what the weights of a row do to its accumulator beside the targets.
  private func squaredError(_ weights: [Int16], _ row: WeightRow, group: Int) -> Double {
    var sum = 0.0
    for (number, block) in InputMoments.blocks(depth: layer.depth).enumerated() {
      let covariance = moments.covariances[group][number]
      let size = block.count
      let change = block.map { Double(weights[$0]) - row.targets[$0] }
      for i in 0..<size where change[i] != 0 {
        var product = 0.0
        for j in 0..<size { product += change[j] * covariance[i * size + j] }
        sum += change[i] * product
      }
    }
    return max(0, sum)
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

  /// The weights of some rows of a group ([rows][depth]); `others` says of each input how often each odd
  /// part stands in rows that are not among these.
  private func chooseRows(
    _ rows: [WeightRow], group: Int, choice: WeightChoice, others: [[Int]]? = nil
  ) -> [Int16] {
    let depth = layer.depth
    var new = [Int16](repeating: 0, count: rows.count * depth)
    // A depthwise filter is one output: what it multiplies by is shared between its taps. Many
    // outputs share the products of one input.
    let isAlone = rows.count == 1 && others == nil
    let none = [Int](repeating: 0, count: 256)
    for (number, block) in InputMoments.blocks(depth: depth).enumerated() {
      let feedback = feedback[group][number]
      let inputs = feedback.order.map { $0 + block.lowerBound }
      var rests = rows.map { row in inputs.map { row.targets[$0] } }
      var uses = none
      for (step, input) in inputs.enumerated() {
        let loss = feedback.price(step)
        if !isAlone { uses = others?[input] ?? none }
        // Two passes over the outputs of an input: the second knows what the first has in common.
        for pass in 0..<(rows.count == 1 ? 1 : 2) {
          var seen = others?[input] ?? none
          for row in rows.indices {
            let index = row * depth + input
            if pass == 1 { uses[choice.oddPart(new[index])] -= 1 }
            new[index] = choice.value(
              rests[row][step], weight: loss * rows[row].price, uses: uses,
              place: rows[row].output * depth + input, range: rows[row].range)
            if pass == 1 { uses[choice.oddPart(new[index])] += 1 }
            seen[choice.oddPart(new[index])] += 1
          }
          if pass == 0, rows.count > 1 { uses = seen }
        }
        if isAlone { uses[choice.oddPart(new[input])] += 1 }
        for row in rows.indices {
          let error = rests[row][step] - Double(new[row * depth + input])
          if error != 0 { feedback.spread(error, step: step, over: &rests[row]) }
        }
      }
      refine(
        &new, rows, block: block, covariance: moments.covariances[group][number],
        choice: choice, others: others)
    }
    return new
  }

  /// Coordinate descent behind the one pass: every weight in turn becomes what is best with all others
  /// as they are, five times over. The sum of error and price only falls, but for what sharing changes.
  private func refine(
    _ new: inout [Int16], _ rows: [WeightRow], block: Range<Int>, covariance: [Double],
    choice: WeightChoice, others: [[Int]]?
  ) {
    let (depth, size) = (layer.depth, block.count)
    let isAlone = rows.count == 1 && others == nil
    let none = [Int](repeating: 0, count: 256)
    var gradients = rows.indices.map { row in
      var gradient = [Double](repeating: 0, count: size)
      for i in 0..<size {
        let difference =
          Double(new[row * depth + block.lowerBound + i])
          - rows[row].targets[block.lowerBound + i]
        guard difference != 0 else { continue }
        for j in 0..<size { gradient[j] += difference * covariance[i * size + j] }
      }
      return gradient
    }
    for _ in 0..<5 {
      var changed = false
      var uses = none
      if isAlone { for index in block { uses[choice.oddPart(new[index])] += 1 } }
      for i in 0..<size {
        let own = covariance[i * size + i]
        guard own > 0 else { continue }
        let input = block.lowerBound + i
        if !isAlone {
          uses = others?[input] ?? none
          for row in rows.indices { uses[choice.oddPart(new[row * depth + input])] += 1 }
        }
        for row in rows.indices {
          let index = row * depth + input
          let old = new[index]
          uses[choice.oddPart(old)] -= 1
          // With the others as they are the error is least here.
          let target = Double(old) - gradients[row][i] / own
          let value = choice.value(
            target, weight: own * rows[row].price, uses: uses,
            place: rows[row].output * depth + input, range: rows[row].range, standing: old)
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
