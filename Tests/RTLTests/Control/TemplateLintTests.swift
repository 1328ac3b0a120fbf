import Foundation
import NeuralGraph
import RTL
import RTLTemplates
import Testing

@Suite("Lint of the stream templates", .serialized)
struct TemplateLintTests {
  /// One instance of a template: its parameters, and the bits of every port.
  struct Instance {
    var module: String
    var parameters: [(String, Int)]
    var inputs: [(String, Int)]
    var outputs: [(String, Int)]
    /// Bits of parameters that are declared with a width.
    var widths: [String: Int] = [:]
    /// False for a template without registers.
    var isClocked = true
  }

  /// Every template in sizes at the corners and in random ones.
  static func instances(seed: UInt64) -> [Instance] {
    var g = SeededGenerator(seed)
    var result: [Instance] = []
    for _ in 0..<40 {
      let window = WindowGeometry.random(height: g.pick(1...12), width: g.pick(1...12), using: &g)
      let user = g.pick(1...3)
      let credits = g.pick(1...9)
      let pixel = g.pick(1...20)
      let size = [("IMAGE_HEIGHT", window.inputHeight), ("IMAGE_WIDTH", window.inputWidth)]
      result.append(
        Instance(
          module: "df_window_control",
          parameters: size + [
            ("KERNEL_HEIGHT", window.kernelHeight), ("KERNEL_WIDTH", window.kernelWidth),
            ("STRIDE_Y", window.strideY), ("STRIDE_X", window.strideX),
            ("DILATION_Y", window.dilationY), ("DILATION_X", window.dilationX),
            ("PAD_TOP", window.padTop), ("PAD_LEFT", window.padLeft),
            ("OUTPUT_HEIGHT", window.outputHeight), ("OUTPUT_WIDTH", window.outputWidth),
            ("USER_BITS", user), ("CREDITS", credits),
          ],
          inputs: [("in_valid", 1), ("in_user", user), ("credit_return", 1)],
          outputs: [
            ("in_ready", 1), ("step", 1), ("column_step", 1), ("window_valid", 1),
            ("row_real", window.kernelHeight), ("column_real", window.kernelWidth),
            ("window_first", 1), ("window_last", 1), ("window_user", user),
          ]))
      result.append(
        Instance(
          module: "df_line_buffer",
          parameters: [
            ("PIXEL_BITS", pixel), ("KERNEL_HEIGHT", window.kernelHeight),
            ("DILATION_Y", window.dilationY), ("IMAGE_WIDTH", window.inputWidth),
          ],
          inputs: [("step", 1), ("column_step", 1), ("pixel", pixel)],
          outputs: [("column", pixel * window.kernelHeight)]))
      result.append(
        Instance(
          module: "df_frame_accumulator_control",
          parameters: size + [("USER_BITS", user), ("CREDITS", credits)],
          inputs: [("in_valid", 1), ("in_user", user), ("credit_return", 1)],
          outputs: [
            ("in_ready", 1), ("step", 1), ("accumulate_step", 1), ("accumulate_first", 1),
            ("result_valid", 1), ("result_first", 1), ("result_last", 1), ("result_user", user),
          ]))
      result.append(
        Instance(
          module: "df_stream_in",
          parameters: size + [("USER_BITS", user), ("DATA_BITS", pixel)],
          inputs: [
            ("s_axis_tvalid", 1), ("s_axis_tdata", pixel), ("s_axis_tuser", user + 1),
            ("s_axis_tlast", 1), ("out_ready", 1),
          ],
          outputs: [
            ("s_axis_tready", 1), ("out_valid", 1), ("out_data", pixel), ("out_user", user),
            ("framing_error", 1),
          ]))
    }
    for channels in [1, 31, 32, 33, 64, 70] {
      let user = g.pick(2...4)
      let strides = [("LINE_STRIDE", 160), ("SURFACE_STRIDE", 480), ("LAST_LINE", 320)]
      result.append(
        Instance(
          module: "df_nvdla_packer",
          parameters: [("CHANNELS", channels), ("USER_BITS", user), ("ADDRESS_BITS", 12)]
            + strides + [("FLIP", channels % 2 == 0 ? 0 : 128)],
          inputs: [
            ("s_axis_tvalid", 1), ("s_axis_tdata", 8 * channels), ("s_axis_tuser", user),
            ("s_axis_tlast", 1), ("m_axis_tready", 1),
          ],
          outputs: [
            ("s_axis_tready", 1), ("m_axis_tvalid", 1), ("m_axis_tdata", 256),
            ("m_axis_taddr", 12), ("m_axis_tuser", user), ("m_axis_tlast", 1),
          ],
          widths: ["LINE_STRIDE": 12, "SURFACE_STRIDE": 12, "LAST_LINE": 12, "FLIP": 8]))
    }
    for streams in 2...5 {
      result.append(
        Instance(
          module: "df_fork", parameters: [("READERS", streams)],
          inputs: [("in_valid", 1), ("out_ready", streams)],
          outputs: [("in_ready", 1), ("out_valid", streams)], isClocked: false))
      result.append(
        Instance(
          module: "df_join", parameters: [("INPUTS", streams)],
          inputs: [("in_valid", streams), ("out_ready", 1)],
          outputs: [("in_ready", streams), ("out_valid", 1)], isClocked: false))
    }
    for depth in 1...9 {
      result.append(
        Instance(
          module: "df_skip_fifo", parameters: [("WIDTH", depth % 4 + 1), ("DEPTH", depth)],
          inputs: [("in_valid", 1), ("in_data", depth % 4 + 1), ("out_ready", 1)],
          outputs: [("in_ready", 1), ("out_valid", 1), ("out_data", depth % 4 + 1)]))
      result.append(
        Instance(
          module: "df_fifo", parameters: [("WIDTH", depth % 4 + 1), ("DEPTH", depth)],
          inputs: [("in_valid", 1), ("in_data", depth % 4 + 1), ("out_ready", 1)],
          outputs: [("out_valid", 1), ("out_data", depth % 4 + 1), ("credit_return", 1)]))
      result.append(
        Instance(
          module: "df_valid_pipeline",
          parameters: [("RANKS", depth), ("USER_BITS", depth % 3 + 1)],
          inputs: [
            ("in_valid", 1), ("in_first", 1), ("in_last", 1), ("in_user", depth % 3 + 1),
          ],
          outputs: [
            ("valid", depth + 1), ("out_first", 1), ("out_last", 1), ("out_user", depth % 3 + 1),
          ]))
    }
    return result
  }

  /// A module with all instances, their inputs its own, their outputs unread.
  static func top(_ instances: [Instance]) -> String {
    var ports = ["  input wire aclk", "  input wire aresetn"]
    var body = ""
    for (number, instance) in instances.enumerated() {
      let parameters = instance.parameters.map { name, value in
        ".\(name)(\(instance.widths[name].map { "\($0)'d" } ?? "")\(value))"
      }
      var connections = instance.isClocked ? [".aclk(aclk)", ".aresetn(aresetn)"] : []
      for (name, bits) in instance.inputs {
        ports.append("  input wire [\(bits - 1):0] i\(number)_\(name)")
        connections.append(".\(name)(i\(number)_\(name))")
      }
      for (name, bits) in instance.outputs {
        body += "  wire [\(bits - 1):0] unused_\(number)_\(name);\n"
        connections.append(".\(name)(unused_\(number)_\(name))")
      }
      body += """
          \(instance.module) #(\(parameters.joined(separator: ", "))) m\(number) (
            \(connections.joined(separator: ", ")));

        """
    }
    return "module top (\n\(ports.joined(separator: ",\n"))\n);\n\(body)endmodule\n"
  }

  /// What a linter says about every template alone and about `top`; empty when clean.
  private func lint(
    _ tool: String, _ command: (_ top: String, _ files: [String]) -> [String]
  ) throws -> String {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    var files: [String] = []
    let templates = RTLTemplates.all + [RTLTemplates.nvdlaPacker]
    for template in templates {
      try folder.write(template.text, to: template.fileName)
      files.append(template.fileName)
    }
    try folder.write(Self.top(Self.instances(seed: ControlSimulationTests.seed)), to: "top.v")
    var output = ""
    for top in templates.map({ String($0.fileName.dropLast(2)) }) + ["top"] {
      output += try folder.run(command(top, files))
    }
    return output
  }

  private static func runs(_ tool: String) -> Bool {
    TemporaryFolder.isInstalled(tool) || TemporaryFolder.isCI
  }

  @Test(
    "Verilator has no warning about any template in any size", .enabled(if: runs("verilator")))
  func verilator() throws {
    let output = try lint("verilator") { top, _ in
      ["verilator", "--lint-only", "-Wall", "-y", ".", "--top-module", top, "\(top).v"]
    }
    #expect(output == "")
  }

  @Test("Icarus has no warning about any template in any size", .enabled(if: runs("iverilog")))
  func icarus() throws {
    let output = try lint("iverilog") { top, _ in
      ["iverilog", "-g2005", "-Wall", "-y", ".", "-s", top, "-o", "out.vvp", "\(top).v"]
    }
    #expect(output == "")
  }

  @Test("Yosys reads and checks every template in any size", .enabled(if: runs("yosys")))
  func yosys() throws {
    let output = try lint("yosys") { top, files in
      let sources = (files + ["top.v"]).joined(separator: " ")
      return [
        "yosys", "-q", "-p",
        "read_verilog \(sources); hierarchy -check -top \(top); proc; check -assert",
      ]
    }
    #expect(output == "")
  }
}
