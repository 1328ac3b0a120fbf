import NeuralGraph
import Testing

@Suite("Float graph") struct GraphTests {
  private func image(_ height: Int, _ width: Int, _ channels: Int) -> Operation {
    .input(TensorShape(height: height, width: width, channels: channels))
  }

  private func failure(_ body: (inout Graph) throws(Diagnostic) -> Void) -> String? {
    var graph = Graph(name: "test")
    do throws(Diagnostic) {
      try body(&graph)
      return nil
    } catch {
      return error.description
    }
  }

  @Test("An operation refuses operands that do not fit, and names the node")
  func misfits() {
    #expect(
      failure { graph throws(Diagnostic) in
        let x = try graph.append(name: "x", image(2, 2, 3))
        let w = try graph.append(
          name: "w", .constant(FloatTensor(shape: TensorShape([4, 1]), values: [1, 2, 3, 4])))
        try graph.append(name: "product", .matrixMultiplication, [x, w])
      } == "node 'product': error: matrix multiplication: 1x2x2x3 and 4x1 cannot be multiplied")
    #expect(
      failure { graph throws(Diagnostic) in
        let x = try graph.append(name: "x", image(2, 2, 3))
        let b = try graph.append(name: "b", .constant(FloatTensor(vector: [1, 2])))
        try graph.append(name: "sum", .binary(.add), [x, b])
      } == "node 'sum': error: add: 1x2x2x3 and 2 cannot be broadcast to one shape")
  }

  @Test("A tensor of more than 2^26 elements is refused")
  func tooLarge() {
    #expect(
      failure { graph throws(Diagnostic) in
        try graph.append(name: "x", image(1 << 13, 1 << 13, 3))
      }?.contains("too large") == true)
  }

  @Test("A tensor without elements is refused")
  func empty() {
    #expect(
      failure { graph throws(Diagnostic) in
        let x = try graph.append(name: "x", image(1, 1, 1))
        let none = try graph.append(name: "none", .constant(FloatTensor(vector: [])))
        try graph.append(name: "sum", .binary(.add), [x, none])
      } == "node 'sum': error: add: a tensor of 1x1x1x0 has no elements")
  }

  @Test("Verification finds a missing output and a number that is none")
  func verification() throws {
    var graph = Graph(name: "test")
    try graph.append(name: "x", image(1, 1, 1))
    try graph.append(name: "c", .constant(FloatTensor(vector: [1, .infinity])))
    #expect(
      graph.verify().map(\.message) == [
        "the network has no output", "element 1 of the constant is inf",
      ])
  }

  @Test("A reader that reads a tensor twice is its reader twice")
  func readers() throws {
    var graph = Graph(name: "test")
    let x = try graph.append(name: "x", image(1, 1, 1))
    let square = try graph.append(name: "square", .binary(.multiply), [x, x])
    #expect(graph.readers == [[square, square], []])
  }

  @Test("Evaluation refuses an image of another shape")
  func wrongImage() throws {
    var graph = Graph(name: "test")
    graph.outputs = [try graph.append(name: "x", image(2, 2, 1))]
    #expect(throws: Diagnostic.self) {
      try graph.evaluate([
        FloatTensor(shape: TensorShape([1, 2, 3, 1]), values: [1, 2, 3, 4, 5, 6])
      ])
    }
  }
}
