import NeuralGraph
import Testing

@Suite struct NetworkFileTests {
  /// A valid network with every kind of operation.
  private static func everyOperation() -> QuantizedGraph {
    var graph = QuantizedGraph(name: "Every/operation")
    func type(_ shape: [Int], zeroPoint: Int = 3, scale: Float = 0.25) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(shape), element: .int8, scale: scale, zeroPoint: zeroPoint)
    }
    func append(
      _ name: String, _ operation: QuantizedOperation, _ operands: [ValueID], _ type: QuantizedType
    ) -> ValueID {
      graph.append(
        QuantizedNode(name: name, operation: operation, operands: operands, type: type))
    }
    let half = FixedPointMultiplier(real: 0.5)
    let small = FixedPointMultiplier(real: 0.001)
    let x = append("x", .input, [], type([1, 4, 4, 2]))
    let padded = append(
      "pad", .pad(QuantizedPad(before: [0, 1, 0, 0], after: [0, 0, 1, 0])), [x],
      type([1, 5, 5, 2]))
    let window = WindowGeometry(
      inputHeight: 5, inputWidth: 5, kernelHeight: 2, kernelWidth: 3, strideY: 1, strideX: 2,
      padding: .valid)!
    let convolution = append(
      "conv",
      .convolution(
        QuantizedConvolution(
          geometry: window, inputChannels: 2, outputChannels: 3, groups: 1,
          weights: (0..<36).map { Int16($0 - 18) }, bias: [-70000, 0, 5],
          requantization: [small, half, FixedPointMultiplier(multiplier: 0, exponent: 0)],
          clamp: -128...127, weightZeroPoints: [0, 0, 0], weightScales: [0.1, 1e-20, 3])),
      [padded], type([1, 4, 2, 3], zeroPoint: -4, scale: 0.017))
    let rescaled = append(
      "rescale", .rescale(QuantizedRescale(requantization: half, clamp: -5...5)), [convolution],
      type([1, 4, 2, 3], zeroPoint: 0))
    let pool = QuantizedPool(
      geometry: WindowGeometry(
        inputHeight: 4, inputWidth: 2, kernelHeight: 2, kernelWidth: 1, strideY: 2, strideX: 1,
        padding: .valid)!, clamp: -128...127)
    let average = append(
      "average", .averagePool(pool), [rescaled], type([1, 2, 2, 3], zeroPoint: 0))
    var counting = pool
    counting.padCode = -3
    let maximum = append("max", .maxPool(counting), [rescaled], type([1, 2, 2, 3], zeroPoint: 0))
    let sum = append(
      "sum",
      .add(QuantizedAdd(first: half, second: half, output: small, clamp: -128...127)),
      [average, maximum], type([1, 2, 2, 3]))
    let mean = append(
      "mean", .mean(QuantizedMean(axes: [1, 2], requantization: half, clamp: -128...100)), [sum],
      type([1, 3]))
    let reshaped = append("flat", .reshape, [mean], type([3]))
    let logits = append(
      "logits",
      .fullyConnected(
        QuantizedFullyConnected(
          inputSize: 3, outputSize: 2, weights: [1, -127, 255, 0, 4, 5], bias: [9, -9],
          requantization: [
            RealMultiplier(mantissa: (1 << 52) + 12345, shift: 54),
            RealMultiplier(mantissa: 1 << 52, shift: 60),
          ],
          clamp: -128...127, weightZeroPoints: [7], weightScales: [0.2])), [reshaped],
      type([1, 2], zeroPoint: 0, scale: 0.125))
    let result = append(
      "softmax",
      .softmax(QuantizedSoftmax(inputScale: 0.125)!), [logits],
      QuantizedType(
        shape: TensorShape([1, 2]), element: .int8, scale: 1 / 256, zeroPoint: -128))
    let difference = append(
      "difference",
      .add(QuantizedAdd(first: half, second: half.negated, output: small, clamp: -128...127)),
      [sum, mean], type([1, 2, 2, 3]))
    let product = append(
      "product", .multiply(QuantizedMultiply(requantization: small, clamp: -9...9)),
      [difference, mean], type([1, 2, 2, 3]))
    let tables = append(
      "table",
      .table(
        QuantizedTable(function: .prelu, codes: (0..<768).map { Int16($0 % 200 - 100) })),
      [product], type([1, 2, 2, 3]))
    let joined = append(
      "joined", .concatenation(QuantizedConcatenation(axis: 3)), [tables, sum],
      type([1, 2, 2, 6]))
    let filled = append(
      "filled", .pad(QuantizedPad(before: [0, 1, 0, 0], after: [0, 0, 0, 0], code: -7)),
      [joined], type([1, 3, 2, 6]))
    let normalized = append(
      "normalized", .l2Normalization, [filled],
      type([1, 3, 2, 6], zeroPoint: 0, scale: 1 / 128))
    graph.outputs = [result, sum, normalized]
    return graph
  }

  private func message(json: [UInt8], binary: [UInt8]) -> String {
    do {
      _ = try NetworkFile(json: json, binary: binary)
      return ""
    } catch {
      return error.description
    }
  }

  @Test("the network of these tests is valid")
  func valid() {
    #expect(Self.everyOperation().verify() == [])
  }

  @Test("decoding gives the network that was encoded, with its origin")
  func roundTrip() throws {
    let file = NetworkFile(
      graph: Self.everyOperation(), origin: .init(file: "model.tflite", sha256: "00ff"))
    let (json, binary) = file.encode()
    #expect(try NetworkFile(json: json, binary: binary) == file)
  }

  @Test("the same network gives the same bytes")
  func stable() {
    let first = NetworkFile(graph: Self.everyOperation()).encode()
    let second = NetworkFile(graph: Self.everyOperation()).encode()
    #expect(first.json == second.json && first.binary == second.binary)
  }

  @Test("every binary32 scale comes back bit for bit")
  func scales() throws {
    var graph = QuantizedGraph(name: "scales")
    var bits: UInt32 = 12345
    var scales: [Float] = [
      .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 0.1, 1 / 3,
    ]
    while scales.count < 500 {
      bits = bits &* 1_664_525 &+ 1_013_904_223
      let scale = Float(bitPattern: bits & 0x7FFF_FFFF)
      if scale.isFinite && scale > 0 { scales.append(scale) }
    }
    var value: ValueID?
    for scale in scales {
      let operation: QuantizedOperation =
        value == nil
        ? .input
        : .rescale(
          QuantizedRescale(requantization: FixedPointMultiplier(real: 0.5), clamp: 0...255))
      value = graph.append(
        QuantizedNode(
          name: "s", operation: operation, operands: value.map { [$0] } ?? [],
          type: QuantizedType(
            shape: TensorShape([1]), element: .uint8, scale: scale, zeroPoint: 0)))
    }
    graph.outputs = [value!]
    let (json, binary) = NetworkFile(graph: graph).encode()
    let decoded = try NetworkFile(json: json, binary: binary).graph
    #expect(
      decoded.nodes.map(\.type.scale.bitPattern) == graph.nodes.map(\.type.scale.bitPattern))
  }

  @Test("a changed byte of network.bin is found by its checksum")
  func changedBinary() {
    var (json, binary) = NetworkFile(graph: Self.everyOperation()).encode()
    binary[3] ^= 1
    #expect(message(json: json, binary: binary).contains("network.bin: error: its length or SHA"))
    json = []
    #expect(message(json: json, binary: binary).contains("network.json: error: "))
  }

  @Test("a cut network.bin is found by its length")
  func cutBinary() {
    let (json, binary) = NetworkFile(graph: Self.everyOperation()).encode()
    #expect(message(json: json, binary: binary.dropLast()).contains("its length or SHA-256"))
  }

  @Test("another version is refused with the remedy")
  func version() {
    let (json, binary) = NetworkFile(graph: Self.everyOperation()).encode()
    let text = String(decoding: json, as: UTF8.self)
      .replacing("\"version\" : 1", with: "\"version\" : 2")
    #expect(
      message(json: Array(text.utf8), binary: binary)
        .contains("its version is 2, and this program reads version 1 (emit the design again)"))
  }

  @Test(
    "a field that is missing, of another type or out of bounds is a diagnostic",
    arguments: [
      ("\"kind\" : \"maxPool\"", "\"kind\" : \"minPool\"", "nodes[5].operation.kind"),
      ("\"axes\"", "\"axen\"", "node 'mean': error: its field 'axes' is missing"),
      ("\"offset\" : 0", "\"offset\" : 9999999", "its weights lie outside network.bin"),
      ("\"offset\" : 0", "\"offset\" : -8", "its weights lie outside network.bin"),
      ("\"count\" : 36", "\"count\" : 9223372036854775807", "lie outside network.bin"),
      ("\"count\" : 36", "\"count\" : 35", "weights"),
      ("\"groups\" : 1", "\"groups\" : 0", "groups"),
      ("\"zeroPoint\" : -4", "\"zeroPoint\" : \"-4\"", "nodes[2].zeroPoint is of another type"),
      ("\"strideX\" : 2", "\"strideX\" : 9223372036854775807", "conv"),
      ("\"name\" : \"pad\"", "\"nome\" : \"pad\"", "nodes[1].name is missing"),
    ])
  func brokenField(from: String, to: String, expected: String) {
    let (json, binary) = NetworkFile(graph: Self.everyOperation()).encode()
    let text = String(decoding: json, as: UTF8.self)
    let changed = text.replacing(from, with: to, maxReplacements: 1)
    #expect(changed != text)
    #expect(message(json: Array(changed.utf8), binary: binary).contains(expected))
  }

  @Test("a network.json that is cut anywhere is a diagnostic")
  func truncated() {
    let (json, binary) = NetworkFile(graph: Self.everyOperation()).encode()
    for length in stride(from: 0, to: json.count - 2, by: 37) {
      #expect(message(json: Array(json[..<length]), binary: binary).contains("network.json"))
    }
  }

  @Test("json that nests a hundred thousand levels deep is a diagnostic")
  func nested() {
    let json = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    #expect(message(json: json, binary: []).contains("network.json"))
  }
}
