import AdderGraph
import NeuralGraph

/// What the requantizers of a convolution multiply with.
public struct RequantizerSurvey: Hashable, Sendable {
  /// Channels that are not constant.
  public var channels = 0
  /// Adders of their multiplications, biases and offsets aside.
  public var multiplierAdders = 0
  /// Bits of the longest multiplier.
  public var multiplierBits = 0
  /// Bits of the channels' accumulators, and of the part of them between the first threshold and the last.
  public var accumulatorBits = 0
  public var windowBits = 0
}

extension Freeze {
  /// Fits and proves the requantizers of the fixed convolutions without building anything else: one entry
  /// a convolution. Throws what makes the wanted layers impossible.
  public static func surveyRequantizers(_ graph: QuantizedGraph, options: FreezeOptions)
    throws(Diagnostics) -> [RequantizerSurvey]
  {
    let prefix = try FixedPrefix(graph, fixedLayers: options.fixedLayers)
    let plans = try LayerPlanner.plan(prefix, graph).filter { $0.convolution != nil }
    return inParallel(plans.count) { plans[$0].surveyRequantizers() }
  }
}

extension LayerPlan {
  fileprivate func surveyRequantizers() -> RequantizerSurvey {
    var survey = RequantizerSurvey()
    guard let layer = convolutionLayer, let analysis else { return survey }
    var multipliers = ConstantMultiplier()
    let function = requantize
    for channel in analysis.outputs.indices where !analysis.outputs[channel].isConstant {
      let bias = analysis.biases[channel]
      let domain = analysis.sums[channel].adding(bias...bias)
      let exponent = layer.requantization.isEmpty ? nil : layer.requantization[channel].signExponent
      guard
        let line = DatapathBuilder.fit(
          domain: domain, clamp: layer.clamp, exponent: exponent, &multipliers,
          { function(channel, $0) })
      else { preconditionFailure("no line fits the requantizer of channel \(channel)") }
      survey.channels += 1
      survey.multiplierAdders += multipliers.adderCount(line.multiplier)
      survey.multiplierBits = max(
        survey.multiplierBits, SignalWidth.bitLength(line.multiplier))
      survey.accumulatorBits += domain.bitCount
      if let staircase = try? Staircase(domain: domain, function: { function(channel, $0) }),
        let first = staircase.thresholds.first, let last = staircase.thresholds.last
      {
        survey.windowBits += SignalWidth.bitLength(last - first + 1)
      }
    }
    return survey
  }
}
