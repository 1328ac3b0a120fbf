import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

@Suite struct EmittedFolderTests {
  /// Runs `body` with the path of a folder that does not exist yet.
  private func withFolder(_ body: @Sendable @escaping (String) throws -> Void) async throws {
    let failure: String? = try await ScratchFolder.with { scratch throws(Diagnostics) in
      do {
        try body(scratch.path + "/out")
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(failure == nil)
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("the same design gives the same files")
  func stable() throws {
    #expect(try SmallDesign.files() == SmallDesign.files())
  }

  @Test("an emitted folder gives back its network and its description")
  func roundTrip() async throws {
    try await withFolder { path in
      try FolderWriter.write(SmallDesign.files(), to: path)
      let folder = try EmittedFolder(path: path)
      #expect(folder.network.graph == SmallDesign.graph)
      #expect(folder.design.name == "tiny")
      #expect(folder.design.taps.map(\.layer) == ["layer1_conv", "layer2_pool"])
      #expect(folder.design.timing.latency() == folder.design.latency)
    }
  }

  @Test("an existing folder is left alone without force")
  func exists() async throws {
    try await withFolder { path in
      try FolderWriter.write(SmallDesign.files(), to: path)
      #expect(
        self.message {
          try FolderWriter.write([EmittedFile("a", text: "b")], to: path, force: false)
        }.contains("the output folder exists (give another --output, or --force)"))
      // The commands without that option do not name it.
      #expect(
        self.message { try FolderWriter.write([EmittedFile("a", text: "b")], to: path) }
          .contains("the output folder exists (give another --output)"))
      #expect(FileManager.default.fileExists(atPath: path + "/rtl/tiny.v"))
    }
  }

  @Test(
    "a path that means a folder which is there never replaces it without force",
    arguments: ["", " ", "/", "/missing/.."])
  func pathsWithoutName(ending: String) async throws {
    try await withFolder { path in
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try "kept".write(toFile: path + "/file", atomically: true, encoding: .utf8)
      let output = ending.hasPrefix("/") ? path + ending : ending
      #expect(
        self.message { try FolderWriter.write(SmallDesign.files(), to: output) }
          .contains("the output folder"))
      #expect(FileManager.default.fileExists(atPath: path + "/file"))
    }
  }

  @Test("force replaces an emitted folder as a whole and leaves nothing beside it")
  func force() async throws {
    try await withFolder { path in
      try FolderWriter.write(SmallDesign.files() + [EmittedFile("old/x", text: "")], to: path)
      try FolderWriter.write(SmallDesign.files(), to: path, force: true)
      #expect(!FileManager.default.fileExists(atPath: path + "/old"))
      #expect(FileManager.default.fileExists(atPath: path + "/rtl/tiny.v"))
      let parent = (path as NSString).deletingLastPathComponent
      #expect(try FileManager.default.contentsOfDirectory(atPath: parent) == ["out"])
    }
  }

  @Test("force does not replace a folder that no emit has written")
  func foreignFolder() async throws {
    try await withFolder { path in
      try FolderWriter.write([EmittedFile("thesis.tex", text: "all my work")], to: path)
      #expect(
        self.message { try FolderWriter.write(SmallDesign.files(), to: path, force: true) }
          .contains("the output folder was not written by 'deepfreeze emit'; it is not replaced"))
      #expect(FileManager.default.fileExists(atPath: path + "/thesis.tex"))
    }
  }

  @Test("a file in the way is left alone")
  func fileInTheWay() async throws {
    try await withFolder { path in
      try Data([1]).write(to: URL(filePath: path))
      #expect(
        self.message { try FolderWriter.write(SmallDesign.files(), to: path, force: true) }
          .contains("the output is a file"))
    }
  }

  @Test("a failure while writing leaves the old folder and nothing beside it")
  func failure() async throws {
    try await withFolder { path in
      try FolderWriter.write(SmallDesign.files(), to: path)
      // One name for a file and a folder cannot be written.
      let bad = [EmittedFile("rtl", text: ""), EmittedFile("rtl/tiny.v", text: "")]
      #expect(
        self.message { try FolderWriter.write(bad, to: path, force: true) }
          .contains("the folder cannot be written"))
      #expect(try EmittedFolder(path: path).network.graph == SmallDesign.graph)
      let parent = (path as NSString).deletingLastPathComponent
      #expect(try FileManager.default.contentsOfDirectory(atPath: parent) == ["out"])
    }
  }

  @Test(
    "a folder with something missing or changed is refused",
    arguments: [
      (
        "design.json", "\"format\" : \"deepfreeze-design\"", "\"format\" : \"x\"",
        "it is not a design of deepfreeze, but 'x'"
      ),
      ("design.json", "\"version\" : 3", "\"version\" : 7", "its version is 7"),
      (
        "design.json", "\"words\" : 5", "\"words\" : 4611686018427387904", "memories that it cannot"
      ),
      (
        "design.json", "\"words\" : 5", "\"rom\" : \"../x\", \"words\" : 5",
        "memories that it cannot"
      ),
      ("design.json", "rtl/tiny.v", "../tiny.v", "the file ../tiny.v is missing"),
      ("design.json", "rtl/tiny.v", "rtl/tinier.v", "the file rtl/tinier.v is missing"),
      ("design.json", "\"sidebandBits\" : 8", "\"sidebandBits\" : 800", "the sideband has not"),
      ("design.json", "\"fifoDepth\" : ", "\"fifoDepth\" : -", "absurd number of ranks or of FIFO"),
      (
        "design.json", "\"inputHeight\" : 6", "\"inputHeight\" : 60",
        "input map differs from what enters"
      ),
      ("design.json", "\"registerBits\" : ", "\"registerBits\" : 9999999999999", "absurd costs"),
      ("network.json", "\"zeroPoint\" : 7", "\"zeroPoint\" : 700", "network.json: node"),
      ("network.json", "\"sha256\" : \"", "\"sha256\" : \"0", "network.bin: error: its length"),
    ])
  func refused(file: String, from: String, to: String, expected: String) async throws {
    try await withFolder { path in
      var files = try SmallDesign.files()
      files.replace(file, from, to)
      try FolderWriter.write(files, to: path)
      #expect(self.message { _ = try EmittedFolder(path: path) }.contains(expected))
    }
  }

  @Test("a folder that is none of ours is refused")
  func foreign() async throws {
    try await withFolder { path in
      try FolderWriter.write([EmittedFile("x", text: "")], to: path)
      #expect(
        self.message { _ = try EmittedFolder(path: path) }.contains("there is no design.json"))
    }
  }

  @Test("a design of another network is refused before it is simulated")
  func otherNetwork() async throws {
    await #expect {
      try await SmallDesign.verify(.icarus, frames: 1) { files in
        var graph = QuantizedGraph(name: "other")
        graph.outputs = [graph.append(SmallDesign.graph.nodes[0])]
        let (json, binary) = NetworkFile(graph: graph).encode()
        files.removeAll { $0.path.hasPrefix("network.") }
        files += [EmittedFile("network.json", json), EmittedFile("network.bin", binary)]
      }
    } throws: { error in
      "\(error)".contains("is no value of the network in network.json")
    }
  }
}
