import NeuralGraph

/// The codes of a channel's weights: `real = scale * (code - zeroPoint)`.
struct WeightGrid {
  var scale: Float
  var zeroPoint: Int
  /// All codes that are used.
  var codes: ClosedRange<Int>

  /// `code - zeroPoint` of a weight, halves away from zero.
  func code(_ weight: Float) -> Int16 {
    let code = (Double(weight) / Double(scale)).rounded(.toNearestOrAwayFromZero)
    return Int16(
      min(
        max(code, Double(codes.lowerBound - zeroPoint)), Double(codes.upperBound - zeroPoint)))
  }
}

/// Finds the grids of a layer's weights.
struct WeightQuantizer {
  /// 2 to 8.
  var bits: Int
  var isSymmetric: Bool
  /// True to clip weights where that lowers the mean squared error.
  var leastError: Bool

  /// One grid an output channel, or one in all. `weights` has the output channel innermost.
  func grids(
    _ weights: [Float], channels: Int, perChannel: Bool, bias: [Float], inputScale: Float
  ) -> [WeightGrid] {
    // A bias must not leave 30 bits: next to such a bias the weights count for little.
    func least(_ bias: Float) -> Float {
      Float(Double(abs(bias)) / (Double(inputScale) * 0x1p29))
    }
    guard perChannel else {
      return [grid(weights[...], least: bias.map(least).max() ?? 0)]
    }
    return (0..<channels).map { channel in
      let own = stride(from: channel, to: weights.count, by: channels).map { weights[$0] }
      return grid(own[...], least: least(bias[channel]))
    }
  }

  private func grid(_ weights: ArraySlice<Float>, least: Float) -> WeightGrid {
    let low = min(0, weights.min() ?? 0)
    let high = max(0, weights.max() ?? 0)
    let whole = grid(low: low, high: high, least: least)
    guard leastError else { return whole }
    var best = (grid: whole, error: error(weights, whole))
    for percent in stride(from: 98, through: 30, by: -2) {
      let part = Float(percent) / 100
      let grid = grid(low: low * part, high: high * part, least: least)
      let error = error(weights, grid)
      if error < best.error { best = (grid, error) }
    }
    return best.grid
  }

  private func grid(low: Float, high: Float, least: Float) -> WeightGrid {
    let most = (1 << (bits - 1)) - 1
    if isSymmetric {
      let scale = max(max(-low, high) / Float(most), least)
      return WeightGrid(
        scale: scale.isNormal ? scale : 1 / Float(most), zeroPoint: 0, codes: -most...most)
    }
    let codes = GraphPasses.codes(bits: bits)
    var parameters = QuantizationParameters(asymmetric: Double(low)...Double(high), codes)
    if parameters.scale < least {
      parameters = QuantizationParameters(scale: least, zeroPoint: 0)
    }
    return WeightGrid(scale: parameters.scale, zeroPoint: parameters.zeroPoint, codes: codes)
  }

  private func error(_ weights: ArraySlice<Float>, _ grid: WeightGrid) -> Double {
    weights.reduce(0) { sum, weight in
      let error = Double(weight) - Double(grid.code(weight)) * Double(grid.scale)
      return sum + error * error
    }
  }
}
