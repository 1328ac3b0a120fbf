import NeuralGraph

/// `design.json`: what an emitted folder's hardware is, for people, for `verify` and for reports.
/// It names streams, stages with all that their timing depends on, taps, latencies and costs; the
/// weights are in the Verilog and in `network.json`.
public struct DesignDescription: Hashable, Sendable, Codable {
  public static let fileName = "design.json"
  static let formatName = "deepfreeze-design"
  static let currentVersion = 3

  /// One of the two AXI4-Streams: a beat is a pixel with all channels, 8 bits each.
  public struct Stream: Hashable, Sendable, Codable {
    /// The tensor's name in the model.
    public var name: String
    public var height: Int
    public var width: Int
    public var channels: Int
    public var element: QuantizedElement
    public var zeroPoint: Int

    /// Bits of `tdata`.
    public var dataBits: Int { 8 * channels }
    /// Beats a frame.
    public var pixels: Int { height * width }
  }

  /// A stage: what its control does, and where its registers and FIFO are.
  public struct StageEntry: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable {
      /// A sliding window.
      case window
      /// Accumulators over the whole map.
      case frameAccumulator
      /// Weighted sums over the whole map, step by step.
      case serial
    }

    public var name: String
    /// The stage's Verilog module; its instance in the top is `name`.
    public var module: String
    public var kind: Kind
    /// The window; of an accumulator the window that covers its map.
    public var geometry: WindowGeometry
    /// Of serial sums: clocks that a pixel takes, and from a frame's last step to its sums; null for others.
    public var steps: Int?
    public var drain: Int?
    /// L: register ranks behind the window registers.
    public var ranks: Int
    /// Words of the FIFO.
    public var fifoDepth: Int
    /// The least depth with which the stage, where it stands, never delays its input.
    public var safeFIFODepth: Int
    /// Clock cycles that the stage has for one of its input pixels.
    public var cyclesPerPixel: Int
    /// What the stage reads; null for the stage before alone, or, of the first, the design's input.
    public var inputs: [InputEntry]?
    /// The memory of the line buffer, or the ROM of serial sums; null when it needs none.
    public var memory: Stage.Memory?
    /// The rank at which its adaptive layers have a new frame's values; null without such layers.
    public var swapRank: Int?
    /// The layers' names, in order.
    public var layers: [String]
  }

  /// One stream that a stage reads.
  public struct InputEntry: Hashable, Sendable, Codable {
    /// The index of the stage whose output it is; null for the design's input.
    public var stage: Int?
    /// Words of the skip FIFO in between; 0 for none.
    public var skipDepth: Int
    /// The least depth with which it never delays the stream; 0 where none is needed.
    public var safeSkipDepth: Int
    /// The skip FIFO's memory; null for none.
    public var memory: Stage.Memory?
  }

  /// A layer and what it costs.
  public struct LayerEntry: Hashable, Sendable, Codable {
    public var name: String
    /// The layer's Verilog module.
    public var module: String
    /// Its tensor's name in the model.
    public var valueName: String
    public var kind: String
    /// [H, W, C] in and out; of a sum of two maps C counts the channels of both.
    public var input: [Int]
    public var output: [Int]
    /// Register ranks.
    public var ranks: Int
    public var cost: LayerCost
    /// Flip-flops of its adaptive batch norm, both banks; null when it is frozen whole.
    public var parameterRegisterBits: Int?
  }

  public var format: String
  public var version: Int
  /// The top module.
  public var name: String
  public var options: FreezeOptions
  public var input: Stream
  public var output: Stream
  public var stages: [StageEntry]
  public var layers: [LayerEntry]
  public var taps: [Tap]
  public var latency: StreamTiming.Latency
  /// Verilog files of the design in compile order, and those that a simulation adds, by path.
  public var rtlFiles: [String]
  public var simulationFiles: [String]
  /// The output in another form, when it was asked for.
  public var packedOutput: PackedOutput?
  /// The registers of adaptive batch norm; null for a design that is frozen whole.
  public var registerMap: RegisterMap?

  /// Bits of `tuser`.
  public var userBits: Int { options.sidebandBits + 1 }

  /// The control of the design.
  public var timing: StreamTiming {
    StreamTiming(
      stages: stages.map(\.timing), inputs: streams, inputHeight: input.height,
      inputWidth: input.width)
  }

  /// What each stage reads.
  public var streams: [[StageInput]] {
    zip(stages, StreamTiming.chain(stages.count)).map { stage, chain in
      stage.inputs?.map { StageInput(stage: $0.stage, skipDepth: $0.skipDepth) } ?? chain
    }
  }
}

extension DesignDescription.StageEntry {
  /// What the cycle model needs.
  public var timing: StageTiming {
    switch kind {
    case .window: StageTiming(.window(geometry), ranks: ranks, fifoDepth: fifoDepth)
    case .frameAccumulator:
      StageTiming(
        .frameAccumulator(height: geometry.inputHeight, width: geometry.inputWidth), ranks: ranks,
        fifoDepth: fifoDepth)
    case .serial:
      // What is missing is absurd, and refused.
      StageTiming(
        .serial(
          height: geometry.inputHeight, width: geometry.inputWidth, steps: steps ?? 0,
          drain: drain ?? 0), ranks: ranks, fifoDepth: fifoDepth)
    }
  }
}

extension DesignDescription {
  /// Describes a design whose Verilog is in `rtlFiles`, in compile order; a simulation adds
  /// `simulationFiles`.
  public init(_ design: Design, rtlFiles: [String], simulationFiles: [String]) {
    format = Self.formatName
    version = Self.currentVersion
    name = design.name
    options = design.options
    input = Stream(design.inputName, design.input)
    let layers = design.layers
    output = Stream(layers[layers.count - 1].valueName, design.output)
    let timing = design.timing
    let cycles = timing.cyclesPerPixel
    let safeDepths = timing.safeFIFODepths
    let safeSkips = timing.safeSkipDepths
    let skips = design.skipFIFOs
    let chain = StreamTiming.chain(design.stages.count)
    stages = design.stages.indices.map { index in
      let stage = design.stages[index]
      let kind: StageEntry.Kind =
        switch stage.timing.kind {
        case .window: .window
        case .frameAccumulator: .frameAccumulator
        case .serial: .serial
        }
      var (steps, drain): (Int?, Int?) = (nil, nil)
      if case .serial(_, _, let perPixel, let behind) = stage.timing.kind {
        (steps, drain) = (perPixel, behind)
      }
      return StageEntry(
        name: stage.name, module: stage.module, kind: kind, geometry: stage.timing.geometry,
        steps: steps, drain: drain,
        ranks: stage.timing.ranks, fifoDepth: stage.timing.fifoDepth,
        safeFIFODepth: safeDepths[index],
        cyclesPerPixel: cycles[index],
        inputs: stage.inputs == chain[index]
          ? nil
          : stage.inputs.enumerated().map { position, input in
            InputEntry(
              stage: input.stage, skipDepth: input.skipDepth,
              safeSkipDepth: safeSkips[index][position],
              memory: skips.first { $0.stage == index && $0.input == position }?.memory)
          }, memory: stage.memory, swapRank: stage.swapRank > 0 ? stage.swapRank : nil,
        layers: stage.layers.map(\.name))
    }
    self.layers = layers.map { layer in
      LayerEntry(
        name: layer.name, module: layer.module, valueName: layer.valueName, kind: layer.kind,
        input: [layer.input.height, layer.input.width, layer.input.channels.count],
        output: [layer.output.height, layer.output.width, layer.output.channels.count],
        ranks: layer.schedule.ranks, cost: layer.cost,
        parameterRegisterBits: layer.adaptive == nil ? nil : layer.parameterRegisterBits)
    }
    registerMap = design.registerMap
    taps = design.taps
    latency = timing.latency()
    self.rtlFiles = rtlFiles
    self.simulationFiles = simulationFiles
  }

  /// The bytes of `design.json`.
  public func encode() -> [UInt8] { StableJSON.encode(self) }

  /// Reads `design.json`; throws what makes it unusable.
  public init(json: [UInt8]) throws(Diagnostics) {
    self = try StableJSON.decode(DesignDescription.self, json, file: Self.fileName)
    let found = verify()
    guard found.isEmpty else { throw Diagnostics(found).inFile(Self.fileName) }
  }

  /// All that would make the description unusable; a file may hold anything.
  public func verify() -> [Diagnostic] {
    guard format == Self.formatName else {
      return [Diagnostic("it is not a design of deepfreeze, but '\(format)'")]
    }
    guard version == Self.currentVersion else {
      return [
        Diagnostic(
          "its version is \(version), and this program reads version \(Self.currentVersion)",
          remedy: "emit the design again")
      ]
    }
    var found: [Diagnostic] = []
    func require(_ condition: Bool, _ message: String) {
      if !condition { found.append(Diagnostic(message)) }
    }
    let extent = 1...(1 << 20)
    for (stream, what) in [(input, "input"), (output, "output")] {
      require(
        [stream.height, stream.width, stream.channels].allSatisfy(extent.contains)
          && stream.element.range.contains(stream.zeroPoint), "the \(what) stream is absurd")
    }
    require((1...63).contains(options.sidebandBits), "the sideband has not 1 to 63 bits")
    require(
      (1...64).contains(options.pipelineLevels) && (2...(1 << 30)).contains(options.fanOutLimit)
        && (0...3).contains(options.effort) && (options.maxDepth ?? 0) >= 0
        && (options.fixedLayers ?? 1) >= 1, "the options are none that 'emit' takes")
    require(!stages.isEmpty, "it has no stage")
    if let packedOutput, found.isEmpty {
      require(
        packedOutput.cube == FeatureCube(output), "the packed output is not of the output stream")
      require(
        packedOutput.module == NVDLAModule.name(name) && packedOutput.rtlFiles.count == 2
          && packedOutput.simulationFiles.count == (registerMap == nil ? 2 : 3),
        "the packed output has another module or other files than 'emit' gives it")
    }
    for stage in stages {
      require(
        extent.contains(stage.ranks) && extent.contains(stage.fifoDepth)
          && (stage.inputs ?? []).allSatisfy { (0...1 << 24).contains($0.skipDepth) },
        "the stage '\(stage.name)' has an absurd number of ranks or of FIFO words")
      guard found.isEmpty else { return found }
      found += stage.timing.verify(node: stage.name)
      require(
        hasPlausibleMemories(stage), "the stage '\(stage.name)' has memories that it cannot have")
    }
    guard found.isEmpty else { return found }
    if let registerMap, let problem = registerMap.problem(of: self) {
      found.append(Diagnostic("the registers of adaptive batch norm \(problem)"))
    }
    if let problem = timing.connectionProblem {
      return [Diagnostic("its stages are not connected: \(problem)")]
    }
    found += timing.verifySkips(names: stages.map(\.name))
    if let last = stages.last {
      require(
        output.height == last.geometry.outputHeight && output.width == last.geometry.outputWidth,
        "the output stream is not the last stage's map")
    }
    for layer in layers {
      require(layer.cost.isPlausible, "the layer '\(layer.name)' has absurd costs")
    }
    for (index, tap) in taps.enumerated() {
      guard tap.index == index, stages.indices.contains(tap.stage) else {
        require(false, "the tap '\(tap.layer)' has another index or no stage")
        continue
      }
      let stage = stages[tap.stage]
      require(
        (1...stage.ranks).contains(tap.rank) && tap.height == stage.geometry.outputHeight
          && tap.width == stage.geometry.outputWidth && extent.contains(tap.channels)
          && tap.value >= 0, "the tap '\(tap.layer)' does not fit its stage")
    }
    return found
  }
}

extension DesignDescription {
  /// True when a stage's memories are of sizes that exist, and a ROM is that of its serial sums.
  private func hasPlausibleMemories(_ stage: StageEntry) -> Bool {
    let memories = [stage.memory] + (stage.inputs ?? []).map(\.memory)
    for case .some(let memory) in memories
    where !(1...1 << 24).contains(memory.words) || !(1...1 << 24).contains(memory.wordBits) {
      return false
    }
    guard stage.kind == .serial else { return memories.allSatisfy { $0?.rom == nil } }
    guard let memory = stage.memory, let steps = stage.steps, let rom = memory.rom,
      let layer = layers.first(where: { $0.name == stage.layers.first })
    else { return false }
    return rom == layer.module + "_rom" && rtlFiles.contains("rtl/\(rom).v")
      && memory.words == stage.geometry.inputHeight * stage.geometry.inputWidth * steps
  }
}

extension LayerCost {
  /// True when the counts are such that sums and products of them stay far inside `Int`.
  fileprivate var isPlausible: Bool {
    [
      weights, zeroWeights, multiplyAccumulates, sumAdders, requantizerAdders,
      requantizerOffsetAdders, multiplierBits, requantizers, sumAdderBits, sumAdderBitsByType,
      sumAdderBitsByOutput,
      adderBits,
      adderBits32, registerBits, windowRegisterBits, lineMemoryBits, constantChannels, maximumWidth,
      multipliers ?? 0, romBits ?? 0,
    ].allSatisfy((0...1 << 44).contains)
  }
}

extension DesignDescription.Stream {
  fileprivate init(_ name: String, _ format: PixelFormat) {
    self.init(
      name: name, height: format.height, width: format.width, channels: format.channels.count,
      element: format.element, zeroPoint: format.zeroPoint)
  }
}
