import Foundation
import Simulation
import Testing

@Suite("deepfreeze emit and verify")
struct EmitAndVerifyTests {
  /// The example's first two convolutions, emitted.
  private func emitted() throws -> (folder: TemporaryFolder, path: String) {
    let folder = try TemporaryFolder()
    let result = try CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "2", "--output", folder.path("out"))
    #expect(result.status == 0, "\(result.errors)")
    return (folder, folder.path("out"))
  }

  @Test("emit says what it wrote, and verify that it is right")
  func right() throws {
    let (folder, path) = try emitted()
    let result = try CommandLineTool.run(
      "verify", path, "--input", CommandLineTool.image, "--simulator", "icarus")
    #expect(result.status == 0)
    #expect(result.output.contains("as predicted"))
    #expect(result.errors.isEmpty)
    withExtendedLifetime(folder) {}
  }

  @Test("a limit of adder levels that no graph keeps names every layer, one that it can is kept")
  func maxDepth() throws {
    let folder = try TemporaryFolder()
    func emit(_ limit: Int) throws -> CommandLineTool.Result {
      try CommandLineTool.run(
        "emit", CommandLineTool.model, "--fixed-layers", "2", "--output", folder.path("out"),
        "--max-depth", "\(limit)")
    }
    let shallow = try emit(1)
    #expect(shallow.status == 2)
    #expect(shallow.errors.split(separator: "\n").count == 2)
    #expect(shallow.errors.contains("adder levels at least, more than 1"))
    #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
    let deep = try emit(12)
    #expect(deep.status == 0, "\(deep.errors)")
    let verified = try CommandLineTool.run(
      "verify", folder.path("out"), "--input", CommandLineTool.image, "--simulator", "icarus")
    #expect(verified.status == 0)
  }

  @Test("verify ends with 1 when the Verilog computes something else")
  func wrong() throws {
    let (folder, path) = try emitted()
    let name = try FileManager.default.contentsOfDirectory(atPath: path + "/rtl")
      .first { $0.contains("layer2") }!
    let file = path + "/rtl/" + name
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let changed = text.replacing("} + {", with: "} - {", maxReplacements: 1)
    #expect(changed != text)
    try changed.write(toFile: file, atomically: true, encoding: .utf8)
    let result = try CommandLineTool.run(
      "verify", path, "--input", CommandLineTool.image, "--simulator", "icarus")
    #expect(result.status == 1)
    #expect(result.output.contains("NOT as predicted"))
    #expect(result.output.contains("layer2"))
    withExtendedLifetime(folder) {}
  }

  @Test(
    "a simulator that is not installed is named with its package", arguments: Simulator.allCases)
  func missing(simulator: Simulator) throws {
    let (folder, path) = try emitted()
    let result = try CommandLineTool.run(
      "verify", path, "--input", CommandLineTool.image, "--simulator", simulator.rawValue,
      path: folder.url.path)
    #expect(result.status == 2)
    let package = simulator == .icarus ? "iverilog" : "verilator"
    #expect(result.errors.contains("is not installed"))
    #expect(result.errors.contains("apt-get install \(package)"))
    #expect(result.output.isEmpty)
  }

  @Test("a folder that exists stays as it is without --force, and is replaced with it")
  func force() throws {
    let (folder, path) = try emitted()
    let before = try Data(contentsOf: URL(filePath: path + "/design.json"))
    let refused = try CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "1", "--output", path)
    #expect(refused.status == 2)
    #expect(refused.errors.contains("--force"))
    #expect(try Data(contentsOf: URL(filePath: path + "/design.json")) == before)
    let replaced = try CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "1", "--output", path, "--force")
    #expect(replaced.status == 0)
    #expect(try Data(contentsOf: URL(filePath: path + "/design.json")) != before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["out"])
  }

  @Test(
    "what cannot be fixed is refused with 2, wrong usage with 64, and nothing is written",
    arguments: [
      (["--fixed-layers", "13"], Int32(2), "12 convolutions"),
      (["--fixed-layers", "0"], 64, "n|all"),
      (["--fixed-layers", "-1"], 64, "n|all"),
      (["--fixed-layers", "all", "--effort", "4"], 64, "0 to 3"),
      ([], 64, "--fixed-layers"),
    ])
  func refused(options: [String], status: Int32, message: String) throws {
    let folder = try TemporaryFolder()
    let result = try CommandLineTool.run(
      arguments: ["emit", CommandLineTool.model, "--output", folder.path("out")] + options)
    #expect(result.status == status)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
  }

  @Test("a folder that cannot be written is said in the system's words")
  func unwritable() throws {
    let result = try CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "1", "--output", "/proc/deepfreeze/out")
    #expect(result.status == 2)
    #expect(!result.errors.contains("Error Domain"))
    #expect(!result.errors.contains("NSCocoa"))
  }
}
