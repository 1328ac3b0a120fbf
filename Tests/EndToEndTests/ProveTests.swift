import Foundation
import Testing

@Suite struct ProveTests {
  private func emit(_ folder: TemporaryFolder, style: String = "words") throws -> String {
    let out = folder.path("out")
    let emitted = try CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "2", "--effort", "0", "--adder-style", style,
      "--output", out)
    #expect(emitted.status == 0)
    return out
  }

  @Test("an emitted folder is proved against its model; exit code 0", arguments: ["words", "heap"])
  func proved(style: String) throws {
    let folder = try TemporaryFolder()
    let out = try emit(folder, style: style)
    let text = try CommandLineTool.run("prove", out, "--model", CommandLineTool.model)
    #expect(text.status == 0)
    #expect(text.output.contains("fashion_mnist_int8: proved: every output"))
    let json = try CommandLineTool.run("prove", out, "--model", CommandLineTool.model, "--json")
    let proof =
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    #expect(proof?["isProved"] as? Bool == true)
    #expect((proof?["layers"] as? [Any])?.count == 2)
  }

  @Test("a changed text is not proved; exit code 1, layer and channel in the text and the JSON")
  func changed() throws {
    let folder = try TemporaryFolder()
    let out = try emit(folder)
    let path = out + "/rtl/fashion_mnist_int8_layer1_stem.v"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let changed = text.replacing(#/(sum\d+ <?= [^;]*) - /#, maxReplacements: 1) { "\($0.1) + " }
    try #require(changed != text)
    try changed.write(toFile: path, atomically: true, encoding: .utf8)
    let result = try CommandLineTool.run("prove", out, "--model", CommandLineTool.model)
    #expect(result.status == 1)
    #expect(result.output.contains("layer1_stem, channel"))
    #expect(result.output.contains("fashion_mnist_int8: not proved"))
    let json = try CommandLineTool.run("prove", out, "--model", CommandLineTool.model, "--json")
    #expect(json.status == 1)
    #expect(json.output.contains("coefficient expected"))
  }

  @Test("without Yosys the proof says what to install; exit code 2")
  func missing() throws {
    let folder = try TemporaryFolder()
    let out = try emit(folder)
    let result = try CommandLineTool.run(
      "prove", out, "--model", CommandLineTool.model, path: folder.path("nothing"))
    #expect(result.status == 2)
    #expect(result.errors.contains("apt-get install yosys"))
  }
}
