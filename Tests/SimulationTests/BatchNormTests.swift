import NeuralGraph
import RTL
import Simulation
import Testing

@Suite struct BatchNormTests {
  @Test(
    "random networks with adaptive batch norm compute what the interpreter does, rewritten at any moment",
    arguments: 1...8 as ClosedRange<UInt64>)
  func random(seed: UInt64) async {
    let problems = await BatchNormFuzz(seed: seed).run(simulators: [.icarus])
    #expect(problems == [])
  }

  @Test("so in branches, and in Verilator", arguments: [3, 7] as [UInt64])
  func branches(seed: UInt64) async {
    let problems = await BatchNormFuzz(seed: seed, shape: .branches).run(simulators: [.verilator])
    #expect(problems == [])
  }

  @Test("a commit in the middle of a frame takes effect with the next one")
  func middle() async throws {
    let report = try await Self.verify { design, trace, script in
      var values = BatchNormValues(trained: design.registerMap!, Self.graph)
      for channel in values.layers[0].indices { values.layers[0][channel].bias = -300 }
      script.commit(values, design.registerMap!)
      // The second frame is 30 pixels long.
      for index in script.writes.indices {
        script.writes[index].retries = false
        script.writes[index].notBefore = trace.inputs[2 * 30] + 1
      }
    }
    #expect(report.problems == [])
    #expect(report.parameterChanges == 1)
  }

  @Test("a host that writes while a frame takes its commit is refused, and values stay whole")
  func refused() async throws {
    let report = try await Self.verify { design, _, script in
      let map = design.registerMap!
      for bias in [50, -700, 12] {
        var values = BatchNormValues(trained: map, Self.graph)
        values.layers[0][1].bias = bias
        script.commit(values, map)
      }
      for index in script.writes.indices { script.writes[index].retries = false }
    }
    #expect(report.problems == [])
  }

  @Test("a wrong swap is found: a layer that takes new values a rank too late")
  func late() async throws {
    let report = try await Self.verify { files in
      files.replace("rtl/tiny_stage1.v", ".swap(swap", ".swap(late_swap")
      files.replace(
        "rtl/tiny_stage1.v", "  assign swapped",
        "  reg [SWAP:0] late_swap;\n  always @(posedge aclk) late_swap <= swap;\n  assign swapped")
      let index = files.firstIndex { $0.path == "rtl/tiny_stage1.v" }!
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let range = text.firstMatch(of: /wire \[(\d+):0\] swap;/)!.1
      files.replace("rtl/tiny_stage1.v", "[SWAP:0]", "[\(range):0]")
    } script: { design, trace, script in
      var values = BatchNormValues(trained: design.registerMap!, Self.graph)
      for channel in values.layers[0].indices { values.layers[0][channel].bias = -300 }
      script.commit(values, design.registerMap!)
    }
    #expect(report.layers[0].mismatches > 0)
  }

  @Test(
    "a bus that never answers is found",
    arguments: ["awready = ~write_address", "wready = ~write_data", "arready = ~read_address"])
  func dead(_ assignment: String) async throws {
    let report = try await Self.verify {
      $0.replace(
        "rtl/df_batchnorm_control.v", "s_axil_" + assignment,
        "s_axil_" + assignment.replacing("= ", with: "= 1'b0 & "))
    } script: { design, _, script in
      script.commit(BatchNormValues(trained: design.registerMap!, Self.graph), design.registerMap!)
      script.reads = (0..<20).map { _ in .init(RegisterMap.Control.status.rawValue) }
    }
    #expect(report.problems.contains { $0.contains("was never answered") })
  }

  @Test("an adaptive design is clean in all three readers", arguments: Lint.allCases)
  func lint(lint: Lint) async throws {
    for scaleBits in [31, 8] {
      let files = try Self.files(scaleBits: scaleBits)
      let found = try await ScratchFolder.with { scratch throws(Diagnostics) in
        try FolderWriter.write(files, to: scratch.path + "/out")
        return try await lint.run(EmittedFolder(path: scratch.path + "/out"))
      }
      #expect(found == "")
    }
  }

  // MARK: The design

  private static let graph = adaptive(31)

  private static func adaptive(_ scaleBits: Int) -> QuantizedGraph {
    try! SmallDesign.graph.adapting([ValueID(1)], scaleBits: scaleBits)
  }

  private static func files(scaleBits: Int = 31) throws -> [EmittedFile] {
    let graph = adaptive(scaleBits)
    return try Freeze.design(graph, options: FreezeOptions()).emittedFiles(
      network: NetworkFile(graph: graph))
  }

  /// Four frames back to back.
  private static func verify(
    changing change: (inout [EmittedFile]) -> Void = { _ in },
    script make: @Sendable (DesignDescription, CycleTrace, inout BatchNormScript) -> Void
  ) async throws -> VerificationReport {
    var files = try files()
    change(&files)
    let changed = files
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      try FolderWriter.write(changed, to: scratch.path + "/out")
      let folder = try EmittedFolder(path: scratch.path + "/out")
      let verification = try await Verification(
        folder, simulator: .icarus, frames: 4, scratch: scratch)
      let stimulus = Stimulus(frames: SmallDesign.images(12), sidebandBits: 8)
      let trace = CycleModel(folder.design.timing).run(stimulus.stream, recordStages: true)
      var script = BatchNormScript()
      make(folder.design, trace, &script)
      return try await verification.run(stimulus, script, stalls: nil)
    }
  }
}
