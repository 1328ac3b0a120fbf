import AdderGraph
import NeuralGraph

/// What is known of one channel of a map in hardware.
public enum Channel: Hashable, Sendable {
  /// Proved to hold one value wherever the map is inside the image: it costs no hardware.
  case constant(Int)
  /// Carried as bits; every value lies in the interval.
  case live(Interval)

  public var interval: Interval {
    switch self {
    case .constant(let value): value...value
    case .live(let interval): interval
    }
  }

  public var isConstant: Bool { if case .constant = self { true } else { false } }

  /// Bits in hardware; 0 for a constant channel.
  package var bits: Int { isConstant ? 0 : interval.bitCount }
}

/// A map of pixels as it flows through the hardware, one pixel with all channels a beat.
public struct PixelFormat: Hashable, Sendable {
  public var height: Int
  public var width: Int
  public var channels: [Channel]
  public var element: QuantizedElement
  public var zeroPoint: Int

  public init(
    height: Int, width: Int, channels: [Channel], element: QuantizedElement, zeroPoint: Int
  ) {
    self.height = height
    self.width = width
    self.channels = channels
    self.element = element
    self.zeroPoint = zeroPoint
  }

  /// Indices of the channels that are carried.
  package var liveChannels: [Int] { channels.indices.filter { !channels[$0].isConstant } }
  /// Bits of one pixel.
  public var pixelBits: Int { channels.reduce(0) { $0 + $1.bits } }
}

/// How a layer takes its input pixels.
public enum LayerForm: Hashable, Sendable {
  /// Pixel by pixel: a 1x1 layer behind other trees.
  case pointwise
  /// Through window registers of this geometry.
  case window(WindowGeometry)
  /// Through accumulators over the whole map.
  case accumulator(count: Int)
  /// Through sums that are taken step by step.
  case serial(SerialSums)
}

/// What one input register of a layer's datapath holds.
public enum LayerInput: Hashable, Sendable {
  /// A pixel's channel.
  case pixel(channel: Int)
  /// A window tap, by kernel row and column.
  case tap(channel: Int, row: Int, column: Int)
  /// 1 when this kernel row and this kernel column of the window lie inside the image; nil for one
  /// that always does, or does not matter.
  case inside(row: Int?, column: Int?)
  /// The channel's sum over the map; with serial sums the output channel's weighted one.
  case sum(channel: Int)
  /// A register of an output channel's adaptive batch norm.
  case parameter(channel: Int, ParameterField)
}

/// One layer of the network in hardware: a datapath with its schedule.
public struct Layer: Hashable, Sendable {
  /// A legal name, unique in the design, made of the layer's name in the model.
  public var name: String
  /// The Verilog module: the design's name and `name`, so that designs share a chip.
  public var module: String
  /// The value of the `QuantizedGraph` that it computes, and that value's name there.
  public var value: ValueID
  public var valueName: String
  /// "convolution 3x3", "depthwise convolution 3x3", …
  public var kind: String
  public var form: LayerForm
  /// The values that it reads, each once: the design's input or other layers'.
  public var operands: [ValueID]
  /// One pixel of each operand, their channels one behind the other.
  public var input: PixelFormat
  public var output: PixelFormat
  /// What each `.input` and `.parameter` signal of the datapath holds, by signal index.
  public var inputs: [SignalID: LayerInput]
  public var datapath: Datapath
  public var widths: SignalWidths
  public var schedule: Schedule
  /// The live output channels' signals are `datapath.outputs`, in order.
  public var cost: LayerCost
  /// The registers of its adaptive batch norm; nil when it is frozen whole.
  public var adaptive: AdaptiveLayer?
}

/// What a layer costs, counted, not estimated.
public struct LayerCost: Hashable, Sendable, Codable {
  /// Position among the convolutions, from 1; nil for a pool.
  public var convolution: Int?
  /// Stored weights, zeros included.
  public var weights = 0
  /// Weights equal to their zero point: they cost nothing.
  public var zeroWeights = 0
  /// Multiply-accumulates of the original layer for one frame, zeros included.
  public var multiplyAccumulates = 0
  /// Two-input adders of the weight sums.
  public var sumAdders = 0
  /// Two-input adders of the requantizers.
  public var requantizerAdders = 0
  /// Channels that have a requantizer.
  public var requantizers = 0
  /// Of `requantizerAdders` those that add biases and offsets; the others multiply.
  public var requantizerOffsetAdders = 0
  /// Bits of the longest multiplier of a requantizer.
  public var multiplierBits = 0
  /// The sum of all adders' result widths.
  public var adderBits = 0
  /// The same with 32 bits for every adder.
  public var adderBits32 = 0
  /// Of the weight sums alone: their proved widths, widths enough for all numbers of the operands'
  /// widths, and the width of the widest output that each is part of.
  public var sumAdderBits = 0
  public var sumAdderBitsByType = 0
  public var sumAdderBitsByOutput = 0
  /// Bits of the pipeline registers behind the window.
  public var registerBits = 0
  /// Bits of window registers, repeated ones and masks included, or of accumulators.
  public var windowRegisterBits = 0
  /// Bits of the line buffer: (Kh - 1) dilation rows of the live channels.
  public var lineMemoryBits = 0
  /// Output channels that are proved constant and not built.
  public var constantChannels = 0
  /// Bits of the widest adder.
  public var maximumWidth = 0
  /// Channels that pass through a table, and the multiplexers of their tables' decision diagrams
  /// (`CodeTable.decisions`); null in a design without.
  public var tables: Int?
  public var tableDecisions: Int?
  /// Multipliers of serial sums, and bits of their ROM; null for a layer whose weights are adders. The
  /// multipliers, and the registers around them, are in no other count.
  public var multipliers: Int?
  public var romBits: Int?
}

/// A stage: one window (or accumulator) with all trees behind it, and a FIFO.
public struct Stage: Hashable, Sendable {
  /// Unique in the design.
  public var name: String
  /// The Verilog module: the design's name and `name`.
  public var module: String
  /// The first reads a window or accumulates; the others are pointwise.
  public var layers: [Layer]
  public var timing: StageTiming
  /// The streams that it reads: several when the first layer joins maps.
  public var inputs: [StageInput]

  /// One pixel of each input, their channels one behind the other.
  public var input: PixelFormat { layers[0].input }
  public var output: PixelFormat { layers[layers.count - 1].output }

  /// The stage's one memory, an instance of `df_sram_1r1w`.
  public struct Memory: Hashable, Sendable, Codable {
    /// Below the top module.
    public var instance: String
    /// Words: the columns of the map.
    public var words: Int
    /// Bits of a word: the rows of one column.
    public var wordBits: Int
    /// The module of a ROM, whose words are serial sums' weights; null for `df_sram_1r1w`.
    public var rom: String?
  }

  /// The line buffer's memory; nil when it has no rows, and for maps of one column, whose rows are
  /// registers (`df_line_buffer`). Of serial sums the ROM.
  public var memory: Memory? {
    if case .serial(let sums) = layers[0].form {
      return Memory(
        instance: "\(name).rom", words: sums.words, wordBits: sums.wordBits,
        rom: layers[0].romModule)
    }
    guard case .window(let geometry) = layers[0].form else { return nil }
    let rows = (geometry.kernelHeight - 1) * geometry.dilationY
    guard rows > 0, geometry.inputWidth > 1 else { return nil }
    return Memory(
      instance: "\(name).line_buffer.rows.memory.line_memory", words: geometry.inputWidth,
      wordBits: rows * max(1, input.pixelBits))
  }
  /// Pixels of the first layer's output that the stage puts out a frame.
  public var outputPixels: Int { output.height * output.width }
}

/// A network's fixed front as hardware: stages between two AXI4-Streams, in topological order, the last
/// one's output the design's.
public struct Design: Hashable, Sendable {
  /// A legal Verilog name.
  public var name: String
  public var inputName: String
  public var input: PixelFormat
  public var stages: [Stage]
  public var options: FreezeOptions
  /// Why no further layer was fixed; nil when the wanted number was reached.
  public var end: Diagnostic?

  public var output: PixelFormat { stages[stages.count - 1].output }
  public var layers: [Layer] { stages.flatMap(\.layers) }
  public var timing: StreamTiming {
    StreamTiming(
      stages: stages.map(\.timing), inputs: stages.map(\.inputs), inputHeight: input.height,
      inputWidth: input.width)
  }

  /// What a stream carries: the design's input (nil) or a stage's output.
  public func format(of source: Int?) -> PixelFormat { source.map { stages[$0].output } ?? input }

  /// A FIFO on the shorter way around other stages.
  public struct SkipFIFO: Hashable, Sendable {
    /// The instance in the top module.
    public var name: String
    /// The stage that joins, and which of its inputs the FIFO is in front of.
    public var stage: Int
    public var input: Int
    /// The stream that enters; nil for the design's input.
    public var source: Int?
    public var depth: Int
    /// Bits of a word: the live channels, and the sideband if the stage takes it from here.
    public var wordBits: Int
    public var memory: Stage.Memory
  }

  /// Every skip FIFO, in order.
  public var skipFIFOs: [SkipFIFO] {
    var found: [SkipFIFO] = []
    for (index, stage) in stages.enumerated() {
      for (position, input) in stage.inputs.enumerated() where input.skipDepth > 0 {
        let name = "skip\(found.count + 1)"
        let bits =
          StageModule.wordBits(format(of: input.stage))
          + (stage.sidebandInput == position ? streamUserBits : 0)
        found.append(
          SkipFIFO(
            name: name, stage: index, input: position, source: input.stage,
            depth: input.skipDepth, wordBits: bits,
            memory: Stage.Memory(
              instance: "\(name).pixel_memory", words: input.skipDepth, wordBits: bits)))
      }
    }
    return found
  }

  /// Every memory of the design, an instance of `df_sram_1r1w`.
  public var memories: [Stage.Memory] {
    stages.compactMap(\.memory) + skipFIFOs.map(\.memory)
  }

  /// Everything that would let the hardware stop for ever; empty for a design that runs under any gaps
  /// of the source and any stalls of the sink. A proof obligation, see `StreamTiming.skipCapacities`.
  public func verify() -> [Diagnostic] {
    timing.verify() + timing.verifySkips(names: stages.map(\.name))
  }
}

extension Stage {
  /// The input whose sideband it takes: all carry the same; preferably one without a skip FIFO.
  var sidebandInput: Int { inputs.firstIndex { $0.skipDepth == 0 } ?? 0 }
}

/// How a fully connected layer is built.
public enum FullyConnectedStyle: String, Hashable, Sendable, Codable, CaseIterable {
  /// By a few multipliers, step by step, the weights in a ROM, where the stream leaves it the time.
  case serial
  /// By an adder tree.
  case adders
}

/// What the user chooses about the hardware.
public struct FreezeOptions: Hashable, Sendable, Codable {
  /// Convolutions to fix, in topological order; nil for as many layers as the hardware has.
  public var fixedLayers: Int?
  /// Adder levels between two registers, at least 1.
  public var pipelineLevels: Int
  /// The most readers of one register.
  public var fanOutLimit: Int
  /// Bits of `tuser` above bit 0, at least 1.
  public var sidebandBits: Int
  /// How long to search for fewer adders.
  public var effort: Int
  /// What the search makes few of.
  public var objective: AdderGraph.Objective
  /// The most adder levels of a weight sum; nil for as many as the fewest adders take.
  public var maxDepth: Int?
  /// How sums are written in Verilog.
  public var adderStyle: AdderStyle
  /// How fully connected layers are built, and convolutions as large as their maps.
  public var fullyConnected: FullyConnectedStyle

  public init(
    fixedLayers: Int? = nil, pipelineLevels: Int = 2, fanOutLimit: Int = 32, sidebandBits: Int = 8,
    effort: Int = 1, objective: AdderGraph.Objective = .adders, maxDepth: Int? = nil,
    adderStyle: AdderStyle = .words, fullyConnected: FullyConnectedStyle = .serial
  ) {
    precondition(pipelineLevels >= 1, "a clock period holds at least one adder level")
    precondition(fanOutLimit >= 2, "a fan-out limit below two cannot be met")
    precondition((1...63).contains(sidebandBits), "the sideband has 1 to 63 bits")
    precondition((0...3).contains(effort), "effort is 0 to 3")
    self.effort = effort
    self.objective = objective
    self.maxDepth = maxDepth
    self.adderStyle = adderStyle
    self.fullyConnected = fullyConnected
    self.fixedLayers = fixedLayers
    self.pipelineLevels = pipelineLevels
    self.fanOutLimit = fanOutLimit
    self.sidebandBits = sidebandBits
  }

  /// The search for adder graphs.
  var search: AdderGraph.Options {
    var search = AdderGraph.Options(
      effort: AdderGraph.Effort(rawValue: effort) ?? .quick, objective: objective)
    search.maxDepth = maxDepth
    return search
  }
}
