import NeuralGraph
import RTL
import Simulation
import Testing

/// The output as NVDLA's feature data.
@Suite struct PackedOutputTests {
  /// A pointwise layer of `channels` outputs on an image of 3 lines of 5 pixels.
  private static func graph(_ channels: Int, _ element: QuantizedElement) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "packed")
    let zero = element == .uint8 ? 0 : -128
    func type(_ channels: Int) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(height: 3, width: 5, channels: channels), element: element, scale: 0.5,
        zeroPoint: zero)
    }
    let input = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type(2)))
    let window = WindowGeometry(
      inputHeight: 3, inputWidth: 5, kernelHeight: 1, kernelWidth: 1, strideY: 1, strideX: 1,
      padding: .valid)!
    let convolution = graph.append(
      QuantizedNode(
        name: "conv",
        operation: .convolution(
          QuantizedConvolution(
            geometry: window, inputChannels: 2, outputChannels: channels, groups: 1,
            weights: (0..<2 * channels).map { Int16($0 * 37 % 101 - 50) },
            bias: (0..<channels).map { Int32($0 * 200 - 900) },
            requantization: (0..<channels).map { _ in FixedPointMultiplier(real: 0.012) },
            clamp: element.range, weightZeroPoints: [0], weightScales: [1])), operands: [input],
        type: type(channels)))
    graph.outputs = [convolution]
    return graph
  }

  private static func frames(_ element: QuantizedElement) -> [IntegerTensor] {
    (0..<3).map { frame in
      IntegerTensor(
        shape: TensorShape(height: 3, width: 5, channels: 2), element: element,
        bytes: (0..<30).map { UInt8(truncatingIfNeeded: ($0 + 7 * frame) * 83) })
    }
  }

  /// The report of a run on the emitted folder, whose files `change` may alter.
  private func report(
    _ channels: Int, _ element: QuantizedElement, _ simulator: Simulator, stalls: UInt64? = nil,
    disturbing disturb: ((inout Stimulus) -> Void)? = nil,
    changing change: (inout [EmittedFile]) -> Void = { _ in }
  ) async throws -> VerificationReport {
    let graph = Self.graph(channels, element)
    var files = try Freeze.design(graph, options: FreezeOptions()).emittedFiles(
      network: NetworkFile(graph: graph), packing: .nvdla)
    change(&files)
    let frames = Self.frames(element)
    let disturbed = disturb.map { disturb in
      var stimulus = Stimulus(frames: frames, sidebandBits: FreezeOptions().sidebandBits)
      disturb(&stimulus)
      return stimulus
    }
    return try await ScratchFolder.with { [files] scratch throws(Diagnostics) in
      try FolderWriter.write(files, to: scratch.path + "/out")
      let folder = try EmittedFolder(path: scratch.path + "/out")
      return try await ScratchFolder.with { scratch throws(Diagnostics) in
        let verification = try await Verification(
          folder, simulator: simulator, frames: 3, scratch: scratch)
        guard let disturbed else {
          return try await verification.run(frames: frames, stalls: stalls)
        }
        return try await verification.run(disturbed, stalls: 0)
      }
    }
  }

  @Test(
    "atoms come as the interpreter's tensor packed, with and without stalls",
    arguments: [1, 31, 32, 33, 64, 70])
  func equal(_ channels: Int) async throws {
    for (element, stalls) in [(QuantizedElement.uint8, nil), (.int8, UInt64(channels))] {
      let report = try await report(channels, element, .icarus, stalls: stalls)
      #expect(report.passed, "\(report.problems)")
      let row = try #require(report.streams.last)
      let atoms = 3 * 15 * ((channels + 31) / 32)
      #expect(row.name == "packed output" && row.events == atoms)
      #expect(row.valuesCompared == 33 * atoms && row.mismatches == 0)
    }
  }

  @Test("a frame that is cut by the next comes completed", arguments: [32, 40])
  func cut(_ channels: Int) async throws {
    let report = try await report(channels, .uint8, .icarus) { stimulus in
      // The second frame's last seven pixels are missing.
      stimulus.stream.beats.removeSubrange(23..<30)
      stimulus.data.removeSubrange(2 * 23..<2 * 30)
    }
    #expect(report.passed, "\(report.problems)")
    let row = try #require(report.streams.last)
    #expect(row.name == "packed output" && row.events == 3 * 15 * ((channels + 31) / 32))
  }

  @Test("behind a reset the next frame comes whole, from the cube's first atom", arguments: 20..<36)
  func reset(_ cycle: Int) async throws {
    let report = try await report(32, .int8, .icarus) { stimulus in
      stimulus.stream.resets = [cycle..<cycle + 2]
    }
    #expect(report.passed, "\(report.problems)")
    let row = try #require(report.streams.last)
    #expect(row.name == "packed output" && row.events >= 15 && row.events < 3 * 15)
  }

  @Test("Verilator says the same") func verilator() async throws {
    let report = try await report(40, .uint8, .verilator)
    #expect(report.passed && report.streams.last?.events == 90, "\(report.problems)")
    #expect(report.description.contains("The packed output's cycles are not predicted."))
  }

  @Test(
    "a change of the packer's text is found",
    arguments: [
      ("atoms >> 256", "atoms >> 248"), ("^ {CHANNELS{FLIP}}", "^ {CHANNELS{8'h00}}"),
      ("m_axis_taddr + SURFACE_STRIDE", "m_axis_taddr + LINE_STRIDE"),
      ("last_pixel & last_surface[0]", "last_surface[0]"),
      ("(m_axis_tready & last_surface[0])", "m_axis_tready"),
      ("m_axis_tuser[USER_BITS-1:1], 1'b0", "m_axis_tuser[USER_BITS-1:1], 1'b1"),
      ("this_line + LINE_STRIDE : address", "address : address"),
    ])
  func changed(_ change: (from: String, to: String)) async throws {
    let report = try await report(
      40, .uint8, .icarus, stalls: 5,
      changing: { $0.replace("nvdla/df_nvdla_packer.v", change.from, change.to) })
    #expect(!report.passed)
    // The pixels are as they were.
    let pixels = report.streams.dropLast().flatMap(\.problems)
    #expect(pixels.isEmpty)
  }

  @Test("an atom that does not stand still until it is accepted is found") func unstable()
    async throws
  {
    await #expect {
      _ = try await report(
        40, .uint8, .icarus, stalls: 5,
        changing: {
          $0.replace(
            "nvdla/df_nvdla_packer.v", "assign m_axis_tdata = atoms[255:0];",
            "assign m_axis_tdata = m_axis_tready ? atoms[255:0] : 256'd0;")
        })
    } throws: {
      "\($0)".contains("offered and not accepted")
    }
  }

  @Test("the three Verilog readers have nothing to say", arguments: Lint.allCases)
  func lint(_ lint: Lint) async throws {
    for (channels, element) in [(1, QuantizedElement.uint8), (32, .int8), (70, .uint8)] {
      let graph = Self.graph(channels, element)
      let files = try Freeze.design(graph, options: FreezeOptions()).emittedFiles(
        network: NetworkFile(graph: graph), packing: .nvdla)
      let output = try await ScratchFolder.with { scratch throws(Diagnostics) in
        try FolderWriter.write(files, to: scratch.path + "/out")
        return try await lint.run(try EmittedFolder(path: scratch.path + "/out"))
      }
      #expect(output.isEmpty, "\(output)")
    }
  }

  @Test("a tensor lies by surfaces, lines and pixels; missing channels are 0")
  func layout() throws {
    let graph = Self.graph(33, .uint8)
    let design = try Freeze.design(graph, options: FreezeOptions())
    let stream = DesignDescription(design, rtlFiles: [], simulationFiles: []).output
    let cube = FeatureCube(stream)
    #expect(cube.surfaces == 2 && cube.lineStride == 160 && cube.surfaceStride == 480)
    #expect(cube.size == 960 && cube.zeroPoint == -128)
    let codes = (0..<15 * 33).map { UInt8(truncatingIfNeeded: $0) }
    let bytes = cube.pack(codes, stream)
    // Line 2, column 3: pixel 13; its channels 31 and 32.
    #expect(bytes[2 * 160 + 3 * 32 + 31] == codes[13 * 33 + 31] ^ 0x80)
    #expect(bytes[480 + 2 * 160 + 3 * 32] == codes[13 * 33 + 32] ^ 0x80)
    #expect(bytes[480 + 2 * 160 + 3 * 32 + 1] == 0)
  }

  @Test("a description whose cube is not the output's is refused") func refused() throws {
    let graph = Self.graph(40, .uint8)
    let design = try Freeze.design(graph, options: FreezeOptions())
    var description = DesignDescription(design, rtlFiles: [], simulationFiles: [])
    var cube = FeatureCube(description.output)
    cube.surfaceStride += 32
    description.packedOutput = PackedOutput(
      format: .nvdla, module: "x", cube: cube, rtlFiles: [], simulationFiles: [])
    #expect(
      description.verify().map(\.message) == [
        "the packed output is not of the output stream",
        "the packed output has another module or other files than 'emit' gives it",
      ])
  }
}
