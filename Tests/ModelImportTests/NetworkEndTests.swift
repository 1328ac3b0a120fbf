import Foundation
import ModelImport
import NeuralGraph
import Testing

@Suite("A network that ends before the file does")
struct NetworkEndTests {
  private let models = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "models").path

  /// One network that ends at each operator of the file in turn: what it computes is what the whole network
  /// computes there, and nothing else is in it. Returns how many ends were compared.
  private func compareEnds(_ bytes: [UInt8], _ name: String) throws -> Int {
    let file = try ModelFile(path: name, bytes: bytes)
    guard case .quantized(let whole) = try file.imported() else { return 0 }
    let type = whole.nodes[0].type
    let input = IntegerTensor(
      shape: type.shape, element: type.element,
      bytes: (0..<type.shape.elementCount).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 29) })
    let wanted = try whole.evaluate(input)
    var compared = 0
    for entry in try file.listing().entries {
      var ends = [entry.name, "@\(entry.operatorIndex)"]
      if let quantizer = entry.quantizer { ends += [quantizer.name, "@\(quantizer.number)"] }
      for end in ends {
        let part = try ModelFile(path: name, bytes: bytes, until: [end])
        // An ONNX network can end in real numbers between its quantized operators.
        guard let imported = try? part.imported(), case .quantized(let graph) = imported else {
          #expect(file.format == .onnx, "\(name) \(end)")
          continue
        }
        #expect(graph.verify().isEmpty, "\(name) \(end)")
        #expect(try part.listing().entries.last?.operatorIndex == entry.operatorIndex)
        // Without its end a network may begin with other codes.
        guard graph.nodes[0].type == type else { continue }
        let found = try Interpreter(graph).outputs(for: input)[0]
        #expect(wanted.contains(found), "\(name) \(end)")
        #expect(
          graph.readers.enumerated().allSatisfy { !$1.isEmpty || $0 == graph.outputs[0].index })
        compared += 1
      }
    }
    return compared
  }

  @Test("TFLite: each operator of the example and of a branched network")
  func tflite() throws {
    let example = try readFile("\(models)/fashion_mnist_int8.tflite")
    #expect(try compareEnds(example, "example") == 30)
    #expect(try compareEnds(TFLiteNetworks.small().bytes, "small") == 12)
    #expect(try compareEnds(TFLiteNetworks.elementwise().bytes, "elementwise") > 10)
  }

  @Test("TFLite: each operator of ResNet-8", .enabled(if: SharedFolder.path != nil))
  func residual() throws {
    let shared = try #require(SharedFolder.path)
    let file = try readFile("\(shared)/models/pretrainedResnet_quant.tflite")
    #expect(try compareEnds(file, "resnet") > 30)
  }

  @Test("ONNX: each operator of the recorded quantized networks")
  func onnx() throws {
    var compared = 0
    for entry in RecordedONNX.all.quantized {
      compared += try compareEnds(Array(entry.model), entry.name)
    }
    #expect(compared > 100)
  }

  @Test("ONNX and GraphDef of real numbers: a network up to a node has the same nodes")
  func float() throws {
    let recorded = RecordedONNX.all.float.map { (Array($0.model), $0.name) }
    let example = try readFile("\(models)/fashion_mnist_float.pb")
    var ends = 0
    for (bytes, name) in recorded + [(example, "example")] {
      let file = try ModelFile(path: name, bytes: bytes)
      guard case .float(let whole) = try file.imported() else { continue }
      let operations = Set(whole.nodes.map(\.operation))
      for entry in try file.listing().entries where entry.outputShape != nil {
        let part = try ModelFile(path: name, bytes: bytes, until: [entry.name])
        guard case .float(let graph) = try part.imported() else {
          Issue.record("\(name) is in integers")
          continue
        }
        #expect(graph.verify().isEmpty, "\(name) \(entry.name)")
        // ONNX's order of elements comes back at the end.
        let found = graph.nodes.map(\.operation).filter {
          switch $0 {
          case .reshape, .transpose: false
          default: true
          }
        }
        #expect(operations.isSuperset(of: found), "\(name) \(entry.name)")
        ends += 1
      }
    }
    #expect(ends > 100)
  }

  @Test("GraphDef: the nodes behind the end are gone, and the end may be written with ':0'")
  func graphDef() throws {
    var file = GraphDefImportTests.small()
    file.node("odd", "NoSuchOperator", ["relu6"])
    #expect(throws: Diagnostics.self) { try importGraphDef(file.bytes, name: "test") }
    let graph = try importGraphDef(file.bytes, name: "test", until: ["biased:0"])
    #expect(GraphDefImportTests.names(graph) == ["input", "weights", "conv", "bias", "biased"])
    #expect(graph.outputs == [NodeID(4)])
  }

  @Test("GraphDef: loops and missing operands behind the end are not looked at; a shape is no end")
  func graphDefBehindTheEnd() throws {
    var file = GraphDefImportTests.small()
    file.node("merge", "Merge", ["relu6", "next"])
    file.node("next", "NextIteration", ["merge"])
    file.node("lost", "Add", ["relu6", "nowhere"])
    file.node("shape", "Shape", ["relu6"])
    #expect(throws: Diagnostics.self) { try importGraphDef(file.bytes, name: "test") }
    let graph = try importGraphDef(file.bytes, name: "test", until: ["relu6"])
    #expect(graph == (try importGraphDef(GraphDefImportTests.small().bytes, name: "test")))
    for (end, words) in [
      ("shape", "gives no tensor of real numbers"), ("bias", "does not depend on the input"),
      ("next", "cycle"), ("lost", "'nowhere' is not in the file"),
    ] {
      let error = #expect(throws: Diagnostics.self) {
        try importGraphDef(file.bytes, name: "test", until: [end])
      }
      #expect(error?.description.contains(words) == true, "\(end): \(error?.description ?? "")")
    }
  }

  @Test("What is left out at a network's end is refused where the user ends it")
  func leftOut() throws {
    for entry in RecordedONNX.all.cut {
      let whole = try listONNX(Array(entry.model), name: entry.name)
      var ends = 0
      for number in 0..<40 {
        var notes: [Diagnostic] = []
        let end = ["@\(number)"]
        guard
          (try? importONNX(
            Array(entry.model), name: entry.name, until: end, note: { notes.append($0) })) != nil
        else { continue }
        ends += 1
        #expect(notes.isEmpty, "\(entry.name) \(number): \(notes)")
      }
      #expect(ends > 0 && whole.diagnostics.isEmpty, "\(entry.name)")
    }
    var writer = TFLiteNetworks.small()
    let real = writer.activation("real", [1, 2], .float32)
    writer.add("DEQUANTIZE", [TFLiteNetworks.Tensor.logits], [real])
    let gates = writer.activation("gates", [1, 2], .float32)
    writer.add("LOGISTIC", [real], [gates])
    let best = writer.activation("best", [1], .float32)
    writer.add("ARG_MAX", [TFLiteNetworks.Tensor.logits], [best])
    writer.outputs += [gates, best]
    _ = try importTFLite(writer.bytes, name: "test")
    for (end, isTaken) in [("logits", true), ("real", true), ("gates", false), ("best", false)] {
      let imported = try? importTFLiteModel(writer.bytes, name: "test", until: [end])
      #expect((imported != nil) == isTaken, "\(end)")
    }
  }

  @Test("A tensor that two operators compute is refused at any end that needs it")
  func twoWriters() throws {
    var file = GraphDefImportTests.small()
    file.node("relu6", "Relu", ["conv"])
    #expect(throws: Diagnostics.self) {
      try importGraphDef(file.bytes, name: "test", until: ["relu6"])
    }
    let twice = try #require(RecordedONNX.all.refused.first { $0.name == "two_writers" })
    for end in ["@0", "@1", "@2", "a", "b"] {
      #expect(throws: Diagnostics.self) {
        try importONNX(Array(twice.model), name: "test", until: [end])
      }
    }
  }

  @Test("Operators behind the end may be anything")
  func unsupported() throws {
    var writer = TFLiteNetworks.small()
    writer.operators[3].code = TFLiteWriter.codes["EXP"]!
    let file = try ModelFile(path: "test", bytes: writer.bytes)
    #expect(throws: Diagnostics.self) { try file.imported() }
    let part = try ModelFile(
      path: "test", bytes: writer.bytes, until: ["pooled", "depthwise", "@2", "@1"])
    guard case .quantized(let graph) = try part.imported() else {
      Issue.record("not quantized")
      return
    }
    #expect(graph.outputs.map { graph[$0].name } == ["pooled", "depthwise"])
    #expect(graph.nodes.count == 4)
  }

  @Test(
    "A name that no operator computes, or several do, is a diagnostic",
    arguments: [
      (["nothing", "7", "1", "@7"], "cannot end at 'nothing'"), (["input"], "no operator computes"),
      (["w1"], "no operator computes"), (["@9223372036854775808"], "no operator computes"),
      (["-1", "", "@", "@-1", "@x"], "no operator computes"),
      (["twice"], "2 tensors have that name"),
    ])
  func names(_ names: [String], _ message: String) throws {
    var writer = TFLiteNetworks.small()
    for tensor in [TFLiteNetworks.Tensor.flat, TFLiteNetworks.Tensor.pooled] {
      writer.tensors[tensor].name = "twice"
    }
    let file = try ModelFile(path: "test.tflite", bytes: writer.bytes, until: names)
    for body in [{ _ = try file.imported() }, { _ = try file.listing() }] as [() throws -> Void] {
      let error = #expect(throws: Diagnostics.self) { try body() }
      #expect(error?.all.count == names.count)
      #expect(error?.description.contains(message) == true)
      #expect(error?.description.contains("--until") == true)
      #expect(error?.all.first?.place.file == "test.tflite")
    }
  }
}
