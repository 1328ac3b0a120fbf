import GraphPasses
import NeuralGraph
import Testing

@Suite("Quantization of fake-quantized networks") struct FakeQuantTests {
  private func quantized(_ graph: Graph) throws -> QuantizedGraph {
    try quantizedGraph(from: .float(graph))
  }

  private func messages(_ graph: Graph) -> [String] {
    do {
      _ = try quantized(graph)
      return []
    } catch let error as Diagnostics {
      return error.all.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  /// A 1x1 layer from 1 to 2 channels with a bias, on grids; `tail` builds what follows.
  private func layer(
    low: Float = 0, high: Float = 6, weightBits: Int = 8,
    _ tail: (inout FloatNetworkBuilder, NodeID) throws -> NodeID
  ) throws -> Graph {
    var b = FloatNetworkBuilder()
    let x = try b.input(2, 2, 1)
    let weights = try b.grid(
      "weights", try b.constant("w", [1, 1, 1, 2], [0.5, -1]), -1, 1, narrow: true,
      bits: weightBits)
    let conv = try b.convolution("conv", x, weights)
    let bias = try b.add("bias", .binary(.add), conv, try b.vector([0.25, -0.25]))
    let end = try tail(&b, bias)
    return b.network(end)
  }

  private func convolution(_ node: QuantizedNode) throws -> QuantizedConvolution {
    guard case .convolution(let convolution) = node.operation else {
      throw Diagnostic("'\(node.name)' is no convolution")
    }
    return convolution
  }

  @Test("A layer takes its activation and grid with it, and is named after the activation")
  func wholeLayer() throws {
    let network = try quantized(
      try layer { b, x in
        try b.grid("grid", try b.add("relu6", .activation(.relu6), x), 0, 4)
      })
    #expect(network.nodes.map(\.name) == ["input", "relu6"])
    let node = network.nodes[1]
    let layer = try convolution(node)
    // -1...1 in 254 steps: scale 2/254, zero point 128.
    #expect(layer.weightScales == [Float(2.0 / 254)])
    #expect(layer.weightZeroPoints == [128])
    // 63.5 steps of half: the tie goes up, as TensorFlow's kernel rounds.
    #expect(layer.weights == [64, -127])
    #expect(node.type.scale == Float(4.0 / 255))
    #expect(node.type.zeroPoint == 0)
    // 6 is beyond the grid: nothing is cut.
    #expect(layer.clamp == 0...255)
    let unit = Float(1.0 / 128) * Float(2.0 / 254)
    #expect(layer.bias == [Int32((0.25 / unit).rounded()), Int32((-0.25 / unit).rounded())])
    #expect(
      layer.requantization
        == Array(
          repeating: FixedPointMultiplier(real: Double(unit) / Double(node.type.scale)), count: 2))
  }

  @Test("ReLU behind a grid of both signs cuts at the zero point")
  func activationBehindGrid() throws {
    let network = try quantized(
      try layer { b, x in
        try b.add("relu", .activation(.relu), try b.grid("grid", x, -2, 2))
      })
    let node = network.nodes[1]
    #expect(network.nodes.count == 2)
    // 2 / (4 / 255) is just below 127.5 in binary32.
    #expect(node.type.zeroPoint == 127)
    #expect(try convolution(node).clamp == 127...255)
  }

  @Test("A second grid behind the activation rescales")
  func twoGrids() throws {
    let network = try quantized(
      try layer { b, x in
        let grid = try b.grid("first", x, -2, 2)
        return try b.grid("second", try b.add("relu", .activation(.relu), grid), 0, 1)
      })
    #expect(
      network.nodes.map(\.name) == ["input", "first", "relu"].map { $0 == "first" ? "bias" : $0 })
    guard case .rescale(let rescale) = network.nodes[2].operation else {
      Issue.record("no rescale")
      return
    }
    #expect(rescale.clamp == 0...255)
    #expect(network.nodes[2].type.scale == Float(1.0 / 255))
  }

  @Test("Pools and reshapes carry a range through, also to the layer before them")
  func carriedRange() throws {
    let window = WindowGeometry(
      inputHeight: 2, inputWidth: 2, kernelHeight: 2, kernelWidth: 2, outputHeight: 1,
      outputWidth: 1)
    let network = try quantized(
      try layer { b, x in
        let pool = try b.add("pool", .averagePool(window), x)
        let flat = try b.add("flat", .reshape(TensorShape([1, 2])), pool)
        return try b.grid("grid", flat, -1, 1)
      })
    #expect(network.nodes.map(\.name) == ["input", "bias", "pool", "flat"])
    #expect(Set(network.nodes.dropFirst().map(\.type.scale)) == [Float(2.0 / 255)])
  }

  @Test("The classifier's softmax has scale 1/256 and zero point 0")
  func softmax() throws {
    let network = try quantized(
      try layer { b, x in
        try b.add("softmax", .softmax, try b.grid("grid", x, -2, 2))
      })
    #expect(network.nodes[2].type.scale == 1.0 / 256)
    #expect(network.nodes[2].type.zeroPoint == 0)
  }

  @Test("A sum of two branches takes its own grid")
  func residualSum() throws {
    let network = try quantized(
      try layer { b, x in
        let grid = try b.grid("grid", x, -2, 2)
        return try b.grid("sums", try b.add("sum", .binary(.add), grid, grid), -4, 4)
      })
    #expect(network.nodes.map(\.name) == ["input", "bias", "sum"])
    guard case .add(let add) = network.nodes[2].operation else {
      Issue.record("no sum")
      return
    }
    #expect(
      add
        == QuantizedAdd(
          first: Float(4.0 / 255), second: Float(4.0 / 255), output: Float(8.0 / 255),
          clamp: 0...255))
  }

  @Test("A grid on the input says its range")
  func inputGrid() throws {
    var b = FloatNetworkBuilder()
    let x = try b.grid("grid", try b.input(2, 2, 1), -1, 1)
    let weights = try b.grid("weights", try b.constant("w", [1, 1, 1, 1], [1]), -1, 1)
    let y = try b.grid("out", try b.convolution("conv", x, weights), -1, 1)
    var notes: [Diagnostic] = []
    let network = try quantizedGraph(from: .float(b.network(y))) { notes.append($0) }
    #expect(network.nodes[0].type.scale == Float(2.0 / 255))
    #expect(notes == [])
  }

  @Test("Without one, the converter's mean and deviation of 128 are taken, and said")
  func assumedInput() throws {
    var notes: [Diagnostic] = []
    let graph = try layer { b, x in try b.grid("grid", x, -2, 2) }
    let network = try quantizedGraph(from: .float(graph)) { notes.append($0) }
    #expect(network.nodes[0].type.scale == 1.0 / 128)
    #expect(network.nodes[0].type.zeroPoint == 128)
    #expect(notes.count == 1)
    #expect(notes.first?.description.contains("--input-range") == true)
  }

  @Test("An activation without a grid is named, and so are weights without one")
  func missingGrids() throws {
    var b = FloatNetworkBuilder()
    let x = try b.grid("grid", try b.input(2, 2, 1), -1, 1)
    let free = try b.convolution("free", x, try b.constant("w", [1, 1, 1, 1], [1]))
    let first = try b.grid("grid2", free, -1, 1)
    let weights = try b.grid("weights", try b.constant("w2", [1, 1, 1, 1], [1]), -1, 1)
    let open = try b.convolution("open", x, weights)
    let found = messages(b.network(first, open))
    #expect(found.count == 2)
    #expect(found.contains { $0.hasPrefix("node 'free': error: its weights have no FakeQuant") })
    #expect(found.contains { $0.hasPrefix("node 'open': error: no FakeQuantWithMinMaxVars says") })
  }

  @Test("Grids of 4 bits are refused")
  func fourBits() throws {
    let found = messages(
      try layer(weightBits: 4) { b, x in try b.grid("grid", x, -2, 2) })
    #expect(
      found == [
        "node 'weights': error: the grid has 4 bits (only training for 8 bits is supported)"
      ])
  }

  @Test("A grid without extent is refused")
  func emptyGrid() throws {
    let found = messages(try layer { b, x in try b.grid("grid", x, 0, 0) })
    #expect(found == ["node 'grid': error: the grid's range 0.0...0.0 has no scale"])
  }

  @Test("A quotient of two activations is refused, and its readers are not reported too")
  func productOfActivations() throws {
    let found = messages(
      try layer { b, x in
        let grid = try b.grid("grid", x, -2, 2)
        let product = try b.add("product", .binary(.divide), grid, grid)
        return try b.add("softmax", .softmax, product)
      })
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("node 'product': error: divide of two activations") == true)
  }
}
