import NeuralGraph
import RTL
import Simulation
import Synthesis
import Testing

@Suite struct PowerTests {
  /// An 8x8 image of one channel through a 3x3 convolution to two.
  private static let graph: QuantizedGraph = {
    var graph = QuantizedGraph(name: "power")
    func type(_ channels: Int) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(height: 8, width: 8, channels: channels), element: .uint8, scale: 0.5,
        zeroPoint: 0)
    }
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type(1)))
    let window = WindowGeometry(
      inputHeight: 8, inputWidth: 8, kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1,
      padding: .same)!
    let convolution = graph.append(
      QuantizedNode(
        name: "conv",
        operation: .convolution(
          QuantizedConvolution(
            geometry: window, inputChannels: 1, outputChannels: 2, groups: 1,
            weights: (0..<18).map { Int16($0 * 7 % 23 + 1) }, bias: [100, 200],
            requantization: (0..<2).map { _ in FixedPointMultiplier(real: 0.006) },
            clamp: 0...255, weightZeroPoints: [0], weightScales: [1])), operands: [input],
        type: type(2)))
    graph.outputs = [convolution]
    return graph
  }()

  /// `body` with the emitted design and a folder for its work.
  private func withDesign<Result: Sendable>(
    packing: PackedOutput.Format? = nil,
    _ body: @escaping @Sendable (EmittedFolder, ScratchFolder) async throws(Diagnostics) -> Result
  ) async throws -> Result {
    try await ScratchFolder.with { scratch throws(Diagnostics) in
      let design = try Freeze.design(Self.graph, options: FreezeOptions())
      try FolderWriter.write(
        design.emittedFiles(network: NetworkFile(graph: Self.graph), packing: packing),
        to: scratch.path + "/out")
      return try await body(try EmittedFolder(path: scratch.path + "/out"), scratch)
    }
  }

  private static func image(_ code: (_ row: Int, _ column: Int) -> UInt8) -> IntegerTensor {
    IntegerTensor(
      shape: TensorShape(height: 8, width: 8, channels: 1), element: .uint8,
      bytes: (0..<64).map { code($0 / 8, $0 % 8) })
  }

  @Test("an image of stripes moves every bit of the window in every clock, a flat one none")
  func stripes() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let stripes = try await ScratchFolder.with { scratch throws(Diagnostics) in
        try await Activity.measure(
          folder, frames: [Self.image { _, column in column % 2 == 0 ? 0 : 255 }], scratch: scratch)
      }
      let flat = try await ScratchFolder.with { scratch throws(Diagnostics) in
        try await Activity.measure(folder, frames: [Self.image { _, _ in 77 }], scratch: scratch)
      }
      #expect(stripes.cycles == 64 && flat.cycles == 64)
      let window = stripes.signals.keys.filter { $0.hasPrefix("stage1.layer1.x0_r") }
      #expect(window.count == 9)
      for name in window {
        #expect(stripes.rate(name) == 1)
        #expect(flat.rate(name) == 0)
      }
      // The column's counter of three bits: 1 + 1/2 + 1/4 changes a clock.
      #expect(flat.rate("stage1.control.column").map { $0 > 0.4 && $0 < 0.8 } == true)
    }
  }

  @Test("power follows activity, and its parts are what the report adds")
  func power() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let library = try CellLibrary([(name: "tiny.lib", bytes: Array(TinyLibrary.whole.utf8))])
      let synthesiser = try await Synthesiser(
        library: library, cache: SynthesisCache(folder: scratch.path + "/cache"), scratch: scratch)
      let synthesis = try await synthesiser.synthesise(folder, clock: 2, sram: nil, jobs: 2) { _ in
      }
      func power(_ image: IntegerTensor) async throws(Diagnostics) -> DesignPower {
        let activity = try await ScratchFolder.with { scratch throws(Diagnostics) in
          try await Activity.measure(folder, frames: [image], scratch: scratch)
        }
        return try await synthesiser.power(folder, synthesis, sram: nil, activity: activity)
      }
      let busy = try await power(
        Self.image { row, column in UInt8((row * 29 + column * 83) & 255) })
      let idle = try await power(Self.image { _, _ in 77 })
      #expect(busy.activity > idle.activity)
      #expect(busy.modules[0].logic > 2 * idle.modules[0].logic)
      #expect(busy.modules[0].clock == idle.modules[0].clock)
      #expect(busy.modules[0].measured > 0.9)
      // A flip-flop's clock pin of 1 fF at 1 V takes 1 fJ a clock of 2 ns: 0.5 uW.
      for (module, power) in zip(synthesis.modules, busy.modules) {
        #expect(abs(power.clock - Double(module.flipFlops) * 0.0005) < 1e-9)
        // Every cell of the library leaks 1 nW, the flip-flop none.
        #expect(abs(power.leakage - Double(module.cells - module.flipFlops) * 1e-6) < 1e-9)
      }
      // OpenSTA knows neither this tool's energies nor its netlist reader.
      for power in [busy, idle] {
        #expect(power.check.openSTARegisters > 0 && power.check.openSTALogic > 0)
        for check in power.modules.map(\.check) {
          #expect(abs(check.openSTARegisters - check.registers) <= 0.02 * check.registers + 1e-7)
        }
      }
      #expect(abs(busy.energyPerFrame.low - busy.power.low * 2 * 64 * 1e-6) < 1e-9)
      #expect(busy.operationsPerFrame == 2 * 18 * 64)
    }
  }

  @Test("what packs the output is mapped, timed and moves as counted; the rest is as without it")
  func packing() async throws {
    func results(_ packing: PackedOutput.Format?) async throws -> (DesignSynthesis, DesignPower) {
      try await withDesign(packing: packing) { folder, scratch throws(Diagnostics) in
        let library = try CellLibrary([(name: "tiny.lib", bytes: Array(TinyLibrary.whole.utf8))])
        let synthesiser = try await Synthesiser(
          library: library, cache: SynthesisCache(folder: scratch.path + "/cache"),
          scratch: scratch)
        let synthesis = try await synthesiser.synthesise(folder, clock: 2, sram: nil, jobs: 2) {
          _ in
        }
        let activity = try await ScratchFolder.with { scratch throws(Diagnostics) in
          try await Activity.measure(
            folder, frames: [Self.image { row, column in UInt8((row * 29 + column * 83) & 255) }],
            scratch: scratch)
        }
        let power = try await synthesiser.power(folder, synthesis, sram: nil, activity: activity)
        return (synthesis, power)
      }
    }
    let (plain, plainPower) = try await results(nil)
    let (packed, packedPower) = try await results(.nvdla)
    #expect(Array(packed.modules.dropLast()) == plain.modules)
    #expect(Array(packedPower.modules.dropLast()) == plainPower.modules)
    let packer = try #require(packed.modules.last)
    #expect(packer.kind == .packing && packer.name == "power_nvdla")
    // Two channels of 8 bits; the atom's other bytes are constant.
    #expect(packer.area(.fifos) > 0 && packer.flipFlops >= 16 && packer.timing.period > 0)
    let power = try #require(packedPower.modules.last)
    #expect(power.measured > 0.9 && power.registers > 0 && power.activity > 0)
  }

  @Test("a port whose bits come from the same nets in disorder is timed too")
  func sharedBits() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let module = folder.design.layers[0].module
      let path = "\(folder.path)/rtl/\(module).v"
      let text = String(decoding: try readFile(path), as: UTF8.self)
      let changed = text.replacing(
        "assign q0 = y0;",
        with: "assign q0 = {y0[0], y0[2], y0[5:4], y0[6], y0[2], y0[7], y0[0]};")
      #expect(text.contains("output wire [7:0] q0,") && changed != text)
      try writeFile(Array(changed.utf8), to: path)
      let library = try CellLibrary([(name: "tiny.lib", bytes: Array(TinyLibrary.whole.utf8))])
      let synthesis = try await Synthesiser(
        library: library, cache: SynthesisCache(folder: scratch.path + "/cache"), scratch: scratch
      ).synthesise(folder, clock: 2, sram: nil, jobs: 2) { _ in }
      let timing = synthesis.modules[0].timing
      #expect(timing.inside != nil && timing.output?.to.hasPrefix("q") == true)
    }
  }
}
