import Estimation
import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL
import Testing

/// The example network of the repository and the design of all that hardware exists for.
enum Example {
  static let graph: QuantizedGraph = {
    let model = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "models/fashion_mnist_int8.tflite").path
    do {
      return foldPad(
        try quantizedGraph(
          from: ModelFile(path: model).imported(), options: QuantizationOptions()))
    } catch {
      preconditionFailure("the example network cannot be read: \(error)")
    }
  }()
  static let design: Design = {
    do {
      return try Freeze.design(graph, options: FreezeOptions(effort: 0))
    } catch {
      preconditionFailure("the example network cannot be frozen: \(error)")
    }
  }()
  static let technology = Technology.builtIn[0]

  static func space(dram: Double = 120, gating: Bool = false) throws -> DesignSpace {
    let costs = try FixedLayerModel.costs(
      of: design, technologies: Technology.usualInterval, at: ProcessNode(16))
    return try DesignSpace(
      graph, design: design, fixed: costs,
      setting: .init(
        node: 16, technologies: Technology.usualInterval.map(\.name), dramPicojoulesPerByte: dram,
        clockGating: gating))
  }
}

@Suite("Cost of fixed layers")
struct FixedLayerModelTests {
  private let model = FixedLayerModel(Example.technology)

  @Test("a design's area is its counts times the technology's coefficients")
  func area() {
    let design = Example.design
    let cost = model.cost(of: design, layers: design.layers.count)
    let areas = Example.technology.areas
    let counts = FixedLayerModel.counts(of: design, sram: Example.technology.sram).map(\.counts)
    let adders = counts.reduce(0) {
      $0 + $1[.sumFullBits] * areas.fullAdderBit.middle
        + $1[.sumSignBits] * areas.signAdderBit.middle
        + $1[.sumHalfBits] * areas.halfAdderBit.middle
    }
    #expect(abs(cost.area.adders.middle / adders - 1) < 1e-9)
    let bits = design.layers.reduce(0) { $0 + $1.cost.adderBits }
    let counted = counts.reduce(0) { $0 + $1.adderBits }
    #expect(counted < Double(bits) && counted > 0.6 * Double(bits))
    let registers = design.layers.reduce(0) { $0 + $1.cost.registerBits }
    #expect(
      abs(
        cost.area.pipelineRegisters.middle
          / (Double(registers) * areas.pipelineRegisterBit.middle) - 1) < 1e-9)
    // A FIFO word: the live channels, the sideband, two marks.
    let fifos = design.stages.reduce(0) {
      $0 + $1.timing.fifoDepth * (max(1, $1.output.pixelBits) + design.options.sidebandBits + 2)
    }
    #expect(abs(cost.area.fifos.middle / (Double(fifos) * areas.fifoBit.middle) - 1) < 1e-9)
    #expect(cost.cyclesPerFrame == design.input.height * design.input.width)
  }

  @Test("every further layer adds area, energy and operations")
  func monotone() {
    let costs = FixedLayerModel.cuts(of: Example.design).map {
      model.cost(of: Example.design, layers: $0)
    }
    #expect(costs.map(\.convolutions) == Array(1...costs.count))
    for (fewer, more) in zip(costs, costs.dropFirst()) {
      #expect(more.area.adders.middle > fewer.area.adders.middle)
      #expect(more.energy.logic.middle > fewer.energy.logic.middle)
      #expect(more.multiplyAccumulates > fewer.multiplyAccumulates)
    }
  }

  @Test("a cut costs what a design of so many layers costs, but for how FIFOs are placed")
  func cutIsPrefix() throws {
    let count = 3
    let alone = try Freeze.design(
      Example.graph, options: FreezeOptions(fixedLayers: count, effort: 0))
    let cut = FixedLayerModel.cuts(of: Example.design)[count - 1]
    let a = model.cost(of: Example.design, layers: cut)
    let b = model.cost(of: alone, layers: alone.layers.count)
    #expect(a.area.adders == b.area.adders)
    #expect(a.area.windowRegisters == b.area.windowRegisters)
    #expect(abs(a.area.total.middle / b.area.total.middle - 1) < 0.05)
  }

  @Test("ideal clock gating leaves the clock of registers that move, which is less")
  func gating() {
    let cost = model.cost(of: Example.design, layers: Example.design.layers.count)
    #expect(cost.energy.gatedClock.middle < cost.energy.clock.middle)
    #expect(
      cost.energy.total(clockGating: true).middle < cost.energy.total(clockGating: false).middle)
    // The clock of n bits for all cycles of a frame is at least that of the pipeline registers.
    let bits = Example.design.layers.reduce(0) { $0 + $1.cost.registerBits }
    let least =
      Example.technology.energies.registerClock.middle * Double(bits * cost.cyclesPerFrame)
    #expect(cost.energy.clock.middle >= least)
  }

  @Test("a small line memory is registers, a large one a macro of the memory model")
  func memories() throws {
    let count = Example.design.layers.count
    let memories = Example.design.stages.compactMap(\.memory).filter { $0.rom == nil }
    try #require(!memories.isEmpty)
    let rom = try #require(Example.design.stages.compactMap(\.memory).first { $0.rom != nil })
    #expect(SRAMModel.Memory(rom).bits < SRAMModel.romLogicBelowBits)
    // The ROM is gates, whatever becomes of the others.
    let gates =
      FixedLayerModel(Example.technology).modules(of: Example.design).last!.area.memories.middle
    #expect(gates > 0)
    var technology = Example.technology
    technology.sram.registersBelowBits = 0
    let macros = FixedLayerModel(technology).cost(of: Example.design, layers: count).area.memories
    let expected = memories.reduce(0.0) {
      $0 + technology.sram.area(.init(words: $1.words, wordBits: $1.wordBits)).middle
    }
    #expect(abs((macros.middle - gates) / expected - 1) < 1e-9)
    technology.sram.registersBelowBits = 1 << 20
    let registers = FixedLayerModel(technology).cost(of: Example.design, layers: count).area
    let bits = memories.reduce(0) { $0 + $1.words * $1.wordBits }
    #expect(
      abs(
        (registers.memories.middle - gates) / (Double(bits) * technology.areas.fifoBit.middle) - 1)
        < 1e-9)
  }

  @Test("at another node every figure is scaled and says so")
  func scaled() throws {
    let origin = try Example.technology.operation
    let target = try ProcessNode(16).operation()
    let cost = model.cost(of: Example.design, layers: 1)
    let scaled = cost.scaled(from: origin, to: target)
    let factor = origin.node.areaFactor(to: target.node)
    #expect(abs(scaled.area.total.middle / cost.area.total.middle / factor - 1) < 1e-9)
    #expect(scaled.area.total.provenance.kind == .scaled)
    #expect(scaled.framesPerSecond.low > cost.framesPerSecond.low)
  }
}

@Suite("Design space")
struct DesignSpaceTests {
  @Test("there is a point for every number of layers beside every accelerator and none")
  func points() throws {
    let space = try Example.space()
    let cuts = FixedLayerModel.cuts(of: Example.design).count
    let names = Set(space.points.map(\.name))
    #expect(names.count == space.points.count)
    #expect(names.isSuperset(of: ["A", "F", "1 + A", "2 + F", "1", "2"]))
    #expect(space.points.count >= 6 + 7 * (cuts - 1) + 1)
  }

  @Test("the rate is the slower half's, the area and energy are sums")
  func sums() throws {
    let point = try #require(try Example.space().points.first { $0.name == "3 + C" })
    let rates = try [#require(point.fixedRate).low, #require(point.acceleratorRate).low]
    #expect(point.framesPerSecond.low == rates.min())
    let area = try #require(point.fixedArea).high + #require(point.acceleratorArea).high
    #expect(abs(point.area.high - area) < 1e-12)
    let energy =
      try #require(point.fixedEnergy).low + #require(point.acceleratorEnergy).low
      + point.dramEnergy.low
    #expect(abs(point.energy.low - energy) < 1e-12)
  }

  @Test("NVDLA alone has its published area at 16 nm and the published provenance")
  func published() throws {
    let point = try #require(try Example.space().points.first { $0.name == "C" })
    #expect(point.area.middle == 1.0)
    #expect(point.area.provenance.kind == .published)
  }

  @Test("efficiency is two operations a multiply-accumulate over the energy")
  func efficiency() throws {
    for point in try Example.space().points {
      let operations = 2e-6 * Double(point.multiplyAccumulates)
      #expect(abs(point.efficiency.low * point.energy.high / operations - 1) < 1e-9)
    }
  }

  @Test("fixed layers take work and memory traffic from the accelerator")
  func work() throws {
    let space = try Example.space()
    let rates = (0...4).compactMap { layers in
      space.points.first { $0.fixedLayers == layers && $0.accelerator == "B" }?.acceleratorRate?
        .middle
    }
    #expect(rates.count == 5)
    #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test("nothing on the Pareto front is beaten, and everything off it is")
  func pareto() throws {
    let space = try Example.space()
    for merits in [DesignSpace.Merit.allCases, [.area, .energy], [.area, .rate]] {
      let front = space.pareto(merits)
      #expect(!front.isEmpty)
      func merit(_ point: DesignPoint) -> [Double] {
        merits.map {
          switch $0 {
          case .area: point.area.high
          case .rate: -point.framesPerSecond.low
          case .energy: point.energy.high
          case .accuracy: point.pointsLost ?? 0
          }
        }
      }
      for point in space.points where point.isComplete {
        let beaten = space.points.contains { other in
          other.isComplete && merit(other) != merit(point)
            && zip(merit(other), merit(point)).allSatisfy { $0 <= $1 }
        }
        #expect(front.contains(point) != beaten, "\(point.name)")
      }
    }
  }

  @Test("the best within budgets keeps to them, and nothing within them is better")
  func best() throws {
    let space = try Example.space()
    let budgets = Budgets(area: 1.2, power: 500)
    let best = try #require(space.mostEfficient(within: budgets))
    #expect(best.area.high <= 1.2 && best.power.high <= 500 && best.isComplete)
    for point in space.points where point.isComplete && budgets.admits(point) {
      #expect(point.efficiency.low <= best.efficiency.low)
    }
    let fastest = try #require(space.fastest(within: budgets))
    #expect(fastest.framesPerSecond.low >= best.framesPerSecond.low)
    #expect(budgets.admits(fastest))
  }

  @Test("budgets that nothing keeps to have a nearest point, which misses them by the least")
  func nearest() throws {
    let space = try Example.space()
    let budgets = Budgets(area: 0.001, framesPerSecond: 100)
    #expect(space.mostEfficient(within: budgets) == nil)
    #expect(space.fastest(within: budgets) == nil)
    let nearest = try #require(space.nearest(to: budgets))
    for point in space.points where point.isComplete {
      #expect(budgets.excess(of: nearest) <= budgets.excess(of: point))
    }
  }

  @Test("budgets that are no budgets are refused", arguments: [0, -1, Double.nan, .infinity])
  func absurdBudgets(value: Double) {
    #expect(Budgets(area: value).verify().count == 1)
    #expect(Budgets(framesPerSecond: value, power: value).verify().count == 2)
    #expect(Budgets(area: 1).verify().isEmpty)
  }

  @Test("the best on an area is no larger than it, and a larger area is never slower")
  func areas() throws {
    let comparison = PaperComparison(try Example.space())
    #expect(comparison.areas.count >= 6)
    for row in comparison.areas {
      for point in [row.fastest, row.mostEfficient, row.fastestAlone, row.mostEfficientAlone] {
        #expect((point?.area.high ?? 0) <= row.area)
      }
      #expect(row.fastest?.fixedLayers != 0 && row.fastestAlone?.fixedLayers ?? 0 == 0)
    }
    let rates = comparison.areas.compactMap { $0.fastest?.framesPerSecond.middle }
    #expect(rates == rates.sorted())
  }

  @Test("MobileNetV1 is known by its layers, other networks are not taken for it")
  func mobileNet() {
    func layer(_ kernel: Int, _ stride: Int, _ groups: Int) -> LayerShape {
      LayerShape(
        name: "", kind: .convolution, inputHeight: 8, inputWidth: 8, inputChannels: 8,
        outputHeight: 8, outputWidth: 8, outputChannels: 8, kernelHeight: kernel,
        kernelWidth: kernel, strideY: stride, strideX: stride, groups: groups)
    }
    let pairs = (0..<13).flatMap { _ in [layer(3, 1, 8), layer(1, 1, 1)] }
    #expect(PaperComparison.isMobileNetV1([layer(3, 2, 1)] + pairs))
    #expect(!PaperComparison.isMobileNetV1([layer(3, 1, 1)] + pairs))
    #expect(!PaperComparison.isMobileNetV1([layer(3, 2, 1)] + pairs.dropLast()))
    #expect(!PaperComparison.isMobileNetV1(LayerShape.resNet50))
  }

  @Test("without DRAM energy the same design takes less")
  func dram() throws {
    let with = try #require(try Example.space().points.first { $0.name == "2 + A" })
    let without = try #require(try Example.space(dram: 0).points.first { $0.name == "2 + A" })
    #expect(abs(with.energy.low - without.energy.low - with.dramEnergy.low) < 1e-6)
    #expect(with.dramEnergy.middle > 0)
  }

  @Test("a network that only pools has no cut")
  func poolsAlone() throws {
    var design = Example.design
    design.stages = Array(design.stages.suffix(1))
    for index in design.stages[0].layers.indices {
      design.stages[0].layers[index].cost.convolution = nil
    }
    #expect(FixedLayerModel.cuts(of: design).isEmpty)
  }

  @Test("a DRAM energy that is none and a node without polynomials are diagnostics")
  func refused() throws {
    for setting in [
      DesignSpace.Setting(
        node: 16, technologies: [], dramPicojoulesPerByte: -1, clockGating: false),
      DesignSpace.Setting(
        node: 16, technologies: [], dramPicojoulesPerByte: 1e308, clockGating: false),
      DesignSpace.Setting(node: 65, technologies: [], dramPicojoulesPerByte: 0, clockGating: false),
    ] {
      #expect(throws: Diagnostics.self) {
        _ = try DesignSpace(Example.graph, design: nil, fixed: [], setting: setting)
      }
    }
  }

  @Test("the same network gives the same bytes")
  func deterministic() throws {
    #expect(StableJSON.encode(try Example.space()) == StableJSON.encode(try Example.space()))
  }
}
