import Estimation
import NeuralGraph
import Testing

/// Modules of made-up counts whose areas follow known coefficients.
private struct MadeUp {
  static let truth: [AreaCoefficient: Double] = [
    .fullAdderBit: 4.5, .signAdderBit: 4, .halfAdderBit: 1.3, .requantizer: 12,
    .pipelineRegisterBit: 4.1, .windowRegisterBit: 6.5,
    .fifoBit: 7.9, .pixelBit: 6.6, .stageControl: 900,
  ]

  /// A multiplicative generator: the same numbers everywhere.
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func number(_ range: ClosedRange<Int>) -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(range.lowerBound + Int((state >> 33) % UInt64(range.count)))
  }

  mutating func module(isStage: Bool, isFitted: Bool = true, weights: Int = 600) -> MeasuredModule {
    var counts = AreaCounts()
    if isStage {
      counts[.fifoBits] = number(100...3000)
      counts[.pixelBits] = number(8...512)
      counts[.markBits] = number(50...400)
      counts[.stages] = 1
      counts[.memoryBits] = number(0...1) * 300
    } else {
      counts[.sumFullBits] = number(1000...20_000)
      counts[.sumHalfBits] = number(500...8000)
      counts[.requantizerFullBits] = number(200...4000)
      counts[.requantizerHalfBits] = number(200...4000)
      counts[.requantizerSignBits] = number(100...2000)
      counts[.sumSignBits] = number(100...2000)
      counts[.requantizers] = number(4...64)
      counts[.pipelineBits] = number(1000...20_000)
      counts[.windowBits] = number(0...3) * 150
    }
    var areas: [AreaPart: Double] = [:]
    for term in AreaTerm.allCases {
      areas[term.part, default: 0] += counts[term] * Self.truth[term.coefficient]!
    }
    return MeasuredModule(
      ModuleCounts(name: "m", isStage: isStage, weights: isStage ? 0 : weights, counts: counts),
      origin: "made up", areas: areas, isFitted: isFitted)
  }

  /// Ten layers and six stages.
  mutating func modules() -> [MeasuredModule] {
    var found: [MeasuredModule] = []
    for index in 0..<16 { found.append(module(isStage: index >= 10)) }
    return found
  }
}

@Suite("Fits of areas")
struct AreaFitTests {
  @Test("a fit finds the coefficients that made the areas", arguments: [UInt64(1), 2, 3])
  func recovers(_ seed: UInt64) throws {
    var source = MadeUp(seed: seed)
    let fit = try AreaFit(source.modules())
    for (coefficient, value) in MadeUp.truth {
      #expect(abs(fit.coefficients[coefficient]! / value - 1) < 1e-6, "\(coefficient)")
    }
    #expect(fit.layerError < 1e-9 && fit.stageError < 1e-9)
    #expect(fit.layers == 10 && fit.stages == 6)
  }

  @Test("a residual is the model's area over the synthesised, less one")
  func residual() throws {
    var source = MadeUp(seed: 4)
    let modules = source.modules()
    let fit = try AreaFit(modules)
    var other = modules[0]
    for part in AreaPart.allCases { other.areas[part]! *= part == .memories ? 1 : 0.8 }
    #expect(abs(fit.error(other) - 0.25) < 1e-6)
    #expect(abs(fit.totalError([other, other]) - 0.25) < 1e-6)
    var empty = other
    empty.areas = [:]
    #expect(fit.error(empty) == 0)
  }

  @Test("what is held out, and pools, have no part in the fit")
  func heldOut() throws {
    var source = MadeUp(seed: 5)
    let modules = source.modules()
    let fit = try AreaFit(modules)
    var absurd = source.module(isStage: false, isFitted: false)
    for part in AreaPart.allCases { absurd.areas[part] = 1e7 }
    var pool = source.module(isStage: false, weights: 0)
    pool.areas[.adders] = 1e7
    #expect(try AreaFit(modules + [absurd, pool]) == fit)
    #expect(!AreaFit.isFitted(absurd) && !AreaFit.isFitted(pool))
  }

  @Test("one wrong area is the largest error, and is the error that the figures carry")
  func disturbed() throws {
    var source = MadeUp(seed: 6)
    var modules = source.modules()
    for part in AreaPart.allCases { modules[2].areas[part]! *= 1.1 }
    let fit = try AreaFit(modules)
    #expect(fit.layerError == abs(fit.error(modules[2])) && fit.layerError < 0.1)
    // All other modules say what a register takes.
    #expect(abs(fit.coefficients[.pipelineRegisterBit]! / 4.1 - 1) < 0.05)
    let areas = fit.areas(source: "x")
    #expect(areas.fullAdderBit.provenance.error == fit.layerError.rounded(digits: 3))
    #expect(areas.fifoBit.provenance.error == fit.stageError.rounded(digits: 3))
  }

  @Test("whole areas alone give the same coefficients, whatever the parts say")
  func wholes() throws {
    var source = MadeUp(seed: 11)
    var modules = source.modules() + source.modules()
    for index in modules.indices {
      modules[index].areas = [.control: modules[index].area]
      modules[index].hasParts = false
    }
    let fit = try AreaFit(modules)
    for (coefficient, value) in MadeUp.truth {
      #expect(abs(fit.coefficients[coefficient]! / value - 1) < 1e-4, "\(coefficient)")
    }
  }

  @Test("too few layers or stages are refused with the number that it takes")
  func tooFew() throws {
    var source = MadeUp(seed: 7)
    let modules = source.modules()
    let message = #expect(throws: Diagnostics.self) { try AreaFit(Array(modules[3...])) }
    #expect(
      message?.description.contains("takes 8 layers with weights and 4 stages; there are 7 and 6")
        == true)
    #expect(throws: Diagnostics.self) {
      try AreaFit.checkCounts(modules[..<13].map(\.module))
    }
    try AreaFit.checkCounts(modules[..<14].map(\.module))
  }

  @Test("coefficients that the modules do not tell apart are named")
  func dependent() throws {
    var source = MadeUp(seed: 8)
    var modules = source.modules()
    for index in modules.indices { modules[index].module.counts[.windowBits] = 0 }
    let message = #expect(throws: Diagnostics.self) { try AreaFit(modules) }
    #expect(message?.description.contains("windowRegisterBit from the other") == true)
  }

  @Test("no coefficient is negative, whatever the areas are")
  func nonNegative() throws {
    var source = MadeUp(seed: 9)
    for _ in 0..<20 {
      var modules = source.modules()
      for index in modules.indices {
        for part in AreaPart.allCases { modules[index].areas[part] = source.number(0...10_000) }
      }
      let fit = try AreaFit(modules)
      #expect(fit.coefficients.values.allSatisfy { $0 >= 0 && $0.isFinite })
    }
  }

  @Test("a least squares solution is the best of all without negative entries")
  func optimal() {
    var source = MadeUp(seed: 10)
    for columns in 1...6 {
      for _ in 0..<20 {
        let rows = (0..<12).map { _ in (0..<columns).map { _ in source.number(-50...100) } }
        let values = (0..<12).map { _ in source.number(-300...1000) }
        guard LeastSquares.dependent(rows: rows).isEmpty else { continue }
        let solution = LeastSquares.nonNegative(rows: rows, values: values)
        let rest = zip(rows, values).map { row, value in
          value - zip(row, solution).reduce(0) { $0 + $1.0 * $1.1 }
        }
        // Kuhn and Tucker: no slope along a positive entry, none upward along a zero.
        for column in 0..<columns {
          let slope = zip(rows, rest).reduce(0) { $0 + $1.0[column] * $1.1 }
          #expect(solution[column] >= 0)
          #expect(solution[column] > 0 ? abs(slope) < 1e-5 : slope < 1e-5)
        }
      }
    }
  }
}

@Suite("Fits of energies")
struct EnergyFitTests {
  private func layers(_ clock: Double) -> [MeasuredEnergy] {
    [(1000.0, 200.0, 3000.0), (2500, 0, 5000), (1200, 700, 900)].map { pipeline, window, adders in
      var counts = AreaCounts()
      counts[.pipelineBits] = pipeline
      counts[.windowBits] = window
      counts[.sumFullBits] = adders
      return MeasuredEnergy(
        counts, clock: clock * (pipeline + window), registers: 20 * (pipeline + window),
        logic: 30 * adders + 40 * window)
    }
  }

  @Test("energies are those a bit, at the activity")
  func recovers() throws {
    let found = try EnergyFit.energies(layers(7), activity: 0.5, source: "x")
    #expect(abs(found.registerClock.low - 0.007) < 1e-9)
    #expect(abs(found.registerData.low - 0.010) < 1e-9)
    #expect(abs(found.adderBit.low - 0.015) < 1e-9)
    #expect(abs(found.windowBit.low - 0.020) < 1e-9)
    #expect(found.activity == 0.5)
  }

  @Test("a library without energies is a diagnostic")
  func none() {
    let message = #expect(throws: Diagnostics.self) {
      try EnergyFit.energies(layers(0), activity: 0.5, source: "x")
    }
    #expect(message?.description.contains("no energies") == true)
  }
}

@Suite("New technologies")
struct NewTechnologyTests {
  private func technology(node: Int, voltage: Double) throws -> Technology {
    let base = Technology.builtIn[0]
    return try Technology(
      name: "new", title: "New", node: node, supplyVoltage: voltage, liberty: ["new.lib"],
      areas: base.areas, energies: base.energies, clockPeriods: base.clockPeriods, sram: base.sram,
      notes: [])
  }

  @Test("figures are scaled from the library's supply, or from the node's usual one with a note")
  func voltage() throws {
    let plain = try technology(node: 180, voltage: 1.8)
    #expect(plain.scalingVoltage == 1.8 && plain.notes.isEmpty)
    let high = try technology(node: 45, voltage: 1.1)
    #expect(high.scalingVoltage == 1.0 && high.notes[0].contains("1.1 V"))
    #expect(throws: Diagnostics.self) { try technology(node: 44, voltage: 1) }
  }

  @Test("memories of another node are scaled, and say so")
  func memories() throws {
    let origin = try ProcessNode(45).operation()
    let target = try ProcessNode(180).operation()
    let sram = Technology.builtIn[0].sram
    let scaled = sram.scaled(from: origin, to: target)
    #expect(abs(scaled.bit.low / sram.bit.low - 19) < 0.01)
    #expect(scaled.bit.provenance.kind == .scaled)
    #expect(scaled.wordBitEnergy.low > sram.wordBitEnergy.low)
    #expect(scaled.registersBelowBits == sram.registersBelowBits)
    #expect(scaled.portFactor == sram.portFactor)
  }
}
