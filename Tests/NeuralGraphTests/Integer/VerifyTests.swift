import NeuralGraph
import Testing

@Suite("Checks of the integer network")
struct VerifyTests {
  private let image = QuantizedType(
    shape: TensorShape([1, 4, 4, 2]), element: .int8, scale: 0.5, zeroPoint: 3)

  private func convolution() -> QuantizedConvolution {
    QuantizedConvolution(
      geometry: WindowGeometry(
        inputHeight: 4, inputWidth: 4, kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1,
        outputHeight: 4, outputWidth: 4), inputChannels: 2, outputChannels: 2, groups: 1,
      weights: Array(repeating: 1, count: 36), bias: [0, 0],
      requantization: Array(
        repeating: FixedPointMultiplier(multiplier: 1 << 30, exponent: -3), count: 2),
      clamp: -128...127, weightZeroPoints: [0], weightScales: [1])
  }

  private func network(
    _ operation: QuantizedOperation, _ output: QuantizedType? = nil
  ) -> QuantizedGraph {
    RandomLayers(seed: 0).network(image, operation, output ?? image)
  }

  /// A convolution with something changed, verified.
  private func verify(_ change: (inout QuantizedConvolution) -> Void) -> [Diagnostic] {
    var convolution = convolution()
    change(&convolution)
    return network(.convolution(convolution)).verify()
  }

  @Test("A sound network has nothing wrong")
  func sound() {
    #expect(verify { _ in }.isEmpty)
  }

  @Test("Counts that do not fit are found, all at once, with the node's name")
  func counts() {
    let found = verify {
      $0.weights.removeLast()
      $0.bias.append(0)
      $0.requantization.removeLast()
      $0.weightScales = [1, 1, 1]
    }
    #expect(found.count == 4)
    #expect(found.allSatisfy { $0.place.node == "layer" && $0.severity == .error })
  }

  @Test("Weights, clamps, groups and geometry outside their range are found")
  func ranges() {
    #expect(!verify { $0.weights[5] = 256 }.isEmpty)
    #expect(!verify { $0.clamp = -129...127 }.isEmpty)
    #expect(!verify { $0.groups = 0 }.isEmpty)
    #expect(!verify { $0.groups = 3 }.isEmpty)
    #expect(!verify { $0.geometry.strideX = 0 }.isEmpty)
    #expect(!verify { $0.geometry.dilationY = -1 }.isEmpty)
    #expect(!verify { $0.geometry.padTop = -1 }.isEmpty)
    #expect(!verify { $0.geometry.inputHeight = 5 }.isEmpty)
    #expect(!verify { $0.geometry.outputWidth = 3 }.isEmpty)
    #expect(!verify { $0.weightScales = [.nan] }.isEmpty)
  }

  @Test("Multipliers that no kernel can use are found")
  func multipliers() {
    for multiplier in [
      FixedPointMultiplier(multiplier: 1, exponent: 0),
      FixedPointMultiplier(multiplier: 1 << 31, exponent: 0),
      FixedPointMultiplier(multiplier: -1, exponent: 0),
      FixedPointMultiplier(multiplier: 1 << 30, exponent: 31),
      FixedPointMultiplier(multiplier: 1 << 30, exponent: -32),
    ] {
      #expect(!verify { $0.requantization[1] = multiplier }.isEmpty, "\(multiplier)")
    }
  }

  @Test("An accumulator that can leave 32 bits is refused; one that just fits is not")
  func accumulator() {
    // All 18 weights 1, x - 3 in -131...124: the sum's maximum is 2232.
    let limit = Int32.max - 2232
    #expect(
      verify { $0.bias = [0, limit] }.isEmpty, "the largest accumulator is exactly 2^31 - 1")
    let found = verify { $0.bias = [0, limit + 1] }
    #expect(found.count == 1)
    #expect(found.first?.message.contains("channel 1") == true)
    // Least sum: -2358 with all 18 taps.
    #expect(verify { $0.bias = [Int32.min + 2358, 0] }.isEmpty)
    #expect(!verify { $0.bias = [Int32.min + 2357, 0] }.isEmpty)
  }

  @Test("An accumulator whose left shift leaves 32 bits is refused")
  func leftShift() {
    func shifted(_ bias: Int32) -> [Diagnostic] {
      verify {
        $0.bias = [bias, bias]
        $0.requantization = Array(
          repeating: FixedPointMultiplier(multiplier: 1 << 30, exponent: 8), count: 2)
      }
    }
    let limit = Int32.max >> 8
    #expect(shifted(limit - 2232).isEmpty)
    #expect(!shifted(limit - 2231).isEmpty)
  }

  @Test("A zero multiplier does not excuse an accumulator of more than 32 bits")
  func zeroMultiplier() {
    let found = verify {
      $0.requantization = Array(
        repeating: FixedPointMultiplier(multiplier: 0, exponent: 0), count: 2)
      $0.bias = [Int32.max, 0]
    }
    #expect(!found.isEmpty)
  }

  @Test("Scales and zero points of a value are checked")
  func types() {
    var wrong = image
    wrong.scale = 0
    #expect(!network(.reshape, wrong).verify().isEmpty)
    wrong.scale = .infinity
    #expect(!network(.reshape, wrong).verify().isEmpty)
    wrong = image
    wrong.zeroPoint = 128
    #expect(!network(.reshape, wrong).verify().isEmpty)
  }

  @Test("Operations that pass codes on need one quantization on both sides")
  func sameQuantization() {
    var other = image
    other.zeroPoint = 4
    #expect(!network(.reshape, other).verify().isEmpty)
    other = image
    other.element = .uint8
    #expect(!network(.reshape, other).verify().isEmpty)
    other = image
    other.shape = TensorShape([1, 32])
    #expect(network(.reshape, other).verify().isEmpty)
    other.shape = TensorShape([1, 31])
    #expect(!network(.reshape, other).verify().isEmpty)
  }

  @Test("A pool's window may not lie wholly in the pad")
  func poolInPad() {
    var output = image
    output.shape = TensorShape([1, 5, 5, 2])
    let geometry = WindowGeometry(
      inputHeight: 4, inputWidth: 4, kernelHeight: 1, kernelWidth: 1, padTop: 1, padLeft: 1,
      outputHeight: 5, outputWidth: 5)
    let pool = QuantizedPool(geometry: geometry, clamp: -128...127)
    #expect(!network(.maxPool(pool), output).verify().isEmpty)
  }

  @Test("Pads of a code are a max pool's, in the type's range, without dilation")
  func padCode() {
    let window = WindowGeometry(
      inputHeight: 4, inputWidth: 4, kernelHeight: 2, kernelWidth: 2, padTop: 1, padLeft: 1,
      outputHeight: 5, outputWidth: 5)
    var output = image
    output.shape = TensorShape([1, 5, 5, 2])
    var pool = QuantizedPool(geometry: window, clamp: -128...127, padCode: 127)
    #expect(network(.maxPool(pool), output).verify().isEmpty)
    #expect(!network(.averagePool(pool), output).verify().isEmpty)
    pool.padCode = 128
    #expect(!network(.maxPool(pool), output).verify().isEmpty)
    pool.padCode = 127
    pool.geometry.dilationY = 2
    pool.geometry.outputHeight = 4
    output.shape = TensorShape([1, 4, 5, 2])
    #expect(!network(.maxPool(pool), output).verify().isEmpty)
    pool.padCode = nil
    #expect(network(.maxPool(pool), output).verify().isEmpty)
  }

  @Test("Work without bound is refused before it begins")
  func limits() {
    // 2^26 elements a tensor, each a window of 2^20 cells.
    var graph = QuantizedGraph(name: "huge")
    let type = QuantizedType(
      shape: TensorShape([1, 8192, 8192, 1]), element: .uint8, scale: 1, zeroPoint: 0)
    let input = graph.append(
      QuantizedNode(name: "input", operation: .input, operands: [], type: type))
    let geometry = WindowGeometry(
      inputHeight: 8192, inputWidth: 8192, kernelHeight: 8192, kernelWidth: 8192, strideY: 1,
      strideX: 1, padding: .same)!
    let pool = QuantizedPool(geometry: geometry, clamp: 0...255)
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "pool", operation: .averagePool(pool), operands: [input], type: type))
    ]
    #expect(graph.verify().contains { $0.message.contains("operations") })
  }

  @Test("Ten thousand vast tensors are refused at once, not one after the other")
  func manyVastTensors() {
    var graph = QuantizedGraph(name: "huge")
    let type = QuantizedType(
      shape: TensorShape([1, 1, 1 << 26, 1]), element: .uint8, scale: 1, zeroPoint: 0)
    var value = graph.append(
      QuantizedNode(name: "input", operation: .input, operands: [], type: type))
    let geometry = WindowGeometry(
      inputHeight: 1, inputWidth: 1 << 26, kernelHeight: 1, kernelWidth: 3, strideY: 1,
      strideX: 1, padding: .same)!
    let pool = QuantizedPool(geometry: geometry, clamp: 0...255)
    for _ in 0..<10_000 {
      value = graph.append(
        QuantizedNode(name: "pool", operation: .maxPool(pool), operands: [value], type: type))
    }
    graph.outputs = [value]
    #expect(graph.verify().map { $0.message.contains("activation elements") } == [true])
  }

  @Test("A network without input, without output, or with two inputs is refused")
  func ends() {
    #expect(!QuantizedGraph(name: "empty").verify().isEmpty)
    var graph = QuantizedGraph(name: "two")
    for name in ["a", "b"] {
      _ = graph.append(QuantizedNode(name: name, operation: .input, operands: [], type: image))
    }
    #expect(graph.verify().count == 2)
  }

  @Test("An addition of two shapes is refused")
  func addition() throws {
    var graph = QuantizedGraph(name: "add")
    let add = try #require(QuantizedAdd(first: 1, second: 1, output: 1, clamp: -128...127))
    let a = graph.append(
      QuantizedNode(name: "a", operation: .input, operands: [], type: image))
    var flat = image
    flat.shape = TensorShape([1, 32])
    let b = graph.append(
      QuantizedNode(name: "b", operation: .reshape, operands: [a], type: flat))
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "sum", operation: .add(add), operands: [a, b], type: image))
    ]
    #expect(graph.verify().map(\.place.node) == ["sum"])
  }

  @Test("Tables, products and concatenations that do not fit are refused")
  func elementwise() {
    let half = FixedPointMultiplier(real: 0.5)
    func table(_ codes: [Int16], _ output: QuantizedType? = nil) -> Bool {
      network(.table(QuantizedTable(function: .tanh, codes: codes)), output).verify().isEmpty
    }
    let codes = [Int16](repeating: 5, count: 256)
    #expect(table(codes) && table(codes + codes))
    #expect(!table(codes + codes + codes) && !table([]) && !table(Array(codes.dropLast())))
    #expect(!table(codes.dropLast() + [128]))
    var smaller = image
    smaller.shape = TensorShape([1, 4, 4, 1])
    #expect(!table(codes, smaller))
    // One operand is none of a product; a concatenation of one is a copy.
    #expect(
      !network(.multiply(QuantizedMultiply(requantization: half, clamp: -1...1))).verify().isEmpty)
    func joined(_ axis: Int, _ output: QuantizedType? = nil) -> Bool {
      network(.concatenation(QuantizedConcatenation(axis: axis)), output).verify().isEmpty
    }
    #expect(joined(3) && joined(0))
    #expect(!joined(4) && !joined(-1) && !joined(3, smaller))
    var other = image
    other.scale = 0.25
    #expect(!joined(3, other))
    var padded = image
    padded.shape = TensorShape([1, 5, 4, 2])
    func pad(_ code: Int?) -> Bool {
      network(
        .pad(QuantizedPad(before: [0, 1, 0, 0], after: [0, 0, 0, 0], code: code)), padded
      ).verify().isEmpty
    }
    #expect(pad(nil) && pad(-128) && !pad(128))
    var unit = image
    unit.scale = 1 / 128
    #expect(!network(.l2Normalization, unit).verify().isEmpty)
    unit.zeroPoint = 0
    #expect(network(.l2Normalization, unit).verify().isEmpty)
  }

  @Test("The description is stable and names every part")
  func description() {
    let text = network(.convolution(convolution())).description
    #expect(text == network(.convolution(convolution())).description)
    #expect(text.contains("%1 = convolution(%0) 3x3 stride 1x1"))
    #expect(text.contains("int8 scale 0.5 zero 3 1x4x4x2 \"layer\""))
    #expect(text.hasSuffix("output %1"))
    var other = convolution()
    other.weights[7] = 2
    #expect(text != network(.convolution(other)).description)
  }
}
