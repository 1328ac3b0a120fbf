import AdderGraph
import NeuralGraph

/// What is settled of a layer before its adders are sought: its form and its channels.
struct LayerPlan {
  var value: ValueID
  var node: QuantizedNode
  var form: LayerForm
  var input: PixelFormat
  var output: PixelFormat
  var analysis: ChannelAnalysis?
  /// Position among the convolutions, from 1.
  var convolution: Int?
}

/// Settles the layers of a prefix one after the other: each needs its predecessor's channels.
struct LayerPlanner {
  static func plan(_ prefix: FixedPrefix, _ graph: QuantizedGraph) throws(Diagnostics)
    -> [LayerPlan]
  {
    var format = try inputFormat(graph)
    var plans: [LayerPlan] = []
    var convolutions = 0
    for value in prefix.layers {
      let node = graph[value]
      if node.operation.isConvolution { convolutions += 1 }
      var plan = LayerPlan(value, node, input: format)
      if node.operation.isConvolution { plan.convolution = convolutions }
      // The first layer takes the stream through a window even when it is 1x1.
      if plans.isEmpty, plan.form == .pointwise {
        plan.form = .window(.pointwise(height: format.height, width: format.width))
      }
      plans.append(plan)
      format = plan.output
    }
    return plans
  }

  /// The map that enters the hardware.
  static func inputFormat(_ graph: QuantizedGraph) throws(Diagnostics) -> PixelFormat {
    guard let input = graph.values.first(where: { graph[$0].operation == .input }) else {
      throw Diagnostics(Diagnostic("the network has no input"))
    }
    let type = graph[input].type
    guard type.shape.isImage else {
      throw Diagnostics(
        Diagnostic(
          "the input is \(type.shape), not an image", node: graph[input].name,
          remedy: "hardware takes 1xHxWxC"))
    }
    return PixelFormat(
      height: type.shape.height, width: type.shape.width,
      channels: Array(repeating: .live(type.element.range), count: type.shape.channels),
      element: type.element, zeroPoint: type.zeroPoint)
  }
}

extension LayerPlan {
  /// The plan of a node that hardware has, behind a map of this format.
  init(_ value: ValueID, _ node: QuantizedNode, input: PixelFormat) {
    self.init(
      value: value, node: node, form: .pointwise, input: input, output: input, analysis: nil,
      convolution: nil)
    settle()
  }

  /// The requantization of a weight layer: (channel, accumulator) to output code.
  var requantize: (Int, Int) -> Int {
    let zero = node.type.zeroPoint
    switch node.operation {
    case .convolution(let layer):
      return { channel, accumulator in
        let code = zero + layer.requantization[channel].apply(accumulator)
        return min(max(code, layer.clamp.lowerBound), layer.clamp.upperBound)
      }
    case .fullyConnected(let layer):
      return { channel, accumulator in
        let code = zero + layer.requantization[channel].apply(accumulator)
        return min(max(code, layer.clamp.lowerBound), layer.clamp.upperBound)
      }
    default: preconditionFailure("only weight layers have accumulators")
    }
  }

  /// The code that a layer without weights makes of a channel's pixel, or of its sum over the map.
  func code(_ value: Int) -> Int {
    let zero = node.type.zeroPoint
    switch node.operation {
    case .rescale(let rescale):
      let code = zero + rescale.requantization.apply(value - input.zeroPoint)
      return min(max(code, rescale.clamp.lowerBound), rescale.clamp.upperBound)
    case .averagePool(let pool):
      return averageCode(sum: value, count: input.height * input.width, clamp: pool.clamp)
    case .mean(let mean):
      let sum = value - input.height * input.width * input.zeroPoint
      let code = zero + mean.requantization.apply(sum)
      return min(max(code, mean.clamp.lowerBound), mean.clamp.upperBound)
    default: preconditionFailure("not a function of one number")
    }
  }

  /// Where `code` changes its rounding: at the input's zero point.
  private var rounding: PoolLowering.Rounding {
    switch node.operation {
    case .rescale(let rescale):
      .init(bias: -input.zeroPoint, exponent: rescale.requantization.signExponent)
    case .mean(let mean):
      .init(
        bias: -input.height * input.width * input.zeroPoint,
        exponent: mean.requantization.signExponent)
    default: .init()
    }
  }

  /// The weight layer as a convolution: a fully connected layer is a 1x1 one on a 1x1 map.
  var convolutionLayer: QuantizedConvolution? {
    switch node.operation {
    case .convolution(let layer): return layer
    case .fullyConnected(let layer):
      return QuantizedConvolution(
        geometry: .pointwise(height: 1, width: 1), inputChannels: layer.inputSize,
        outputChannels: layer.outputSize, groups: 1, weights: layer.weights, bias: layer.bias,
        requantization: [], clamp: layer.clamp, weightZeroPoints: layer.weightZeroPoints,
        weightScales: layer.weightScales)
    default: return nil
    }
  }

  /// Sets form, output channels and output size.
  fileprivate mutating func settle() {
    var channels: [Channel]
    var (height, width) = (input.height, input.width)
    if let layer = convolutionLayer {
      form = layer.geometry.isPointwise ? .pointwise : .window(layer.geometry)
      (height, width) = (layer.geometry.outputHeight, layer.geometry.outputWidth)
      let analysis = ChannelAnalysis(layer, input: input, requantize: requantize)
      self.analysis = analysis
      channels = analysis.outputs
    } else {
      switch node.operation {
      case .averagePool(let pool):
        if pool.geometry.coversWholeInput, height * width > 1 {
          channels = wholeMap()
          form = .accumulator(count: height * width)
          (height, width) = (1, 1)
        } else {
          channels = input.channels.map { Self.clamped($0, pool.clamp) }
          form = .window(pool.geometry)
          (height, width) = (pool.geometry.outputHeight, pool.geometry.outputWidth)
        }
      case .maxPool(let pool):
        channels = input.channels.map { Self.clamped($0, pool.clamp) }
        form = .window(pool.geometry)
        (height, width) = (pool.geometry.outputHeight, pool.geometry.outputWidth)
      case .mean:
        channels = wholeMap()
        form = .accumulator(count: height * width)
        (height, width) = (1, 1)
      case .rescale:
        channels = input.channels.map {
          ChannelAnalysis.channel(code($0.interval.lowerBound), code($0.interval.upperBound))
        }
      default: preconditionFailure("the prefix holds a layer that hardware does not have")
      }
    }
    output = PixelFormat(
      height: height, width: width, channels: channels, element: node.type.element,
      zeroPoint: node.type.zeroPoint)
  }

  private func wholeMap() -> [Channel] {
    let count = input.height * input.width
    return input.channels.map {
      ChannelAnalysis.channel(
        code($0.interval.lowerBound * count), code($0.interval.upperBound * count))
    }
  }

  private static func clamped(_ channel: Channel, _ clamp: ClosedRange<Int>) -> Channel {
    func clamped(_ value: Int) -> Int { min(max(value, clamp.lowerBound), clamp.upperBound) }
    return ChannelAnalysis.channel(
      clamped(channel.interval.lowerBound), clamped(channel.interval.upperBound))
  }

  /// The layer's datapath with its registers placed, and its adder graphs by group. `graphs` are
  /// those found already; the others are sought.
  func lower(
    name: String, module: String, options: FreezeOptions, graphs: [Int: AdderGraph] = [:]
  ) -> (layer: Layer, graphs: [Int: AdderGraph]) {
    var builder: DatapathBuilder
    var graphs = graphs
    if let layer = convolutionLayer, let analysis {
      var lowering = ConvolutionLowering(
        layer, input: input, analysis: analysis, form: form, search: options.search,
        graphs: graphs, requantize: requantize)
      builder = lowering.lower()
      graphs = lowering.graphs
    } else {
      var lowering = PoolLowering(input: input, output: output)
      switch (node.operation, form) {
      case (.averagePool, .accumulator(let count)), (.mean, .accumulator(let count)):
        builder = lowering.lowerWholeMap(count: count, rounding) { code($0) }
      case (.averagePool(let pool), _): builder = lowering.lowerAverage(pool)
      case (.maxPool(let pool), _): builder = lowering.lowerMaximum(pool)
      default:
        builder = lowering.lowerPointwise(windowed: form != .pointwise, rounding) { code($0) }
      }
    }
    var named = builder.datapath
    named.distinguishNames()
    let fanOut = FanOut(
      named, limit: options.fanOutLimit, ownsInputs: form != .pointwise)
    let datapath = fanOut.datapath
    let widths = SignalWidths(datapath)
    let schedule = Scheduler.schedule(
      datapath, widths, levelsPerPeriod: options.pipelineLevels)
    let inputs = fanOut.origins.mapValues { builder.inputs[$0]! }
    var layer = Layer(
      name: name, module: module, value: value, valueName: node.name, kind: kind, form: form,
      input: input,
      output: output, inputs: inputs, datapath: datapath, widths: widths, schedule: schedule,
      cost: builder.cost)
    layer.cost.convolution = convolution
    layer.countCost()
    return (layer, graphs)
  }

  /// "convolution 3x3 stride 2", for people.
  private var kind: String {
    func window(_ name: String, _ geometry: WindowGeometry) -> String {
      var text = "\(name) \(geometry.kernelHeight)x\(geometry.kernelWidth)"
      if geometry.strideY != 1 || geometry.strideX != 1 {
        text += " stride \(geometry.strideY)x\(geometry.strideX)"
      }
      if geometry.dilationY != 1 || geometry.dilationX != 1 {
        text += " dilation \(geometry.dilationY)x\(geometry.dilationX)"
      }
      return text
    }
    switch node.operation {
    case .convolution(let layer):
      let name =
        layer.isDepthwise
        ? "depthwise convolution" : layer.groups > 1 ? "grouped convolution" : "convolution"
      return window(name, layer.geometry)
    case .fullyConnected: return "fully connected"
    case .averagePool(let pool):
      return pool.geometry.coversWholeInput
        ? "global average pool" : window("average pool", pool.geometry)
    case .maxPool(let pool): return window("max pool", pool.geometry)
    case .mean: return "global mean"
    case .rescale: return "requantization"
    default: return "layer"
    }
  }
}

extension Datapath {
  /// The `.input` signals, in order.
  package var inputSignals: [SignalID] {
    signals.indices.filter { signals[$0].operation == .input }.map(SignalID.init)
  }
}

extension WindowGeometry {
  /// A 1x1 window on every pixel of a map.
  static func pointwise(height: Int, width: Int) -> WindowGeometry {
    WindowGeometry(
      inputHeight: height, inputWidth: width, kernelHeight: 1, kernelWidth: 1,
      outputHeight: height, outputWidth: width)
  }
}
