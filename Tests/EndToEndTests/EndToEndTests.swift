import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

@Suite(.serialized) struct EndToEndTests {
  @Test(
    "the whole example network equals the interpreter at every layer, in every cycle",
    arguments: Simulator.allCases)
  func example(simulator: Simulator) async throws {
    let reports = try await ScratchFolder.with { scratch throws(Diagnostics) in
      let folder = try Example.emit(
        Example.model, fixedLayers: nil, to: scratch.path + "/out")
      let frames = try Example.frames(Array(Example.images.prefix(3)), for: folder)
      let verification = try await Verification(
        folder, simulator: simulator, frames: 3, scratch: scratch)
      return [
        try await verification.run(frames: frames),
        try await verification.run(frames: frames, stalls: 7),
        try await verification.run(frames: Array(frames.prefix(1))),
      ]
    }
    for report in reports {
      #expect(report.problems == [])
      #expect(report.layers.count == 13)
      #expect(report.layers.allSatisfy { $0.valuesCompared > 0 })
    }
    // Back to back a figure shows unless the next frame's pixels take the place of a flush that it
    // needs; every beat's cycle is compared all the same.
    #expect(reports[0].latency.allSatisfy { $0.measured == nil || $0.measured == $0.predicted })
    #expect(reports[2].latency[0].measured == reports[2].latency[0].predicted)
    #expect(reports[2].latency[1].measured == reports[2].latency[1].predicted)
  }

  @Test("no tool has a warning about the example network's Verilog", arguments: Lint.allCases)
  func lint(tool: Lint) async throws {
    let output = try await ScratchFolder.with { scratch throws(Diagnostics) in
      try await tool.run(
        Example.emit(Example.model, fixedLayers: nil, to: scratch.path + "/out"))
    }
    #expect(output == "")
  }

  @Test("no tool has a warning about the Verilog of random networks", arguments: Lint.allCases)
  func lintRandom(tool: Lint) async throws {
    for seed in 1...12 as ClosedRange<UInt64> {
      let network = RandomNetwork(seed: seed)
      let output = try await ScratchFolder.with { scratch throws(Diagnostics) in
        var options = network.options
        // Copies of whatever is read twice.
        if seed.isMultiple(of: 2) { options.fanOutLimit = 2 }
        let design = try Freeze.design(network.graph, options: options)
        try FolderWriter.write(
          design.emittedFiles(network: NetworkFile(graph: network.graph)),
          to: scratch.path + "/out")
        return try await tool.run(EmittedFolder(path: scratch.path + "/out"))
      }
      #expect(output == "", "seed \(seed)")
    }
  }

  @Test("the same model gives the same folder, byte for byte")
  func repeatable() async throws {
    func digest() async throws -> [String] {
      try await ScratchFolder.with { scratch throws(Diagnostics) in
        let path = scratch.path + "/out"
        _ = try Example.emit(Example.model, fixedLayers: 3, to: path)
        let files = FileManager.default.subpaths(atPath: path)!.sorted()
        var digests: [String] = []
        for file in files {
          guard (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(file)")) == nil
          else { continue }
          digests.append("\(file) " + sha256Hex(try readFile("\(path)/\(file)")))
        }
        return digests
      }
    }
    let first = try await digest()
    #expect(first.count > 15)
    #expect(try await digest() == first)
  }
}

/// On the real networks beside the repository, where they are there.
@Suite(.serialized, .enabled(if: Example.shared != nil)) struct RealNetworkTests {
  private func verify(
    _ model: String, imageSize: ImageSize?, images: [String], simulator: Simulator,
    stalls: [UInt64?]
  ) async throws -> [VerificationReport] {
    let shared = Example.shared!.path
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      let folder = try Example.emit(
        "\(shared)/models/\(model)", fixedLayers: 11, imageSize: imageSize,
        to: scratch.path + "/out")
      let frames = try Example.frames(
        images.map { "\(shared)/images/\($0)" }, for: folder, resize: true)
      let verification = try await Verification(
        folder, simulator: simulator, frames: frames.count * stalls.count, scratch: scratch)
      var reports: [VerificationReport] = []
      for seed in stalls {
        reports.append(try await verification.run(frames: frames, stalls: seed))
      }
      return reports
    }
  }

  @Test("11 layers of MobileNet-0.25-224 on full frames of two images in Verilator")
  func mobileNet() async throws {
    let reports = try await verify(
      "mobilenet_v1_0.25_224_quant.tflite", imageSize: nil,
      images: ["cat.bmp", "grace_hopper.bmp"], simulator: .verilator, stalls: [nil])
    #expect(reports.flatMap(\.problems) == [])
    #expect(reports[0].layers.count == 11)
    #expect(reports[0].layers[0].valuesCompared == 2 * 112 * 112 * 8)
  }

  @Test("11 layers of MobileNet-0.25 at 64x64 in Icarus, three frames, with and without stalls")
  func small() async throws {
    let reports = try await verify(
      "mobilenet_v1_0.25_224_quant.tflite", imageSize: ImageSize(height: 64, width: 64),
      images: ["cat.bmp", "grace_hopper.bmp", "bird.bmp"], simulator: .icarus, stalls: [nil, 3])
    #expect(reports.flatMap(\.problems) == [])
    #expect(reports[0].latency.allSatisfy { $0.measured == $0.predicted })
  }
}
