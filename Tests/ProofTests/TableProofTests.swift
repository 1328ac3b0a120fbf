import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

/// Tables in the emitted text.
@Suite struct TableProofTests {
  /// A map of one pixel of two channels through a table one a channel.
  private static let graph: QuantizedGraph = {
    var graph = QuantizedGraph(name: "curve")
    let type = QuantizedType(
      shape: TensorShape(height: 2, width: 3, channels: 2), element: .uint8, scale: 0.5,
      zeroPoint: 3)
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type))
    let table = QuantizedTable(
      function: .prelu,
      codes: (0..<512).map { (index: Int) -> Int16 in Int16((index * index / 3 + 11) % 256) })
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "curve", operation: .table(table), operands: [input], type: type))
    ]
    return graph
  }()

  @Test("every code of a table is proved by itself")
  func proved() async throws {
    let proof = try await ProvedDesign.prove(Self.graph)
    #expect(proof.isProved, "\(proof)")
    #expect(proof.layers[0].intervals == 512)
  }

  @Test(
    "a code less, a wrong result, and a wrong result of those not listed are found",
    arguments: [
      ("8'h2a,", "8'h2b,"), (": table2 = 8'h", ": table2 = ~8'h"),
      ("default: table1 = ", "default: table1 = ~"),
    ])
  func wrong(from: String, to: String) async throws {
    let proof = try await ProvedDesign.prove(Self.graph) { files in
      let path = "rtl/curve_layer1_curve.v"
      let index = try #require(files.firstIndex { $0.path == path })
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let changed = text.replacing(from, with: to, maxReplacements: 1)
      #expect(changed != text)
      files[index].bytes = [UInt8](changed.utf8)
    }
    #expect(!proof.isProved)
    #expect("\(proof)".contains("the code is"), "\(proof)")
  }
}
