import Foundation
import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

@Suite struct RandomNetworkProofTests {
  /// Networks from the first seed on; PROOF_SEEDS in the environment asks for more.
  private static let seeds =
    ProcessInfo.processInfo.environment["PROOF_SEEDS"].flatMap(UInt64.init).map { max(1, $0) } ?? 8

  private func proof(_ network: RandomNetwork, _ style: AdderStyle) async throws -> DesignProof {
    var options = network.options
    options.adderStyle = style
    return try await ProvedDesign.prove(network.graph, options: options)
  }

  @Test(
    "what is emitted for a random network is proved",
    arguments: [212, 307, 272, 354, 24, 10, 34] + Array(1...seeds))
  func proved(seed: UInt64) async throws {
    let network = RandomNetwork(seed: seed)
    let proof = try await proof(network, .words)
    #expect(proof.isProved, "\(network.graph)\n\(proof)")
  }

  @Test(
    "what is emitted for a random network with branches, tables and differences is proved",
    arguments: (1...6).map { (FuzzShape.branches, UInt64($0)) }
      + (1...10).map { (FuzzShape.mixed, UInt64($0)) })
  func provedBranches(shape: FuzzShape, seed: UInt64) async throws {
    let network = RandomNetwork(seed: seed, shape: shape)
    let proof = try await proof(network, .words)
    #expect(proof.wiring == [])
    // Sums that meet ties are built otherwise, and said not to be covered.
    let failures = proof.layers.flatMap(\.failures).filter { !$0.message.contains("no plane") }
    #expect(failures == [], "\(network.graph)\n\(proof)")
  }

  @Test(
    "sums of a random network as heaps are proved or not covered, and never called wrong",
    arguments: FuzzShape.allCases.flatMap { shape in (1...seeds).map { (shape, $0) } })
  func heaps(shape: FuzzShape, seed: UInt64) async throws {
    let network = RandomNetwork(seed: seed, shape: shape)
    let proof = try await proof(network, .heap)
    #expect(proof.wiring == [])
    let failures = proof.layers.flatMap(\.failures).filter {
      $0.kind != Fault.Kind.notCovered.rawValue
    }
    #expect(failures == [], "\(network.graph)\n\(proof)")
  }

  @Test("a channel of one bit is proved where its tap can leave the image")
  func oneBit() async throws {
    var graph = QuantizedGraph(name: "bits")
    func node(
      _ name: String, _ kernel: Int, _ outputs: Int, _ real: Double, _ clamp: ClosedRange<Int>,
      _ inputs: [ValueID]
    ) -> ValueID {
      let window = WindowGeometry(
        inputHeight: 4, inputWidth: 4, kernelHeight: kernel, kernelWidth: kernel, strideY: 1,
        strideX: 1, padding: .same)!
      return graph.append(
        QuantizedNode(
          name: name,
          operation: .convolution(
            QuantizedConvolution(
              geometry: window, inputChannels: 1, outputChannels: outputs, groups: 1,
              weights: (0..<outputs * kernel * kernel).map { Int16(($0 * 5) % 11 + 1) },
              bias: (0..<outputs).map { Int32($0) },
              requantization: (0..<outputs).map { _ in FixedPointMultiplier(real: real) },
              clamp: clamp, weightZeroPoints: [0], weightScales: [1])), operands: inputs,
          type: QuantizedType(
            shape: TensorShape(height: 4, width: 4, channels: outputs), element: .uint8,
            scale: 0.5, zeroPoint: 0)))
    }
    let input = graph.append(
      QuantizedNode(
        name: "image", operation: .input, operands: [],
        type: QuantizedType(
          shape: TensorShape(height: 4, width: 4, channels: 1), element: .uint8, scale: 0.5,
          zeroPoint: 0)))
    let bit = node("bit", 1, 1, 0.004, 0...1, [input])
    graph.outputs = [node("full", 3, 2, 0.9, 0...255, [bit])]
    #expect(graph.verify() == [])
    let proof = try await ProvedDesign.prove(graph)
    #expect(proof.isProved, "\(proof)")
  }
}
