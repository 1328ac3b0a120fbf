import NeuralGraph
import RTL
import SimulatorSources

/// The FuseSoC description of an emitted folder (CAPI2): lint by Verilator, a short simulation by Icarus.
enum CoreFile {
  /// The stimulus that the core's simulation plays; `verify` writes its own.
  static let stimulus = "sim/stimulus.txt"

  /// `NAME.core` and the stimulus of its simulation.
  static func files(_ design: DesignDescription) -> [EmittedFile] {
    [
      EmittedFile("\(design.name).core", text: core(design)),
      EmittedFile(stimulus, smokeStimulus(design)),
    ]
  }

  /// Most beats of the stimulus: enough to see pixels flow, small beside the design.
  private static let mostBeats = 1024

  /// The first beats of a frame of mixed codes.
  private static func smokeStimulus(_ design: DesignDescription) -> [UInt8] {
    let channels = design.input.channels
    var stream = StreamStimulus.frames(
      1, height: design.input.height, width: design.input.width, user: { _ in 0 })
    stream.beats.removeLast(max(0, stream.beats.count - mostBeats))
    let data = (0..<stream.beats.count * channels).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
    let cycles = stream.beats.count + stream.resetCycles + 64
    return Stimulus(stream: stream, data: data, channels: channels).text(cycles: cycles)
  }

  private static func core(_ design: DesignDescription) -> String {
    func list(_ files: [String]) -> String {
      files.map { "      - \($0)\n" }.joined()
    }
    return """
      CAPI=2:
      name: ::\(design.name):1.0.0
      description: \(design.layers.count) layers of a network with fixed weights, \
      \(design.input.width)x\(design.input.height)x\(design.input.channels) to \
      \(design.output.width)x\(design.output.height)x\(design.output.channels)

      filesets:
        rtl:
          files:
      \(list(design.rtlFiles))\
          file_type: verilogSource
        bench:
          files:
      \(list(design.simulationFiles + ["sim/" + SimulatorSources.bench]))\
            - \(stimulus): {file_type: user, copyto: stimulus.txt}
          file_type: verilogSource
        constraints:
          files:
            - syn/\(design.name).sdc
          file_type: SDC

      targets:
        default: &default
          filesets: [rtl]
          toplevel: \(design.name)
        lint:
          <<: *default
          default_tool: verilator
          tools:
            verilator:
              mode: lint-only
              verilator_options: [-Wall]
        sim:
          filesets: [rtl, bench]
          toplevel: bench
          default_tool: icarus
          tools:
            icarus:
              iverilog_options: [-g2005]
          parameters: [INPUT_BITS, OUTPUT_BITS, USER_BITS, stimulus, record]
        syn:
          <<: *default
          filesets: [rtl, constraints]

      parameters:
        INPUT_BITS: {datatype: int, default: \(design.input.dataBits), paramtype: vlogparam}
        OUTPUT_BITS: {datatype: int, default: \(design.output.dataBits), paramtype: vlogparam}
        USER_BITS: {datatype: int, default: \(design.userBits), paramtype: vlogparam}
        stimulus: {datatype: str, default: stimulus.txt, paramtype: plusarg}
        record: {datatype: str, default: record.txt, paramtype: plusarg}

      """
  }
}
