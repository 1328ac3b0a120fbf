import Foundation
import NeuralGraph
import RTL

/// A network that goes through everything: the reference interpreter, the datapaths at their proved
/// widths, and the emitted Verilog in simulators, with three streams each. All must agree at every
/// layer's output, and every beat must come in the cycle that the cycle model predicts.
public struct FuzzCase: Sendable {
  public var seed: UInt64
  public var graph: QuantizedGraph
  public var options: FreezeOptions

  /// The random network of a seed.
  public init(
    seed: UInt64, arithmetic: FuzzArithmetic = .tflite, shape: FuzzShape = .chain
  ) {
    let network = RandomNetwork(seed: seed, arithmetic: arithmetic, shape: shape)
    self.init(seed: seed, graph: network.graph, options: network.options)
  }

  public init(seed: UInt64, graph: QuantizedGraph, options: FreezeOptions) {
    self.seed = seed
    self.graph = graph
    self.options = options
  }

  /// Runs the case and returns everything that is wrong, a line each.
  public func run(simulators: [Simulator]) async -> [String] {
    do throws(Diagnostics) {
      let design = try Freeze.design(graph, options: options)
      let images = RandomNetwork(graph: graph, options: options).images(3, seed: seed)
      let problems = try compareDatapaths(design, images)
      // A wrong datapath shows itself in every simulation too.
      guard problems.isEmpty else { return problems }
      return try await ScratchFolder.with { scratch throws(Diagnostics) in
        let path = scratch.path + "/emitted"
        try FolderWriter.write(
          design.emittedFiles(network: NetworkFile(graph: graph)), to: path)
        let folder = try EmittedFolder(path: path)
        var problems: [String] = []
        for simulator in simulators {
          problems += try await simulate(folder, simulator, images, scratch)
        }
        return problems
      }
    } catch {
      return error.all.map(\.description)
    }
  }

  /// The datapaths, evaluated at their widths, against the interpreter.
  private func compareDatapaths(
    _ design: Design, _ images: [IntegerTensor]
  ) throws(Diagnostics) -> [String] {
    let interpreter = try Interpreter(graph)
    var problems: [String] = []
    for (number, image) in images.enumerated() {
      let wanted = try interpreter.evaluate(image)
      for (layer, codes) in zip(design.layers, design.evaluate(image.codes)) {
        let expected = wanted[layer.value.index].codes
        guard codes != expected else { continue }
        let index = codes.indices.first { codes[$0] != expected[$0] } ?? 0
        problems.append(
          "datapath of \(layer.name), image \(number), code \(index): \(codes[index]), "
            + "expected \(expected[index])")
        break
      }
    }
    return problems
  }

  /// Frames back to back, with stalls, and a disturbed stream.
  private func simulate(
    _ folder: EmittedFolder, _ simulator: Simulator, _ images: [IntegerTensor],
    _ scratch: ScratchFolder
  ) async throws(Diagnostics) -> [String] {
    let verification = try await Verification(
      folder, simulator: simulator, frames: 3, scratch: scratch)
    let input = folder.design.input
    let disturbed = Stimulus.disturbed(
      height: input.height, width: input.width, channels: input.channels,
      sidebandBits: options.sidebandBits, seed: seed)
    let reports = [
      ("back to back", try await verification.run(frames: images)),
      ("stalled", try await verification.run(frames: images, stalls: seed)),
      ("disturbed", try await verification.run(disturbed, stalls: seed)),
    ]
    return reports.flatMap { name, report in
      report.problems.map { "\(simulator.rawValue), \(name): \($0)" }
    }
  }
}

extension FuzzCase {
  /// A failing case as a file that stands by itself, whatever becomes of the generator.
  private struct Crasher: Codable {
    var seed: UInt64
    var options: FreezeOptions
    /// What failed when the file was written.
    var problem: String
    /// `network.json`, and `network.bin` in base 64.
    var network: String
    var weights: Data
  }

  /// The case as a crasher file; `problem` says what failed.
  public func crasher(problem: String) -> [UInt8] {
    let (json, binary) = NetworkFile(graph: graph).encode()
    return StableJSON.encode(
      Crasher(
        seed: seed, options: options, problem: problem,
        network: String(decoding: json, as: UTF8.self), weights: Data(binary)))
  }

  /// The case in a crasher file.
  public init(crasher bytes: [UInt8]) throws(Diagnostics) {
    let crasher = try StableJSON.decode(Crasher.self, bytes, file: "crasher")
    let network = try NetworkFile(
      json: Array(crasher.network.utf8), binary: [UInt8](crasher.weights))
    self.init(seed: crasher.seed, graph: network.graph, options: crasher.options)
  }
}
