import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

@Suite struct RandomNetworkProofTests {
  @Test(
    "what is emitted for a random network is proved",
    arguments: [212, 307, 272, 354, 24, 10, 34] + Array(1...8))
  func proved(seed: UInt64) async throws {
    let network = RandomNetwork(seed: seed)
    let proof = try await ProvedDesign.prove(network.graph, options: network.options)
    #expect(proof.isProved, "\(network.graph)\n\(proof)")
  }
}
