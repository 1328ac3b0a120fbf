import Foundation
import NeuralGraph
import TensorFiles
import Testing

@Suite("Input tensors from files")
struct LoadInputTests {
  private func type(_ shape: [Int], _ element: QuantizedElement) -> QuantizedType {
    QuantizedType(shape: TensorShape(shape), element: element, scale: 1, zeroPoint: 0)
  }

  /// Loads from a temporary file.
  private func load(
    _ file: [UInt8], _ type: QuantizedType, resize: Bool = false, rawBytes: Bool = false
  ) throws -> IntegerTensor {
    let path = FileManager.default.temporaryDirectory.path + "/deepfreeze-\(UUID()).bin"
    try Data(file).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try loadInput(path, for: type, resize: resize, rawBytes: rawBytes)
  }

  @Test("A uint8 code is the pixel, an int8 code is the pixel minus 128")
  func codes() throws {
    let samples = Fixture.rgbSamples.map { Int($0) }
    #expect(try load(Fixture.rgbPNG, type([1, 5, 7, 3], .uint8)).codes == samples)
    #expect(
      try load(Fixture.rgbPNG, type([1, 5, 7, 3], .int8)).codes == samples.map { $0 - 128 })
  }

  @Test("Raw bytes are reinterpreted, not shifted")
  func rawBytes() throws {
    let tensor = try load(Fixture.greyBMP, type([1, 6, 5, 1], .int8), rawBytes: true)
    #expect(tensor.bytes == Fixture.interlacedSamples)
    #expect(throws: Diagnostics.self) {
      try load(Fixture.rgbBMP, type([1, 5, 7, 1], .int8), rawBytes: true)
    }
  }

  @Test("An RGB image serves a grey network")
  func greyNetwork() throws {
    let tensor = try load(Fixture.rgbPNG, type([1, 5, 7, 1], .uint8))
    #expect(tensor.bytes == Fixture.greyOfRGB)
  }

  @Test("Another size needs resize")
  func size() throws {
    let wanted = type([1, 3, 4, 3], .uint8)
    let error = #expect(throws: Diagnostics.self) { try load(Fixture.rgbPNG, wanted) }
    #expect(error?.description.contains("--resize") == true)
    #expect(error?.all.first?.place.file != nil)
    #expect(try load(Fixture.rgbPNG, wanted, resize: true).bytes == Fixture.rgb4x3)
  }

  @Test("An image cannot feed a network that takes no image")
  func noImage() {
    #expect(throws: Diagnostics.self) { try load(Fixture.rgbPNG, type([1, 5, 7, 2], .uint8)) }
    #expect(throws: Diagnostics.self) { try load(Fixture.rgbPNG, type([1, 105], .uint8)) }
  }

  @Test("An array's elements are codes, of any integer type, in the right number")
  func arrays() throws {
    let wide = NPYArray(shape: [2], element: .int16, bytes: [0xFF, 0xFF, 5, 0])
    #expect(try load(wide.fileBytes, type([1, 2], .int8)).codes == [-1, 5])
    #expect(throws: Diagnostics.self) { try load(wide.fileBytes, type([1, 2], .uint8)) }
    #expect(throws: Diagnostics.self) { try load(wide.fileBytes, type([1, 3], .int8)) }
  }

  @Test("An array of another order than the tensor's is refused, whatever its number of elements")
  func order() throws {
    let bytes = [UInt8](0..<24)
    func array(_ shape: [Int]) -> [UInt8] {
      NPYArray(shape: shape, element: .uint8, bytes: bytes).fileBytes
    }
    let wanted = type([1, 4, 2, 3], .uint8)
    for shape in [[1, 4, 2, 3], [4, 2, 3], [24]] {
      #expect(try load(array(shape), wanted).codes == bytes.map(Int.init))
    }
    for shape in [[1, 3, 4, 2], [2, 4, 3], [8, 3]] {
      #expect(throws: Diagnostics.self) { try load(array(shape), wanted) }
    }
  }

  @Test("A missing file is a diagnostic that names it")
  func missing() {
    let error = #expect(throws: Diagnostics.self) {
      try loadInput("/nonexistent/x.png", for: type([1, 1, 1, 1], .uint8))
    }
    #expect(error?.description.contains("/nonexistent/x.png") == true)
  }

  @Test(
    "Photographs resized here are the recorded inputs that Pillow made",
    .enabled(if: SharedFolder.isPresent),
    arguments: [
      ("mobilenet_v1_0.25_128_quant", 128, QuantizedElement.uint8),
      ("mobilenet_v1_0.25_224_quant", 224, .uint8), ("mobilenet_v1_0.5_160_quant", 160, .uint8),
      ("pretrainedResnet_quant", 32, .int8), ("vww_96_int8", 96, .int8),
    ])
  func recordedInputs(model: String, size: Int, element: QuantizedElement) throws {
    let shared = try #require(SharedFolder.path)
    var compared = 0
    for image in ["bird", "cat", "grace_hopper", "sunflower"] {
      let recorded = "\(shared)/golden/inputs/\(model).\(image).npy"
      guard FileManager.default.fileExists(atPath: recorded) else { continue }
      let wanted = type([1, size, size, 3], element)
      let tensor = try loadInput("\(shared)/images/\(image).bmp", for: wanted, resize: true)
      #expect(try tensor == loadInput(recorded, for: wanted), "\(image)")
      compared += 1
    }
    #expect(compared >= 2)
  }
}
