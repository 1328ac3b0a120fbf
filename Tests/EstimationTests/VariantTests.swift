import Estimation
import Foundation
import NeuralGraph
import RTL
import Testing

extension Example {
  /// The example network with weights of few bits: multiples of a power of two.
  static func coarse(_ step: Int16) -> QuantizedGraph {
    var coarse = QuantizedGraph(name: graph.name)
    for var node in graph.nodes {
      if case .convolution(var layer) = node.operation {
        layer.weights = layer.weights.map { $0 / step * step }
        node.operation = .convolution(layer)
      }
      _ = coarse.append(node)
    }
    coarse.outputs = graph.outputs
    return coarse
  }

  static func network(
    _ variant: NetworkVariant, _ graph: QuantizedGraph, right: Int?
  ) throws -> ExploredNetwork {
    let design = try Freeze.design(graph, options: FreezeOptions(effort: 0))
    let costs = try FixedLayerModel.costs(
      of: design, technologies: Technology.usualInterval, at: ProcessNode(16))
    var network = ExploredNetwork(variant, graph: graph, design: design, fixed: costs)
    for index in network.cuts.indices {
      network.cuts[index].accuracy = right.map {
        .init(right: $0, givenRight: 90, images: 100, isLabelled: true)
      }
    }
    return network
  }

  static let setting = DesignSpace.Setting(
    node: 16, technologies: Technology.usualInterval.map(\.name), dramPicojoulesPerByte: 120,
    clockGating: false)

  /// The example as given, and with coarse weights that lose two points.
  static func variants(lost: Int? = 2) throws -> [ExploredNetwork] {
    [
      try network(NetworkVariant(), graph, right: lost.map { _ in 90 }),
      try network(
        NetworkVariant(name: "w4_p0", weightBits: 4), coarse(16), right: lost.map { 90 - $0 }),
    ]
  }
}

@Suite("Design space of variants")
struct VariantTests {
  @Test("every variant has every number of layers beside every accelerator, NVDLA alone once")
  func points() throws {
    let networks = try Example.variants()
    let space = try DesignSpace(networks, setting: Example.setting)
    let alone = try Example.space().points
    #expect(Set(space.points.map(\.name)).count == space.points.count)
    #expect(space.points.count == 2 * alone.count - 6)
    #expect(
      space.points.filter { $0.variant == NetworkVariant.asGiven }.map(\.area)
        == alone.map(\.area))
    #expect(space.points.contains { $0.name == "3 + C, w4_p0" })
    #expect(space.variants.map(\.name) == ["as given", "w4_p0"])
  }

  @Test("a variant's points are of its own adders, on the same accelerator")
  func ownAdders() throws {
    let networks = try Example.variants()
    #expect(networks[1].variant.adders < networks[0].variant.adders)
    let space = try DesignSpace(networks, setting: Example.setting)
    let given = try #require(space.points.first { $0.name == "5 + C" })
    let coarse = try #require(space.points.first { $0.name == "5 + C, w4_p0" })
    #expect(try #require(coarse.fixedArea).low < #require(given.fixedArea).low)
    #expect(try #require(coarse.fixedEnergy).low < #require(given.fixedEnergy).low)
    #expect(coarse.acceleratorArea == given.acceleratorArea)
    #expect(coarse.acceleratorRate == given.acceleratorRate)
    #expect(coarse.multiplyAccumulates == given.multiplyAccumulates)
  }

  @Test("where accuracy was not measured the front is of area, rate and energy alone")
  func unmeasured() throws {
    let space = try DesignSpace(try Example.variants(lost: nil), setting: Example.setting)
    #expect(
      space.points.filter { $0.variant != NetworkVariant.asGiven }
        .allSatisfy { $0.pointsLost == nil })
    #expect(space.pareto() == space.pareto([.area, .rate, .energy]))
    // The variant is smaller at the same rate: it beats the network as given.
    #expect(space.pareto().contains { $0.variant == "w4_p0" })
    #expect(!space.pareto().contains { $0.variant != "w4_p0" && $0.fixedLayers > 0 })
    // A budget of accuracy admits nothing that was not measured.
    #expect(space.pareto(accuracyLoss: 50).allSatisfy { $0.variant == NetworkVariant.asGiven })
  }

  @Test("what loses no accuracy stays on the front beside what is smaller and does")
  func measured() throws {
    let space = try DesignSpace(try Example.variants(), setting: Example.setting)
    let front = space.pareto()
    #expect(front.contains { $0.variant == "w4_p0" })
    #expect(front.contains { $0.variant != "w4_p0" && $0.fixedLayers > 0 })
  }

  @Test("a budget of accuracy keeps out the variants that miss it", arguments: [1.0, 2.0])
  func accuracyBudget(points: Double) throws {
    let space = try DesignSpace(try Example.variants(), setting: Example.setting)
    let budgets = Budgets(area: 1.5, accuracyLoss: points)
    let best = try #require(space.mostEfficient(within: budgets))
    #expect((best.variant == "w4_p0") == (points == 2))
    let admitted = space.points.filter(budgets.admits)
    #expect(admitted.contains { $0.variant == "w4_p0" } == (points == 2))
    // Nothing lost is admitted by a budget of nothing.
    #expect(Budgets(accuracyLoss: 0).admits(try #require(space.points.first)))
  }

  @Test("a budget that no variant meets has a nearest design, which misses it by the least")
  func nearest() throws {
    let space = try DesignSpace(try Example.variants(), setting: Example.setting)
    let budgets = Budgets(area: 0.01, accuracyLoss: 0)
    #expect(space.mostEfficient(within: budgets) == nil)
    let nearest = try #require(space.nearest(to: budgets))
    #expect(nearest.variant == NetworkVariant.asGiven && budgets.excess(of: nearest).isFinite)
    for point in space.points where point.isComplete {
      #expect(budgets.excess(of: nearest) <= budgets.excess(of: point))
    }
  }

  @Test("budgets of accuracy are from 0 to 100 points", arguments: [-1, 101, Double.nan])
  func absurdBudget(points: Double) {
    #expect(Budgets(accuracyLoss: points).verify().count == 1)
    #expect(Budgets(accuracyLoss: 0).verify().isEmpty && !Budgets(accuracyLoss: 0).isEmpty)
  }

  @Test("shares of a design add up, and are of what it has")
  func shares() throws {
    let space = try DesignSpace(try Example.variants(), setting: Example.setting)
    let both = try #require(space.points.first { $0.name == "3 + C" }?.shares)
    #expect(abs(both.fixedEnergy + both.acceleratorEnergy + both.dramEnergy - 1) < 1e-12)
    #expect(both.fixedArea > 0 && both.fixedArea < 1 && both.fixedLatency < 1)
    let alone = try #require(space.points.first { $0.name == "C" }?.shares)
    #expect(alone.fixedArea == 0 && alone.fixedOperations == 0 && alone.fixedEnergy == 0)
    let last = try #require(space.points.last { $0.isComplete && $0.accelerator == nil }?.shares)
    #expect(last.fixedArea == 1 && last.fixedOperations == 1 && last.fixedLatency == 1)
  }

  @Test("other figures for the fixed layers change the design's area and rate, not its energy")
  func replaced() throws {
    let point = try #require(try Example.space().points.first { $0.name == "3 + C" })
    let (area, rate) = try (#require(point.fixedArea), #require(point.fixedRate))
    #expect(point.withFixedLayers(area: area, framesPerSecond: rate) == point)
    let slow = rate * (point.framesPerSecond.low / rate.high / 2)
    let other = point.withFixedLayers(area: area * 2, framesPerSecond: slow)
    #expect(abs(other.area.low - point.area.low - area.low) < 1e-12)
    #expect(other.framesPerSecond.high == slow.high && other.energy == point.energy)
  }
}
