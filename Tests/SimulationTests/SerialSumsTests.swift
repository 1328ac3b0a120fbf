import NeuralGraph
import RTL
import Simulation
import Testing

/// Fully connected layers whose sums are taken step by step.
@Suite struct SerialSumsTests {
  /// An 8x8x2 image, 3x3 windows four apart to a map of 2x2 with `channels` channels, one of them constant,
  /// a fully connected layer on the map with `outputs` outputs, and one of three on those. Weights have 9
  /// bits.
  struct Case: Sendable, CustomTestStringConvertible {
    var channels: Int
    var outputs: Int
    var element = QuantizedElement.uint8
    var testDescription: String { "\(channels) channels, \(outputs) outputs, \(element.rawValue)" }

    var graph: QuantizedGraph {
      var graph = QuantizedGraph(name: "dense")
      let zero = element == .uint8 ? 7 : -3
      let range = element.range
      func type(_ dimensions: [Int]) -> QuantizedType {
        QuantizedType(
          shape: TensorShape(dimensions), element: element, scale: 0.5, zeroPoint: zero)
      }
      func weights(_ count: Int, _ step: Int) -> [Int16] {
        (0..<count).map { Int16(($0 * step + 31) % 511 - 255) }
      }
      let image = graph.append(
        QuantizedNode(name: "image", operation: .input, operands: [], type: type([1, 8, 8, 2])))
      let window = WindowGeometry(
        inputHeight: 8, inputWidth: 8, kernelHeight: 3, kernelWidth: 3, strideY: 4, strideX: 4,
        padding: .valid)!
      let dead = channels / 2
      let convolution = QuantizedConvolution(
        geometry: window, inputChannels: 2, outputChannels: channels, groups: 1,
        weights: weights(18 * channels, 37).enumerated().map { index, weight in
          index / 18 == dead ? 0 : weight
        }, bias: (0..<channels).map { Int32($0 * 900 - 2000) },
        requantization: (0..<channels).map {
          FixedPointMultiplier(real: 0.004 + 0.0004 * Double($0))
        },
        clamp: range, weightZeroPoints: [0], weightScales: [1])
      let map = graph.append(
        QuantizedNode(
          name: "conv", operation: .convolution(convolution), operands: [image],
          type: type([1, 2, 2, channels])))
      var value = map
      for (index, (inputs, outputs)) in [(4 * channels, outputs), (outputs, 3)].enumerated() {
        let layer = QuantizedFullyConnected(
          inputSize: inputs, outputSize: outputs, weights: weights(inputs * outputs, 37 + index),
          bias: (0..<outputs).map { Int32($0 * 70 - 100) },
          requantization: (0..<outputs).map { _ in RealMultiplier(mantissa: 1 << 52, shift: 61) },
          clamp: range, weightZeroPoints: [0], weightScales: [1])
        value = graph.append(
          QuantizedNode(
            name: "dense\(index)", operation: .fullyConnected(layer), operands: [value],
            type: type([1, outputs])))
      }
      graph.outputs = [value]
      return graph
    }
  }

  private static let cases = [
    Case(channels: 6, outputs: 5), Case(channels: 6, outputs: 5, element: .int8),
    Case(channels: 30, outputs: 3), Case(channels: 3, outputs: 40, element: .int8),
    Case(channels: 2, outputs: 1),
  ]

  private static func sums(_ design: Design) -> [SerialSums] {
    design.layers.compactMap { if case .serial(let sums) = $0.form { sums } else { nil } }
  }

  @Test("a layer has as few multipliers as the time between pixels allows", arguments: cases)
  func multipliers(_ one: Case) throws {
    #expect(one.graph.verify() == [])
    let design = try Freeze.design(one.graph, options: FreezeOptions(effort: 0))
    let sums = Self.sums(design)
    #expect(sums.count == 2)
    // 16 clocks a pixel of the map, 64 for the second layer's one; a quarter of them are spare.
    for (sums, budget) in zip(sums, [12, 48]) {
      #expect(sums.steps <= budget)
      let weights = sums.channels.count * sums.outputs.count
      #expect(sums.multipliers * budget >= weights)
      #expect(sums.unroll == 1 || sums.channels.count > budget / 2)
      #expect(sums.groups * sums.lanes >= sums.outputs.count)
    }
    #expect(sums[0].channels.count == one.channels - 1)
  }

  @Test("every tensor and every cycle is as predicted, in Icarus", arguments: cases)
  func icarus(_ one: Case) async throws {
    for stalls in [nil, 3] as [UInt64?] {
      let report = try await SmallDesign.verify(.icarus, of: one.graph, frames: 4, stalls: stalls)
      #expect(report.problems == [])
    }
  }

  @Test("every tensor and every cycle is as predicted, in Verilator", arguments: [cases[3]])
  func verilator(_ one: Case) async throws {
    let report = try await SmallDesign.verify(.verilator, of: one.graph, frames: 4, stalls: 5)
    #expect(report.problems == [])
  }

  @Test("a wrong weight of the ROM is found")
  func wrongWeight() async throws {
    let report = try await SmallDesign.verify(.icarus, of: Self.cases[0].graph, frames: 2) {
      files in
      files.replace("rtl/dense_layer2_dense0_rom.v", "'d3: held <= ", "'d3: held <= ~")
    }
    #expect(!report.passed)
  }

  @Test("the three Verilog readers have nothing to say", arguments: Lint.allCases)
  func lint(_ lint: Lint) async throws {
    for one in Self.cases { #expect(try await Lint.messages(lint, of: one.graph) == "") }
  }

  /// An 8x8x2 image, a map of one or two pixels, and a fully connected layer with few weights on it.
  private static func tiny(channels: Int, outputs: Int, width: Int) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "tiny")
    func type(_ dimensions: [Int]) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(dimensions), element: .int8, scale: 0.5, zeroPoint: -3)
    }
    let image = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type([1, 8, 8, 2])))
    let window = WindowGeometry(
      inputHeight: 8, inputWidth: 8, kernelHeight: 8, kernelWidth: 8 / width, strideY: 8,
      strideX: 8 / width, padding: .valid)!
    let taps = (0..<128 / width * channels).map { (index: Int) -> Int16 in
      Int16(index * 37 % 101 - 50)
    }
    let convolution = QuantizedConvolution(
      geometry: window, inputChannels: 2, outputChannels: channels, groups: 1, weights: taps,
      bias: Array(repeating: 100, count: channels),
      requantization: Array(repeating: FixedPointMultiplier(real: 0.002), count: channels),
      clamp: -128...127, weightZeroPoints: [0], weightScales: [1])
    let map = graph.append(
      QuantizedNode(
        name: "conv", operation: .convolution(convolution), operands: [image],
        type: type([1, 1, width, channels])))
    let weights = (0..<width * channels * outputs).map { Int16($0 * 53 % 255 - 127) }
    let layer = QuantizedFullyConnected(
      inputSize: width * channels, outputSize: outputs, weights: weights,
      bias: Array(repeating: 50, count: outputs),
      requantization: Array(
        repeating: RealMultiplier(mantissa: 1 << 52, shift: 57), count: outputs),
      clamp: -128...127, weightZeroPoints: [0], weightScales: [1])
    graph.outputs = [
      graph.append(
        QuantizedNode(
          name: "dense", operation: .fullyConnected(layer), operands: [map],
          type: type([1, outputs])))
    ]
    return graph
  }

  @Test(
    "a layer of so few weights that its sums would change before they are read is no serial one",
    arguments: [(1, 1, 1), (1, 2, 1), (2, 1, 1), (1, 1, 2), (2, 4, 1), (3, 3, 2)])
  func tiny(channels: Int, outputs: Int, width: Int) async throws {
    let graph = Self.tiny(channels: channels, outputs: outputs, width: width)
    #expect(graph.verify() == [])
    let design = try Freeze.design(graph, options: FreezeOptions(effort: 0))
    for sums in Self.sums(design) { #expect(sums.words >= sums.drain) }
    let report = try await SmallDesign.verify(.icarus, of: graph, frames: 3, stalls: 2)
    #expect(report.problems == [])
  }

  @Test("adders are built where they are asked for")
  func adders() throws {
    let graph = Self.cases[0].graph
    let adders = try Freeze.design(
      graph, options: FreezeOptions(effort: 0, fullyConnected: .adders))
    #expect(Self.sums(adders).isEmpty)
  }
}
