import Foundation
import Testing

/// A small MobileNet from `Tests/ModelImportTests/Recorded/onnx_compare.py --save`.
@Suite("ONNX end to end") struct ONNXEndToEndTests {
  private func model(_ name: String) -> String {
    CommandLineTool.root.appending(path: "Tests/ModelImportTests/Recorded/\(name).onnx").path
  }

  /// A picture of 32x32 pixels whose colours drift.
  private func picture(_ number: Int, in folder: TemporaryFolder) throws -> String {
    let pixels = (0..<32 * 32 * 3).map { index in
      let (y, x, channel) = (index / 96, index / 3 % 32, index % 3)
      return UInt8((7 * y + 5 * x * (channel + 1) + 31 * number + (y * x) % 11) % 256)
    }
    return try folder.write(Array("P6\n32 32\n255\n".utf8) + pixels, "\(number).ppm")
  }

  private func freeze(_ model: String, _ options: [String]) throws {
    let folder = try TemporaryFolder()
    let image = try picture(9, in: folder)
    let emitted = try CommandLineTool.run(
      arguments: ["emit", model, "--fixed-layers", "all", "--effort", "0", "--output"]
        + [folder.path("out")] + options)
    #expect(emitted.status == 0, "\(emitted.errors)")
    #expect(emitted.output.contains("9 layers"), "\(emitted.output)")
    let verified = try CommandLineTool.run(
      "verify", folder.path("out"), "--input", image, "--simulator", "icarus")
    #expect(verified.status == 0, "\(verified.errors)")
    #expect(verified.output.contains("as predicted"))
  }

  @Test("A network of real numbers is calibrated, frozen whole and simulated")
  func calibrated() throws {
    let images = try TemporaryFolder()
    for number in 0..<4 { _ = try picture(number, in: images) }
    try freeze(model("onnx_mobilenet_float"), ["--calibrate", images.url.path])
  }

  @Test("A network with QuantizeLinear and DequantizeLinear is frozen whole and simulated")
  func quantized() throws {
    try freeze(model("onnx_mobilenet_qdq"), [])
  }
}
