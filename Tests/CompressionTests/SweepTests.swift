import Compression
import Foundation
import GraphPasses
import NeuralGraph
import RTL
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

@Suite("Pruning of the first layers")
struct PrefixPruningTests {
  @Test("each cut saves its share of its own adders, and what lies behind it can stay as it was")
  func cuts() throws {
    let graph = foldPad(try quantizedExample())
    let design = { (network: QuantizedGraph) throws(Diagnostics) in
      try Freeze.design(network, options: FreezeOptions(fixedLayers: 3, effort: 0)).layers
    }
    func adders(_ layers: ArraySlice<Layer>) -> Int {
      layers.reduce(0) { $0 + $1.cost.sumAdders + $1.cost.requantizerAdders }
    }
    let whole = try design(graph)
    let rows = try Sweep(weightBits: [], saved: [0, 25], fixedLayers: 3, threads: 2).pruned(
      graph, cuts: 1..<4,
      samples: { shape throws(Diagnostics) in
        try ImageSet(path: example("calibration")).spread(shape: shape, resize: false, limit: 10)
      }, hardware: design, adders: { adders($0[..<$1]) })
    #expect(rows.map(\.saved) == [0, 25])
    #expect(rows[0].cuts.allSatisfy { $0.network == graph })
    for (cut, found) in zip(1..<4, rows[1].cuts) {
      #expect(4 * adders(found.hardware[..<cut]) <= 3 * adders(whole[..<cut]))
      let spliced = graph.replacing(upTo: found.hardware[cut - 1].value, of: found.network)
      #expect(spliced.verify().isEmpty && spliced != graph)
      let again = try design(spliced)
      #expect(adders(again[..<cut]) == adders(found.hardware[..<cut]))
      #expect(adders(again[cut...]) == adders(whole[cut...]))
    }
    // A network of other nodes is not taken in parts.
    var other = graph
    other.outputs = [ValueID(1)]
    #expect(graph.replacing(upTo: ValueID(1), of: other) == other)
  }
}
