import NeuralGraph
import RTL
import RTLTemplates
import Testing

/// One change of the templates' text that the simulation tests must catch.
struct TemplateMutation: CustomTestStringConvertible, Sendable {
  var name: String
  /// In which file what becomes what.
  var edits: [(file: String, old: String, new: String)]
  var testDescription: String { name }

  init(_ name: String, _ file: String, _ old: String, _ new: String) {
    self.name = name
    edits = [(file, old, new)]
  }

  /// The templates, changed. Records an issue when a text to change is not there.
  func apply(to templates: [RTLTemplates.Template]) -> [RTLTemplates.Template] {
    templates.map { template in
      var text = template.text
      for edit in edits where edit.file == template.fileName {
        let parts = text.components(separatedBy: edit.old)
        #expect(parts.count > 1, "\(name): the text to change is not in \(edit.file)")
        text = parts.joined(separator: edit.new)
      }
      return (template.fileName, text)
    }
  }

  static let all: [TemplateMutation] = [
    .init(
      "one flush step fewer", "df_window_control.v", "FLUSH = TAIL > 0 ? TAIL : 0",
      "FLUSH = TAIL > 0 ? TAIL - 1 : 0"),
    .init("no flush", "df_window_control.v", "FLUSH = TAIL > 0 ? TAIL : 0", "FLUSH = 0"),
    .init(
      "line memory restarted at start of frame",
      edits: [
        (
          "df_line_buffer.v", "input  wire [PIXEL_BITS-1:0]               pixel, ",
          "input  wire restart, input wire [PIXEL_BITS-1:0] pixel, "
        ),
        (
          "df_line_buffer.v", "reg [ADDRESS_BITS-1:0] pointer;",
          "reg [ADDRESS_BITS-1:0] counter; wire [ADDRESS_BITS-1:0] pointer = restart ? 0 : counter;"
        ),
        ("df_line_buffer.v", "pointer <= {ADDRESS_BITS{1'b0}}", "counter <= {ADDRESS_BITS{1'b0}}"),
        ("df_line_buffer.v", "else if (step) pointer <=", "else if (step) counter <="),
      ]),
    .init(
      "bubbles inside a frame", "df_window_control.v", "~in_valid & between_frames & in_ready",
      "~in_valid & in_ready"),
    .init(
      "memory for one column", "df_line_buffer.v", "if (IMAGE_WIDTH == 1)", "if (IMAGE_WIDTH == 0)"),
    .init(
      "no resynchronising after reset", "df_stream_in.v", "pixel = in_frame | start_of_frame",
      "pixel = 1'b1"),
    .init(
      "one step more to the first output", "df_window_control.v",
      "(REACH_X - 1 - PAD_LEFT);\n  // Steps from a frame's last",
      "(REACH_X - 1 - PAD_LEFT) + 1;\n  // Steps from a frame's last"),
    .init(
      "start queue one shorter", "df_window_control.v", "(DELAY - 1 + PIXELS - 1) / PIXELS :",
      "(DELAY - 1 + PIXELS - 1) / PIXELS - ((DELAY - 1 + PIXELS - 1) / PIXELS > 1 ? 1 : 0) :"),
    .init(
      "FIFO one word shorter than its credits", "df_fifo.v", "WORDS = DEPTH - 1",
      "WORDS = DEPTH > 2 ? DEPTH - 2 : 1"),
    .init(
      "credit not taken", "df_window_control.v", "emission & ~credit_return", "1'b0 & credit_return"
    ),
    .init(
      "credit given back one cycle late", "df_fifo.v", "assign credit_return = pop;",
      "reg late; always @(posedge aclk) late <= aresetn & pop; assign credit_return = late;"),
    .init(
      "right column one further", "df_window_control.v",
      "LAST = IMAGE_WIDTH - 1 + PAD_LEFT", "LAST = IMAGE_WIDTH + PAD_LEFT"),
    .init(
      "sideband of the newest frame", "df_window_control.v",
      "assign start_user = users[USER_BITS-1:0];",
      "assign start_user = in_user;"),
    .init(
      "early start not held", "df_stream_in.v", "out_ready & ~early_start", "out_ready"),
    .init(
      "tlast not checked", "df_stream_in.v", "(s_axis_tlast != line_end)", "1'b0"),
  ]

  init(_ name: String, edits: [(file: String, old: String, new: String)]) {
    self.name = name
    self.edits = edits
  }
}

@Suite("Mutations of the stream templates", .serialized)
struct ControlMutationTests {
  /// Small cases that reach every corner: one column, frames tinier than the window's reach,
  /// strides, a flush longer than a line.
  static let cases: [ControlCase] = {
    var g = SeededGenerator(77)
    func window(
      _ height: Int, _ width: Int, _ kernel: Int, stride: Int = 1,
      padding: WindowGeometry.Padding = .same
    ) -> StageTiming {
      let geometry = WindowGeometry(
        inputHeight: height, inputWidth: width, kernelHeight: kernel, kernelWidth: kernel,
        strideY: stride, strideX: stride, padding: padding)
      return StageTiming(.window(geometry!), ranks: 2)
    }
    let chains: [[StageTiming]] = [
      [window(5, 4, 3)], [window(4, 1, 3)], [window(1, 2, 7)], [window(6, 7, 3, stride: 2)],
      [window(7, 5, 3, padding: .valid)],
      [window(6, 6, 3, stride: 2), window(3, 3, 5), window(3, 3, 3)],
    ]
    return chains.map { stages in
      var one = ControlCase(StreamTiming(stages: stages))
      one.appendAll(using: &g)
      one.appendAll(using: &g)
      return one
    }
  }()

  @Test("The cases pass without a mutation", .enabled(if: ControlSimulator.icarus.runs))
  func noMutation() throws {
    #expect(try ControlSimulator.icarus.failures(Self.cases) == [])
  }

  @Test(
    "A mutation of the templates is caught", .enabled(if: ControlSimulator.icarus.runs),
    arguments: TemplateMutation.all)
  func mutation(_ mutation: TemplateMutation) throws {
    let templates = mutation.apply(to: RTLTemplates.all)
    let failures = try ControlSimulator.icarus.failures(
      Self.cases, templates: templates,
      restartLines: mutation.edits.contains { $0.new.contains("restart") })
    #expect(!failures.isEmpty)
  }
}
