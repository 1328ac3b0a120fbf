import AdderGraph
import NeuralGraph

/// What is settled of a layer before its adders are sought: its form and its channels.
struct LayerPlan {
  var value: ValueID
  var node: QuantizedNode
  var form: LayerForm
  /// The values that it reads, each once, reshapes aside.
  var operands: [ValueID]
  /// A pixel of each of them, their channels one behind the other.
  var input: PixelFormat
  var output: PixelFormat
  var analysis: ChannelAnalysis?
  /// Of a sum of two maps.
  var sum: SumPlan?
  /// Of a concatenation: for each output channel the channel of `input` that it is.
  var routes: [Int]?
  /// Position among the convolutions, from 1.
  var convolution: Int?
}

/// Settles the layers of a prefix one after the other: each needs the channels of those that it reads.
struct LayerPlanner {
  private let graph: QuantizedGraph
  /// What flows, by value; a reshape is what it reshapes.
  private var formats: [ValueID: PixelFormat]
  private var origins: [ValueID: ValueID] = [:]

  /// Knows the input so far.
  init(_ graph: QuantizedGraph) throws(Diagnostics) {
    self.graph = trimWindows(graph)
    let (input, format) = try Self.input(graph)
    formats = [input: format]
    origins = [input: input]
  }

  static func plan(_ prefix: FixedPrefix, _ graph: QuantizedGraph) throws(Diagnostics)
    -> [LayerPlan]
  {
    var planner = try LayerPlanner(graph)
    var plans: [LayerPlan] = []
    var convolutions = 0
    let layers = Set(prefix.layers)
    for value in graph.values where value <= prefix.layers[prefix.layers.count - 1] {
      guard var plan = planner.plan(value) else { continue }
      precondition(layers.contains(value), "every node before the last layer is a layer")
      if plan.node.operation.isConvolution {
        convolutions += 1
        plan.convolution = convolutions
      }
      plans.append(plan)
    }
    return plans
  }

  /// The plan of a node behind those planned so far; nil for the input and for reshapes.
  mutating func plan(_ value: ValueID) -> LayerPlan? {
    let node = graph[value]
    if node.operation == .input { return nil }
    let sources = node.operands.map { origins[$0]! }
    if node.operation == .reshape {
      origins[value] = sources[0]
      return nil
    }
    var operands: [ValueID] = []
    for source in sources where !operands.contains(source) { operands.append(source) }
    var input = formats[operands[0]]!
    for other in operands.dropFirst() { input.channels += formats[other]!.channels }
    var sum: SumPlan?
    if case .add(let add) = node.operation {
      sum = SumPlan(
        add: add,
        zeroPoints: (
          graph[node.operands[0]].type.zeroPoint, graph[node.operands[1]].type.zeroPoint
        ), zeroPoint: node.type.zeroPoint,
        secondChannel: operands.count > 1 ? formats[operands[0]]!.channels.count : 0)
    }
    var routes: [Int]?
    if case .concatenation = node.operation {
      var firsts: [ValueID: Int] = [:]
      var first = 0
      for operand in operands {
        firsts[operand] = first
        first += formats[operand]!.channels.count
      }
      routes = sources.flatMap { source in
        formats[source]!.channels.indices.map { firsts[source]! + $0 }
      }
    }
    let plan = LayerPlan(
      value, node, operands: operands, input: input, sum: sum, routes: routes)
    origins[value] = value
    formats[value] = plan.output
    return plan
  }

  /// The map that enters the hardware.
  private static func input(_ graph: QuantizedGraph) throws(Diagnostics) -> (ValueID, PixelFormat) {
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
    return (
      input,
      PixelFormat(
        height: type.shape.height, width: type.shape.width,
        channels: Array(repeating: .live(type.element.range), count: type.shape.channels),
        element: type.element, zeroPoint: type.zeroPoint)
    )
  }
}

extension FixedPrefix {
  /// The codes that `Freeze` takes each channel to have, of the input and of every layer; what a layer is
  /// made of may depend on them. `graph` is that of the prefix.
  package func codeIntervals(
    _ graph: QuantizedGraph
  ) throws(Diagnostics) -> [ValueID: [ClosedRange<Int>]] {
    var intervals: [ValueID: [ClosedRange<Int>]] = [:]
    for plan in try LayerPlanner.plan(self, graph) {
      if intervals.isEmpty { intervals[plan.operands[0]] = plan.input.channels.map(\.interval) }
      intervals[plan.value] = plan.output.channels.map(\.interval)
    }
    return intervals
  }
}

extension LayerPlan {
  /// The plan of a node that hardware has, behind pixels of this format.
  fileprivate init(
    _ value: ValueID, _ node: QuantizedNode, operands: [ValueID], input: PixelFormat,
    sum: SumPlan?, routes: [Int]?
  ) {
    self.init(
      value: value, node: node, form: .pointwise, operands: operands, input: input, output: input,
      analysis: nil, sum: sum, routes: routes, convolution: nil)
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

  /// The weight layer as a convolution: a fully connected layer is one whose window is the whole map.
  var convolutionLayer: QuantizedConvolution? {
    switch node.operation {
    case .convolution(let layer): return layer
    case .fullyConnected(let layer):
      return QuantizedConvolution(
        geometry: .whole(height: input.height, width: input.width),
        inputChannels: input.channels.count,
        outputChannels: layer.outputSize, groups: 1, weights: layer.weights, bias: layer.bias,
        requantization: [], clamp: layer.clamp, weightZeroPoints: layer.weightZeroPoints,
        weightScales: layer.weightScales)
    default: return nil
    }
  }

  /// Makes a pointwise layer take its pixels through a window of one, as a stage's first layer does.
  mutating func makeWindowed() {
    form = .window(.pointwise(height: input.height, width: input.width))
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
    } else if let sum {
      // A pixel of each map at a time, through registers.
      form = .window(.pointwise(height: height, width: width))
      channels = sum.outputs(input, count: node.type.shape.channels)
    } else if let routes {
      form = .window(.pointwise(height: height, width: width))
      channels = routes.map { input.channels[$0] }
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
        channels = input.channels.map {
          let codes = pool.image(of: $0.interval)
          return ChannelAnalysis.channel(codes.lowerBound, codes.upperBound)
        }
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
      case .table:
        channels = input.channels.indices.map { channel in
          let table = codeTable(of: channel)
          return ChannelAnalysis.channel(table.values.min()!, table.values.max()!)
        }
      default: preconditionFailure("the prefix holds a layer that hardware does not have")
      }
    }
    output = PixelFormat(
      height: height, width: width, channels: channels, element: node.type.element,
      zeroPoint: node.type.zeroPoint)
  }

  /// A channel's table on the codes that it can have.
  private func codeTable(of channel: Int) -> CodeTable {
    guard case .table(let table) = node.operation else { preconditionFailure("no table") }
    return CodeTable(input.channels[channel].interval) {
      table.code($0, channel: channel, element: input.element)
    }
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
    if let layer = convolutionLayer, let analysis, case .serial(let sums) = form {
      builder = lowerSerial(layer, analysis, sums, search: options.search)
    } else if let layer = convolutionLayer, let analysis {
      var lowering = ConvolutionLowering(
        layer, input: input, analysis: analysis, form: form, search: options.search,
        graphs: graphs, zeroPoint: node.type.zeroPoint, levels: options.pipelineLevels,
        requantize: requantize)
      builder = lowering.lower()
      graphs = lowering.graphs
    } else if let sum {
      builder = sum.lower(input, output.channels, search: options.search)
    } else if let routes {
      builder = lowerConcatenation(routes)
    } else {
      var lowering = PoolLowering(input: input, output: output)
      switch (node.operation, form) {
      case (.averagePool, .accumulator(let count)), (.mean, .accumulator(let count)):
        builder = lowering.lowerWholeMap(count: count, rounding) { code($0) }
      case (.averagePool(let pool), _): builder = lowering.lowerAverage(pool)
      case (.maxPool(let pool), _): builder = lowering.lowerMaximum(pool)
      case (.table, _):
        builder = lowering.lowerTables(windowed: form != .pointwise) { codeTable(of: $0) }
      default:
        builder = lowering.lowerPointwise(windowed: form != .pointwise, rounding) { code($0) }
      }
    }
    var named = builder.datapath
    named.distinguishNames()
    let fanOut = FanOut(
      named, limit: options.fanOutLimit, ownsInputs: ownsInputs)
    let datapath = fanOut.datapath
    let widths = SignalWidths(datapath)
    let schedule = Scheduler.schedule(
      datapath, widths, levelsPerPeriod: options.pipelineLevels)
    let inputs = fanOut.origins.mapValues { builder.inputs[$0]! }
    var layer = Layer(
      name: name, module: module, value: value, valueName: node.name, kind: kind, form: form,
      operands: operands, input: input,
      output: output, inputs: inputs, datapath: datapath, widths: widths, schedule: schedule,
      cost: builder.cost)
    layer.cost.convolution = convolution
    if let convolution = convolutionLayer, let adaptation = convolution.adaptation {
      layer.adaptive = AdaptiveLayer(number: 1, convolution, adaptation)
    }
    layer.countCost()
    return (layer, graphs)
  }

  /// True when the layer's module holds the registers that its datapath reads.
  private var ownsInputs: Bool {
    switch form {
    case .pointwise, .serial: false
    case .window, .accumulator: true
    }
  }

  /// A concatenation's channels are the registers of its window.
  private func lowerConcatenation(_ routes: [Int]) -> DatapathBuilder {
    var builder = DatapathBuilder()
    var taps: [Int: SignalID] = [:]
    var outputs: [SignalID] = []
    for (channel, source) in routes.enumerated() where !output.channels[channel].isConstant {
      let interval = input.channels[source].interval
      let tap =
        taps[source]
        ?? builder.input(
          .tap(channel: source, row: 0, column: 0), "x\(source)_r0c0", interval)
      taps[source] = tap
      outputs.append(
        builder.append(
          "y\(channel)", .saturate(tap, shift: 0, clamp: output.element.range), interval))
    }
    builder.setOutputs(outputs)
    return builder
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
      return (isSerial ? "serial " : "") + window(name, layer.geometry)
    case .fullyConnected:
      let name = input.height * input.width == 1 ? "" : " \(input.height)x\(input.width)"
      return (isSerial ? "serial " : "") + "fully connected" + name
    case .averagePool(let pool):
      return pool.geometry.coversWholeInput
        ? "global average pool" : window("average pool", pool.geometry)
    case .maxPool(let pool): return window("max pool", pool.geometry)
    case .mean: return "global mean"
    case .rescale: return "requantization"
    case .table(let table): return "table \(table.function.rawValue)"
    case .add: return "sum of two maps"
    case .concatenation: return "concatenation"
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

  /// One window, as large as the map.
  package static func whole(height: Int, width: Int) -> WindowGeometry {
    WindowGeometry(
      inputHeight: height, inputWidth: width, kernelHeight: height, kernelWidth: width,
      outputHeight: 1, outputWidth: 1)
  }
}
