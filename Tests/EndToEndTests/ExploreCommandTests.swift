import Foundation
import Testing

@Suite("deepfreeze explore")
struct ExploreCommandTests {
  private struct Report: Decodable {
    struct Figure: Decodable { var low: Double, high: Double, unit: String }
    struct Point: Decodable {
      var name: String
      var area: Figure
      var framesPerSecond: Figure
      var isComplete: Bool
    }
    var pareto: [Point]
    var mostEfficient: Point?
    var nearest: Point?
  }

  private func report(_ result: CommandLineTool.Result) throws -> Report {
    try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
  }

  @Test("a budget that is kept ends in 0, with the most efficient design inside it") func kept()
    throws
  {
    let result = try CommandLineTool.run(
      "explore", CommandLineTool.model, "--area-budget", "1.5", "--fps", "100", "--json")
    #expect(result.status == 0)
    let report = try report(result)
    let best = try #require(report.mostEfficient)
    #expect(best.area.high <= 1.5 && best.area.unit == "mm2" && best.framesPerSecond.low >= 100)
    #expect(best.isComplete && report.nearest == nil && !report.pareto.isEmpty)
  }

  @Test("a budget that is missed ends in 1, with the nearest design") func missed() throws {
    let result = try CommandLineTool.run(
      "explore", CommandLineTool.model, "--area-budget", "0.0001", "--json")
    #expect(result.status == 1)
    let report = try report(result)
    #expect(report.mostEfficient == nil && report.nearest != nil)
    let text = try CommandLineTool.run(
      "explore", CommandLineTool.model, "--area-budget", "0.0001")
    #expect(text.status == 1 && text.output.contains("Nearest, missing one by"))
  }

  @Test("unusable budgets, nodes and technologies end in 2, all reported at once") func refused()
    throws
  {
    let result = try CommandLineTool.run(
      "explore", CommandLineTool.model, "--area-budget", "-1", "--fps", "nan", "--node", "17")
    #expect(result.status == 2)
    for word in ["area budget", "frame rate", "17 nm is not a node"] {
      #expect(result.errors.contains(word), "\(word)")
    }
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("{\"format\": \"x\"}".utf8), "t.json")
    let corrupt = try CommandLineTool.run(
      "explore", CommandLineTool.model, "--technology", path)
    #expect(corrupt.status == 2 && corrupt.errors.contains("t.json"))
  }

  @Test("the text names the designs and says what the figures are") func text() throws {
    let result = try CommandLineTool.run("explore", CommandLineTool.model)
    #expect(result.status == 0)
    for word in [
      "Fixed layers alone:", "Least energy for their area:", "Most efficient:",
      "2 operations a multiply-accumulate", "TOPS/W",
    ] {
      #expect(result.output.contains(word), "\(word)")
    }
  }
}
