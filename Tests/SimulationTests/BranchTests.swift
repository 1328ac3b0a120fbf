import NeuralGraph
import RTL
import Simulation
import Testing

/// Residual blocks in simulators.
@Suite struct BranchTests {
  /// A 7x6x2 image through a residual block of two 3x3 convolutions.
  static let graph: QuantizedGraph = {
    var graph = QuantizedGraph(name: "residual")
    let type = QuantizedType(
      shape: TensorShape(height: 7, width: 6, channels: 2), element: .int8, scale: 0.5,
      zeroPoint: -7)
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type))
    let window = WindowGeometry(
      inputHeight: 7, inputWidth: 6, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .same)!
    var last = input
    for name in ["a", "b"] {
      last = graph.append(
        QuantizedNode(
          name: name,
          operation: .convolution(
            QuantizedConvolution(
              geometry: window, inputChannels: 2, outputChannels: 2, groups: 1,
              weights: (0..<36).map { Int16(($0 * 37) % 101 - 50) }, bias: [100, -2000],
              requantization: (0..<2).map {
                FixedPointMultiplier(real: 0.004 + 0.001 * Double($0))
              }, clamp: -128...127, weightZeroPoints: [0], weightScales: [1])), operands: [last],
          type: type))
    }
    let add = QuantizedAdd(first: 0.5, second: 0.4, output: 0.6, clamp: -128...127)!
    graph.outputs = [
      graph.append(
        QuantizedNode(name: "sum", operation: .add(add), operands: [input, last], type: type))
    ]
    return graph
  }()

  /// Emits the design with a skip FIFO of `depth` words, lets `change` alter the files, verifies.
  private static func verify(
    depth: Int? = nil, _ simulator: Simulator, stalls: UInt64?,
    changing change: (inout [EmittedFile], Design) -> Void = { _, _ in }
  ) async throws -> VerificationReport {
    var design = try Freeze.design(graph, options: FreezeOptions())
    if let depth { design.stages[2].inputs[0].skipDepth = depth }
    var files = design.emittedFiles(network: NetworkFile(graph: graph))
    change(&files, design)
    let changed = files
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      try FolderWriter.write(changed, to: scratch.path + "/out")
      let verification = try await Verification(
        EmittedFolder(path: scratch.path + "/out"), simulator: simulator, frames: 3,
        scratch: scratch)
      let images = RandomNetwork(graph: graph, options: FreezeOptions()).images(3, seed: 4)
      return try await verification.run(frames: images, stalls: stalls)
    }
  }

  private var needed: Int {
    get throws {
      let design = try Freeze.design(Self.graph, options: FreezeOptions())
      return try #require(design.timing.skipCapacities[0].needed)
    }
  }

  @Test(
    "a residual block is bit-exact in every cycle, with and without stalls",
    arguments: Simulator.allCases, [nil, 1, 2, 3] as [UInt64?])
  func residual(simulator: Simulator, stalls: UInt64?) async throws {
    let report = try await Self.verify(simulator, stalls: stalls)
    #expect(report.problems == [])
  }

  @Test("with no more than the needed words it is slower, as predicted, and never stops")
  func neededWords() async throws {
    let needed = try needed
    #expect(needed == 2 * 7 + 1)
    for stalls in [nil, 5, 6] as [UInt64?] {
      let report = try await Self.verify(depth: needed, .icarus, stalls: stalls)
      #expect(report.problems == [])
    }
  }

  @Test("a word less in the Verilog stops it", arguments: Simulator.allCases)
  func deadlock(simulator: Simulator) async throws {
    let needed = try needed
    let report = try await Self.verify(depth: needed, simulator, stalls: nil) { files, design in
      files.replace("rtl/\(design.name).v", ".DEPTH(\(needed))", ".DEPTH(\(needed - 1))")
    }
    #expect(!report.passed)
    #expect(report.streams[1].events == 0)
  }

  @Test("a word less in the design is refused before anything runs")
  func refused() async throws {
    let needed = try needed
    let error = await #expect(throws: Diagnostics.self) {
      _ = try await Self.verify(depth: needed, .icarus, stalls: nil) { files, _ in
        files.replace("design.json", "\"skipDepth\" : \(needed)", "\"skipDepth\" : \(needed - 1)")
      }
    }
    let text = "has \(needed - 1) words in front of it and needs \(needed)"
    #expect(error?.all.first?.message.contains(text) == true)
    var design = try Freeze.design(Self.graph, options: FreezeOptions())
    #expect(design.verify() == [])
    design.stages[2].inputs[0].skipDepth = needed - 1
    #expect(design.verify().count == 1)
  }
}
