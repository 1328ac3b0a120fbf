import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import Testing

@Suite("Graphs that TensorFlow computed")
struct GraphDefRecordedTests {
  /// `Recorded/graphdef_models.py` made them.
  struct Recorded: Decodable {
    struct Entry: Decodable {
      var name: String
      var model: Data
      var inputShape: [Int]
      var input: Data
      var output: Data
    }
    var quantized: [Entry]
    var float: [Entry]

    static func load() throws -> Recorded {
      let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      let file = folder.appending(path: "Recorded/graphdef_models.json")
      return try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: file))
    }
  }

  @Test("Weights with one fake-quantized grid a channel give the codes of LiteRT's int8 kernels")
  func perChannel() throws {
    let entries = try Recorded.load().quantized
    #expect(entries.count == 2)
    for entry in entries {
      let graph = try quantizedGraph(
        from: .float(try importGraphDef(Array(entry.model), name: entry.name)))
      let type = graph.nodes[0].type
      #expect(type.element == .int8)
      let output = try Interpreter(graph).outputs(
        for: IntegerTensor(shape: type.shape, element: .int8, bytes: Array(entry.input)))[0]
      #expect(output.bytes == Array(entry.output), "\(entry.name)")
    }
  }

  @Test("A fake-quantized network rounds real numbers to the grids of its weights' channels")
  func realNumbers() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 1, 1, 2])
    file.constant("low", [2], [-127, -254])
    file.constant("high", [2], [127, 254])
    file.node(
      "grids", "FakeQuantWithMinMaxVarsPerChannel", ["input", "low", "high"],
      ["narrow_range": .bool(true)])
    let graph = try importGraphDef(file.bytes, name: "grids")
    let image = FloatTensor(shape: TensorShape([1, 1, 1, 2]), values: [2.75, 2.75])
    #expect(try graph.evaluate([image])[0].values == [3, 2])
    let error = #expect(throws: Diagnostics.self) { try quantizedGraph(from: .float(graph)) }
    #expect(error?.description.contains("activations have 2 grids") == true)
  }

  @Test(
    "Functions and IdentityN are computed where the graph reads them, as TensorFlow computes them")
  func functions() throws {
    let entries = try Recorded.load().float
    #expect(entries.count == 3)
    for entry in entries {
      let graph = try importGraphDef(Array(entry.model), name: entry.name)
      let input = FloatTensor(
        shape: TensorShape(entry.inputShape), values: TFLiteFloatTests.floats(entry.input))
      #expect(graph.outputs.count == 1)
      let output = try graph.evaluate([input])[0].values
      #expect(output == TFLiteFloatTests.floats(entry.output), "\(entry.name)")
    }
  }

  private func call(_ name: String) -> GraphDefWriter.Attribute { .function(name) }

  @Test("Only what the results of a call need is taken, and a call at the end is the output")
  func deadNodes() throws {
    var file = GraphDefWriter()
    file.placeholder([1, 2])
    file.node("call", "PartitionedCall", ["input"], ["f": call("pair")])
    file.node("end", "Relu", ["call:1"])
    file.function("pair", ["x"], ["a": "first:activations:0", "b": "second:y:0"]) { body in
      body.node("first", "Tanh", ["x"])
      body.node("second", "Neg", ["x"])
      body.node("unread", "NoSuchOperator", ["first:y:0"])
    }
    let graph = try importGraphDef(file.bytes, name: "dead")
    #expect(graph.outputs.map { graph[$0].name } == ["end"])
    let image = FloatTensor(shape: TensorShape([1, 2]), values: [2, -3])
    #expect(try graph.evaluate([image])[0].values == [0, 3])
  }

  @Test("Functions that double, call themselves or miss an operand are refused")
  func hostile() throws {
    var doubling = GraphDefWriter()
    doubling.placeholder([1, 2])
    doubling.node("call", "PartitionedCall", ["input"], ["f": call("f30")])
    for level in 0...30 {
      doubling.function("f\(level)", ["x"], ["y": "b:output:0"]) { body in
        let next = "f\(level - 1)"
        body.node("a", level == 0 ? "Relu" : next, ["x"])
        body.node("b", level == 0 ? "Relu" : next, ["a:output:0"])
      }
    }
    var loop = GraphDefWriter()
    loop.placeholder([1, 2])
    loop.node("call", "StatefulPartitionedCall", ["input"], ["f": call("self")])
    loop.function("self", ["x"], ["y": "a:output:0"]) { $0.node("a", "self", ["x"]) }
    var operands = GraphDefWriter()
    operands.placeholder([1, 2])
    operands.node("call", "PartitionedCall", ["input", "input"], ["f": call("one")])
    operands.function("one", ["x"], ["y": "x"]) { _ in }
    for (file, words) in [
      (doubling, "make too many nodes"), (loop, "more than 32 deep"),
      (operands, "2 operands to a function of 1"),
    ] {
      let error = #expect(throws: Diagnostics.self) {
        try importGraphDef(file.bytes, name: "hostile")
      }
      #expect(error?.description.contains(words) == true)
    }
  }
}
