import DesignReports
import Estimation
import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

@Suite struct PageTests {
  private static func report(_ seed: UInt64) throws -> DesignReport {
    let network = RandomNetwork(seed: seed)
    let design = try Freeze.design(network.graph, options: network.options)
    let technology = Technology.builtIn[0]
    return DesignReport(
      design: DesignDescription(design, rtlFiles: [], simulationFiles: []), synthesis: nil,
      modelled: [
        .init(
          technology: technology.title, modules: FixedLayerModel(technology).modules(of: design))
      ], space: nil)
  }

  /// Tags that are opened and not closed, or closed and not open.
  private static func unbalanced(_ html: String) -> [String] {
    let void: Set = ["meta", "!DOCTYPE"]
    var open: [String] = []
    var wrong: [String] = []
    var rest = html[...]
    while let start = rest.firstIndex(of: "<") {
      guard let end = rest[start...].firstIndex(of: ">") else { return wrong + ["<"] }
      let tag = rest[rest.index(after: start)..<end]
      let name = String(tag.drop { $0 == "/" }.prefix { $0 != " " && $0 != "/" && $0 != "\n" })
      if tag.hasPrefix("/") {
        if open.popLast() != name { wrong.append(name) }
      } else if !tag.hasSuffix("/"), !void.contains(name) {
        open.append(name)
      }
      rest = rest[end...].dropFirst()
    }
    return wrong + open
  }

  @Test("the page stands alone, its tags in order", arguments: [UInt64(1), 2, 3, 4])
  func standsAlone(_ seed: UInt64) async throws {
    let report = try Self.report(seed)
    let html = try await report.html()
    #expect(Self.unbalanced(html).isEmpty)
    #expect(!html.contains("src=") && !html.contains("href=") && !html.contains("@import"))
    for stage in report.design.stages { #expect(html.contains(">\(stage.name)<")) }
    #expect(html.contains("prefers-color-scheme: dark"))
  }

  @Test("names that HTML would read are written out")
  func escaped() async throws {
    var report = try Self.report(1)
    report.design.name = "a<b>&\"c"
    let html = try await report.html()
    #expect(html.contains("<title>a&lt;b&gt;&amp;&quot;c: power"))
    #expect(Self.unbalanced(html).isEmpty)
  }

  @Test("the model's modules add up to the cost of the whole design")
  func modules() throws {
    let network = RandomNetwork(seed: 3)
    let design = try Freeze.design(network.graph, options: network.options)
    let model = FixedLayerModel(Technology.builtIn[0])
    let sum = model.modules(of: design).reduce(0) { $0 + $1.area.total.middle }
    let whole = model.cost(of: design, layers: design.layers.count).area.total.middle
    #expect(abs(sum / whole - 1) < 1e-9)
  }
}
