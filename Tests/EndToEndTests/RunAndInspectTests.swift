import Foundation
import NeuralGraph
import TensorFiles
import Testing

@Suite("deepfreeze run and inspect")
struct RunAndInspectTests {
  @Test("run prints the classes with their labels, best first")
  func classes() throws {
    let labels = CommandLineTool.root.appending(path: "models/fashion_mnist_labels.txt").path
    let result = try CommandLineTool.run(
      "run", CommandLineTool.model, "--input", CommandLineTool.image, "--top", "3", "--labels",
      labels)
    #expect(result.status == 0)
    #expect(result.errors.isEmpty)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines[2].hasSuffix("Ankle boot"))
    #expect(lines[2].split(separator: " ")[0] == "9")
  }

  @Test("run writes a trace that equals LiteRT's, and the output as an array")
  func files() throws {
    struct Golden: Decodable { var runs: [Trace.Run] }
    let folder = try TemporaryFolder()
    let result = try CommandLineTool.run(
      "run", CommandLineTool.model, "--input", CommandLineTool.image, "--trace",
      folder.path("trace.json"), "--output", folder.path("output.npy"))
    #expect(result.status == 0)
    let recorded = CommandLineTool.root.appending(path: "models/golden/fashion_mnist_int8.json")
    let wanted = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: recorded)).runs
      .first { $0.image == "9_ankle-boot.png" }
    let trace = try StableJSON.decode(
      Trace.self, readFile(folder.path("trace.json")), file: "trace.json")
    #expect(trace.runs == [wanted])
    #expect(try trace.modelDigest == sha256Hex(readFile(CommandLineTool.model)))
    let array = try NPYArray(npy: readFile(folder.path("output.npy")))
    #expect(array.shape == [1, 10])
    #expect(sha256Hex(array.bytes) == trace.runs[0].operators.last?.sha256)
  }

  @Test("run with --json prints one object")
  func json() throws {
    let result = try CommandLineTool.run(
      "run", CommandLineTool.model, "--input", CommandLineTool.image, "--json")
    #expect(result.status == 0)
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    #expect(((object as? [String: Any])?["results"] as? [Any])?.count == 1)
  }

  @Test("inspect says what stands before the first operator that is not supported")
  func firstUnsupported() throws {
    struct Listing: Decodable {
      struct First: Decodable { var op: Int, operatorsBefore: Int, convolutionsBefore: Int }
      struct Operator: Decodable { var op: Int, isSupported: Bool }
      var isUsable: Bool
      var firstUnsupported: First?
      var operators: [Operator]
    }
    // A back end is made of integer operators that are not read.
    let folder = try TemporaryFolder()
    let emitted = try CommandLineTool.run(
      "emit", CommandLineTool.model, "--fixed-layers", "1", "--effort", "0", "--output",
      folder.path("out"))
    #expect(emitted.status == 0)
    let model = folder.path("out/backend/fashion_mnist_int8.onnx")
    let result = try CommandLineTool.run("inspect", model, "--json")
    #expect(result.status == 0)
    let listing = try JSONDecoder().decode(Listing.self, from: Data(result.output.utf8))
    let first = try #require(listing.firstUnsupported)
    #expect(!listing.isUsable)
    let place = try #require(listing.operators.firstIndex { !$0.isSupported })
    #expect(first.op == listing.operators[place].op && first.operatorsBefore == place)
    let text = try CommandLineTool.run("inspect", model).output
    #expect(text.contains("The first operator that is not supported is number \(first.op), "))
  }

  @Test("inspect says where a network can end before what is not supported, and emit ends it there")
  func usablePart() throws {
    struct Listing: Decodable {
      struct Frozen: Decodable { var fixedLayers: Int? }
      struct Part: Decodable { var until: String, convolutions: Int, frozen: Frozen }
      var usablePart: Part?
    }
    let folder = try TemporaryFolder()
    // A node more: NodeDef in GraphDef's field 1, with name, operator and operand.
    let fields = [(1, "odd"), (2, "NoSuchOperator"), (3, "softmax")]
    let node = fields.flatMap { [UInt8($0 << 3 | 2), UInt8($1.utf8.count)] + Array($1.utf8) }
    let float = CommandLineTool.root.appending(path: "models/fashion_mnist_float.pb").path
    let model = folder.path("odd.pb")
    try writeFile(readFile(float) + [0x0A, UInt8(node.count)] + node, to: model)
    let images = CommandLineTool.root.appending(path: "models/images").path
    let calibrated = [model, "--input-range", "0,1", "--calibrate", images]
    let text = try CommandLineTool.run(arguments: ["inspect"] + calibrated)
    #expect(text.output.contains("With --until 'softmax' the network up to there is taken: "))
    let result = try CommandLineTool.run(arguments: ["inspect"] + calibrated + ["--json"])
    let listing = try JSONDecoder().decode(Listing.self, from: Data(result.output.utf8))
    let part = try #require(listing.usablePart)
    #expect(part.frozen.fixedLayers == part.convolutions)
    let emit = ["emit"] + calibrated + ["--fixed-layers", "1", "--effort", "0", "--output"]
    #expect(try CommandLineTool.run(arguments: emit + [folder.path("whole")]).status == 2)
    let ended = try CommandLineTool.run(
      arguments: emit + [folder.path("ended"), "--until", part.until])
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.errors.contains("backend/ ends at --until"))
    let network = try NetworkFile(
      json: readFile(folder.path("ended/network.json")),
      binary: readFile(folder.path("ended/network.bin")))
    #expect(network.origin?.until == [part.until])
  }

  @Test("inspect numbers the factors a channel that become layers, as --fixed-layers counts them")
  func factorsAsLayers() throws {
    struct Recorded: Decodable {
      struct Model: Decodable { var name: String, model: Data }
      var float: [Model]
    }
    struct Listing: Decodable {
      struct Operator: Decodable { var kind: String, convolution: Int? }
      struct Frozen: Decodable { var fixedLayers: Int? }
      var convolutions: Int
      var frozen: Frozen
      var operators: [Operator]
    }
    let recorded = CommandLineTool.root.appending(
      path: "Tests/ModelImportTests/Recorded/onnx_models.json")
    let models = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: recorded)).float
    for (name, image, kinds) in [
      // A factor on the input is part of what its numbers are for a pixel.
      ("tf2onnx_channels_last", "P6\n4 8", ["Conv"]),
      (
        "batch_normalization_before_convolutions", "P6\n6 6",
        ["Conv", "BatchNormalization", "Conv"]
      ),
    ] {
      let model = try #require(models.first { $0.name == name })
      let (folder, images) = (try TemporaryFolder(), try TemporaryFolder())
      let path = try folder.write(Array(model.model), "model.onnx")
      try writeFile(
        Array("\(image)\n255\n".utf8) + (0..<108).map { UInt8(truncatingIfNeeded: 7 * $0) },
        to: images.path("image.ppm"))
      let result = try CommandLineTool.run(
        "inspect", path, "--calibrate", images.path(""), "--json")
      let listing = try JSONDecoder().decode(Listing.self, from: Data(result.output.utf8))
      let counted = listing.operators.filter { $0.convolution != nil }
      #expect(counted.map(\.kind) == kinds, "\(name)")
      #expect(counted.map(\.convolution) == Array(1...kinds.count), "\(name)")
      #expect(listing.frozen.fixedLayers == kinds.count, "\(name)")
    }
  }

  @Test("inspect calibrates with images of another size when it may resize them")
  func resize() throws {
    let folder = try TemporaryFolder()
    try writeFile(
      Array("P5\n20 30\n255\n".utf8) + (0..<600).map { UInt8(truncatingIfNeeded: 7 * $0) },
      to: folder.path("image.pgm"))
    let float = CommandLineTool.root.appending(path: "models/fashion_mnist_float.pb").path
    let arguments = ["inspect", float, "--input-range", "0,1", "--calibrate", folder.path("")]
    let without = try CommandLineTool.run(arguments: arguments)
    #expect(without.output.contains("What can be frozen is not known"))
    let result = try CommandLineTool.run(arguments: arguments + ["--resize"])
    #expect(result.status == 0)
    #expect(result.output.contains("Can be frozen: up to --fixed-layers"))
  }

  @Test("inspect lists the layers, and counts convolutions as --fixed-layers does")
  func inspect() throws {
    let result = try CommandLineTool.run("inspect", CommandLineTool.model)
    #expect(result.status == 0)
    #expect(result.output.contains("12 convolutions, 9,888 weights"))
    #expect(result.output.contains("up to --fixed-layers 12"))
  }

  @Test(
    "An input that cannot be used ends in exit code 2 and a diagnostic that names the file",
    arguments: [
      ["run", "/nonexistent.tflite", "--input", "x.png"],
      ["run", CommandLineTool.model, "--input", "/nonexistent.png"],
      ["run", CommandLineTool.model, "--input", CommandLineTool.model],
      ["inspect", CommandLineTool.image],
    ])
  func unusable(arguments: [String]) throws {
    let result = try CommandLineTool.run(
      arguments[0], arguments[1], arguments.count > 2 ? arguments[2] : "--json",
      arguments.count > 3 ? arguments[3] : "--json")
    #expect(result.status == 2)
    #expect(result.errors.contains("error: "))
    #expect(result.errors.contains("/"))
  }

  @Test("An image of another size needs --resize")
  func size() throws {
    let folder = try TemporaryFolder()
    let image = try folder.write(
      Array("P5 30 20 255\n".utf8) + Array(repeating: 9, count: 600), "image.pgm")
    let refused = try CommandLineTool.run("run", CommandLineTool.model, "--input", image)
    #expect(refused.status == 2)
    #expect(refused.errors.contains("30x20"))
    let resized = try CommandLineTool.run(
      "run", CommandLineTool.model, "--input", image, "--resize")
    #expect(resized.status == 0)
  }

  @Test("Diagnostics are also given to machines")
  func diagnosticsAsJSON() throws {
    let result = try CommandLineTool.run("inspect", CommandLineTool.image, "--json")
    #expect(result.status == 2)
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    let diagnostics = (object as? [String: Any])?["diagnostics"] as? [[String: Any]]
    #expect(diagnostics?.first?["severity"] as? String == "error")
    #expect(diagnostics?.first?["file"] as? String == CommandLineTool.image)
  }

  @Test(
    "Wrong usage ends in exit code 64",
    arguments: [["run"], ["run", "model"], ["inspect"], ["nonsense"]])
  func usage(arguments: [String]) throws {
    let result = try CommandLineTool.run(
      arguments[0], arguments.count > 1 ? arguments[1] : "--unknown")
    #expect(result.status == 64)
  }

  @Test("Labels must be as many as the network's outputs")
  func labels() throws {
    let folder = try TemporaryFolder()
    let labels = try folder.write(Array("one\ntwo\n".utf8), "labels.txt")
    let result = try CommandLineTool.run(
      "run", CommandLineTool.model, "--input", CommandLineTool.image, "--labels", labels)
    #expect(result.status == 2)
    #expect(result.errors.contains("2 lines"))
  }
}
