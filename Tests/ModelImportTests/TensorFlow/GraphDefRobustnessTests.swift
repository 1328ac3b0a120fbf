import GraphPasses
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

  /// A small network with a layer of each kind; `grids` are those of training for quantization.
  private func network(grids: Bool) -> GraphDefWriter {
    var file = GraphDefWriter()
    file.placeholder([-1, 4, 4, 2])
    file.constant("weights", [3, 3, 2, 3], (0..<54).map { Float($0) / 54 - 0.5 })
    file.constant("variance", [3], [1, 2, 3])
    file.node("root", "Rsqrt", ["variance"], ["T": .type(.float)])
    file.node("scaled", "Mul", ["weights", "root"], ["T": .type(.float)])
    let filter = grid(&file, "scaled", isWeights: true, grids)
    file.convolution("conv", "input", filter, stride: 2)
    file.constant("bias", [3], [0.5, -0.25, 1])
    file.node("biased", "BiasAdd", ["conv", "bias"], ["T": .type(.float)])
    file.node("relu6", "Relu6", ["biased"], ["T": .type(.float)])
    let features = grid(&file, "relu6", isWeights: false, grids)
    file.node("sum", "AddV2", [features, features])
    let sum = grid(&file, "sum", isWeights: false, grids)
    var (last, matrix) = (sum, "matrix")
    if !grids {
      file.node("sigmoid", "Sigmoid", [sum])
      file.node("product", "Mul", [sum, "sigmoid"])
      file.integers("axis", [], [3])
      file.node("joined", "ConcatV2", [sum, "product", "axis"])
      last = "joined"
      file.node(
        "codes", "Const", [],
        ["dtype": .type(.quint8), "value": .content(.quint8, [6, 2], Array(100..<112))])
      file.constant("low", [], [-1])
      file.constant("high", [], [1])
      file.node("dequantized", "Dequantize", ["codes", "low", "high"])
      matrix = "dequantized"
    }
    file.node(
      "pool", "AvgPool", [last],
      [
        "ksize": .integers([1, 2, 2, 1]), "strides": .integers([1, 1, 1, 1]),
        "padding": .string("VALID"),
      ])
    file.integers("target", [2], [1, -1])
    file.node("flat", "Reshape", ["pool", "target"])
    file.constant("matrix", [3, 2], [1, 2, 3, 4, 5, 6])
    file.node(
      "logits", "MatMul", ["flat", grid(&file, matrix, isWeights: true, grids)])
    file.node("softmax", "Softmax", [grid(&file, "logits", isWeights: false, grids)])
    file.versions()
    return file
  }

  /// A grid on a tensor; returns the name to read.
  private func grid(
    _ file: inout GraphDefWriter, _ name: String, isWeights: Bool, _ isWanted: Bool
  ) -> String {
    guard isWanted else { return name }
    file.constant("\(name)/min", [], [-4])
    file.constant("\(name)/max", [], [4])
    file.node(
      "\(name)/grid", "FakeQuantWithMinMaxVars", [name, "\(name)/min", "\(name)/max"],
      ["num_bits": .integer(8), "narrow_range": .bool(isWeights)])
    return "\(name)/grid"
  }

  /// Imports, lists and quantizes; true when all end well or in diagnostics.
  private func endsQuantized(_ bytes: [UInt8]) -> (ends: Bool, isWhole: Bool) {
    _ = try? listGraphDef(bytes, name: "damaged")
    _ = try? listGraphDef(bytes, name: "damaged", until: ["@2"])
    do throws(Diagnostics) {
      let graph = try importGraphDef(bytes, name: "damaged")
      let shape = graph[graph.inputs[0]].shape
      // Calibration of another size is refused before anything is computed.
      let pixels = FloatTensor(
        shape: TensorShape([1, 4, 4, 2]), values: (0..<32).map { Float($0 * 8) })
      var options = QuantizationOptions(calibration: [pixels])
      if shape == pixels.shape { options.imageSize = ImageSize(height: 6, width: 5) }
      return (try quantizedGraph(from: .float(graph), options: options).verify().isEmpty, true)
    } catch {
      return (!error.all.isEmpty, false)
    }
  }

  @Test(
    "2,000 files with random damage end in a network or in diagnostics", arguments: [true, false])
  func mutations(grids: Bool) {
    let file = network(grids: grids)
    #expect(endsQuantized(file.bytes).isWhole)
    var random = SplitMix(state: 2026)
    var whole = 0
    for round in 0..<1_000 {
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
      let result = endsQuantized(bytes)
      #expect(result.ends, "round \(round)")
      if result.isWhole { whole += 1 }
    }
    // Damage to a weight's bytes, say, leaves a network: the loop reaches the quantizers.
    #expect(whole > 20)
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
