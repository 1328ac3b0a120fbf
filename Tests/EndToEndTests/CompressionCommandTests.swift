import Foundation
import Testing

@Suite("Compression commands")
struct CompressionCommandTests {
  private static let float = CommandLineTool.root.appending(path: "models/fashion_mnist_float.pb")
    .path
  private static let calibration = CommandLineTool.root.appending(path: "models/calibration").path
  private static let images = CommandLineTool.root.appending(path: "models/images").path

  @Test("a quantized network is written, inspected and evaluated beside its float model")
  func quantize() throws {
    let folder = try TemporaryFolder()
    let network = folder.path("q.json")
    let quantized = try CommandLineTool.run(
      "quantize", Self.float, "--input-range", "0,1", "--calibrate", Self.calibration,
      "--weight-bits", "6", "--output", network)
    #expect(quantized.status == 0)
    #expect(quantized.output.contains("SQNR"))
    #expect(quantized.output.contains("stem/Relu6"))
    let inspected = try CommandLineTool.run("inspect", network)
    #expect(inspected.status == 0)
    #expect(inspected.output.contains("deepfreeze network, input int8 1x28x28x1"))
    let labels = try folder.write(Array("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n".utf8), "labels.txt")
    let evaluated = try CommandLineTool.run(
      "evaluate", network, Self.float, "--reference", Self.float, "--images", Self.images,
      "--labels", labels, "--input-range", "0,1", "--json")
    #expect(evaluated.status == 0)
    let json =
      try JSONSerialization.jsonObject(with: Data(evaluated.output.utf8)) as? [String: Any]
    let rows = json?["evaluations"] as? [[String: Any]]
    #expect(rows?.map { $0["arithmetic"] as? String } == ["integers", "binary32"])
    #expect(rows?[1]["top1"] as? Int == 10)
    #expect((rows?[0]["agreement"] as? Int ?? 0) >= 9)
  }

  @Test("a pruned network is written, frozen and proved against itself")
  func prune() throws {
    let folder = try TemporaryFolder()
    let (network, prices) = (folder.path("p.json"), folder.path("prices.json"))
    let pruned = try CommandLineTool.run(
      "prune", CommandLineTool.model, "--calibrate", Self.calibration, "--fixed-layers", "2",
      "--save", "20", "--output", network, "--write-prices", prices)
    #expect(pruned.status == 0)
    #expect(pruned.output.contains("right: "))
    let again = try CommandLineTool.run(
      "prune", CommandLineTool.model, "--calibrate", Self.calibration, "--fixed-layers", "2",
      "--prices", prices, "--output", folder.path("again.json"))
    #expect(again.status == 0)
    #expect(again.output == pruned.output)
    let emitted = try CommandLineTool.run(
      "emit", network, "--fixed-layers", "2", "--effort", "0", "--output", folder.path("out"))
    #expect(emitted.status == 0)
    let proved = try CommandLineTool.run("prove", folder.path("out"), "--model", network)
    #expect(proved.status == 0)
    let magnitude = try CommandLineTool.run(
      "prune", CommandLineTool.model, "--calibrate", Self.calibration, "--method", "magnitude",
      "--share", "30", "--global", "--output", folder.path("m.json"), "--json")
    #expect(magnitude.status == 0)
    #expect(magnitude.output.contains("addersBefore"))
    let usage = try CommandLineTool.run(
      "prune", CommandLineTool.model, "--calibrate", Self.calibration, "--output", network)
    #expect(usage.status == 64)
  }

  @Test("a trade-off has a table, a plot, and points that their scripts make again")
  func tradeoff() throws {
    let folder = try TemporaryFolder()
    let out = folder.path("out")
    let swept = try CommandLineTool.run(
      "tradeoff", Self.float, "--input-range", "0,1", "--calibrate", Self.calibration,
      "--calibration-images", "10", "--fixed-layers", "2", "--weight-bits", "8,5", "--save", "0,20",
      "--output", out)
    #expect(swept.status == 0)
    let csv = try String(contentsOfFile: out + "/tradeoff.csv", encoding: .utf8)
    let lines = csv.split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines[0].hasSuffix("agreement_percent,pareto"))
    #expect(lines.dropFirst().contains { $0.hasSuffix(",1") })
    let svg = try String(contentsOfFile: out + "/tradeoff.svg", encoding: .utf8)
    #expect(svg.contains("<svg") && svg.contains("w5_p20"))
    let again = folder.path("again")
    try FileManager.default.createDirectory(atPath: again, withIntermediateDirectories: true)
    let bin = folder.path("bin")
    try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: bin + "/deepfreeze", withDestinationPath: CommandLineTool.executable.path)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = [out + "/points/w5_p20.sh"]
    process.currentDirectoryURL = URL(filePath: again)
    process.environment = ["PATH": bin + ":/usr/bin:/bin"]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    for name in ["w5_p20.json", "w5_p20.bin"] {
      let (a, b) = (URL(filePath: again + "/" + name), URL(filePath: out + "/points/" + name))
      #expect(try Data(contentsOf: a) == Data(contentsOf: b))
    }
    let existing = try CommandLineTool.run(
      "tradeoff", Self.float, "--calibrate", Self.calibration, "--output", out)
    #expect(existing.status == 2)
    #expect(existing.errors.contains("the output folder exists"))
  }

  @Test("bad input ends with exit code 2 and says what is wrong")
  func badInput() throws {
    let folder = try TemporaryFolder()
    let empty = folder.path("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    let labels = try folder.write(Array("0\n1\n".utf8), "labels.txt")
    let bits = try folder.write(Array(#"{"default": {"weights": 12}}"#.utf8), "bits.json")
    let output = folder.path("q.json")
    let cases: [([String], String)] = [
      (
        ["evaluate", CommandLineTool.model, "--images", empty, "--labels", labels],
        "holds no image"
      ),
      (
        ["evaluate", CommandLineTool.model, "--images", Self.images, "--labels", labels],
        "2 labels for 10 images"
      ),
      (
        ["quantize", Self.float, "--calibrate", empty, "--output", output], "holds no image"
      ),
      (
        [
          "quantize", Self.float, "--calibrate", Self.calibration, "--bits", bits, "--output",
          output,
        ], "12 bits; 2 to 8"
      ),
      (
        ["quantize", CommandLineTool.model, "--calibrate", Self.calibration, "--output", output],
        "quantized already"
      ),
      (
        [
          "prune", CommandLineTool.model, "--calibrate", Self.calibration, "--save", "9",
          "--fixed-layers", "99", "--output", output,
        ], "at most 12"
      ),
      (
        [
          "prune", CommandLineTool.model, "--calibrate", empty, "--save", "9", "--output", output,
        ], "holds no image"
      ),
    ]
    for (arguments, expected) in cases {
      let result = try CommandLineTool.run(arguments: arguments)
      #expect(result.status == 2)
      #expect(result.errors.contains(expected))
    }
    #expect(!FileManager.default.fileExists(atPath: output))
  }
}
