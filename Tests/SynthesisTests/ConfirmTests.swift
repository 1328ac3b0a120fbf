import Estimation
import Foundation
import NeuralGraph
import RTL
import Simulation
import Synthesis
import Testing

/// Points of a design space, synthesised.
@Suite struct ConfirmTests {
  /// A small random network of two cuts or more, with adders behind the first.
  private static let network: RandomNetwork = {
    for seed in UInt64(1)... {
      let network = RandomNetwork(seed: seed)
      guard let design = try? Freeze.design(network.graph, options: network.options) else {
        continue
      }
      let bits = design.layers.reduce(0) { $0 + $1.cost.registerBits }
      if FixedLayerModel.cuts(of: design).count >= 2, bits < 1500,
        design.layers[0].cost.sumAdderBits > 0
      {
        return network
      }
    }
    preconditionFailure("there are always such networks")
  }()

  private static let technology = Technology.builtIn[0]

  private static func explored(
    _ technology: Technology
  ) throws(Diagnostics) -> (network: ExploredNetwork, space: DesignSpace) {
    let design = try Freeze.design(network.graph, options: network.options)
    let costs = try FixedLayerModel.costs(
      of: design, technologies: [technology], at: try ProcessNode(45))
    let explored = ExploredNetwork(
      NetworkVariant(), graph: network.graph, design: design, fixed: costs)
    let setting = DesignSpace.Setting(
      node: 45, technologies: [technology.name], dramPicojoulesPerByte: 120, clockGating: false)
    return (explored, try DesignSpace([explored], setting: setting))
  }

  private static func synthesiser(
    _ scratch: ScratchFolder
  ) async throws(Diagnostics) -> Synthesiser {
    try await Synthesiser(
      library: try CellLibrary([(name: "tiny.lib", bytes: Array(TinyLibrary.whole.utf8))]),
      cache: SynthesisCache(folder: scratch.path + "/cache"), scratch: scratch)
  }

  @Test("a part of the layers is emitted and mapped as a design of its own, all as they are")
  func confirmed() async throws {
    let (explored, space) = try Self.explored(Self.technology)
    try await ScratchFolder.with { scratch throws(Diagnostics) in
      let synthesiser = try await Self.synthesiser(scratch)
      func confirm(_ point: DesignPoint) async throws(Diagnostics) -> DesignConfirmation {
        try await synthesiser.confirm(
          point, of: explored, technology: Self.technology, node: try ProcessNode(45), jobs: 2)
      }
      let counts = explored.cuts.map(\.cost.convolutions)
      var areas: [Double] = []
      for count in [counts.first!, counts.last!] {
        let point = space.points.first { $0.fixedLayers == count }!
        let found = try await confirm(point)
        #expect(found.point == point && found.clock > 0 && found.period > 0)
        #expect(found.synthesised.total.provenance.sources.contains("tiny.lib"))
        // At the technology's own node nothing is scaled.
        let area = found.synthesised.total.converted(to: .squareMillimetre)
        #expect(abs(found.confirmed.fixedArea!.low / area.low - 1) < 1e-9)
        let model = found.modelled.total.converted(to: .squareMillimetre)
        // A cut is an estimate of the design of so many layers: its FIFOs may lie elsewhere.
        let bound = count == counts.last ? 1e-9 : 0.1
        #expect(abs(model.low / point.fixedArea!.low - 1) < bound)
        #expect(abs((1 + found.deviation) * area.middle / model.middle - 1) < 1e-9)
        let rate = 1e9 / (found.period * Double(explored.cuts[0].cost.cyclesPerFrame))
        #expect(abs(found.confirmed.fixedRate!.low / rate - 1) < 1e-9)
        #expect(found.confirmed.energy == point.energy)
        areas.append(area.low)
        // A second run is the first.
        #expect(try await confirm(point) == found)
      }
      #expect(areas[0] < areas[1])
    }
  }

  @Test("a budget that a model meets which is too small is missed by the synthesised area")
  func missed() async throws {
    var technology = Self.technology
    technology.areas.fullAdderBit = technology.areas.fullAdderBit * 0.1
    technology.areas.pipelineRegisterBit = technology.areas.pipelineRegisterBit * 0.1
    technology.areas.stageControl = technology.areas.stageControl * 0.1
    technology.areas.windowRegisterBit = technology.areas.windowRegisterBit * 0.1
    technology.areas.fifoBit = technology.areas.fifoBit * 0.1
    let (explored, space) = try Self.explored(technology)
    let point = space.points.first { $0.fixedLayers > 0 && $0.accelerator == nil }!
    try await ScratchFolder.with { [technology] scratch throws(Diagnostics) in
      let found = try await Self.synthesiser(scratch).confirm(
        point, of: explored, technology: technology, node: try ProcessNode(45), jobs: 2)
      #expect(found.deviation < -0.2)
      let budgets = Budgets(area: 1.05 * point.area.high)
      #expect(budgets.admits(point) && !budgets.admits(found.confirmed))
    }
  }

  @Test("every number of layers that the space has is a design of its own, of the same layers")
  func cuts() throws {
    for shape in FuzzShape.allCases {
      var looked = 0
      for seed in UInt64(1)...30 {
        let network = RandomNetwork(seed: seed, shape: shape)
        guard let design = try? Freeze.design(network.graph, options: network.options) else {
          continue
        }
        for cut in FixedLayerModel.cuts(of: design) where cut < design.layers.count {
          var options = network.options
          options.fixedLayers = design.layers[..<cut].count { $0.cost.convolution != nil }
          let alone = try Freeze.design(network.graph, options: options)
          looked += 1
          #expect(alone.layers.map(\.value) == design.layers[..<cut].map(\.value), "\(seed)")
        }
      }
      #expect(looked >= 5)
    }
  }
}
