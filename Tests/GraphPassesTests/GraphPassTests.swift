import GraphPasses
import NeuralGraph
import Testing

@Suite("Passes over float networks") struct GraphPassTests {
  @Test("Arithmetic on constants is rounded to binary32 at each step: x * (1 / sqrt(v + e))")
  func foldConstants() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    let sum = try b.add("sum", .binary(.add), try b.vector([0.3]), try b.scalar(0.001))
    let root = try b.add("root", .unary(.reciprocalSquareRoot), sum)
    let scale = try b.add("scale", .binary(.multiply), root, try b.vector([1.7]))
    let y = try b.add("y", .binary(.multiply), x, scale)
    let folded = try b.network(y).after("fold-constants")
    let expected = (1 / (Float(0.3) + Float(0.001)).squareRoot()) * Float(1.7)
    #expect(folded.operationNames == ["input", "multiply"])
    #expect(folded.constants(of: "y") == [nil, [expected]])
  }

  @Test("Fake quantization of constants is not folded: it says how weights are quantized")
  func keepsGrids() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    let weights = try b.grid("grid", try b.vector([0.5]), -1, 1)
    let y = try b.add("y", .binary(.multiply), x, weights)
    let folded = try b.network(y).after("fold-constants")
    #expect(folded.operationNames == ["input", "fake quantization", "multiply"])
  }

  @Test("The square root of a negative variance is a diagnostic with the node's name")
  func negativeVariance() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    let root = try b.add("root", .unary(.reciprocalSquareRoot), try b.vector([-1]))
    let y = try b.add("y", .binary(.multiply), x, root)
    let graph = b.network(y)
    let error = #expect(throws: Diagnostics.self) { try graph.canonicalized() }
    #expect(error?.all.map(\.place.node) == ["root"])
  }

  @Test("Constants that broadcasting blows up are refused")
  func explodingConstants() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    let row = try b.constant("row", [1, 1, 8192], [Float](repeating: 1, count: 8192))
    let column = try b.constant("column", [1, 8192, 1], [Float](repeating: 1, count: 8192))
    var y = x
    for index in 0..<2 {
      let square = try b.add("square\(index)", .binary(.add), row, column)
      let mean = try b.add("mean\(index)", .mean(axes: [1, 2], keepsDimensions: true), square)
      y = try b.add("y\(index)", .binary(.multiply), y, mean)
    }
    let error = #expect(throws: Diagnostics.self) { try b.network(y).after("fold-constants") }
    #expect(error?.description.contains("computes more than") == true)
  }

  @Test("Batch normalization goes into weights and bias, with TensorFlow's order of operations")
  func batchNormalization() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 1)
    let conv = try b.convolution("conv", x, try b.constant("w", [1, 1, 1, 2], [0.7, -1.3]))
    let norm = try b.add(
      "norm", .batchNormalization(epsilon: 0.001), conv, try b.vector([1.1, 0.9]),
      try b.vector([0.2, -0.4]), try b.vector([0.05, 0.6]), try b.vector([0.8, 1.9]))
    let folded = try b.network(norm).canonicalized()
    #expect(folded.operationNames == ["input", "convolution"])
    func scale(_ gamma: Float, _ variance: Float) -> Float {
      gamma * (1 / (variance + 0.001).squareRoot())
    }
    let scales = [scale(1.1, 0.8), scale(0.9, 1.9)]
    #expect(
      folded.constants(of: "norm") == [
        nil, [0.7 * scales[0], -1.3 * scales[1]],
        [0.2 - 0.05 * scales[0], -0.4 - 0.6 * scales[1]],
      ])
  }

  @Test("Each kind of factor and summand folds: x * a / b + c - d, and e - x")
  func everyAffineStep() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    var y = try b.convolution("conv", x, try b.constant("w", [1, 1, 1, 1], [3]))
    y = try b.add("times", .binary(.multiply), y, try b.scalar(4))
    y = try b.add("over", .binary(.divide), y, try b.vector([2]))
    y = try b.add("plus", .binary(.add), try b.vector([10]), y)
    y = try b.add("minus", .binary(.subtract), y, try b.scalar(1))
    y = try b.add("from", .binary(.subtract), try b.scalar(100), y)
    let folded = try b.network(y).canonicalized()
    #expect(folded.operationNames == ["input", "convolution"])
    // 100 - (3 * 4 / 2 x + 10 - 1)
    #expect(folded.constants(of: "from") == [nil, [-6], [91]])
  }

  @Test("A layer that something else reads too is not changed")
  func sharedLayer() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    let conv = try b.convolution("conv", x, try b.constant("w", [1, 1, 1, 1], [3]))
    let scaled = try b.add("scaled", .binary(.multiply), conv, try b.scalar(2))
    let sum = try b.add("sum", .binary(.add), conv, scaled)
    let folded = try b.network(sum).canonicalized()
    // The factor has become a 1x1 layer of its own.
    #expect(folded.operationNames == ["input", "convolution", "convolution", "add"])
    let image = FloatTensor(shape: TensorShape([1, 1, 1, 1]), values: [5])
    #expect(try folded.evaluate([image]).map(\.values) == [[45]])
  }

  @Test("Batch normalization before a convolution becomes one depthwise layer")
  func preActivation() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 3)
    let pool = try b.add(
      "pool",
      .maxPool(
        WindowGeometry(
          inputHeight: 2, inputWidth: 2, kernelHeight: 2, kernelWidth: 2, outputHeight: 1,
          outputWidth: 1)), x)
    let scaled = try b.add("scaled", .binary(.multiply), pool, try b.vector([1, 2, 3]))
    let shifted = try b.add("shifted", .binary(.add), scaled, try b.vector([10, 20, 30]))
    let folded = try b.network(shifted).canonicalized()
    #expect(folded.operationNames == ["input", "max pool", "convolution(groups: 3)"])
    #expect(folded.constants(of: "shifted") == [nil, [1, 2, 3], [10, 20, 30]])
  }

  @Test("Clips are activations: minimum(maximum(x, 0), 6) and minimum(maximum(x, -1), 1)")
  func recognizeActivations() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    let relu = try b.add("relu", .binary(.maximum), x, try b.scalar(0))
    let relu6 = try b.add("relu6", .binary(.minimum), relu, try b.scalar(6))
    let low = try b.add("low", .binary(.maximum), try b.scalar(-1), relu6)
    let clip = try b.add("clip", .binary(.minimum), low, try b.scalar(1))
    #expect(
      try b.network(clip).after("recognize-activations").operationNames
        == ["input", "relu6", "relu_n1_to_1"])
  }

  @Test("A reshape to the same shape goes, and gives its name if it is the output")
  func removeIdentity() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 1, 1)
    let relu = try b.add("relu", .activation(.relu), x)
    let again = try b.add("again", .activation(.relu), relu)
    let first = try b.add("first", .reshape(TensorShape([2])), again)
    let second = try b.add("second", .reshape(TensorShape([1, 2])), first)
    let third = try b.add("third", .reshape(TensorShape([1, 2])), second)
    let result = try b.network(third).after("remove-identity")
    #expect(result.operationNames == ["input", "relu", "reshape"])
    #expect(result.nodes.map(\.name) == ["input", "relu", "third"])
  }

  @Test("An activation behind a grid goes before it, so that the layer takes both")
  func activationBehindGrid() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(1, 1, 1)
    let conv = try b.convolution("conv", x, try b.constant("w", [1, 1, 1, 1], [3]))
    let grid = try b.grid("grid", conv, -1, 5)
    let relu = try b.add("relu", .activation(.relu), grid)
    #expect(
      try b.network(relu).after("activation-before-fake-quantization").operationNames
        == ["input", "convolution", "relu", "fake quantization"])
  }

  @Test("The passes do not change what a network computes")
  func meaningIsKept() throws {
    var b = FloatNetworkBuilder()
    let x = try b.input(5, 4, 2)
    let filter = try b.constant(
      "w", [3, 3, 2, 4], (0..<72).map { Float($0 * 37 % 19 - 9) / 8 })
    let conv = try b.convolution("conv", x, filter, stride: 2)
    let norm = try b.add(
      "norm", .batchNormalization(epsilon: 0), conv, try b.vector([1, 2, 0.5, 4]),
      try b.vector([1, -1, 2, 0]), try b.vector([0.5, 1, -2, 0.25]),
      try b.vector([4, 16, 0.25, 1]))
    let relu = try b.add("relu", .binary(.maximum), norm, try b.scalar(0))
    let depth = try b.constant("dw", [3, 3, 4, 1], (0..<36).map { Float($0 % 7 - 3) / 4 })
    let dw = try b.convolution("depthwise", relu, depth, groups: 4)
    let sum = try b.add("sum", .binary(.add), dw, relu)
    let mean = try b.add("mean", .mean(axes: [1, 2], keepsDimensions: false), sum)
    let graph = b.network(mean)
    let image = FloatTensor(
      shape: TensorShape([1, 5, 4, 2]), values: (0..<40).map { Float($0 * 11 % 17 - 8) })
    // All numbers are short binary fractions, so that both ways are exact.
    #expect(try graph.canonicalized().evaluate([image]) == graph.evaluate([image]))
  }
}
