import Foundation
import NeuralGraph
import TensorFiles
import Testing

/// An IDX file of bytes.
private func idx(_ dimensions: [Int], type: UInt8 = 8, _ bytes: [UInt8]) -> [UInt8] {
  [0, 0, type, UInt8(dimensions.count)]
    + dimensions.flatMap { n in [24, 16, 8, 0].map { UInt8(n >> $0 & 255) } } + bytes
}

/// `idx([2, 1, 2], [1, 2, 3, 4])`, gzipped.
private let gzipped: [UInt8] = [
  0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0xE0, 0x60, 0x66,
  0x60, 0x60, 0x60, 0x02, 0x62, 0x46, 0x10, 0xCD, 0xC8, 0xC4, 0xCC, 0x02, 0x00, 0xBC, 0xB8,
  0x81, 0xD1, 0x14, 0x00, 0x00, 0x00,
]

private func withFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(
    path: "imageset-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

private func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return "\(error)"
  }
}

@Suite("Image sets and class labels")
struct ImageSetTests {
  @Test("an IDX file gives its extents and bytes, gzipped or not")
  func array() throws {
    let plain = try IDXArray(file: idx([2, 1, 2], [1, 2, 3, 4]))
    #expect(plain.dimensions == [2, 1, 2])
    #expect(plain.bytes == [1, 2, 3, 4])
    #expect(try IDXArray(file: gzipped) == plain)
    #expect(try IDXArray(file: gzipped + gzipped.prefix(0)) == plain)
  }

  @Test(
    "damaged IDX files are refused",
    arguments: [
      (idx([2, 2], [1, 2, 3]), "says 4 bytes, and 3 follow"),
      (idx([2], type: 0x0D, [1, 2]), "of type 13"),
      (idx([0, 4], []), "empty or too large"),
      (idx([1 << 31, 1 << 31, 1 << 31], []), "empty or too large"),
      (Array(idx([2, 2], []).prefix(9)), "header is cut"),
      ([1, 2, 3], "no IDX file"),
      (Array(gzipped.dropLast(5)), "cannot be unpacked"),
    ])
  func damaged(bytes: [UInt8], expected: String) {
    #expect(message { _ = try IDXArray(file: bytes) }.contains(expected))
  }

  @Test("a gzip file that holds more than the limit is refused before it is held")
  func bomb() {
    #expect(message { _ = try IDXArray(file: gzipped, limit: 8) }.contains("more than 8 bytes"))
  }

  @Test("an array's images come in order, a folder's by name")
  func images() throws {
    try withFolder { folder in
      try writeFile(gzipped, to: folder + "/set.gz")
      let array = try ImageSet(path: folder + "/set.gz")
      #expect(array.count == 2)
      #expect(try array.image(1).samples == [3, 4])
      try writeFile(Array("P5 1 1 255\n".utf8) + [9], to: folder + "/b.pgm")
      try writeFile(Array("P5 1 1 255\n".utf8) + [5], to: folder + "/a.pgm")
      let files = try ImageSet(path: folder)
      #expect((0..<files.count).map(files.name) == ["a.pgm", "b.pgm"])
      #expect(try files.image(0).samples == [5])
    }
  }

  @Test("a folder without images and a missing folder are refused")
  func empty() throws {
    try withFolder { folder in
      #expect(message { _ = try ImageSet(path: folder) }.contains("holds no image"))
      #expect(message { _ = try ImageSet(path: folder + "/no") }.contains("does not exist"))
    }
  }

  @Test("labels are an IDX file, a line an image, or names with classes")
  func labels() throws {
    try withFolder { folder in
      for name in ["a.pgm", "b.pgm"] {
        try writeFile(Array("P5 1 1 255\n".utf8) + [9], to: folder + "/" + name)
      }
      let images = try ImageSet(path: folder)
      let path = folder + "/labels"
      try writeFile(idx([2], [4, 2]), to: path)
      #expect(try readClassLabels(path, for: images, classes: 5) == [4, 2])
      try writeFile(Array("4\r\n2\n\n".utf8), to: path)
      #expect(try readClassLabels(path, for: images, classes: 5) == [4, 2])
      try writeFile(Array("b.pgm,2\na.pgm 4\n".utf8), to: path)
      #expect(try readClassLabels(path, for: images, classes: 5) == [4, 2])
    }
  }

  @Test(
    "labels that do not match the images or the network are refused",
    arguments: [
      ("1\n", "1 labels for 2 images"), ("1\n5\n", "class 5; the network has classes 0 to 4"),
      ("1\ncat\n", "line 2 is neither"), ("a.pgm 1\n", "b.pgm has no label"),
      ("a.pgm 1\na.pgm 2\nb.pgm 0\n", "has a class already"),
      ("a.pgm 1\nb.pgm 2\n3\n", "some lines name an image"), ("-1\n0\n", "class -1"),
    ])
  func mismatch(text: String, expected: String) throws {
    try withFolder { folder in
      for name in ["a.pgm", "b.pgm"] {
        try writeFile(Array("P5 1 1 255\n".utf8) + [9], to: folder + "/" + name)
      }
      let images = try ImageSet(path: folder)
      try writeFile(Array(text.utf8), to: folder + "/labels")
      let found = message {
        _ = try readClassLabels(folder + "/labels", for: images, classes: 5)
      }
      #expect(found.contains(expected))
    }
  }
}
