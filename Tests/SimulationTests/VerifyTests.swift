import NeuralGraph
import RTL
import Simulation
import Testing

@Suite struct VerifyTests {
  @Test("a right design has no problem in either simulator", arguments: Simulator.allCases)
  func right(simulator: Simulator) async throws {
    let report = try await SmallDesign.verify(simulator, frames: 3)
    #expect(report.problems == [])
    #expect(report.layers.map(\.valuesCompared) == [3 * 6 * 5 * 3, 3 * 3 * 3 * 3])
    #expect(report.streams.map(\.events) == [90, 27, 0])
    #expect(report.latency.allSatisfy { $0.measured == $0.predicted })
  }

  @Test("a right design has no problem under random stalls")
  func stalled() async throws {
    for seed in 1...4 as ClosedRange<UInt64> {
      let report = try await SmallDesign.verify(.icarus, frames: 3, stalls: seed)
      #expect(report.problems == [])
      #expect(report.latency.allSatisfy { $0.measured == nil })
    }
  }

  @Test("one frame alone shows the latency to its last output")
  func alone() async throws {
    let report = try await SmallDesign.verify(.icarus, frames: 1)
    #expect(report.problems == [])
    #expect(report.latency.map { $0.measured != nil } == [true, true, false, false])
  }

  @Test("a wrong sum is located by layer, frame, row, column and channel")
  func wrongSum() async throws {
    let report = try await SmallDesign.verify(.icarus, frames: 2) { files in
      files.replace("rtl/tiny_layer1_conv.v", "} + {", "} - {")
    }
    #expect(!report.passed)
    let first = try #require(report.problems.first)
    let form =
      /layer1_conv, frame [01], row [0-5], column [0-4], channel [012]: expected \d+, found .*/
    #expect(first.wholeMatch(of: form) != nil)
    #expect(report.layers[0].mismatches > 0)
    #expect(report.layers[0].wrongCycles == 0)
  }

  @Test("a FIFO with too few credits is right but late, and the first late beat is named")
  func late() async throws {
    let report = try await SmallDesign.verify(.icarus, frames: 3) { files in
      let design = try? DesignDescription(
        json: files.first { $0.path == DesignDescription.fileName }!.bytes)
      let depth = design!.stages[0].fifoDepth
      files.replace("rtl/tiny_stage1.v", ".CREDITS(\(depth))", ".CREDITS(\(depth - 1))")
    }
    #expect(!report.passed)
    #expect(report.layers.allSatisfy { $0.mismatches == 0 && $0.wrongCycles > 0 })
    #expect(report.problems.first!.contains(": cycle "))
  }

  @Test("a wrong tlast at the output is named")
  func wrongLast() async throws {
    let report = try await SmallDesign.verify(.icarus, frames: 1) { files in
      files.replace("rtl/tiny.v", "assign m_axis_tlast = ", "assign m_axis_tlast = ~")
    }
    #expect(
      report.problems.first == "output, frame 0, row 0, column 0: tlast is true, expected false")
  }

  @Test("a design that never answers has missing beats")
  func silent() async throws {
    let report = try await SmallDesign.verify(.icarus, frames: 1) { files in
      files.replace("rtl/tiny.v", "assign m_axis_tvalid = ", "assign m_axis_tvalid = 1'b0 & ")
    }
    #expect(report.problems.contains("0 output beats came, expected 9"))
  }

  @Test("Verilog that no simulator takes is a diagnostic", arguments: Simulator.allCases)
  func broken(simulator: Simulator) async throws {
    await #expect {
      try await SmallDesign.verify(simulator, frames: 1) { files in
        files.replace("rtl/tiny.v", "endmodule", "")
      }
    } throws: { error in
      "\(error)".contains("failed:") && "\(error)".contains("tiny.v")
    }
  }
}
