import Foundation
import NeuralGraph
import TensorFiles
import Testing

@Suite("Calibration images") struct LoadCalibrationTests {
  private let shape = TensorShape([1, 1, 2, 1])

  /// Runs with a temporary folder that holds these files.
  @discardableResult
  private func withFolder<R>(
    _ files: [String: [UInt8]], _ body: (String) throws -> R
  ) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "deepfreeze-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
    return try body(folder.path)
  }

  private func grey(_ pixels: [UInt8]) -> [UInt8] {
    Array("P5 \(pixels.count) 1 255\n".utf8) + pixels
  }

  @Test("A folder's images come in the order of their names; other files are passed over")
  func folder() throws {
    let files = ["b.pgm": grey([3, 4]), "a.PGM": grey([1, 2]), "notes.txt": Array("no".utf8)]
    let images = try withFolder(files) {
      try loadCalibrationImages($0, shape: shape, resize: false)
    }
    #expect(images.map(\.values) == [[1, 2], [3, 4]])
  }

  @Test("One file is one image")
  func file() throws {
    let images = try withFolder(["a.pgm": grey([1, 2])]) {
      try loadCalibrationImages($0 + "/a.pgm", shape: shape, resize: false)
    }
    #expect(images.map(\.values) == [[1, 2]])
  }

  @Test("Every image of another size is reported, unless it may be scaled")
  func sizes() throws {
    let files = ["a.pgm": grey([1, 1, 1, 1]), "b.pgm": grey([7]), "c.pgm": grey([1, 2])]
    try withFolder(files) { folder in
      let error = #expect(throws: Diagnostics.self) {
        try loadCalibrationImages(folder, shape: shape, resize: false)
      }
      #expect(error?.all.map(\.place.file) == [folder + "/a.pgm", folder + "/b.pgm"])
      let scaled = try loadCalibrationImages(folder, shape: shape, resize: true)
      #expect(scaled.count == 3)
    }
  }

  @Test("A missing folder and one without images are diagnostics")
  func nothing() throws {
    #expect(throws: Diagnostics.self) {
      try loadCalibrationImages("/nowhere/at/all", shape: shape, resize: false)
    }
    try withFolder([:]) { folder in
      #expect(throws: Diagnostics.self) {
        try loadCalibrationImages(folder, shape: shape, resize: false)
      }
    }
  }
}
