import Estimation
import NeuralGraph
import RTL
import Simulation
import Synthesis
import Testing

/// What a technology is fitted to, from Yosys on a small design.
@Suite struct CharacterizationTests {
  private static let sram = Technology.builtIn[0].sram

  /// Emits the small network of the synthesis tests and runs `body` with its folder.
  private func withFolder<Result: Sendable>(
    _ body: @escaping @Sendable (String, ScratchFolder) async throws(Diagnostics) -> Result
  ) async throws -> Result {
    let network = SynthesiserTests.random
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      let design = try Freeze.design(network.graph, options: network.options)
      try FolderWriter.write(
        design.emittedFiles(network: NetworkFile(graph: network.graph)), to: scratch.path + "/out")
      return try await body(scratch.path + "/out", scratch)
    }
  }

  private static func message(_ body: () throws(Diagnostics) -> Void) -> String {
    do throws(Diagnostics) {
      try body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("modules have the areas that synthesis finds, and the counts of the model")
  func areas() async throws {
    try await withFolder { path, scratch throws(Diagnostics) in
      let source = try CharacterizationSource(path, isFitted: true, sram: Self.sram)
      let library = try CellLibrary([(name: "tiny.lib", bytes: Array(TinyLibrary.whole.utf8))])
      let synthesiser = try await Synthesiser(
        library: library, cache: SynthesisCache(folder: scratch.path + "/cache"), scratch: scratch)
      let found = try await synthesiser.characterize(source, period: 2, sram: Self.sram, jobs: 2) {
        _ in
      }
      let whole = try await synthesiser.synthesise(
        source.folder, clock: 2, sram: Self.sram, jobs: 2
      ) { _ in }
      // All but the top.
      #expect(found.modules.count == whole.modules.count - 1)
      for (module, synthesised) in zip(found.modules, whole.modules) {
        #expect(module.module.name == synthesised.name)
        #expect(abs(module.area - synthesised.area) < 1e-6)
        #expect(module.areas[.adders] == synthesised.area(.adders))
      }
      for (module, layer) in zip(found.modules, source.folder.design.layers) {
        #expect(module.module.counts[.pipelineBits] == Double(layer.cost.registerBits))
        #expect(module.module.weights == layer.cost.weights)
      }
      // Every flip-flop's clock pin of the library takes 1 fJ a cycle.
      let clocked = zip(whole.modules, source.folder.design.layers).filter {
        $0.1.cost.weights > 0 && $0.0.flipFlops > 0
      }
      #expect(found.energies.map(\.clock) == clocked.map { Double($0.0.flipFlops) })
      #expect(found.energies.allSatisfy { $0.registers > 0 && $0.logic > 0 })

      let period = try await synthesiser.shortestPeriod(source, sram: Self.sram, jobs: 2) { _ in }
      let slowest = whole.modules.dropLast().map(\.timing.period).max() ?? 0
      #expect(period.low > 0.1 && period.low <= slowest * 1.05)
      #expect(period.provenance.kind == .measured)
    }
  }

  @Test("some layers of a folder come with the stages that begin with one of them")
  func ranges() async throws {
    try await withFolder { path, _ throws(Diagnostics) in
      let all = try CharacterizationSource(path, isFitted: true, sram: Self.sram)
      let count = all.folder.design.layers.count
      let first = try CharacterizationSource(path + "=1-1", isFitted: true, sram: Self.sram)
      #expect(first.modules.map(\.isStage) == [false, true])
      #expect(all.modules.count == count + all.folder.design.stages.count)
      #expect(
        Self.message { () throws(Diagnostics) in
          _ = try CharacterizationSource(path + "=1-\(count + 1)", isFitted: true, sram: Self.sram)
        }.contains("it has \(count) layer"))
      #expect(
        Self.message { () throws(Diagnostics) in
          _ = try CharacterizationSource(path + "=2-1", isFitted: true, sram: Self.sram)
        }.contains("names no layers"))
      let held = try CharacterizationSource(path + "=1-1", isFitted: false, sram: Self.sram)
      #expect(
        Self.message { () throws(Diagnostics) in
          try CharacterizationSource.checkHeldOut([all, held])
        }.contains("both fitted and held out"))
      try CharacterizationSource.checkHeldOut([held])
    }
  }

  @Test("a folder that is no emitted design is named")
  func noDesign() {
    let message = Self.message { () throws(Diagnostics) in
      _ = try CharacterizationSource("/nowhere", isFitted: true, sram: Self.sram)
    }
    #expect(message.contains("/nowhere") && message.contains("no design.json"))
  }
}
