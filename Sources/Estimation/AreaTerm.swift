/// What takes area in a mapped module.
public enum AreaPart: String, Hashable, Sendable, Codable, CaseIterable {
  /// Logic before registers of weight sums.
  case adders
  /// Logic before registers and outputs of multiplied, biased and clamped sums.
  case requantizers
  case pipelineRegisters
  /// Window registers and accumulators, with the multiplexers of their enable.
  case windowRegisters
  /// FIFOs, with the logic that writes and reads them.
  case fifos
  /// Counters, valid bits, the line buffer around its memory, stream checks.
  case control
  /// Memories that are registers by choice.
  case memories
  /// Registers of adaptive batch norm, both banks, with their way to the bus, and the bus.
  case batchNorm
}

extension AreaBreakdown {
  /// The area of one part.
  public subscript(part: AreaPart) -> Quantity {
    get { self[keyPath: part.place] }
    set { self[keyPath: part.place] = newValue }
  }
}

extension AreaPart {
  fileprivate var place: WritableKeyPath<AreaBreakdown, Quantity> {
    switch self {
    case .adders: \.adders
    case .requantizers: \.requantizers
    case .pipelineRegisters: \.pipelineRegisters
    case .windowRegisters: \.windowRegisters
    case .fifos: \.fifos
    case .control: \.control
    case .memories: \.memories
    case .batchNorm: \.batchNorm
    }
  }
}

/// A technology's area of one unit of something that designs count: what `AreaFit` finds.
public enum AreaCoefficient: String, Hashable, Sendable, Codable, CaseIterable {
  case fullAdderBit, signAdderBit, halfAdderBit, requantizer
  case pipelineRegisterBit, windowRegisterBit
  case fifoBit, pixelBit, stageControl

  /// Where a technology has it.
  public var place: WritableKeyPath<Technology.Areas, Quantity> {
    switch self {
    case .fullAdderBit: \.fullAdderBit
    case .signAdderBit: \.signAdderBit
    case .halfAdderBit: \.halfAdderBit
    case .requantizer: \.requantizer
    case .pipelineRegisterBit: \.pipelineRegisterBit
    case .windowRegisterBit: \.windowRegisterBit
    case .fifoBit: \.fifoBit
    case .pixelBit: \.pixelBit
    case .stageControl: \.stageControl
    }
  }
}

/// Something that a design counts, what a unit of it is taken to cost, and the part of the area that it is.
/// The area of a module is the sum over all terms of count times coefficient.
public enum AreaTerm: String, Hashable, Sendable, CaseIterable {
  /// Bits of the adders of weight sums, and of requantizers, by `AdderBits`.
  case sumFullBits, sumSignBits, sumHalfBits
  case requantizerFullBits, requantizerSignBits, requantizerHalfBits
  /// Channels with a requantizer.
  case requantizers
  /// Decisions of tables, in sixths.
  case tableDecisions
  case pipelineBits, windowBits
  /// Words times bits of FIFOs.
  case fifoBits
  /// Bits of stages' input pixels.
  case pixelBits
  /// What travels beside a stage's trees, rank by rank: valid bit, marks, sideband.
  case markBits
  case stages
  /// Bits of line memories that are registers by choice.
  case memoryBits
  /// Bits of ROMs that are gates, in full adder bits.
  case romBits
  /// Flip-flops of adaptive batch norm, both banks.
  case parameterBits

  public var coefficient: AreaCoefficient {
    switch self {
    case .sumFullBits, .requantizerFullBits, .tableDecisions, .romBits: .fullAdderBit
    case .sumSignBits, .requantizerSignBits: .signAdderBit
    case .sumHalfBits, .requantizerHalfBits: .halfAdderBit
    case .requantizers: .requantizer
    case .pipelineBits, .markBits: .pipelineRegisterBit
    case .windowBits, .parameterBits: .windowRegisterBit
    case .fifoBits, .memoryBits: .fifoBit
    case .pixelBits: .pixelBit
    case .stages: .stageControl
    }
  }

  public var part: AreaPart {
    switch self {
    case .sumFullBits, .sumSignBits, .sumHalfBits: .adders
    case .requantizerFullBits, .requantizerSignBits, .requantizerHalfBits, .requantizers,
      .tableDecisions:
      .requantizers
    case .pipelineBits: .pipelineRegisters
    case .windowBits: .windowRegisters
    case .fifoBits: .fifos
    case .pixelBits, .markBits, .stages: .control
    case .memoryBits, .romBits: .memories
    case .parameterBits: .batchNorm
    }
  }
}

/// How many units of every term a module has.
public struct AreaCounts: Hashable, Sendable {
  private var counts: [AreaTerm: Double] = [:]

  public init() {}

  public subscript(term: AreaTerm) -> Double {
    get { counts[term] ?? 0 }
    set { counts[term] = newValue }
  }

  /// Bits of all adders that are no wires.
  public var adderBits: Double {
    let terms: [AreaTerm] = [
      .sumFullBits, .sumSignBits, .sumHalfBits, .requantizerFullBits, .requantizerSignBits,
      .requantizerHalfBits,
    ]
    return terms.reduce(0) { $0 + self[$1] }
  }

  /// Units of a coefficient in one part; of all parts unless one is given.
  public func units(of coefficient: AreaCoefficient, in part: AreaPart? = nil) -> Double {
    AreaTerm.allCases.reduce(0) { sum, term in
      term.coefficient == coefficient && (part == nil || part == term.part)
        ? sum + self[term] : sum
    }
  }
}
