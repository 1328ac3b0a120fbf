import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

/// Tables of 256 codes and differences of maps in simulators.
@Suite struct TableTests {
  /// A 5x4x3 image through a pointwise convolution, a table one for all, one a channel, and the
  /// difference of both.
  static let graph: QuantizedGraph = {
    var graph = QuantizedGraph(name: "curves")
    let type = QuantizedType(
      shape: TensorShape(height: 5, width: 4, channels: 3), element: .int8, scale: 0.5,
      zeroPoint: -7)
    func append(_ name: String, _ operation: QuantizedOperation, _ operands: [ValueID]) -> ValueID {
      graph.append(
        QuantizedNode(name: name, operation: operation, operands: operands, type: type))
    }
    let input = append("image", .input, [])
    let window = WindowGeometry(
      inputHeight: 5, inputWidth: 4, kernelHeight: 1, kernelWidth: 1, outputHeight: 5,
      outputWidth: 4)
    let convolution = append(
      "conv",
      .convolution(
        QuantizedConvolution(
          geometry: window, inputChannels: 3, outputChannels: 3, groups: 1,
          weights: [50, -20, 31, 3, 9, -100, -64, 64, 1], bias: [100, -2000, 7],
          requantization: (0..<3).map { FixedPointMultiplier(real: 0.004 + 0.006 * Double($0)) },
          clamp: -100...127, weightZeroPoints: [0], weightScales: [1])), [input])
    let swish = QuantizedTable(.hardSwish, input: .int8, output: .int8) { code in
      code * min(60, max(0, code + 30)) / 60
    }
    let curve = append("curve", .table(swish), [convolution])
    let noise = QuantizedTable(
      function: .prelu,
      codes: (0..<768).map { (index: Int) -> Int16 in
        Int16((index * 97 + index / 256) % 251 - 128)
      })
    let other = append("noise", .table(noise), [convolution])
    var difference = QuantizedAdd(first: 0.5, second: 0.4, output: 0.6, clamp: -128...127)!
    difference.second = difference.second.negated
    graph.outputs = [append("difference", .add(difference), [curve, other])]
    return graph
  }()

  private static func files() throws -> [EmittedFile] {
    try Freeze.design(graph, options: FreezeOptions()).emittedFiles(
      network: NetworkFile(graph: graph))
  }

  @Test("tables and a difference are bit-exact in every cycle", arguments: Simulator.allCases)
  func exact(simulator: Simulator) async throws {
    for stalls in [nil, 3] as [UInt64?] {
      let report = try await SmallDesign.verify(
        simulator, of: Self.graph, frames: 3, stalls: stalls)
      #expect(report.problems == [])
    }
  }

  @Test("a wrong code in a table is found")
  func wrongCode() async throws {
    let report = try await SmallDesign.verify(.icarus, of: Self.graph, frames: 3) { files in
      files.replace("rtl/curves_layer3_noise.v", "case (code)", "case (~code)")
    }
    #expect(!report.passed)
  }

  @Test("the three Verilog readers have nothing to say", arguments: Lint.allCases)
  func lint(_ lint: Lint) async throws {
    #expect(try await Lint.messages(lint, of: Self.graph) == "")
  }

  @Test("channels with the same codes share one function")
  func sharedTable() throws {
    let design = try Freeze.design(Self.graph, options: FreezeOptions())
    let tables = design.layers.map { $0.cost.tables }
    #expect(tables == [nil, 3, 3, nil])
    let text = try #require(
      Self.files().first { $0.path == "rtl/curves_layer2_curve.v" }.map {
        String(decoding: $0.bytes, as: UTF8.self)
      })
    let intervals = Set(design.layers[0].output.channels.map(\.interval))
    #expect(text.components(separatedBy: "endfunction").count - 1 == intervals.count)
    #expect(text.components(separatedBy: "<= table").count - 1 == 3)
  }
}
