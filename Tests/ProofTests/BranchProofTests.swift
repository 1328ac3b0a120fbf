import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

/// Residual blocks: what is proved of them, and what a wrong text is told.
@Suite struct BranchProofTests {
  /// A 6x5x2 image, a 3x3 convolution, and the sum of both.
  private static func graph(scales: (Float, Float, Float)) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "residual")
    let type = QuantizedType(
      shape: TensorShape(height: 6, width: 5, channels: 2), element: .int8, scale: 0.5,
      zeroPoint: -7)
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type))
    let window = WindowGeometry(
      inputHeight: 6, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .same)!
    let long = graph.append(
      QuantizedNode(
        name: "conv",
        operation: .convolution(
          QuantizedConvolution(
            geometry: window, inputChannels: 2, outputChannels: 2, groups: 1,
            weights: (0..<36).map { Int16(($0 * 37) % 101 - 50) }, bias: [100, -2000],
            requantization: (0..<2).map { FixedPointMultiplier(real: 0.02 + 0.001 * Double($0)) },
            clamp: -128...127, weightZeroPoints: [0], weightScales: [1])), operands: [input],
        type: type))
    let add = QuantizedAdd(
      first: scales.0, second: scales.1, output: scales.2, clamp: -128...127)!
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "sum", operation: .add(add), operands: [input, long], type: type))
    ]
    return graph
  }

  private static let plain = graph(scales: (0.113, 0.071, 0.137))

  @Test("a residual block is proved, its sum on all pairs of codes")
  func proved() async throws {
    let proof = try await ProvedDesign.prove(Self.plain)
    #expect(proof.isProved, "\(proof)")
    #expect(proof.layers[1].kind == "sum of two maps" && proof.layers[1].provedChannels == 2)
    #expect(proof.assumed.contains { $0.contains("df_skip_fifo") })
  }

  @Test("a sum that is built as TFLite computes it is said not to be covered")
  func notCovered() async throws {
    let proof = try await ProvedDesign.prove(Self.graph(scales: (0.5, 0.4, 0.6)))
    #expect(!proof.isProved)
    #expect(proof.layers[0].isProved && proof.wiring == [])
    #expect(proof.layers[1].failures.contains { $0.message.contains("not covered") })
  }

  @Test("a sum with other scales in the model is not proved")
  func otherScales() async throws {
    let proof = try await ProvedDesign.prove(
      Self.plain, against: Self.graph(scales: (0.114, 0.071, 0.137)))
    #expect(!proof.isProved && proof.layers[0].isProved)
  }

  @Test(
    "wrong connections between stages are told",
    arguments: [
      (".in_data(pixel0),", ".in_data({pixel0[7:0],pixel0[15:8]}),"),
      (
        ".out_valid({pixel0_to2_valid,pixel0_to1_valid}),",
        ".out_valid({pixel0_to1_valid,pixel0_to2_valid}),"
      ),
      (".in_pixel({pixel1,skip1_pixel}),", ".in_pixel({skip1_pixel,pixel1}),"),
      (".out_ready(skip1_ready),", ".out_ready(pixel1_ready),"),
    ])
  func wiring(_ from: String, _ to: String) async throws {
    let proof = try await ProvedDesign.prove(Self.plain) { files in
      files.replace("rtl/residual.v", from, to)
    }
    #expect(!proof.isProved && !proof.wiring.isEmpty)
  }
}
