import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

@Suite("Max pools whose pads have a code") struct PaddedPoolTests {
  /// A convolution to a channel of all codes, one that is always 180 and one that is always 9, and a max pool.
  private func network(_ geometry: WindowGeometry, _ padCode: Int) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "pads")
    func type(_ height: Int, _ width: Int, _ channels: Int) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(height: height, width: width, channels: channels), element: .uint8,
        scale: 0.5, zeroPoint: 0)
    }
    let (height, width) = (geometry.inputHeight, geometry.inputWidth)
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type(height, width, 1)))
    let convolution = QuantizedConvolution(
      geometry: WindowGeometry(
        inputHeight: height, inputWidth: width, kernelHeight: 1, kernelWidth: 1,
        outputHeight: height, outputWidth: width), inputChannels: 1, outputChannels: 3, groups: 1,
      weights: [1, 0, 0], bias: [0, 200, 10],
      requantization: Array(repeating: FixedPointMultiplier(real: 0.9), count: 3), clamp: 0...255,
      weightZeroPoints: [0], weightScales: [1])
    let map = graph.append(
      QuantizedNode(
        name: "mix", operation: .convolution(convolution), operands: [input],
        type: type(height, width, 3)))
    graph.outputs = [
      graph.append(
        QuantizedNode(
          name: "pool",
          operation: .maxPool(QuantizedPool(geometry: geometry, clamp: 3...240, padCode: padCode)),
          operands: [map], type: type(geometry.outputHeight, geometry.outputWidth, 3)))
    ]
    return graph
  }

  private static let windows: [WindowGeometry] = [
    .init(
      inputHeight: 4, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .same)!,
    .init(
      inputHeight: 5, inputWidth: 6, kernelHeight: 3, kernelWidth: 2, strideY: 2, strideX: 2,
      padding: .explicit(top: 1, bottom: 1, left: 0, right: 1))!,
    // One pixel: every tap but one is always in the pad.
    .init(
      inputHeight: 1, inputWidth: 1, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .same)!,
    // No window reaches a pad.
    .init(
      inputHeight: 5, inputWidth: 5, kernelHeight: 3, kernelWidth: 3, strideY: 2, strideX: 2,
      padding: .valid)!,
  ]

  @Test("hardware is the interpreter's", arguments: windows, [0, 90, 200, 255])
  func simulated(window: WindowGeometry, padCode: Int) async {
    let graph = network(window, padCode)
    #expect(graph.verify() == [])
    let problems = await FuzzCase(seed: 7, graph: graph, options: FreezeOptions(effort: 0))
      .run(simulators: [.icarus])
    #expect(problems == [])
  }

  @Test(
    "right ones are proved or not covered, and never called wrong", arguments: windows,
    [0, 90, 255])
  func proved(window: WindowGeometry, padCode: Int) async throws {
    let proof = try await ProvedDesign.prove(network(window, padCode))
    #expect(proof.wiring == [])
    for failure in proof.layers.flatMap(\.failures) {
      #expect(failure.kind == Fault.Kind.notCovered.rawValue, "\(failure)")
    }
    try #require(proof.layers.count == 2)
    let pool = proof.layers[1]
    // Not covered are constant channels below the code.
    let isCovered = [true, 180 >= padCode, 9 >= padCode].count { $0 }
    #expect(pool.provedChannels + pool.constantChannels >= isCovered)
  }

  @Test("another code outside is not proved")
  func otherCode() async throws {
    let graph = network(Self.windows[0], 90)
    for (code, isProved) in [(90, true), (89, false), (91, false), (0, false)] {
      let proof = try await ProvedDesign.prove(network(Self.windows[0], code), against: graph)
      let failures = proof.layers.flatMap(\.failures).filter { $0.channels.contains(0) }
      #expect(failures.isEmpty == isProved, "\(code)")
    }
  }
}
