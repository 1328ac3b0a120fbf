import NeuralGraph

/// Quantizes a float network to int8 after training, in the way of TFLite's int8 specification:
/// weights symmetric with one scale an output channel, activations with one scale and zero point a
/// tensor, int32 biases. `graph` is canonical.
///
/// Each bias also gives back what the rounding of its weights takes away on average over the images
/// (empirical bias correction: Nagel et al., Data-Free Quantization Through Weight Equalization and
/// Bias Correction, 2019): one rounded weight shifts a whole channel, and thin networks have few
/// weights to average over.
///
/// The range of each activation is that of its numbers over all `images` ([1, H, W, C], pixels 0 to
/// 255) in the float network, widened to contain 0.0. The same images in the same order give the same
/// result. Source: TensorFlow Lite 8-bit quantization specification.
func quantizeCalibrated(
  _ graph: Graph, images: [FloatTensor], input: InputNormalization
) throws(Diagnostics) -> QuantizedGraph {
  let plan = try CalibratedPlan(graph: graph, images: images, input: input)
  var lowering = IntegerLowering(graph, plan)
  return try lowering.run()
}

private struct CalibratedPlan: QuantizationPlan {
  let graph: Graph
  let input: InputNormalization
  let statistics: ActivationStatistics
  var element: QuantizedElement { .int8 }

  init(
    graph: Graph, images: [FloatTensor], input: InputNormalization
  ) throws(Diagnostics) {
    self.graph = graph
    self.input = input
    guard !images.isEmpty else {
      throw Diagnostics(
        Diagnostic(
          "the model holds real numbers, and nothing says the ranges of its activations",
          remedy: "calibrate them with a folder of typical images: --calibrate DIR"))
    }
    statistics = try ActivationStatistics(
      graph, images: images.lazy.map { input.normalized($0, .int8) })
  }

  func ownParameters(of last: NodeID) -> QuantizationParameters? { try? parameters(of: last) }

  func parameters(of last: NodeID) throws(Diagnostic) -> QuantizationParameters {
    if case .input = graph[last].operation { return input.parameters(element) }
    let (low, high) = statistics.ranges[last.index]
    return QuantizationParameters(asymmetric: Double(low)...Double(high), element)
  }

  func weights(
    of layer: NodeID, channels: Int, bias: [Float], inputScale: Float
  ) throws(Diagnostic) -> QuantizedWeights {
    guard let weights = graph.constant(graph[layer].operands[1]) else {
      throw Diagnostic("its weights are not constant", node: graph[layer].name)
    }
    var magnitudes = [Float](repeating: 0, count: channels)
    for (index, weight) in weights.values.enumerated() {
      let channel = index % channels
      magnitudes[channel] = max(magnitudes[channel], abs(weight))
    }
    let scales = (0..<channels).map { channel in
      weightScale(magnitudes[channel], bias: bias[channel], inputScale: inputScale)
    }
    let values = weights.values.enumerated().map { index, weight in
      let code = Double(weight) / Double(scales[index % channels])
      return Int16(min(max(code.rounded(.toNearestOrAwayFromZero), -127), 127))
    }
    let correction = statistics.mean(of: layer, channels: channels) { index in
      Double(weights.values[index])
        - Double(values[index]) * Double(scales[index % channels])
    }
    return QuantizedWeights(
      values: values, scales: scales, zeroPoints: Array(repeating: 0, count: channels),
      biasCorrection: correction)
  }

  /// The largest weight is 127, unless the bias would then leave 30 bits: next to such a bias the
  /// weights count for little.
  private func weightScale(_ magnitude: Float, bias: Float, inputScale: Float) -> Float {
    let forBias = Float(Double(abs(bias)) / (Double(inputScale) * 0x1p29))
    let scale = max(magnitude / 127, forBias)
    return scale.isNormal ? scale : 1 / 127
  }

  func bias(_ bias: Double, inputScale: Float, weightScale: Float) -> Double {
    (bias / (Double(inputScale) * Double(weightScale)))
      .rounded(.toNearestOrAwayFromZero)
  }
}

extension QuantizationParameters {
  /// The parameters of numbers within `range`, which contains 0.0: all codes are used, and the zero
  /// point is the whole code whose rounding costs less at the nearer end. A range of nothing but
  /// 0.0 has scale 1. Source: `tflite::optimize::utils::GetAsymmetricQuantizationParams`.
  init(asymmetric range: ClosedRange<Double>, _ element: QuantizedElement) {
    let codes = element.range
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
}
