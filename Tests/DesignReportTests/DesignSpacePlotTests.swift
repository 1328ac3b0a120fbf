import DesignReports
import Estimation
import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

@Suite struct DesignSpacePlotTests {
  /// A random network that multiplies, as given and as a variant of the same weights.
  private static let networks: [ExploredNetwork] = {
    do {
      for seed in UInt64(1)... {
        let network = RandomNetwork(seed: seed)
        let design = try Freeze.design(network.graph, options: network.options)
        guard FixedLayerModel.cuts(of: design).count >= 2 else { continue }
        let costs = try FixedLayerModel.costs(
          of: design, technologies: Technology.usualInterval, at: ProcessNode(16))
        return ["as given", "w6_p<30>"].map {
          ExploredNetwork(
            NetworkVariant(name: $0), graph: network.graph, design: design, fixed: costs)
        }
      }
    } catch { preconditionFailure("random networks have designs: \(error)") }
    preconditionFailure("there are always such networks")
  }()

  private static func space(_ networks: [ExploredNetwork]) throws -> DesignSpace {
    try DesignSpace(
      networks,
      setting: .init(
        node: 16, technologies: Technology.usualInterval.map(\.name), dramPicojoulesPerByte: 120,
        clockGating: false))
  }

  private func isWhole(_ svg: String) -> Bool {
    svg.trimmingCharacters(in: .whitespacesAndNewlines).hasSuffix("</svg>")
  }

  @Test("every plot is a file of SVG that stands alone, and names what it draws")
  func files() async throws {
    let space = try Self.space(Self.networks)
    let point = try #require(space.points.first { $0.fixedLayers > 0 && $0.isComplete })
    let files = try await DesignSpacePlots(
      space, networks: Self.networks, chosen: [.init(title: "fastest", point: point)]
    ).files()
    #expect(
      files.map(\.name) == [
        "efficiency-by-layers.svg", "efficiency-fronts.svg", "rate-by-layers.svg",
        "rate-fronts.svg", "fixed-area.svg", "shares.svg",
      ])
    for file in files {
      #expect(file.svg.hasPrefix("<svg ") && file.svg.contains("xmlns="))
      #expect(!file.svg.contains("href=\"http"))
      #expect(isWhole(file.svg) && file.svg.contains("fill=\"#ffffff\""))
    }
    #expect(files[0].svg.contains("NVDLA alone") && files[0].svg.contains("fixed"))
    #expect(files[1].svg.contains("w6_p&lt;30"))
    #expect(files[5].svg.contains("\(point.name): area"))
  }

  @Test("a network that nothing can be fixed of has the accelerator's plots alone")
  func acceleratorAlone() async throws {
    let networks = [
      ExploredNetwork(NetworkVariant(), graph: Self.networks[0].graph, design: nil, fixed: [])
    ]
    let space = try Self.space(networks)
    let files = try await DesignSpacePlots(
      space, networks: networks,
      chosen: [.init(title: "fastest", point: try #require(space.points.first))]
    ).files()
    #expect(!files.contains { $0.name == "fixed-area.svg" })
    #expect(files.allSatisfy { isWhole($0.svg) })
  }
}
