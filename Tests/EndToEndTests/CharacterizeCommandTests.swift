import Foundation
import Testing

@Suite("deepfreeze characterize")
struct CharacterizeCommandTests {
  /// The example's first layer as an emitted folder.
  private func emitted(_ folder: TemporaryFolder) throws -> String {
    let out = folder.path("out")
    let result = try CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "1", "--effort", "0", "--output", out)
    try #require(result.status == 0)
    return out
  }

  /// A library of one inverter: no flip-flops.
  private static let inverter = """
    library (one) {
      cell (INV) { area : 1; pin (A) { direction : input; }
        pin (Y) { direction : output; function : "!A"; } }
    }

    """

  @Test("too few layers are refused before anything is mapped, and nothing is written")
  func tooFew() throws {
    let folder = try TemporaryFolder()
    let out = try emitted(folder)
    let target = folder.path("t.json")
    let result = try CommandLineTool.run(
      "characterize", out, "--name", "x", "--node", "180", "--output", target, "--cache",
      folder.path("cache"))
    #expect(result.status == 2)
    #expect(
      result.errors.contains("takes 8 layers with weights and 4 stages; there are 1 and 1")
        || result.errors.contains("there is no cell library"))
    #expect(!FileManager.default.fileExists(atPath: target))
  }

  @Test(
    "a library without flip-flops, a folder without a design, an output that cannot be are refused")
  func refused() throws {
    let folder = try TemporaryFolder()
    let liberty = try folder.write(Array(Self.inverter.utf8), "one.lib")
    let target = folder.path("t.json")
    let none = try CommandLineTool.run(
      "characterize", folder.path("none"), "--technology", "nangate45", "--liberty", liberty,
      "--output", target)
    #expect(none.status == 2 && none.errors.contains("no flip-flop"))
    let elsewhere = try CommandLineTool.run(
      "characterize", folder.path("none"), "--liberty", liberty, "--output",
      folder.path("nowhere/t.json"))
    #expect(elsewhere.status == 2 && elsewhere.errors.contains("no file can be written"))
    let asFolder = try CommandLineTool.run(
      "characterize", folder.path("none"), "--liberty", liberty, "--output", folder.path(""))
    #expect(asFolder.status == 2 && asFolder.errors.contains("it is a folder"))
    #expect(!FileManager.default.fileExists(atPath: target))
  }
}
