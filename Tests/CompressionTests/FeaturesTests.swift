import Compression
import NeuralGraph
import TensorFiles
import Testing

@Suite("Features")
struct FeaturesTests {
  @Test("each image's row is what the interpreter gives for it alone, on any number of threads")
  func rows() throws {
    let graph = try quantizedExample()
    let value = ValueID(3)
    let images = try ImageSet(path: example("images"))
    let found = try features(of: graph, at: value, images: images, threads: 3)
    let type = graph[value].type
    #expect(found.shape == [10] + type.shape.dimensions.dropFirst() && found.element == .int8)
    var front = graph
    front.outputs = [value]
    let interpreter = try Interpreter(front)
    let input = graph.nodes[0].type
    for index in 0..<10 {
      let samples = try images.samples(index, for: input.shape, resize: false)
      let alone = try interpreter.outputs(for: IntegerTensor(samples: samples, type: input))[0]
      let size = type.shape.elementCount
      #expect(alone.bytes.elementsEqual(found.bytes[index * size..<(index + 1) * size]))
    }
    #expect(try features(of: graph, at: value, images: images, threads: 1) == found)
  }

  @Test("more bytes than the limit are refused before any work")
  func limit() throws {
    let images = try ImageSet(path: example("images"))
    let found = #expect(throws: Diagnostics.self) {
      _ = try features(
        of: quantizedExample(), at: ValueID(3), images: images, threads: 1, limit: 1000)
    }
    #expect(found?.description.contains("give fewer images at a time") == true)
  }
}
