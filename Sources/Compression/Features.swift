import NeuralGraph
import TensorFiles

/// The codes that a network in integers has at `value`, the fixed layers' output, for each of many images:
/// [images, H, W, C]. The part behind the fixed layers is trained on these.
///
/// Images are spread over `threads` threads; the result is the same for any number of them. `progress`
/// hears of each image that is done, from any thread.
///
/// Throws when an image cannot be read or does not fit the network's input (`resize` scales it), and when
/// all together are more than `limit` bytes.
public func features(
  of graph: QuantizedGraph, at value: ValueID, images: ImageSet, resize: Bool = false, threads: Int,
  limit: Int = 1 << 30, progress: @Sendable (_ images: Int) -> Void = { _ in }
) throws(Diagnostics) -> NPYArray {
  let type = graph[value].type
  let (size, isTooLarge) = type.shape.elementCount.multipliedReportingOverflow(by: images.count)
  guard !isTooLarge, size <= limit else {
    throw Diagnostics(
      Diagnostic(
        "\(images.count) outputs of \(type.shape) are more than \(limit) bytes", file: images.path,
        remedy: "give fewer images at a time"))
  }
  let interpreter = try Interpreter(graph.truncated(at: value))
  let input = graph.nodes[0].type
  var codes: [UInt8] = []
  codes.reserveCapacity(size)
  // Some at a time: the outputs of all would be held twice.
  for first in stride(from: 0, to: images.count, by: 1024) {
    let found = try inParallel(min(1024, images.count - first), threads: threads) {
      index throws(Diagnostics) -> [UInt8] in
      defer { progress(images.count) }
      let samples = try images.samples(first + index, for: input.shape, resize: resize)
      let tensor = IntegerTensor(samples: samples, type: input)
      return try interpreter.outputs(for: tensor, threads: 1)[0].bytes
    }
    for output in found { codes += output }
  }
  let shape = type.shape.dimensions
  return NPYArray(
    shape: [images.count] + (shape.first == 1 ? Array(shape.dropFirst()) : shape),
    element: type.element == .int8 ? .int8 : .uint8, bytes: codes)
}
