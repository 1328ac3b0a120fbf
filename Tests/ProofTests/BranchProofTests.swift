import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

/// Residual blocks: what is proved of them, and what a wrong text is told.
@Suite struct BranchProofTests {
  /// A 6x5x2 image, a 3x3 convolution, and the sum of both.
  private static func graph(
    scales: (Float, Float, Float), longFirst: Bool = false, height: Int = 6, width: Int = 5,
    factor: Double = 0.02
  ) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "residual")
    let type = QuantizedType(
      shape: TensorShape(height: height, width: width, channels: 2), element: .int8, scale: 0.5,
      zeroPoint: -7)
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type))
    let window = WindowGeometry(
      inputHeight: height, inputWidth: width, kernelHeight: 3, kernelWidth: 3, strideY: 1,
      strideX: 1, padding: .same)!
    let long = graph.append(
      QuantizedNode(
        name: "conv",
        operation: .convolution(
          QuantizedConvolution(
            geometry: window, inputChannels: 2, outputChannels: 2, groups: 1,
            weights: (0..<36).map { Int16(($0 * 37) % 101 - 50) }, bias: [100, -2000],
            requantization: (0..<2).map {
              FixedPointMultiplier(real: factor * (1 + 0.05 * Double($0)))
            },
            clamp: -128...127, weightZeroPoints: [0], weightScales: [1])), operands: [input],
        type: type))
    let add = QuantizedAdd(
      first: scales.0, second: scales.1, output: scales.2, clamp: -128...127)!
    graph.outputs = [
      graph.append(
        QuantizedNode(
          name: "sum", operation: .add(add), operands: longFirst ? [long, input] : [input, long],
          type: type))
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

  @Test("a sum on a map where no position sees all taps is proved or said not to be covered")
  func smallMap() async throws {
    var proved = 0
    for step in 0..<6 {
      let graph = Self.graph(
        scales: (0.113, 0.071 + 0.01 * Float(step), 0.137), height: 2, width: 2, factor: 0.0004)
      let proof = try await ProvedDesign.prove(graph)
      let failures = proof.layers.flatMap(\.failures)
      #expect(failures.allSatisfy { $0.message.contains("not covered") }, "\(proof)")
      proved += proof.isProved ? 1 : 0
    }
    #expect(proved > 0)
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

  /// The image through two convolutions of one form with other weights; the second if wanted of the image.
  private static func pair(_ seeds: [Int]) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "pair")
    let type = QuantizedType(
      shape: TensorShape(height: 4, width: 4, channels: 1), element: .int8, scale: 0.5,
      zeroPoint: 0)
    var last = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type))
    for (index, seed) in seeds.enumerated() {
      let window = WindowGeometry(
        inputHeight: 4, inputWidth: 4, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
        padding: .same)!
      last = graph.append(
        QuantizedNode(
          name: "conv\(index)",
          operation: .convolution(
            QuantizedConvolution(
              geometry: window, inputChannels: 1, outputChannels: 1, groups: 1,
              weights: (0..<9).map { Int16(($0 * seed) % 23 - 9) }, bias: [5],
              requantization: [FixedPointMultiplier(real: 0.02)], clamp: -128...127,
              weightZeroPoints: [0], weightScales: [1])), operands: [last], type: type))
    }
    graph.outputs = [last]
    return graph
  }

  /// What is wrong when `files` of `emitted` are proved against `model`.
  private func message(
    _ emitted: QuantizedGraph, against model: QuantizedGraph,
    _ change: (inout [EmittedFile]) -> Void = { _ in }
  ) async -> String {
    do {
      let proof = try await ProvedDesign.prove(emitted, against: model, changing: change)
      return proof.isProved ? "proved" : "not proved"
    } catch {
      return "\(error)"
    }
  }

  @Test("a folder that lists one layer twice, or layers in another order, is not the model's")
  func numbers() async {
    let both = Self.pair([7, 11])
    #expect(await message(both, against: both) == "proved")
    // The second layer is a copy of the first, and says so.
    let twice = await message(Self.pair([7, 7]), against: both) { files in
      files.replaceAll("design.json", "\"layer2_conv1\"", "\"layer1_conv1\"")
    }
    #expect(twice.contains("it has no layer for"), "\(twice)")
    let swapped = await message(Self.pair([11, 7]), against: both) { files in
      files.replaceAll("design.json", "\"layer1_conv0\"", "\"layer9_\"")
      files.replaceAll("design.json", "\"layer2_conv1\"", "\"layer1_conv1\"")
      files.replaceAll("design.json", "\"layer9_\"", "\"layer2_conv0\"")
    }
    #expect(swapped.contains("reads other values"), "\(swapped)")
  }

  @Test("a sum whose ways are exchanged between model and text is not the model's")
  func exchanged() async throws {
    let other = Self.graph(scales: (0.113, 0.071, 0.137), longFirst: true)
    #expect(await message(Self.plain, against: other).contains("reads other values"))
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

extension [EmittedFile] {
  /// Replaces every `from` in a file; there is one at least.
  fileprivate mutating func replaceAll(_ path: String, _ from: String, _ to: String) {
    let index = firstIndex { $0.path == path }!
    let text = String(decoding: self[index].bytes, as: UTF8.self)
    precondition(text.contains(from), "\(from) is not in \(path)")
    self[index] = EmittedFile(path, text: text.replacing(from, with: to))
  }
}
