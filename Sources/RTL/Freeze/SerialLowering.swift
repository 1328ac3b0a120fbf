import AdderGraph
import NeuralGraph

extension LayerPlan {
  var isSerial: Bool { if case .serial = form { true } else { false } }

  /// The layer's sums by one multiplier; nil when its window is not the whole map.
  var serialSums: SerialSums? {
    guard let layer = convolutionLayer, SerialSums.canTake(layer) else { return nil }
    return SerialSums(layer, input: input, outputs: output.channels)
  }

  /// Requantizers behind sums that come in whole.
  func lowerSerial(
    _ layer: QuantizedConvolution, _ analysis: ChannelAnalysis, _ sums: SerialSums,
    search: AdderGraph.Options
  ) -> DatapathBuilder {
    var builder = DatapathBuilder(objective: search.objective)
    let function = requantize
    let exponents = layer.requantization
    var outputs: [SignalID] = []
    for (channel, interval) in zip(sums.outputs, sums.intervals(input)) {
      let sum = builder.input(.sum(channel: channel), "acc\(channel)", interval)
      outputs.append(
        builder.appendRequantizer(
          of: Datapath.Operand(sum),
          bias: analysis.biases[channel] + constantPart(of: channel, layer), channel: channel,
          clamp: layer.clamp, exponent: exponents.isEmpty ? nil : exponents[channel].signExponent
        ) { function(channel, $0) })
    }
    builder.setOutputs(outputs)
    return builder
  }

  /// What constant input channels add to an output's sum over the whole map.
  private func constantPart(of output: Int, _ layer: QuantizedConvolution) -> Int {
    var sum = 0
    for (channel, format) in input.channels.enumerated() {
      guard case .constant(let value) = format else { continue }
      for row in 0..<input.height {
        for column in 0..<input.width {
          sum += value * layer.weight(output: output, y: row, x: column, inputChannel: channel)
        }
      }
    }
    return sum
  }
}

extension SerialSums {
  /// Fewer clocks a pixel than this leave too little to save.
  package static let leastCycles = 8

  /// Makes layers serial that have the time: whose map is all that later layers go back to, and whose
  /// pixels come every `leastCycles` clocks or more.
  static func choose(_ plans: inout [LayerPlan], _ sources: [[Int?]]) {
    let frame = plans[0].input.pixels
    for index in plans.indices {
      let isCut =
        sources[index].count == 1
        && sources[(index + 1)...].joined().allSatisfy { ($0 ?? -1) >= index }
      let cycles = frame / plans[index].input.pixels
      guard isCut, cycles >= leastCycles, var sums = plans[index].serialSums,
        sums.weights.count <= FixedPrefix.mostSerialWeights
      else { continue }
      // Pixels come in bursts, and ends of frames late and early by turns: with fewer multipliers more of
      // them wait.
      var budget = max(1, cycles * 3 / 4)
      var best: (gates: Int, sums: SerialSums)?
      var candidate = Array(plans[...index])
      while budget >= 1 {
        sums.fit(budget: budget)
        // A word that no tool can read, and sums that would change before they are read.
        guard sums.wordBits <= widestWord, sums.words >= sums.drain else { break }
        candidate[index].form = .serial(sums)
        let words = FIFOPlacement.words(before: index, of: candidate, sources)
        let gates =
          sums.multipliers * sums.codeBits * sums.weightBits * gatesPerProductBit
          + words * plans[index].input.pixelBits * gatesPerRegisterBit
        if gates < best?.gates ?? .max { best = (gates, sums) }
        budget /= 2
      }
      if let best { plans[index].form = .serial(best.sums) }
    }
  }

  /// Bits of a word: Icarus and Verilator end at some ten thousand.
  private static let widestWord = 1 << 14

  /// Rough, to weigh multipliers against FIFOs.
  private static let gatesPerProductBit = 6
  private static let gatesPerRegisterBit = 6
}
