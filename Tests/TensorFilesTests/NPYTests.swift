import NeuralGraph
import TensorFiles
import Testing

@Suite("NPY files")
struct NPYTests {
  @Test("What is written is read back the same")
  func roundTrip() throws {
    for shape in [[6], [2, 3], [1, 2, 3, 1], [], [0, 4]] {
      let count = shape.reduce(1, *)
      let array = NPYArray(
        shape: shape, element: .int16, bytes: (0..<2 * count).map { UInt8($0 * 37 & 255) })
      #expect(try NPYArray(npy: array.fileBytes) == array)
      #expect((array.fileBytes.count - 2 * count) % 64 == 0)
    }
  }

  @Test("An array in Fortran order is brought to row-major order")
  func fortran() throws {
    let array = try NPYArray(npy: Fixture.fortranNPY)
    #expect(array.shape == [2, 3])
    #expect(try array.integers() == [-2000, -1000, 0, 1000, 2000, 3000])
  }

  @Test("Floats are read, and refused as integers when they are none")
  func floats() throws {
    let array = try NPYArray(npy: Fixture.floatNPY)
    #expect(array.doubles() == [1, -2.5])
    #expect(throws: Diagnostics.self) { try array.integers() }
  }

  @Test(
    "A header that lies is refused",
    arguments: [
      "{'descr': '<i4', 'fortran_order': False, 'shape': (1099511627776, 1099511627776), }",
      "{'descr': '>i4', 'fortran_order': False, 'shape': (1,), }",
      "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }",
      "{'descr': '<i4', 'fortran_order': 7, 'shape': (1,), }",
      "{'descr': '<i4', 'shape': (1,), }", "{'descr': '<i4'", "", "{",
      "{'descr': '<i4', 'fortran_order': False, 'shape': (-1,), }",
      "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    ])
  func badHeader(header: String) {
    let file =
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
      + [0, 0, 0, 0]
    #expect(throws: Diagnostics.self) { try NPYArray(npy: file) }
  }

  @Test("A file cut at any length is refused")
  func truncated() {
    let file = NPYArray(shape: [3], element: .int8, bytes: [1, 2, 3]).fileBytes
    for length in 0..<file.count {
      #expect(throws: Diagnostics.self) { try NPYArray(npy: Array(file[..<length])) }
    }
  }

  @Test("2,000 damaged files end in an array or a diagnostic")
  func mutated() {
    var random = SplitMix(seed: 2)
    for _ in 0..<2000 {
      var file = Fixture.fortranNPY
      for _ in 0..<1 + Int(random.next() % 4) {
        file[Int(random.next() % UInt64(file.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      if let array = try? NPYArray(npy: file) { #expect(array.bytes.count <= file.count) }
    }
  }
}
