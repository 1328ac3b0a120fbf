import Foundation
import ModelImport
import NeuralGraph
import Testing

@Suite("Networks in integers as models")
struct NetworkModelTests {
  private func network() -> QuantizedGraph {
    var graph = QuantizedGraph(name: "small")
    let type = QuantizedType(
      shape: TensorShape([1, 2, 2, 1]), element: .int8, scale: 1, zeroPoint: 0)
    let input = graph.append(
      QuantizedNode(name: "input", operation: .input, operands: [], type: type))
    let convolution = QuantizedConvolution(
      geometry: WindowGeometry(
        inputHeight: 2, inputWidth: 2, kernelHeight: 1, kernelWidth: 1, outputHeight: 2,
        outputWidth: 2), inputChannels: 1, outputChannels: 1, groups: 1, weights: [3], bias: [1],
      requantization: [FixedPointMultiplier(real: 0.25)], clamp: -128...127,
      weightZeroPoints: [0], weightScales: [1])
    graph.outputs = [
      graph.append(
        QuantizedNode(
          name: "conv", operation: .convolution(convolution), operands: [input], type: type))
    ]
    return graph
  }

  private func withFiles(_ body: (_ json: String, _ binary: String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "network-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (json, binary) = (folder.path + "/small.json", folder.path + "/small.bin")
    let bytes = NetworkFile(graph: network()).encode(binaryName: "small.bin")
    try writeFile(bytes.json, to: json)
    try writeFile(bytes.binary, to: binary)
    try body(json, binary)
  }

  @Test("a network file is imported as it was written, and listed")
  func imported() throws {
    try withFiles { json, _ in
      let file = try ModelFile(path: json)
      #expect(file.format == .network)
      guard case .quantized(let graph) = try file.imported() else {
        Issue.record("the network is not in integers")
        return
      }
      #expect(graph == network())
      let listing = try file.listing()
      #expect(listing.entries.map(\.kind) == ["CONV_2D"])
      #expect(listing.entries[0].convolutionNumber == 1)
      #expect(listing.entries[0].multiplyAccumulates == 4)
      for end in ["conv", "@0"] {
        guard case .quantized(let part) = try ModelFile(path: json, until: [end]).imported() else {
          return
        }
        #expect(part == network())
      }
      #expect(throws: Diagnostics.self) { try ModelFile(path: json, until: ["input"]).imported() }
    }
  }

  @Test("a missing, changed or foreign file of weights is a diagnostic")
  func weights() throws {
    func message(_ json: String) -> String {
      do {
        _ = try ModelFile(path: json).imported()
        return ""
      } catch {
        return "\(error)"
      }
    }
    try withFiles { json, binary in
      try writeFile(readFile(binary) + [0], to: binary)
      #expect(message(json).contains("small.bin: error: its length or SHA-256"))
      try FileManager.default.removeItem(atPath: binary)
      #expect(message(json).contains("small.bin: error: cannot be opened"))
      let text = String(decoding: try readFile(json), as: UTF8.self)
      try writeFile(
        Array(text.replacingOccurrences(of: "small.bin", with: "../small.bin").utf8), to: json)
      #expect(message(json).contains("no file beside it"))
      try writeFile(Array(#"{"format": "other"}"#.utf8), to: json)
      #expect(message(json).contains("no model file"))
    }
  }
}
