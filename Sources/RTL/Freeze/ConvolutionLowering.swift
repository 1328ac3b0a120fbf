import AdderGraph
import NeuralGraph

/// Turns a convolution into window taps, adder graphs and requantizers.
///
/// Sums are over the codes themselves: `-z_x * sum(w)` is in the bias. Outside the image a tap
/// is z_x. A constant input channel of value k is `z_x + (k - z_x) * inside`, so where its tap can
/// leave the image it enters as the 1-bit input `inside` with the weight w (k - z_x), summed over
/// all constant channels of that tap; elsewhere it is part of the bias.
struct ConvolutionLowering {
  let convolution: QuantizedConvolution
  let input: PixelFormat
  let analysis: ChannelAnalysis
  let form: LayerForm
  /// A matrix that needs more levels than it allows gets as many as it needs.
  let search: AdderGraph.Options
  let requantize: (Int, Int) -> Int
  /// The output's zero point, and adder levels between registers: for adaptive convolutions.
  let zeroPoint: Int
  let levels: Int

  /// The graph of each group that has live outputs. A graph that is there already, of this
  /// convolution in another form, is taken as it is: forms differ in registers only.
  private(set) var graphs: [Int: AdderGraph]
  private var builder: DatapathBuilder
  private var masks: TapMasks
  private var taps: [Int: SignalID] = [:]

  init(
    _ convolution: QuantizedConvolution, input: PixelFormat, analysis: ChannelAnalysis,
    form: LayerForm, search: AdderGraph.Options, graphs: [Int: AdderGraph], zeroPoint: Int,
    levels: Int, requantize: @escaping (Int, Int) -> Int
  ) {
    self.zeroPoint = zeroPoint
    self.levels = levels
    self.graphs = graphs
    self.convolution = convolution
    self.input = input
    self.analysis = analysis
    self.form = form
    self.search = search
    builder = DatapathBuilder(objective: search.objective)
    self.requantize = requantize
    self.masks = TapMasks(convolution.geometry)
  }

  /// The datapath with its inputs' roles and its cost; outputs are the live channels in order.
  mutating func lower() -> DatapathBuilder {
    var outputs: [SignalID] = []
    for group in 0..<convolution.groups {
      outputs += lower(group: group)
    }
    builder.setOutputs(outputs)
    return builder
  }

  /// One row of a group's matrix: an input signal and its weights, one a live output.
  private struct Row {
    var signal: SignalID
    var weights: [Int]
  }

  private mutating func lower(group: Int) -> [SignalID] {
    let perGroup = convolution.outputChannelsPerGroup
    let live = (group * perGroup..<(group + 1) * perGroup).filter {
      !analysis.outputs[$0].isConstant
    }
    guard !live.isEmpty else { return [] }
    var rows: [Row] = []
    var constantPart = [Int](repeating: 0, count: live.count)
    for row in 0..<convolution.geometry.kernelHeight {
      for column in 0..<convolution.geometry.kernelWidth {
        appendRows(group, row, column, live, &rows, &constantPart)
      }
    }
    let sums = rows.isEmpty ? Array(repeating: nil, count: live.count) : sums(group, live, rows)
    return live.indices.map { index in
      let channel = live[index]
      if let adaptation = convolution.adaptation {
        if let sum = sums[index] { builder.nameAccumulator(sum, "acc\(channel)") }
        return builder.appendAdaptive(
          of: sums[index], offset: analysis.biases[channel] + constantPart[index],
          channel: channel, clamp: convolution.clamp, zeroPoint: zeroPoint,
          adaptation: adaptation, levels: levels)
      }
      guard let sum = sums[index] else {
        preconditionFailure("channel \(channel) has no live weight and yet is not constant")
      }
      builder.nameAccumulator(sum, "acc\(channel)")
      let bias = analysis.biases[channel] + constantPart[index]
      let function = requantize
      let exponents = convolution.requantization
      return builder.appendRequantizer(
        of: sum, bias: bias, channel: channel, clamp: convolution.clamp,
        exponent: exponents.isEmpty ? nil : exponents[channel].signExponent
      ) { function(channel, $0) }
    }
  }

  /// The weighted sum of each live output of a group; nil where all weights are zero.
  private mutating func sums(_ group: Int, _ live: [Int], _ rows: [Row]) -> [Datapath.Operand?] {
    let matrix = ConstantMatrix(
      inputs: rows.count, outputs: live.count, values: rows.flatMap(\.weights))
    var search = search
    search.maxDepth = search.maxDepth.map { max($0, AdderGraph.minimumDepth(matrix)) }
    let graph =
      graphs[group] ?? AdderGraph.optimise(matrix, options: search)
    graphs[group] = graph
    let problems = graph.verify(equals: matrix)
    precondition(problems.isEmpty, "the adder graph is not the weight matrix: \(problems[0])")
    return builder.appendSums(graph, on: rows.map(\.signal))
  }

  private mutating func appendRows(
    _ group: Int, _ row: Int, _ column: Int, _ live: [Int], _ rows: inout [Row],
    _ constantPart: inout [Int]
  ) {
    let perGroup = convolution.inputChannelsPerGroup
    let canLeave = masks.canLeave(row, column)
    var borderWeights = [Int](repeating: 0, count: live.count)
    for channel in 0..<perGroup {
      let weights = live.map {
        convolution.weight(output: $0, y: row, x: column, inputChannel: channel)
      }
      if weights.allSatisfy({ $0 == 0 }) { continue }
      switch input.channels[group * perGroup + channel] {
      case .live:
        let signal = tap(group * perGroup + channel, row, column)
        rows.append(Row(signal: signal, weights: weights))
      case .constant(let value):
        let base = canLeave ? input.zeroPoint : value
        for index in live.indices {
          constantPart[index] += weights[index] * base
          if canLeave { borderWeights[index] += weights[index] * (value - input.zeroPoint) }
        }
      }
    }
    if borderWeights.contains(where: { $0 != 0 }) {
      rows.append(Row(signal: masks.inside(row, column, &builder), weights: borderWeights))
    }
  }

  /// The tap's code, the zero point outside the image.
  private mutating func tap(_ channel: Int, _ row: Int, _ column: Int) -> SignalID {
    let geometry = convolution.geometry
    let key = (channel * geometry.kernelHeight + row) * geometry.kernelWidth + column
    if let signal = taps[key] { return signal }
    let interval = input.channels[channel].interval
    let signal: SignalID
    if case .pointwise = form {
      signal = builder.input(.pixel(channel: channel), "x\(channel)", interval)
    } else {
      signal = masks.tap(
        of: channel, row, column, interval, outside: input.zeroPoint, &builder)
    }
    taps[key] = signal
    return signal
  }
}

extension LayerCost {
  /// Counts the weights of a layer as the network has them: those too that only pads meet.
  mutating func countWeights(of operation: QuantizedOperation) {
    let all: [Int16]
    let positions: Int
    switch operation {
    case .convolution(let layer):
      (all, positions) = (
        layer.weights, layer.geometry.outputHeight * layer.geometry.outputWidth
      )
    case .fullyConnected(let layer): (all, positions) = (layer.weights, 1)
    default: return
    }
    weights = all.count
    zeroWeights = all.count { $0 == 0 }
    multiplyAccumulates = all.count * positions
  }
}
