import NeuralGraph

/// Quantizes a float network to int8 after training, in the way of TFLite's int8 specification unless
/// the settings say else: weights symmetric with one scale an output channel, activations with one
/// scale and zero point a tensor, int32 biases. Layers of fewer bits have fewer codes of int8.
///
/// Each bias also gives back what the rounding of its weights takes away on average over the images
/// (empirical bias correction: Nagel et al., Data-Free Quantization Through Weight Equalization and
/// Bias Correction, 2019): one rounded weight shifts a whole channel, and thin networks have few
/// weights to average over.
///
/// The range of each activation is that of its numbers over all images ([1, H, W, C], pixels 0 to
/// 255) in the float network, widened to contain 0.0. The same images in the same order give the same
/// result. Source: TensorFlow Lite 8-bit quantization specification.
struct CalibratedPlan: QuantizationPlan {
  let graph: Graph
  let settings: QuantizationSettings
  private let input: InputNormalization
  private let statistics: ActivationStatistics
  private let readers: [[NodeID]]
  /// By node: the range of its numbers that the codes stand for.
  private let ranges: [(low: Double, high: Double)]
  var element: QuantizedElement { .int8 }

  init(calibration: Calibration, settings: QuantizationSettings) throws(Diagnostics) {
    graph = calibration.graph
    self.settings = settings
    input = calibration.input
    statistics = calibration.statistics
    readers = graph.readers
    let seen = statistics.ranges.map { (low: Double($0.low), high: Double($0.high)) }
    switch settings.range {
    case .minMax: ranges = seen
    case .percentile(let share):
      ranges = try calibration.histograms().enumerated().map { index, histogram in
        histogram?.percentile(share) ?? seen[index]
      }
    case .meanSquaredError:
      let graph = calibration.graph
      ranges = try calibration.histograms().enumerated().map { index, histogram in
        let bits = settings.bits(for: graph.nodes[index].name).activations
        return histogram?.leastError(steps: (1 << bits) - 1) ?? seen[index]
      }
    }
  }

  func ownParameters(of last: NodeID) -> QuantizationParameters? { try? parameters(of: last) }

  func codes(of last: NodeID) -> ClosedRange<Int> {
    if case .input = graph[last].operation { return element.range }
    return GraphPasses.codes(bits: settings.bits(for: graph[last].name).activations)
  }

  func parameters(of last: NodeID) throws(Diagnostic) -> QuantizationParameters {
    if case .input = graph[last].operation { return input.parameters(element) }
    let (low, high) = ranges[last.index]
    let codes = codes(of: last)
    return settings.symmetricActivations
      ? QuantizationParameters(symmetric: low...high, codes)
      : QuantizationParameters(asymmetric: low...high, codes)
  }

  func weights(
    of layer: NodeID, channels: Int, bias: [Float], inputScale: Float
  ) throws(Diagnostic) -> QuantizedWeights {
    guard let weights = graph.constant(graph[layer].operands[1]) else {
      throw Diagnostic("its weights are not constant", node: graph[layer].name)
    }
    let name = graph.layerName(layer, readers: readers) ?? graph[layer].name
    let quantizer = WeightQuantizer(
      bits: settings.bits(for: name).weights, isSymmetric: settings.symmetricWeights,
      leastError: settings.range == .meanSquaredError)
    let grids = quantizer.grids(
      weights.values, channels: channels, perChannel: settings.perChannel, bias: bias,
      inputScale: inputScale)
    let values = weights.values.enumerated().map { index, weight in
      grids[grids.count == 1 ? 0 : index % channels].code(weight)
    }
    let scales = grids.map(\.scale)
    var correction: [Double] = []
    if settings.biasCorrection {
      correction = statistics.mean(of: layer, channels: channels) { index in
        Double(weights.values[index])
          - Double(values[index]) * Double(scales[scales.count == 1 ? 0 : index % channels])
      }
    }
    return QuantizedWeights(
      values: values, scales: scales, zeroPoints: grids.map(\.zeroPoint),
      biasCorrection: correction)
  }

  func bias(_ bias: Double, inputScale: Float, weightScale: Float) -> Double {
    (bias / (Double(inputScale) * Double(weightScale)))
      .rounded(.toNearestOrAwayFromZero)
  }
}

extension Calibration {
  /// The histogram of each activation, by node; nil for a constant. One more evaluation of all images.
  fileprivate func histograms() throws(Diagnostics) -> [ActivationHistogram?] {
    var histograms = graph.ids.map { id -> ActivationHistogram? in
      if case .constant = graph[id].operation { return nil }
      let (low, high) = statistics.ranges[id.index]
      return ActivationHistogram(low: low, high: high)
    }
    do {
      for image in images {
        _ = try graph.evaluate([input.normalized(image, .int8)]) { id, tensor in
          histograms[id.index]?.add(tensor.values)
        }
      }
    } catch let diagnostic as Diagnostic {
      throw Diagnostics(diagnostic)
    } catch {
      preconditionFailure("evaluation throws diagnostics only: \(error)")
    }
    return histograms
  }
}

extension QuantizationParameters {
  /// The parameters of numbers within `range`, which contains 0.0: all codes are used, and the zero
  /// point is the whole code whose rounding costs less at the nearer end. A range of nothing but
  /// 0.0 has scale 1. Source: `tflite::optimize::utils::GetAsymmetricQuantizationParams`.
  init(asymmetric range: ClosedRange<Double>, _ codes: ClosedRange<Int>) {
    let (lowest, highest) = (Double(codes.lowerBound), Double(codes.upperBound))
    let scale = (range.upperBound - range.lowerBound) / (highest - lowest)
    guard Float(scale).isNormal else {
      self.init(scale: 1, zeroPoint: codes.lowerBound)
      return
    }
    let fromLow = lowest - range.lowerBound / scale
    let fromHigh = highest - range.upperBound / scale
    let errorLow = abs(lowest) + abs(range.lowerBound / scale)
    let errorHigh = abs(highest) + abs(range.upperBound / scale)
    let place = (errorLow < errorHigh ? fromLow : fromHigh).rounded(.toNearestOrAwayFromZero)
    self.init(
      scale: Float(scale), zeroPoint: Int(min(max(place, lowest), highest)))
  }

  /// Zero point 0, the greatest magnitude of `range` on the greatest code.
  init(symmetric range: ClosedRange<Double>, _ codes: ClosedRange<Int>) {
    let scale = max(-range.lowerBound, range.upperBound) / Double(codes.upperBound)
    self.init(scale: Float(scale).isNormal ? Float(scale) : 1, zeroPoint: 0)
  }
}
