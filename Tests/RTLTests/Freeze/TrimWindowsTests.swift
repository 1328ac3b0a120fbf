import NeuralGraph
import RTL
import Simulation
import Testing

@Suite("Trimming windows to what sees the image")
struct TrimWindowsTests {
  private let zeroPoint = 7

  private func type(_ height: Int, _ width: Int, _ channels: Int) -> QuantizedType {
    QuantizedType(
      shape: TensorShape(height: height, width: width, channels: channels), element: .uint8,
      scale: 0.5, zeroPoint: zeroPoint)
  }

  /// A network of one convolution, max pool and average pool each with this window.
  private func networks(_ geometry: WindowGeometry) -> [QuantizedGraph] {
    let channels = 2
    let taps = geometry.kernelHeight * geometry.kernelWidth
    let convolution = QuantizedConvolution(
      geometry: geometry, inputChannels: channels, outputChannels: 3, groups: 1,
      weights: (0..<3 * taps * channels).map { Int16($0 * 29 % 41 - 20) },
      bias: [0, 100, -300],
      requantization: Array(
        repeating: FixedPointMultiplier(multiplier: 1 << 30, exponent: -3), count: 3),
      clamp: 0...255, weightZeroPoints: [0], weightScales: [1])
    let pool = QuantizedPool(geometry: geometry, clamp: 0...255)
    let operations: [(QuantizedOperation, Int)] = [
      (.convolution(convolution), 3), (.maxPool(pool), 2), (.averagePool(pool), 2),
      (.maxPool(QuantizedPool(geometry: geometry, clamp: 0...200, padCode: 90)), 2),
    ]
    return operations.map { operation, outputs in
      var graph = QuantizedGraph(name: "test")
      let input = graph.append(
        QuantizedNode(
          name: "input", operation: .input, operands: [],
          type: type(geometry.inputHeight, geometry.inputWidth, channels)))
      graph.outputs = [
        graph.append(
          QuantizedNode(
            name: "window", operation: operation, operands: [input],
            type: type(geometry.outputHeight, geometry.outputWidth, outputs)))
      ]
      return graph
    }
  }

  private func values(_ graph: QuantizedGraph) throws -> [IntegerTensor] {
    let type = graph.nodes[0].type
    let codes = (0..<type.shape.elementCount).map { $0 * 83 % 256 }
    return try graph.evaluate(
      IntegerTensor(shape: type.shape, element: .uint8, codes: codes))
  }

  private func geometry(_ graph: QuantizedGraph) -> WindowGeometry? {
    switch graph.nodes[1].operation {
    case .convolution(let convolution): convolution.geometry
    case .maxPool(let pool), .averagePool(let pool): pool.geometry
    default: nil
    }
  }

  @Test("a 3x3 window over one pixel becomes a 1x1 window")
  func onePixel() throws {
    let window = try #require(
      WindowGeometry(
        inputHeight: 1, inputWidth: 1, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
        padding: .same))
    for graph in networks(window) {
      let trimmed = trimWindows(graph)
      let left = try #require(geometry(trimmed))
      #expect([left.kernelHeight, left.kernelWidth, left.padTop, left.padLeft] == [1, 1, 0, 0])
      #expect(trimmed.verify().isEmpty)
      #expect(try values(trimmed) == values(graph))
    }
  }

  @Test("a window of a million columns over a map of three is cut to those that see it")
  func hugeWindow() throws {
    let window = try #require(
      WindowGeometry(
        inputHeight: 2, inputWidth: 3, kernelHeight: 1, kernelWidth: 1 << 20, strideY: 1,
        strideX: 1, padding: .same))
    for graph in networks(window).dropFirst() {
      let trimmed = trimWindows(graph)
      #expect(geometry(trimmed)?.kernelWidth == 5)
      #expect(try values(trimmed) == values(graph))
    }
  }

  @Test("a window that sees no pixel at all stays one that hardware can run, and is frozen")
  func unseen() throws {
    let window = try #require(
      WindowGeometry(
        inputHeight: 1, inputWidth: 1, kernelHeight: 2, kernelWidth: 2, strideY: 1, strideX: 1,
        dilationY: 2, dilationX: 2, padding: .same))
    let graph = networks(window)[0]
    #expect(try values(trimWindows(graph)) == values(graph))
    let design = try Freeze.design(graph, options: FreezeOptions())
    #expect(design.layers.count == 1)
  }

  @Test("a max pool's code outside goes where no code of its map is below it")
  func codeOutside() throws {
    let window = try #require(
      WindowGeometry(
        inputHeight: 5, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideY: 2, strideX: 2,
        padding: .same))
    for code in [0, 1, 90] {
      let pool = QuantizedPool(geometry: window, clamp: 0...200, padCode: code)
      let graph = networks(window)[3].replacing([ValueID(1): .maxPool(pool)])
      let trimmed = trimWindows(graph)
      #expect((trimmed == graph) == (code > 0))
      #expect(try values(trimmed) == values(graph))
    }
  }

  @Test("weights and multiply-accumulates are counted as the network has them")
  func cost() throws {
    let window = try #require(
      WindowGeometry(
        inputHeight: 2, inputWidth: 2, kernelHeight: 7, kernelWidth: 7, strideY: 1, strideX: 1,
        padding: .same))
    let design = try Freeze.design(networks(window)[0], options: FreezeOptions())
    #expect(design.layers[0].cost.weights == 3 * 49 * 2)
    #expect(design.layers[0].cost.multiplyAccumulates == 3 * 49 * 2 * 4)
  }

  @Test("every window that a position sees whole stays as it is")
  func whole() throws {
    let window = try #require(
      WindowGeometry(
        inputHeight: 7, inputWidth: 7, kernelHeight: 3, kernelWidth: 3, strideY: 2, strideX: 2,
        padding: .same))
    for graph in networks(window) { #expect(trimWindows(graph) == graph) }
  }

  @Test("random windows compute the same, and no border of a trimmed window sees only pads")
  func random() throws {
    var generator = SplitMix64(seed: 20)
    var trimmedWindows = 0
    var runnable = 0
    for _ in 0..<400 {
      func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
      guard
        let window = WindowGeometry(
          inputHeight: draw(1...5), inputWidth: draw(1...5), kernelHeight: draw(1...7),
          kernelWidth: draw(1...7), strideY: draw(1...3), strideX: draw(1...3),
          dilationY: draw(1...3), dilationX: draw(1...3),
          padding: draw(0...1) == 0
            ? .same
            : .explicit(
              top: draw(0...6), bottom: draw(0...6), left: draw(0...6), right: draw(0...6)))
      else { continue }
      for graph in networks(window) where graph.verify().isEmpty {
        let trimmed = trimWindows(graph)
        #expect(trimmed.verify().isEmpty)
        #expect(try values(trimmed) == values(graph), "\(window)")
        #expect(trimWindows(trimmed) == trimmed)
        // What hardware can run it can run trimmed.
        if WindowTiming.verify(window).isEmpty {
          #expect(WindowTiming.verify(try #require(geometry(trimmed))).isEmpty, "\(window)")
          runnable += 1
        }
        if trimmed != graph { trimmedWindows += 1 }
      }
    }
    #expect(trimmedWindows > 100 && runnable > 100)
  }
}
