import Foundation
import ModelImport
import NeuralGraph
import Testing

@Suite("Quantized ONNX") struct ONNXQuantizedTests {
  /// Moves the elements of a byte tensor: dimension i of the result is dimension `permutation[i]`.
  private func permuted(_ bytes: [UInt8], _ shape: [Int], _ permutation: [Int]) -> [UInt8] {
    ONNXArray(shape: shape, values: bytes.map { Float($0) }).tensor(permutation).values.map {
      UInt8($0)
    }
  }

  private func network(_ entry: RecordedONNX.Quantized) throws -> QuantizedGraph {
    guard case .quantized(let graph) = try importONNX(Array(entry.model), name: entry.name) else {
      throw Diagnostic("the model came in as real numbers")
    }
    return graph
  }

  @Test("Every recorded model computes the codes that ONNX Runtime computed, bit for bit")
  func recorded() throws {
    #expect(RecordedONNX.all.quantized.count > 14)
    for entry in RecordedONNX.all.quantized {
      do {
        let graph = try network(entry)
        let type = graph.nodes[0].type
        // A file whose images are channels last has them as the graph has them.
        let isMoved = entry.inputShape != type.shape.dimensions
        let bytes =
          isMoved
          ? permuted(Array(entry.input), entry.inputShape, [0, 2, 3, 1]) : Array(entry.input)
        let output = try Interpreter(graph).outputs(
          for: IntegerTensor(shape: type.shape, element: type.element, bytes: bytes))[0]
        let shape = output.shape.dimensions
        let codes = shape.count == 4 ? permuted(output.bytes, shape, [0, 3, 1, 2]) : output.bytes
        let wrong = zip(codes, Array(entry.output)).count { $0 != $1 }
        #expect(
          codes.count == entry.output.count && wrong == 0, "\(entry.name): \(wrong) codes differ")
      } catch {
        Issue.record("\(entry.name): \(error)")
      }
    }
  }

  @Test("Functions of real numbers at the end are left out, and a note says so")
  func ends() throws {
    #expect(RecordedONNX.all.cut.count == 8)
    for entry in RecordedONNX.all.cut {
      var notes: [Diagnostic] = []
      let model = try importONNX(Array(entry.model), name: entry.name) { notes.append($0) }
      guard case .quantized(let graph) = model else { throw Diagnostic("not quantized") }
      #expect(notes.map(\.severity) == [.note], "\(entry.name)")
      #expect(notes.allSatisfy { $0.message.hasPrefix(entry.message) }, "\(entry.name): \(notes)")
      #expect(graph.outputs.count == 1)
      guard case .fullyConnected = graph[graph.outputs[0]].operation else {
        Issue.record("the output of \(entry.name) is not the classifier's")
        continue
      }
      // The network can be used as a whole.
      #expect(try listONNX(Array(entry.model), name: entry.name).diagnostics.isEmpty)
    }
  }

  @Test("What prepares an image of real numbers is left out, and a note says so")
  func preparation() throws {
    let entry = try #require(
      RecordedONNX.all.quantized.first { $0.name == "q_mean_and_deviation_left_out" })
    var notes: [Diagnostic] = []
    _ = try importONNX(Array(entry.model), name: entry.name) { notes.append($0) }
    #expect(notes.map(\.severity) == [.note])
    #expect(notes.first?.message.hasPrefix("subtract, divide compute with real numbers") == true)
  }

  @Test("A layer takes its bias, activation and grid with it: one integer operation each")
  func fusion() throws {
    let entry = try #require(
      RecordedONNX.all.quantized.first { $0.name == "q_pools_and_classifier" })
    let graph = try network(entry)
    let kinds = graph.nodes.map { node in
      switch node.operation {
      case .input: "input"
      case .convolution: "convolution"
      case .maxPool: "max pool"
      case .mean: "mean"
      case .reshape: "reshape"
      case .fullyConnected: "fully connected"
      default: "other"
      }
    }
    #expect(
      kinds == ["input", "convolution", "max pool", "mean", "reshape", "fully connected"])
  }

  @Test("A quantized network survives network.json")
  func networkFile() throws {
    let entry = try #require(
      RecordedONNX.all.quantized.first { $0.name == "q_pools_and_classifier" })
    let graph = try network(entry)
    let written = NetworkFile(graph: graph).encode()
    #expect(try NetworkFile(json: written.json, binary: written.binary).graph == graph)
  }
}
