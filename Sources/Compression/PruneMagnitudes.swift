import NeuralGraph

extension LayerPruner {
  /// Magnitude pruning: the weights of least magnitude become 0, the others make good what they can.
  ///
  /// `share` (0 ... 1) of the weights go: of each layer, or with `isGlobal` of all together, magnitudes
  /// then measured by what a weight moves its output, in output codes at its input's usual swing. Of
  /// equal magnitudes the first ones go.
  public func prunedMagnitudes(share: Double, isGlobal: Bool) throws(Diagnostics) -> QuantizedGraph
  {
    precondition((0...1).contains(share), "a share lies between 0 and 1")
    var magnitudes: [[Double]] = layers.indices.map { place in
      graph[layers[place].value].operation.parameters!.weights.map { Double(abs(Int($0))) }
    }
    if isGlobal {
      for place in layers.indices {
        for index in magnitudes[place].indices {
          magnitudes[place][index] *= swing(place, index)
        }
      }
    }
    var zeros = [Set<Int>](repeating: [], count: layers.count)
    func smallest(_ places: [(layer: Int, index: Int)]) {
      let sorted = places.sorted { a, b in
        let (x, y) = (magnitudes[a.layer][a.index], magnitudes[b.layer][b.index])
        return x != y ? x < y : (a.layer, a.index) < (b.layer, b.index)
      }
      for place in sorted.prefix(Int((Double(places.count) * share).rounded())) {
        zeros[place.layer].insert(place.index)
      }
    }
    let places = layers.indices.map { layer in magnitudes[layer].indices.map { (layer, $0) } }
    if isGlobal { smallest(places.flatMap { $0 }) } else { places.forEach(smallest) }
    return try changed(zeros.map { .zeros($0) })
  }
}
