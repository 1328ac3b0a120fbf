import Estimation
import Foundation
import NeuralGraph
import RTL
import Simulation
import Synthesis
import Testing

/// Yosys and OpenSTA on a small design.
@Suite struct SynthesiserTests {
  /// The first random network of few registers with a line memory and adders.
  static let random = small { $0 > 100 }

  private static func small(_ isWanted: (_ adderBits: Int) -> Bool) -> RandomNetwork {
    for seed in UInt64(1)... {
      let network = RandomNetwork(seed: seed)
      guard let design = try? Freeze.design(network.graph, options: network.options) else {
        continue
      }
      let bits = design.layers.reduce(0) { $0 + $1.cost.registerBits }
      let adderBits = design.layers.reduce(0) { $0 + $1.cost.adderBits }
      if design.stages.contains(where: { $0.memory != nil }), bits < 600, isWanted(adderBits) {
        return network
      }
    }
    preconditionFailure("there are always such networks")
  }

  /// Emits a network into a scratch folder and runs `body` with it.
  private func withDesign<Result: Sendable>(
    _ network: RandomNetwork = random,
    _ body: @escaping @Sendable (EmittedFolder, ScratchFolder) async throws(Diagnostics) -> Result
  ) async throws -> Result {
    try await ScratchFolder.with { scratch throws(Diagnostics) in
      let design = try Freeze.design(network.graph, options: network.options)
      try FolderWriter.write(
        design.emittedFiles(network: NetworkFile(graph: network.graph)), to: scratch.path + "/out")
      return try await body(try EmittedFolder(path: scratch.path + "/out"), scratch)
    }
  }

  private static func synthesise(
    _ folder: EmittedFolder, _ scratch: ScratchFolder, clock: Double = 2, sram: SRAMModel? = nil,
    partRegisters: Int = 2000
  ) async throws(Diagnostics) -> DesignSynthesis {
    let library = try CellLibrary([(name: "tiny.lib", bytes: Array(TinyLibrary.whole.utf8))])
    return try await Synthesiser(
      library: library, cache: SynthesisCache(folder: scratch.path + "/cache"), scratch: scratch,
      partRegisters: partRegisters
    ).synthesise(folder, clock: clock, sram: sram, jobs: 2) { _ in }
  }

  @Test("every register of a layer is found in its netlist, window and pipeline apart")
  func registers() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let result = try await Self.synthesise(folder, scratch)
      for (module, layer) in zip(result.modules, folder.design.layers) {
        #expect(module.name == layer.name)
        // Yosys leaves out bits that are constant or never read, and doubles none.
        let bits = layer.cost.registerBits + layer.cost.windowRegisterBits
        #expect(module.flipFlops <= bits && module.flipFlops * 2 >= bits)
        #expect((module.area(.windowRegisters) > 0) == (layer.cost.windowRegisterBits > 0))
        #expect(module.area(.fifos) == 0 && module.area(.control) == 0)
      }
      let top = result.modules[result.modules.count - 1]
      #expect(top.kind == .top && top.area(.control) == top.area)
      #expect(result.modules.filter { $0.kind == .stage }.allSatisfy { $0.area(.fifos) > 0 })
      #expect(abs(result.area.total.low - result.modules.reduce(0) { $0 + $1.area }) < 1e-6)
    }
  }

  @Test("a layer mapped in parts has the registers and nearly the area of the whole, by part too")
  func parts() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let whole = try await Self.synthesise(folder, scratch)
      let split = try await Self.synthesise(folder, scratch, partRegisters: 2)
      var differ = 0
      for (whole, split) in zip(whole.modules, split.modules) {
        // Equal registers of two parts stay two.
        #expect(split.flipFlops >= whole.flipFlops)
        #expect(Double(split.flipFlops) <= 1.1 * Double(whole.flipFlops))
        #expect(abs(split.area - whole.area) <= 0.15 * whole.area)
        #expect(split.areas.keys.sorted() == whole.areas.keys.sorted())
        if split.areas != whole.areas { differ += 1 }
        if let path = split.timing.inside {
          #expect(!path.from.contains("df_part") && !path.from.hasPrefix("cell_"))
          #expect(abs(split.timing.period - whole.timing.period) <= 0.5 * whole.timing.period)
        }
      }
      // It was split indeed.
      #expect(differ > 0)
    }
  }

  @Test("a network of constant channels alone has modules that hold nothing")
  func constant() async throws {
    try await withDesign(Self.small { $0 == 0 }) { folder, scratch throws(Diagnostics) in
      let result = try await Self.synthesise(folder, scratch)
      let layers = zip(result.modules, folder.design.layers)
      #expect(layers.contains { $1.cost.windowRegisterBits == 0 && $0.area == 0 })
      #expect(result.modules.last!.area > 0)
    }
  }

  @Test("paths end at names of the Verilog and keep to the clock they are asked for")
  func paths() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let slow = try await Self.synthesise(folder, scratch, clock: 50)
      let slowest = slow.slowest!
      #expect(slowest.timing.period > 0.1 && slowest.timing.period < 50)
      let path = slowest.timing.inside!
      #expect(!path.from.hasPrefix("cell_") && path.from != "unnamed")
      #expect(path.gates > 0)
      #expect(slow.modules.last!.timing.input != nil)
    }
  }

  @Test("skip FIFOs are mapped in the top, their memories priced as macros")
  func skips() async throws {
    // The smallest of a few with a skip FIFO.
    var found: (network: RandomNetwork, bits: Int)?
    for seed in UInt64(1)...12 {
      let network = RandomNetwork(seed: seed, shape: .branches)
      let design = try Freeze.design(network.graph, options: network.options)
      let bits = design.layers.reduce(0) { $0 + $1.cost.adderBits + $1.cost.registerBits }
      if !design.skipFIFOs.isEmpty, bits < found?.bits ?? .max { found = (network, bits) }
    }
    let network = try #require(found).network
    let sram = Technology.builtIn[0].sram
    try await withDesign(network) { folder, scratch throws(Diagnostics) in
      let result = try await Self.synthesise(folder, scratch, sram: sram)
      let skips = folder.design.stages.flatMap { ($0.inputs ?? []).compactMap(\.memory) }
      #expect(!skips.isEmpty)
      #expect(result.memories.filter(\.isSkip).map(\.words) == skips.map(\.words))
      #expect(result.memories.allSatisfy { $0.area != nil })
      #expect(result.modules.last!.area(.fifos) > 0)
      // Only where one stream goes through can a design be cut.
      let design = try Freeze.design(folder.network.graph, options: folder.design.options)
      let cuts = FixedLayerModel.cuts(of: design)
      #expect(cuts.last == design.layers.count)
      #expect(cuts.count < design.layers.filter { $0.cost.convolution != nil }.count + 1)
      for cut in cuts { _ = FixedLayerModel(Technology.builtIn[0]).cost(of: design, layers: cut) }
    }
  }

  @Test("a clock that the first mapping misses is tried again, and the shorter paths are kept")
  func clock() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let library = try CellLibrary([(name: "tiny.lib", bytes: Array(TinyLibrary.whole.utf8))])
      let synthesiser = try await Synthesiser(
        library: library, cache: SynthesisCache(folder: scratch.path + "/cache"), scratch: scratch)
      func run(_ clock: Double, _ mustMeet: Bool) async throws(Diagnostics) -> DesignSynthesis {
        try await synthesiser.synthesise(
          folder, clock: clock, mustMeet: mustMeet, sram: nil, jobs: 2
        ) { _ in }
      }
      let once = try await run(0.01, false)
      let tried = try await run(0.01, true)
      for (once, tried) in zip(once.modules, tried.modules) {
        #expect(once.sizedFor == 0.01)
        #expect(tried.timing.period <= once.timing.period)
      }
      // What is met at once is left alone.
      #expect(try await run(50, true).modules.allSatisfy { $0.sizedFor == 50 })
    }
  }

  @Test("a second run takes everything from the cache, and a damaged entry is made again")
  func cache() async throws {
    try await withDesign { folder, scratch throws(Diagnostics) in
      let first = try await Self.synthesise(folder, scratch)
      let cache = scratch.path + "/cache"
      func dates() -> [String: Date] {
        var found: [String: Date] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? [] {
          found[name] =
            (try? FileManager.default.attributesOfItem(atPath: cache + "/" + name))?[
              .modificationDate] as? Date
        }
        return found
      }
      let before = dates()
      #expect(before.count == 3 * first.modules.count)
      #expect(try await Self.synthesise(folder, scratch) == first)
      #expect(dates() == before)
      let entry = cache + "/" + before.keys.filter { $0.hasSuffix(".cells.json") }.sorted()[0]
      var bytes = try readFile(entry)
      bytes[bytes.count / 2] ^= 1
      try writeFile(bytes, to: entry)
      #expect(try await Self.synthesise(folder, scratch) == first)
    }
  }

  @Test("a module that Yosys does not read is named, and leaves nothing in the cache")
  func failure() async throws {
    let message = try await withDesign { folder, scratch throws(Diagnostics) -> String in
      let module = folder.design.layers[0].module
      let file = folder.path + "/rtl/\(module).v"
      try writeFile(Array("module \(module) (input wire aclk; endmodule".utf8), to: file)
      do throws(Diagnostics) {
        _ = try await Self.synthesise(folder, scratch)
        return ""
      } catch {
        let entries = try? FileManager.default.contentsOfDirectory(atPath: scratch.path + "/cache")
        #expect(entries?.contains { $0.contains("partial") } == false)
        return "\(error)"
      }
    }
    #expect(message.contains("Yosys failed"))
    #expect(message.contains("syntax error"))
  }

  @Test(
    "memories are priced by the model, are registers below its size, or are counted as unpriced")
  func memories() async throws {
    let model = Technology.builtIn[0].sram
    try await withDesign { folder, scratch throws(Diagnostics) in
      let without = try await Self.synthesise(folder, scratch)
      #expect(without.unpricedMemoryBits > 0)
      #expect(without.area.memories.low == 0)
      let with = try await Self.synthesise(folder, scratch, sram: model)
      #expect(with.unpricedMemoryBits == 0)
      #expect(with.area.memories.low > 0)
    }
  }
}
