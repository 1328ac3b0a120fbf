import AdderGraph
import Foundation
import NeuralGraph

/// A grid that the integer weights of an output can lie on, by the multiplier that its requantizer then
/// has.
///
/// An output is `M * (bias + sum w x)`, and M is a multiplication by a constant too: of an arbitrary
/// mantissa it takes four adders or so, of a power of two none. Weights and bias in other units,
/// `w * M / M'`, go with the multiplier M'; codes, scales and zero points of the output stay.
struct WeightGrid: Sendable {
  /// A multiplier as a layer stores it.
  enum Multiplier: Sendable {
    case fixed(FixedPointMultiplier)
    case real(RealMultiplier)
  }

  var multiplier: Multiplier
  /// M / M': what a weight of 1 of the layer's own grid is on this one.
  var factor: Double
  /// Adders of the requantizer, offsets aside, as `Freeze` fits it.
  var adders: Double

  /// Weights that networks in integers can have (`QuantizedGraph.verify`).
  static let range = -255...255
  /// Grids from less than half as fine as the layer's own to much finer ones: with few digits a weight
  /// that is twice as large costs no more.
  static let factors = 0.45...32
  /// `odd * 2^-shift` is multiplied by in one adder at most.
  static let odds = [1, 3, 5, 7, 9, 15, 17, 31, 33, 63, 65]

  /// How many grids an output of so many weights has a choice of. The more weights, the less its
  /// requantizer matters, and the longer a trial takes.
  static func limit(depth: Int) -> Int { min(max((1 << 21) / (depth * depth), 2), 96) }
}

extension QuantizedGraph {
  /// The grids of each output of a layer, its own first; nil for a layer that has to stay on its own,
  /// since its multipliers can be rewritten.
  func weightGrids(
    of layer: WeightLayer, intervals: ChannelIntervals, threads: Int
  ) throws(Diagnostics) -> [[WeightGrid]]? {
    let node = self[layer.value]
    let multipliers: [WeightGrid.Multiplier]
    let clamp: ClosedRange<Int>
    switch node.operation {
    case .convolution(let convolution):
      guard convolution.adaptation == nil else { return nil }
      multipliers = convolution.requantization.map { .fixed($0) }
      clamp = convolution.clamp
    case .fullyConnected(let connected):
      multipliers = connected.requantization.map { .real($0) }
      clamp = connected.clamp
    default: return nil
    }
    let weights = node.operation.parameters!.weights
    let accumulators = intervals.accumulators[layer.value.index]
    return try inParallel(layer.outputs, threads: threads) { output throws(Diagnostics) in
      let survey = RequantizerCost(
        interval: accumulators[output], clamp: clamp, zeroPoint: node.type.zeroPoint)
      let row = weights[output * layer.depth..<(output + 1) * layer.depth]
      let largest = row.map { abs(Int($0)) }.max() ?? 0
      return WeightGrid.all(
        multipliers[output], largestWeight: largest, limit: WeightGrid.limit(depth: layer.depth),
        survey)
    }
  }
}

extension WeightGrid {
  /// The present grid, then those of cheaper multipliers, the cheapest first, of these the nearest.
  fileprivate static func all(
    _ own: Multiplier, largestWeight: Int, limit: Int, _ requantizer: RequantizerCost
  ) -> [WeightGrid] {
    var search = ConstantMultiplier()
    guard own.real > 0, largestWeight > 0,
      let adders = requantizer.adders(own, factor: 1, &search)
    else { return [WeightGrid(multiplier: own, factor: 1, adders: 0)] }
    var found: [(grid: WeightGrid, distance: Double)] = []
    for odd in odds {
      for shift in 0...40 {
        let factor = own.real / (Double(odd) * exp2(Double(-shift)))
        guard factors.contains(factor),
          (Double(largestWeight) * factor).rounded() <= Double(range.upperBound),
          let multiplier = own.like(odd: odd, shift: shift)
        else { continue }
        let grid = WeightGrid(multiplier: multiplier, factor: factor, adders: odd == 1 ? 0 : 1)
        found.append((grid, abs(log2(factor))))
      }
    }
    found.sort { a, b in
      a.grid.adders != b.grid.adders
        ? a.grid.adders < b.grid.adders : (a.distance, a.grid.factor) < (b.distance, b.grid.factor)
    }
    var grids = [WeightGrid(multiplier: own, factor: 1, adders: adders)]
    for var (grid, _) in found.prefix(limit) {
      guard let cost = requantizer.adders(grid.multiplier, factor: grid.factor, &search),
        cost < adders
      else { continue }
      grid.adders = cost
      grids.append(grid)
    }
    return grids
  }
}

/// What requantizers of one output cost.
private struct RequantizerCost {
  /// Of the accumulator on the layer's own grid.
  var interval: ClosedRange<Int>
  var clamp: ClosedRange<Int>
  var zeroPoint: Int

  /// Adders of the requantizer on a grid: those of the line that equals it, and two where the line needs the
  /// accumulator's sign. Nil for a constant output, for one that no line equals (ONNX's ties to
  /// even), and where the accumulator might leave 32 bits.
  func adders(
    _ multiplier: WeightGrid.Multiplier, factor: Double, _ search: inout ConstantMultiplier
  ) -> Double? {
    let low = (Double(interval.lowerBound) * factor).rounded(.down)
    let high = (Double(interval.upperBound) * factor).rounded(.up)
    guard max(abs(low), abs(high)) < 0x1p30 else { return nil }
    let staircase = try? Staircase(domain: Int(low)...Int(high)) {
      min(max(zeroPoint + multiplier.apply($0), clamp.lowerBound), clamp.upperBound)
    }
    guard let staircase, !staircase.isConstant,
      let line = staircase.fit(
        clamp: clamp, using: &search, options: .init(signExponents: multiplier.signExponents))
    else { return nil }
    return Double(search.adderCount(line.multiplier) + (line.signShift == nil ? 0 : 2))
  }
}

extension WeightGrid.Multiplier {
  /// The multiplier as a real number.
  var real: Double {
    switch self {
    case .fixed(let multiplier): multiplier.real
    case .real(let multiplier): multiplier.real
    }
  }

  fileprivate func apply(_ accumulator: Int) -> Int {
    switch self {
    case .fixed(let multiplier): multiplier.apply(accumulator)
    case .real(let multiplier): multiplier.apply(accumulator)
    }
  }

  /// Where TFLite's second rounding takes the sign.
  fileprivate var signExponents: [Int] {
    guard case .fixed(let multiplier) = self, !multiplier.isExact else { return [] }
    return [max(0, -multiplier.exponent)]
  }

  /// `odd * 2^-shift`, rounded as this one is; nil where it cannot be stored.
  ///
  /// Ties to even (ONNX's) are no line; an exact multiplier is one part in 2^30 more, which turns
  /// every tie away from zero and changes nothing else below 2^30.
  func like(odd: Int, shift: Int) -> Self? {
    let bits = SignalWidth.bitLength(odd)
    switch self {
    case .fixed(let multiplier) where multiplier.isExact:
      return .fixed(.init(multiplier: odd << 30 + 1, exponent: -30 - shift, divisor: 1))
    case .fixed:
      guard (-31...0).contains(bits - shift) else { return nil }
      return .fixed(.init(multiplier: odd << (31 - bits), exponent: bits - shift))
    case .real(let multiplier) where multiplier.divisor > 0:
      return .real(.init(mantissa: odd << 30 + 1, shift: 30 + shift, divisor: 1))
    case .real:
      return .real(.init(mantissa: odd << (53 - bits), shift: shift + 53 - bits))
    }
  }
}

extension QuantizedOperation {
  /// The same layer with the multipliers and weight scales of these grids, one an output.
  func on(_ grids: [WeightGrid]) -> QuantizedOperation {
    guard grids.contains(where: { $0.factor != 1 }) else { return self }
    func scales(_ scales: [Float]) -> [Float] {
      grids.indices.map { Float(Double(scales[scales.count == 1 ? 0 : $0]) / grids[$0].factor) }
    }
    switch self {
    case .convolution(var layer):
      layer.requantization = grids.indices.map {
        if case .fixed(let multiplier) = grids[$0].multiplier { return multiplier }
        preconditionFailure("a convolution has fixed-point multipliers")
      }
      layer.weightScales = scales(layer.weightScales)
      layer.weightZeroPoints = [0]
      return .convolution(layer)
    case .fullyConnected(var layer):
      layer.requantization = grids.indices.map {
        if case .real(let multiplier) = grids[$0].multiplier { return multiplier }
        preconditionFailure("a fully connected layer has real multipliers")
      }
      layer.weightScales = scales(layer.weightScales)
      layer.weightZeroPoints = [0]
      return .fullyConnected(layer)
    default: preconditionFailure("an operation without weights has no grids")
    }
  }
}
