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

  @Test(
    "what is emitted for a random network is proved",
    arguments: [212, 307, 272, 354, 24, 10, 34] + Array(1...seeds))
  func proved(seed: UInt64) async throws {
    let network = RandomNetwork(seed: seed)
    let proof = try await ProvedDesign.prove(network.graph, options: network.options)
    #expect(proof.isProved, "\(network.graph)\n\(proof)")
  }
}
