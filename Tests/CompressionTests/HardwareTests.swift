import Compression
import GraphPasses
import ModelImport
import NeuralGraph
import RTL
import Simulation
import TensorFiles
import Testing

/// Freezes a network's first layers, writes them, and runs them in Icarus on one image.
func verifyInIcarus(_ graph: QuantizedGraph, fixedLayers: Int) async throws -> VerificationReport {
  let design = try Freeze.design(
    graph, options: FreezeOptions(fixedLayers: fixedLayers, effort: 0))
  let type = graph.nodes[0].type
  let samples = try ImageSet(path: example("images")).samples(9, for: type.shape, resize: false)
  return try await ScratchFolder.with { scratch throws(Diagnostics) in
    let path = scratch.path + "/out"
    try FolderWriter.write(design.emittedFiles(network: NetworkFile(graph: graph)), to: path)
    let verification = try await Verification(
      EmittedFolder(path: path), simulator: .icarus, frames: 1, scratch: scratch)
    return try await verification.run(frames: [IntegerTensor(samples: samples, type: type)])
  }
}

@Suite("Compressed networks in hardware")
struct HardwareTests {
  @Test("layers of few and of different bits are bit-exact in Icarus")
  func fewBits() async throws {
    let images = try loadCalibrationImages(
      example("calibration"), shape: TensorShape([1, 28, 28, 1]), resize: false, limit: 10)
    let calibration = try Calibration(
      floatExample(),
      options: QuantizationOptions(
        calibration: images, inputNormalization: InputNormalization(low: 0, high: 1)))
    var settings = QuantizationSettings()
    settings.bits = .init(weights: 4, activations: 6)
    settings.layerBits[calibration.layers[1]] = .init(weights: 3, activations: 4)
    settings.symmetricWeights = false
    settings.range = .meanSquaredError
    let report = try await verifyInIcarus(calibration.quantized(settings).graph, fixedLayers: 3)
    #expect(report.problems == [])
    #expect(report.layers.count == 3)
    #expect(report.layers.allSatisfy { $0.valuesCompared > 0 })
  }

  @Test("a pruned network is bit-exact in Icarus")
  func pruned() async throws {
    let graph = try quantizedExample()
    let type = graph.nodes[0].type
    let images = try ImageSet(path: example("calibration"))
      .spread(shape: type.shape, resize: false, limit: 10)
      .map { IntegerTensor(samples: $0, type: type) }
    let pruner = try LayerPruner(graph, fixedLayers: 3, images: images, threads: 2)
    let prices = Dictionary(
      uniqueKeysWithValues: graph.nodes[1...3].map { ($0.name, 0.01) })
    let network = try pruner.prunedDigits(prices: prices)
    #expect(network != graph)
    let report = try await verifyInIcarus(network, fixedLayers: 3)
    #expect(report.problems == [])
    #expect(report.layers.count == 3)
  }
}
