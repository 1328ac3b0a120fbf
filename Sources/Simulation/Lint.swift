import NeuralGraph
import RTL

/// What the three Verilog readers say of an emitted design; all of them are to say nothing.
public enum Lint: String, Hashable, Sendable, CaseIterable {
  /// `verilator --lint-only -Wall` on the design.
  case verilator
  /// `iverilog -g2005 -Wall` on the design with its recorders and the test bench.
  case icarus
  /// `yosys`: hierarchy, processes and `check -assert`.
  case yosys

  /// The warnings and errors for the design in `folder`, empty when there are none.
  public func run(_ folder: EmittedFolder) async throws(Diagnostics) -> String {
    let design = folder.design
    var found = try await run(
      folder, top: design.name, rtl: design.rtlFiles, SimulationSubject.pixels)
    if let packed = design.packedOutput {
      found += try await run(
        folder, top: packed.module, rtl: design.rtlFiles + packed.rtlFiles, .packed)
    }
    return found
  }

  private func run(
    _ folder: EmittedFolder, top: String, rtl: [String], _ subject: SimulationSubject
  ) async throws(Diagnostics) -> String {
    let design = folder.design
    let sources = subject.sources(design)
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      try scratch.link("design", to: folder.path)
      let files = rtl.map { "design/" + $0 }
      let outcome: Program.Outcome
      switch self {
      case .verilator:
        outcome = try await Program(.verilator).run(
          ["--lint-only", "-Wall", "--top-module", top] + files, in: scratch.path,
          timeout: .seconds(1800))
      case .icarus:
        outcome = try await Program(.iverilog).run(
          [
            "-g2005", "-Wall", "-o", "lint.vvp", "-s", "bench",
            "-Pbench.INPUT_BITS=\(design.input.dataBits)",
            "-Pbench.OUTPUT_BITS=\(sources.outputBits)",
            "-Pbench.USER_BITS=\(design.userBits)",
          ] + (sources.files + ["sim/bench.v"]).map { "design/" + $0 },
          in: scratch.path, timeout: .seconds(1800))
      case .yosys:
        outcome = try await Program(.yosys).run(
          [
            "-q", "-p",
            "read_verilog \(files.joined(separator: " ")); hierarchy -check -top \(top); "
              + "proc; check -assert",
          ], in: scratch.path, timeout: .seconds(1800))
      }
      if outcome.succeeded {
        return outcome.output.allSatisfy(\.isWhitespace) ? "" : outcome.output
      }
      return outcome.output + "\n\(rawValue) failed"
    }
  }
}
