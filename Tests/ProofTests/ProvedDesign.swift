import Foundation
import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

/// Emits a network, lets a test alter the files, and proves what is there.
enum ProvedDesign {
  static func prove(
    _ graph: QuantizedGraph, options: FreezeOptions = FreezeOptions(effort: 0),
    against model: QuantizedGraph? = nil,
    changing change: (inout [EmittedFile]) throws -> Void = { _ in }
  ) async throws -> DesignProof {
    var files = try Freeze.design(graph, options: options).emittedFiles(
      network: NetworkFile(graph: graph))
    try change(&files)
    let changed = files
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      try FolderWriter.write(changed, to: scratch.path + "/out")
      return try await DesignProof.prove(
        EmittedFolder(path: scratch.path + "/out"), model ?? graph)
    }
  }

  /// A 6x5x2 image through a 3x3 convolution to three channels and a 1x1 convolution to two.
  static let small: QuantizedGraph = {
    var graph = QuantizedGraph(name: "tiny")
    func type(_ channels: Int) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(height: 6, width: 5, channels: channels), element: .uint8, scale: 0.5,
        zeroPoint: 7)
    }
    func convolution(_ geometry: WindowGeometry, _ inputs: Int, _ outputs: Int)
      -> QuantizedOperation
    {
      let taps = geometry.kernelHeight * geometry.kernelWidth * inputs
      return .convolution(
        QuantizedConvolution(
          geometry: geometry, inputChannels: inputs, outputChannels: outputs, groups: 1,
          weights: (0..<outputs * taps).map { Int16(($0 * 37) % 101 - 50) },
          bias: (0..<outputs).map { Int32($0 * 1000 - 100) },
          requantization: (0..<outputs).map {
            FixedPointMultiplier(real: 0.004 + 0.001 * Double($0))
          }, clamp: 0...255, weightZeroPoints: [0], weightScales: [1]))
    }
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type(2)))
    let window = WindowGeometry(
      inputHeight: 6, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .same)!
    let first = graph.append(
      QuantizedNode(
        name: "conv", operation: convolution(window, 2, 3), operands: [input], type: type(3)))
    let pointwise = WindowGeometry(
      inputHeight: 6, inputWidth: 5, kernelHeight: 1, kernelWidth: 1, outputHeight: 6,
      outputWidth: 5)
    let second = graph.append(
      QuantizedNode(
        name: "mix", operation: convolution(pointwise, 3, 2), operands: [first], type: type(2)))
    graph.outputs = [second]
    return graph
  }()
}
