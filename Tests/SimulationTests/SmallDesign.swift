import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

/// A 6x5x2 image through a 3x3 convolution to three channels and a 2x2 max pool.
enum SmallDesign {
  static let graph: QuantizedGraph = {
    var graph = QuantizedGraph(name: "tiny")
    func type(_ height: Int, _ width: Int, _ channels: Int) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(height: height, width: width, channels: channels), element: .uint8,
        scale: 0.5, zeroPoint: 7)
    }
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type(6, 5, 2)))
    let window = WindowGeometry(
      inputHeight: 6, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .same)!
    let convolution = graph.append(
      QuantizedNode(
        name: "conv",
        operation: .convolution(
          QuantizedConvolution(
            geometry: window, inputChannels: 2, outputChannels: 3, groups: 1,
            weights: (0..<54).map { Int16(($0 * 37) % 101 - 50) }, bias: [100, -2000, 5000],
            requantization: (0..<3).map { FixedPointMultiplier(real: 0.004 + 0.001 * Double($0)) },
            clamp: 0...255, weightZeroPoints: [0], weightScales: [1])), operands: [input],
        type: type(6, 5, 3)))
    let pool = WindowGeometry(
      inputHeight: 6, inputWidth: 5, kernelHeight: 2, kernelWidth: 2, strideY: 2, strideX: 2,
      padding: .same)!
    let pooled = graph.append(
      QuantizedNode(
        name: "pool", operation: .maxPool(QuantizedPool(geometry: pool, clamp: 0...255)),
        operands: [convolution], type: type(3, 3, 3)))
    graph.outputs = [pooled]
    return graph
  }()

  static func images(_ count: Int, of graph: QuantizedGraph = graph) -> [IntegerTensor] {
    RandomNetwork(graph: graph, options: FreezeOptions()).images(count, seed: 4)
  }

  static func files(_ graph: QuantizedGraph = graph) throws -> [EmittedFile] {
    try Freeze.design(graph, options: FreezeOptions()).emittedFiles(
      network: NetworkFile(graph: graph))
  }

  /// Emits a network's design, lets `change` alter its files, verifies it in a simulator.
  static func verify(
    _ simulator: Simulator, of graph: QuantizedGraph = graph, frames: Int, stalls: UInt64? = nil,
    changing change: (inout [EmittedFile]) -> Void = { _ in }
  ) async throws -> VerificationReport {
    var files = try files(graph)
    change(&files)
    let changed = files
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      try FolderWriter.write(changed, to: scratch.path + "/out")
      let verification = try await Verification(
        EmittedFolder(path: scratch.path + "/out"), simulator: simulator, frames: frames,
        scratch: scratch)
      return try await verification.run(frames: images(frames, of: graph), stalls: stalls)
    }
  }
}

extension Lint {
  /// What a reader of Verilog says of a network's design.
  static func messages(_ lint: Lint, of graph: QuantizedGraph) async throws -> String {
    let files = try SmallDesign.files(graph)
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      try FolderWriter.write(files, to: scratch.path + "/out")
      return try await lint.run(EmittedFolder(path: scratch.path + "/out"))
    }
  }
}

extension [EmittedFile] {
  /// Replaces the first `from` in a file, which must be there.
  mutating func replace(_ path: String, _ from: String, _ to: String) {
    guard let index = firstIndex(where: { $0.path == path }) else {
      Issue.record("there is no file \(path)")
      return
    }
    let text = String(decoding: self[index].bytes, as: UTF8.self)
    let changed = text.replacing(from, with: to, maxReplacements: 1)
    if changed == text { Issue.record("\(path) does not hold \(from)") }
    self[index].bytes = [UInt8](changed.utf8)
  }
}
