import ModelImport
import NeuralGraph
import Testing

@Suite("Damaged GraphDef files") struct GraphDefRobustnessTests {
  /// True when the import ends, in a graph that verifies or in diagnostics.
  private func ends(_ bytes: [UInt8]) -> Bool {
    do throws(Diagnostics) {
      return try importGraphDef(bytes, name: "damaged").verify().isEmpty
    } catch {
      return !error.all.isEmpty
    }
  }

  @Test("A file cut at any length is refused, except where a shorter network ends")
  func truncation() {
    let file = GraphDefImportTests.small()
    // After the nodes input, conv, biased and relu6 the file is a whole, shorter network.
    let whole = Set([0, 3, 5, 6].map { file.ends[$0] })
    for length in 0..<file.bytes.count {
      let isImported = (try? importGraphDef(Array(file.bytes[..<length]), name: "cut")) != nil
      #expect(isImported == whole.contains(length), "at \(length)")
    }
  }

  @Test("2,000 files with random damage end in a graph or in diagnostics")
  func mutations() {
    var file = GraphDefImportTests.small()
    file.node(
      "pool", "AvgPool", ["relu6"],
      [
        "ksize": .integers([1, 2, 2, 1]), "strides": .integers([1, 1, 1, 1]),
        "padding": .string("VALID"),
      ])
    file.integers("target", [2], [1, -1])
    file.node("flat", "Reshape", ["pool", "target"])
    file.constant("matrix", [3, 2], [1, 2, 3, 4, 5, 6])
    file.node("logits", "MatMul", ["flat", "matrix"])
    file.node("softmax", "Softmax", ["logits"])
    file.versions()
    var random = SplitMix(state: 2026)
    for _ in 0..<2_000 {
      var bytes = file.bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let position = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: position)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
        }
      }
      #expect(ends(bytes))
    }
  }
}

/// A small seeded generator (Steele, Lea and Flood's SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
