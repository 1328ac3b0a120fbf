import Compression
import Foundation
import NeuralGraph
import TensorFiles
import Testing

@Suite("Evaluate")
struct EvaluateTests {
  @Test("the example's int8 model and its float model find the classes of the ten example images")
  func exampleImages() throws {
    let images = try ImageSet(path: example("images"))
    let classifiers = [
      try Classifier(quantizedExample(), name: "int8"),
      try Classifier(
        floatExample(), input: .init(low: 0, high: 1)!, name: "float"),
    ]
    let results = try evaluate(
      classifiers, images: images, labels: Array(0..<10), reference: 1, threads: 2)
    #expect(results.map(\.top1) == [10, 10])
    #expect(results.map(\.top5) == [10, 10])
    #expect(results.map(\.agreement) == [10, 10])
    #expect(results.map(\.arithmetic) == ["integers", "binary32"])
  }

  @Test("results are the same on one thread and on many")
  func threads() throws {
    let images = try ImageSet(path: example("calibration"))
    let labels = (0..<50).map { $0 / 5 }
    let classifier = try Classifier(quantizedExample(), name: "int8")
    let once = try evaluate([classifier], images: images, labels: labels, threads: 1)
    let often = try evaluate([classifier], images: images, labels: labels, threads: 7)
    #expect(once == often)
    #expect(once[0].images == 50)
    #expect(once[0].top1! > 40)
  }

  @Test("equal scores rank the lower class first")
  func ties() throws {
    var graph = QuantizedGraph(name: "flat")
    let input = graph.append(
      QuantizedNode(
        name: "input", operation: .input, operands: [],
        type: QuantizedType(
          shape: TensorShape([1, 1, 1, 3]), element: .uint8, scale: 1, zeroPoint: 0)))
    graph.outputs = [input]
    let classifier = try Classifier(graph, name: "flat")
    #expect(try classifier.ranking(samples: [7, 9, 7], count: 5) == [1, 0, 2])
  }

  @Test("a network whose output is a map is refused")
  func map() throws {
    var graph = try quantizedExample()
    graph.outputs = [ValueID(1)]
    let found = #expect(throws: Diagnostics.self) { _ = try Classifier(graph, name: "map") }
    #expect(found?.description.contains("not one score a class") == true)
  }

  @Test("images of another size than the network's are refused, with the way out")
  func wrongSize() throws {
    try withTemporaryFolder { folder in
      try writeImages(to: folder, [("a.pgm", 5, 4)])
      let images = try ImageSet(path: folder)
      let classifier = try Classifier(quantizedExample(), name: "int8")
      let found = #expect(throws: Diagnostics.self) {
        _ = try evaluate([classifier], images: images, labels: [1], threads: 2)
      }
      #expect(found?.description.contains("a.pgm: error: the image is 5x4 pixels") == true)
      #expect(found?.all[0].remedy?.contains("--resize") == true)
      let scaled = try evaluate(
        [classifier], images: images, labels: [1], resize: true, threads: 2)
      #expect(scaled[0].images == 1)
    }
  }
}
