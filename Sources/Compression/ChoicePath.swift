/// Chooses one option for each layer, from the dearest selection to the cheapest: at every step the
/// layer moves on that saves most for the distortion that it adds.
///
/// Each layer's options are first thinned to the lower convex hull of distortion over cost, so that
/// steps come in order of their price and every selection on the way is the best of its cost as far as
/// distortions of layers add up. (Lagrangian bit allocation: Shoham and Gersho, Efficient Bit
/// Allocation for an Arbitrary Set of Quantizers, 1988.)
struct ChoicePath {
  struct Choice {
    var cost: Double
    var distortion: Double
  }

  /// The option of each layer after each step; the first selection is option 0 of all.
  private(set) var selections: [[Int]]

  /// `layers` holds the options of each layer; option 0 is what is there now.
  init(_ layers: [[Choice]]) {
    let hulls = layers.map(Self.hull)
    var places = [Int](repeating: 0, count: layers.count)
    selections = [hulls.map { $0[0] }]
    var last = selections[0]
    while true {
      var best: (layer: Int, price: Double)?
      for (layer, hull) in hulls.enumerated() where places[layer] + 1 < hull.count {
        let (a, b) = (layers[layer][hull[places[layer]]], layers[layer][hull[places[layer] + 1]])
        let price = (b.distortion - a.distortion) / (a.cost - b.cost)
        if price < best?.price ?? .infinity { best = (layer, price) }
      }
      guard let best else { return }
      places[best.layer] += 1
      last[best.layer] = hulls[best.layer][places[best.layer]]
      selections.append(last)
    }
  }

  /// The options on the lower convex hull from option 0 to the cheapest, in order of falling cost.
  private static func hull(_ options: [Choice]) -> [Int] {
    var hull = [0]
    while true {
      let here = options[hull[hull.count - 1]]
      var best: (index: Int, price: Double)?
      for (index, option) in options.enumerated() where option.cost < here.cost {
        let price = (option.distortion - here.distortion) / (here.cost - option.cost)
        // Of equal prices the further step.
        if price < best?.price ?? .infinity
          || (price == best?.price && option.cost < options[best!.index].cost)
        {
          best = (index, price)
        }
      }
      guard let best else { return hull }
      hull.append(best.index)
    }
  }

  /// The last selection that `isAccepted`, by bisection: as if a selection is worse than those before
  /// it. Nil when the first is not accepted.
  func last<Failure>(
    where isAccepted: ([Int]) throws(Failure) -> Bool
  ) throws(Failure) -> [Int]? {
    guard try isAccepted(selections[0]) else { return nil }
    var (low, high) = (0, selections.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if try isAccepted(selections[middle]) { low = middle } else { high = middle }
    }
    return selections[low]
  }
}
