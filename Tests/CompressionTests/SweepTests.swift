import Compression
import Foundation
import GraphPasses
import NeuralGraph
import TensorFiles
import Testing

@Suite("Sweep")
struct SweepTests {
  private static func samples(_ shape: TensorShape) throws(Diagnostics) -> [[UInt8]] {
    try ImageSet(path: example("calibration")).spread(shape: shape, resize: false, limit: 10)
  }

  @Test("a model in real numbers is swept by bits, the most first, and then by shares")
  func float() throws {
    var found: [SweptNetwork] = []
    try Sweep(weightBits: [5, 8], saved: [20, 0], fixedLayers: 1, threads: 2).run(
      .float(try floatExample()), samples: Self.samples, body: { found.append($0) })
    #expect(found.map(\.name) == ["w8_p0", "w8_p20", "w5_p0", "w5_p20"])
    #expect(found.map(\.weightBits) == [8, 8, 5, 5])
    for (whole, pruned) in [(found[0], found[1]), (found[2], found[3])] {
      let adders = try [whole, pruned].map {
        try hardwareCosts(of: $0.network, fixedLayers: 1, effort: 0).reduce(0) { $0 + $1.adders }
      }
      #expect(5 * adders[1] <= 4 * adders[0])
      #expect(whole.prices.isEmpty && !pruned.prices.isEmpty)
    }
  }

  @Test("a network in integers is only pruned, and asked for no image when nothing is")
  func integers() throws {
    let graph = try quantizedExample()
    var found: [SweptNetwork] = []
    try Sweep(weightBits: [], saved: [0], fixedLayers: 1, threads: 1).run(
      .quantized(graph),
      samples: { _ throws(Diagnostics) in
        Issue.record("nothing needs an image")
        return []
      }, body: { found.append($0) })
    #expect(found.map(\.name) == ["int8_p0"] && found[0].network == graph)
  }

  @Test("weight bits for a network in integers are refused")
  func refused() throws {
    let graph = try quantizedExample()
    #expect(throws: Diagnostics.self) {
      try Sweep(weightBits: [6], saved: [0], fixedLayers: 1, threads: 1).run(
        .quantized(graph), samples: Self.samples, body: { _ in })
    }
  }
}
