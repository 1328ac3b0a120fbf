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

  private static let calibration = CommandLineTool.root.appending(path: "models/calibration").path
  private static let images = CommandLineTool.root.appending(path: "models/images").path
  private static let float = CommandLineTool.root.appending(path: "models/fashion_mnist_float.pb")
    .path

  @Test("pruned variants stand beside the network as given, with what they get right")
  func variants() throws {
    let arguments = [
      "explore", CommandLineTool.model, "--fixed-layers", "2", "--save", "20", "--calibrate",
      Self.calibration, "--calibration-images", "10",
    ]
    let unmeasured = try CommandLineTool.run(arguments: arguments)
    #expect(unmeasured.status == 0)
    for word in ["int8_p20", "as given", "accuracy was not measured", ", int8_p20"] {
      #expect(unmeasured.output.contains(word), "\(word)")
    }
    let measured = try CommandLineTool.run(
      arguments: arguments + ["--validate", Self.images, "--budget", "0", "--json"])
    #expect(measured.status == 0)
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(measured.output.utf8)) as? [String: Any])
    let space = try #require(json["space"] as? [String: Any])
    let variants = try #require(space["variants"] as? [[String: Any]])
    #expect(variants.map { $0["name"] as? String } == ["as given", "int8_p20"])
    let adders = variants.compactMap { $0["adders"] as? Int }
    #expect(adders.count == 2 && 5 * adders[1] <= 4 * adders[0])
    #expect((variants[1]["accuracy"] as? [String: Any])?["images"] as? Int == 10)
    let points = try #require(space["points"] as? [[String: Any]])
    #expect(points.contains { $0["name"] as? String == "2 + C, int8_p20" })
    #expect((json["chosen"] as? [[String: Any]])?.isEmpty == false)
  }

  @Test("bits of a float model are variants, of which one that is the network as given is left out")
  func bits() throws {
    let result = try CommandLineTool.run(
      "explore", Self.float, "--input-range", "0,1", "--calibrate", Self.calibration,
      "--fixed-layers", "1", "--weight-bits", "8,5")
    #expect(result.status == 0)
    #expect(result.errors.contains("w8_p0 is the network as given"))
    #expect(result.output.contains(", w5_p0") && !result.output.contains(", w8_p0"))
  }

  @Test("variants that cannot be made, and options that do not fit, are refused")
  func refusedVariants() throws {
    let cases: [(arguments: [String], status: Int32, message: String)] = [
      (["--weight-bits", "6"], 2, "the weights have their bits"),
      (["--save", "20"], 2, "give --calibrate"),
      (["--weight-bits", "1"], 64, "from 2 to 8"), (["--weight-bits", "6.5"], 64, "from 2 to 8"),
      (["--weight-bits", ""], 64, "weight-bits"), (["--save", "5,,6"], 64, "save"),
      (["--save", "100"], 64, "below 100"), (["--budget", "1"], 64, "--validate"),
      (["--liberty", "x.lib"], 64, "--confirm"),
      (["--validate", Self.images, "--budget", "101"], 2, "from 0 to 100"),
      (["--output", Self.images], 2, "the output folder exists"),
    ]
    for (arguments, status, message) in cases {
      let result = try CommandLineTool.run(
        arguments: ["explore", CommandLineTool.model, "--fixed-layers", "1"] + arguments)
      #expect(result.status == status, "\(arguments)")
      #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
    }
  }

  @Test("plots and the report are written to a folder")
  func plots() throws {
    let folder = try TemporaryFolder()
    let result = try CommandLineTool.run(
      "explore", CommandLineTool.model, "--fixed-layers", "2", "--output", folder.path("out"))
    #expect(result.status == 0)
    for name in ["efficiency-by-layers.svg", "rate-fronts.svg", "shares.svg", "explore.json"] {
      #expect(FileManager.default.fileExists(atPath: folder.path("out/\(name)")), "\(name)")
    }
  }

  private static let library = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"

  @Test("a library that no technology is for confirms nothing")
  func unknownLibrary() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("library (x) { }".utf8), "x.lib")
    let result = try CommandLineTool.run(
      "explore", CommandLineTool.model, "--fixed-layers", "1", "--confirm", "--liberty", path)
    #expect(result.status == 2)
  }

  @Test(
    "a budget that the model meets and the synthesised area misses ends in 1, said plainly",
    .enabled(if: FileManager.default.fileExists(atPath: library)))
  func confirmed() throws {
    // The coefficients of 45 nm for a library of 180 nm: areas are twenty times the model's.
    let folder = try TemporaryFolder()
    let text = try String(
      contentsOf: CommandLineTool.root.appending(
        path: "Sources/Estimation/Technologies/nangate45.json"), encoding: .utf8)
    let technology = try folder.write(
      Array(text.replacingOccurrences(of: "\"nangate45\"", with: "\"wrong\"").utf8), "t.json")
    let arguments = [
      "explore", CommandLineTool.model, "--fixed-layers", "1", "--node", "45", "--technology",
      technology, "--confirm", "--liberty", Self.library, "--cache", folder.path("cache"),
    ]
    let free = try CommandLineTool.run(arguments: arguments)
    #expect(free.status == 0)
    for word in ["synthesised", "deviation", "The clock of", "nothing is synthesised"] {
      #expect(free.output.contains(word), "\(word)")
    }
    // What is most efficient has its layer fixed, since nothing else has DRAM read less.
    let missed = try CommandLineTool.run(
      arguments: arguments + ["--area-budget", "8", "--dram-energy", "10000", "--json"])
    #expect(missed.status == 1)
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(missed.output.utf8)) as? [String: Any])
    let confirmations = try #require(json["confirmations"] as? [[String: Any]])
    #expect(confirmations.contains { ($0["deviation"] as? Double ?? 0) < -0.5 })
  }
}
