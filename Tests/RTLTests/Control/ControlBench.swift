import Foundation
import NeuralGraph
import RTL
import RTLTemplates
import Testing

/// One design under test and the vectors of its simulation: a word a cycle, what is driven and what
/// the cycle model and the evaluation of `HashChain` expect at every port.
struct ControlCase {
  let chain: HashChain
  private(set) var vectors: [UInt64] = []
  private(set) var traces: [CycleTrace] = []

  init(_ timing: StreamTiming) { chain = HashChain(timing: timing) }

  /// Appends a simulation that begins with a reset; memories keep what they hold. Data, the values
  /// of idle inputs, and the sideband of beats that begin no frame are random.
  mutating func append(_ stimulus: StreamStimulus, using g: inout SeededGenerator) {
    let trace = CycleModel(chain.timing).run(stimulus, recordStages: true)
    let data = stimulus.beats.map { _ in UInt8.random(in: 0...255, using: &g) }
    let pixels = chain.timing.inputPixels
    let expected = trace.frames.map { frame in
      let received = data[frame.firstBeat..<(frame.firstBeat + frame.receivedPixels)]
      return chain.evaluate(
        received
          + Array(repeating: HashChain.padPixel, count: pixels - received.count))
    }
    var words = [UInt64](repeating: 0, count: trace.cycles)
    func set(_ cycle: Int, _ bits: UInt64) {
      if cycle < words.count { words[cycle] |= bits }
    }
    // Expected.
    for output in trace.outputs {
      let value = UInt64(expected[output.frame][output.index])
      set(
        output.cycle,
        1 << 17 | value << 18 | (output.first ? 1 << 26 : 0) | output.user << 27
          | (output.last ? 1 << 31 : 0))
    }
    var errors = trace.framingErrors[...]
    var error = false
    let held = Set(trace.held)
    let notReady = Set(trace.notReady)
    for (stage, windows) in trace.windows.enumerated() {
      for window in windows { set(window.cycle, 1 << (33 + UInt64(stage))) }
    }
    // Driven; the source by the rules of `StreamStimulus`.
    var beat = 0
    var wait = stimulus.beats.first?.gap ?? 0
    for cycle in words.indices {
      let inReset =
        cycle < stimulus.resetCycles || stimulus.resets.contains { $0.contains(cycle) }
      if errors.first == cycle {
        errors.removeFirst()
        error = true
      }
      var tdata = UInt64(g.pick(0...255))
      var tuser = UInt64(g.pick(0...31))
      var tlast: UInt64 = UInt64(g.pick(0...1))
      var valid = false
      if inReset {
        wait = beat < stimulus.beats.count ? stimulus.beats[beat].gap : 0
        error = false
      } else if beat < stimulus.beats.count {
        if wait > 0 {
          wait -= 1
        } else {
          let offered = stimulus.beats[beat]
          valid = true
          tdata = UInt64(data[beat])
          tuser =
            offered.startOfFrame ? offered.user << 1 | 1 : tuser & ~1
          tlast = offered.lastOfLine ? 1 : 0
          if beat < trace.inputs.count && trace.inputs[beat] == cycle {
            beat += 1
            wait = beat < stimulus.beats.count ? stimulus.beats[beat].gap : 0
          }
        }
      }
      let ready = stimulus.ready[cycle % stimulus.ready.count]
      set(
        cycle,
        (inReset ? 0 : 1) | (valid ? 2 : 0) | tdata << 2 | tuser << 10 | tlast << 15
          | (ready ? 1 << 16 : 0))
      set(cycle, error ? 1 << 32 : 0)
      if held.contains(cycle) || notReady.contains(cycle) { set(cycle, 1 << 63) }
    }
    precondition(beat == trace.inputs.count, "a beat is accepted while it is not offered")
    vectors += words
    traces.append(trace)
  }

  /// The bench of the case with the number `id`: PASS or MISMATCH on one line.
  func bench(id: Int, vectorFile: String) -> String {
    let stages = chain.timing.stages.count
    return """
      module bench_\(id) (input wire clk, output reg done);
        localparam CYCLES = \(vectors.count);
        reg [63:0] vectors [0:CYCLES-1];
        reg [63:0] now;
        integer cycle;
        wire tready, mvalid, mlast, error;
        wire [7:0] mdata;
        wire [4:0] muser;
        wire [\(stages - 1):0] windows;
        reg stalled;
        reg [13:0] stalled_word;
        initial begin
          $readmemh("\(vectorFile)", vectors);
          now = vectors[0];
          cycle = 0;
          done = 0;
          stalled = 0;
          stalled_word = 0;
        end
        dut_\(id) dut (.aclk(clk & ~done), .aresetn(now[0]), .s_axis_tvalid(now[1]), .s_axis_tready(tready),
          .s_axis_tdata(now[9:2]), .s_axis_tuser(now[14:10]), .s_axis_tlast(now[15]),
          .m_axis_tvalid(mvalid), .m_axis_tready(now[16]), .m_axis_tdata(mdata),
          .m_axis_tuser(muser), .m_axis_tlast(mlast), .framing_error(error),
          .window_valids(windows));
        wire fire = mvalid & now[16];
        wire bad = now[0] & (tready !== ~now[63] | fire !== now[17] | error !== now[32]
          | windows !== now[\(32 + stages):33]
          | (fire & {mlast, muser, mdata} !== now[31:18])
          | (stalled & (~mvalid | {mlast, muser, mdata} !== stalled_word)));
        always @(posedge clk) if (!done) begin
          if (bad) begin
            $display("MISMATCH \(id) cycle %0d: ready %b, fire %b, last %b, user %h, data %h, error %b, windows %b; expected %b %b %b %h %h %b %b",
              cycle, tready, fire, mlast, muser, mdata, error, windows,
              ~now[63], now[17], now[31], now[30:26], now[25:18], now[32], now[\(32 + stages):33]);
            done <= 1;
          end else if (cycle == CYCLES - 1) begin
            $display("PASS \(id)");
            done <= 1;
          end
          stalled <= now[0] & mvalid & ~now[16];
          stalled_word <= {mlast, muser, mdata};
          cycle <= cycle + 1;
          now <= vectors[cycle + 1];
        end
      endmodule

      """
  }
}

/// The tools that simulate the cases.
enum ControlSimulator: String, CaseIterable {
  case icarus = "iverilog"
  case verilator

  var runs: Bool { TemporaryFolder.isInstalled(rawValue) || TemporaryFolder.isCI }

  /// Simulates all cases in one run. The result is one line a case that does not pass.
  /// `restartLines` connects the port `restart` that a mutation gives the line buffer.
  func failures(
    _ cases: [ControlCase], templates: [RTLTemplates.Template] = RTLTemplates.all,
    restartLines: Bool = false
  ) throws -> [String] {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    var source = templates.map(\.text).joined()
    source += HashChain.stageModules(restartLines: restartLines)
    for (id, one) in cases.enumerated() {
      let file = folder.path("vectors_\(id).hex")
      var hex: [UInt8] = []
      hex.reserveCapacity(one.vectors.count * 17)
      for word in one.vectors {
        for digit in stride(from: 60, through: 0, by: -4) {
          let value = UInt8(word >> UInt64(digit) & 15)
          hex.append(value < 10 ? 48 + value : 87 + value)
        }
        hex.append(10)
      }
      try Data(hex).write(to: URL(fileURLWithPath: file))
      source += one.chain.verilog(name: "dut_\(id)")
      source += one.bench(id: id, vectorFile: file)
    }
    source += "module top;\n  reg clk;\n  wire [\(cases.count - 1):0] done;\n"
    for id in cases.indices { source += "  bench_\(id) b\(id) (clk, done[\(id)]);\n" }
    source += """
        initial begin
          clk = 0;
          while (!(&done)) begin #5 clk = 1; #5 clk = 0; end
          $finish;
        end
      endmodule

      """
    try folder.write(source, to: "top.v")
    let output: String
    switch self {
    case .icarus:
      _ = try folder.run(["iverilog", "-g2005", "-s", "top", "-o", "top.vvp", "top.v"])
      output = try folder.run(["vvp", "-n", "top.vvp"])
    case .verilator:
      _ = try folder.run([
        "verilator", "--binary", "-O1", "-Wno-fatal", "-Wno-lint", "--top-module", "top",
        "--Mdir", "obj", "-CFLAGS", "-O0", "top.v",
      ])
      output = try folder.run([folder.path("obj/Vtop")])
    }
    let lines = output.split(separator: "\n").map(String.init)
    let passed = Set(lines.filter { $0.hasPrefix("PASS ") })
    return cases.indices.filter { !passed.contains("PASS \($0)") }.map { id in
      let line = lines.first { $0.hasPrefix("MISMATCH \(id) ") } ?? "no result for \(id)"
      return "\(line)\n  \(cases[id].chain.timing)"
    }
  }
}
