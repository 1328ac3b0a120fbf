import Foundation
import Testing

/// `ppa` and `report` on Debian's cell library, which `make setup` installs.
@Suite("deepfreeze ppa and report", .serialized)
struct SynthesisCommandTests {
  private static let library = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"

  /// The example's first convolution, emitted, and a cache for all tests.
  private static let shared: (folder: TemporaryFolder, design: String, cache: String)? = {
    guard let folder = try? TemporaryFolder() else { return nil }
    let result = try? CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "1", "--output", folder.path("design"))
    return result?.status == 0 ? (folder, folder.path("design"), folder.path("cache")) : nil
  }()

  private struct Report: Decodable {
    struct Figure: Decodable { var low: Double, high: Double }
    struct Module: Decodable { var name: String, areas: [String: Double], flipFlops: Int }
    struct Synthesis: Decodable { var modules: [Module] }
    struct Power: Decodable {
      struct Check: Decodable { var registers: Double, openSTARegisters: Double }
      struct Module: Decodable { var check: Check }
      var activity: Double
      var modules: [Module]
    }
    var synthesis: Synthesis
    var totalArea: Figure
    var period: Double
    var isMissed: Bool
    var power: Power?
  }

  private func ppa(_ arguments: String...) throws -> (CommandLineTool.Result, Report) {
    let shared = try #require(Self.shared)
    let result = try CommandLineTool.run(
      arguments: ["ppa", shared.design, "--cache", shared.cache, "--json"] + arguments)
    let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    return (result, report)
  }

  @Test("areas by part add up, and a second run says the same from the cache") func areas() throws {
    let (first, report) = try ppa()
    #expect(first.status == 0 && !report.isMissed)
    // A layer, its stage and the top.
    #expect(report.synthesis.modules.count == 3)
    #expect(report.synthesis.modules[0].areas["adders"] ?? 0 > 0)
    let sum = report.synthesis.modules.flatMap(\.areas.values).reduce(0, +)
    #expect(report.totalArea.low >= sum * (1 - 1e-9))
    let shared = try #require(Self.shared)
    let before = try FileManager.default.contentsOfDirectory(atPath: shared.cache).count
    let (second, _) = try ppa()
    #expect(second.output == first.output)
    #expect(try FileManager.default.contentsOfDirectory(atPath: shared.cache).count == before)
  }

  @Test("a clock that is kept ends in 0, one that is not in 1") func clock() throws {
    // What is met at once is not mapped again.
    let (kept, slow) = try ppa("--clock", "10")
    #expect(kept.status == 0 && !slow.isMissed && slow.period < 10)
    let (missed, fast) = try ppa("--clock", "0.01")
    #expect(missed.status == 1 && fast.isMissed)
  }

  @Test("power of images is of OpenSTA's size at the same activity") func power() throws {
    let (result, report) = try ppa("--input", CommandLineTool.image)
    #expect(result.status == 0)
    let power = try #require(report.power)
    #expect(power.activity > 0 && power.activity < 1)
    let here = power.modules.reduce(0) { $0 + $1.check.registers }
    let there = power.modules.reduce(0) { $0 + $1.check.openSTARegisters }
    // OpenSTA's clock has no slew; here every table is read in its middle.
    #expect(here > 0 && (0.5...1.5).contains(there / here), "\(here) mW, OpenSTA \(there) mW")
  }

  @Test("report makes its folder, and shows areas, paths, power and activity") func page() throws {
    let shared = try #require(Self.shared)
    let target = shared.folder.path("pages/of/it")
    let result = try CommandLineTool.run(
      "report", shared.design, "--liberty", Self.library, "--cache", shared.cache, "--input",
      CommandLineTool.image, "--output", target)
    #expect(result.status == 0, "\(result.errors)")
    let html = try String(contentsOfFile: target + "/report.html", encoding: .utf8)
    for heading in ["Pipeline", "Area, synthesised", "Longest paths", "Power and activity"] {
      #expect(html.contains("<h2>\(heading)</h2>"), "\(heading)")
    }
    let json = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(filePath: target + "/report.json")))
    let power = (json as? [String: Any])?["power"] as? [String: Any]
    #expect((power?["modules"] as? [Any])?.count == 3)
  }

  @Test("what cannot be used ends in 2 and leaves nothing behind") func refused() throws {
    let shared = try #require(Self.shared)
    let missing = try CommandLineTool.run("ppa", shared.folder.path("nothing"))
    #expect(missing.status == 2 && missing.errors.contains("nothing"))
    let rubbish = try shared.folder.write(Array("library (x) { cell (".utf8), "rubbish.lib")
    let library = try CommandLineTool.run("ppa", shared.design, "--liberty", rubbish)
    #expect(library.status == 2 && library.errors.contains("rubbish.lib"))
    let file = try shared.folder.write([1], "file")
    let report = try CommandLineTool.run("report", shared.design, "--output", file + "/below")
    #expect(report.status == 2 && report.errors.contains("cannot be made"))
    let power = try CommandLineTool.run(
      "report", shared.design, "--input", CommandLineTool.image, "--output",
      shared.folder.path("none"))
    #expect(power.status == 64)
    #expect(!FileManager.default.fileExists(atPath: shared.folder.path("none")))
    let yosys = try CommandLineTool.run(
      arguments: ["ppa", shared.design, "--cache", shared.folder.path("other")], path: "/nowhere")
    #expect(yosys.status == 2 && yosys.errors.contains("yosys"))
  }
}
