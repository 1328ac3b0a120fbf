import NeuralGraph
import TensorFiles
import Testing

@Suite("NPY files")
struct NPYTests {
  @Test("What is written is read back the same")
  func roundTrip() throws {
    for shape in [[6], [2, 3], [1, 2, 3, 1], []] {
      let count = shape.reduce(1, *)
      let array = NPYArray(
        shape: shape, element: .int16, bytes: (0..<2 * count).map { UInt8($0 * 37 & 255) })
      #expect(try NPYArray(npy: array.fileBytes) == array)
      #expect(array.fileBytes.count % 64 == 2 * count % 64)
    }
  }
}
