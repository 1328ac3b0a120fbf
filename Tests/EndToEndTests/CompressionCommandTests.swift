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
    ]
    for (arguments, expected) in cases {
      let result = try CommandLineTool.run(arguments: arguments)
      #expect(result.status == 2)
      #expect(result.errors.contains(expected))
    }
    #expect(!FileManager.default.fileExists(atPath: output))
  }
}
