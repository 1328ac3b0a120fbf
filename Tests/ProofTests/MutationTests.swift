import Foundation
import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

@Suite struct MutationTests {
  /// A change of the text: where, the first place that matches, what it becomes, and words that the
  /// proof has to say.
  struct Mutation: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var file: String
    var from: String
    var to: String
    var says: [String]

    init(_ name: String, _ file: String, _ from: String, _ to: String, says: String...) {
      testDescription = name
      self.file = file
      self.from = from
      self.to = to
      self.says = says
    }
  }

  private static let layer = "rtl/tiny_layer1_conv.v"
  private static let second = "rtl/tiny_layer2_mix.v"
  private static let stage = "rtl/tiny_stage1.v"
  private static let top = "rtl/tiny.v"

  static let mutations: [Mutation] = [
    .init(
      "a flipped shift", layer, #"(sum\d+ <?= [^;]*),1'd0\}"#, "$1,2'd0}",
      says: "layer1_conv, channel", "coefficient expected"),
    .init(
      "a dropped term", layer, #"(wire \[\d+:0\] sum1 = )([^;]*) - ([^;]*);"#, "$1$2;",
      says: "layer1_conv, channel", "coefficient expected"),
    .init(
      "an addition for a subtraction", layer, #"(sum\d+ <= [^;]*) - "#, "$1 + ",
      says: "layer1_conv, channel", "coefficient expected"),
    .init(
      "a wire one bit too narrow", layer, #"wire \[8:0\] (sum\d+)"#, "wire [7:0] $1",
      says: "layer1_conv, channel"),
    .init(
      "a register one bit too narrow", layer, #"reg \[(\d+):0\] acc"#, "reg [<$1-1>:0] acc",
      says: "layer1_conv, channel"),
    .init(
      "a sign extension of the wrong bit", layer, #"\{(sum\d+)\[(\d+)\],sum"#, "{$1[<$2-1>],sum",
      says: "layer1_conv, channel"),
    .init(
      "a register left out", layer, #"(wire [^;]*= [^;]*\w)_d1\b"#, "$1",
      says: "layer1_conv, channel", "clocks behind the window meet"),
    .init(
      "a register too many", layer, #"(assign q0 = )(y0\w*);"#,
      "reg [7:0] late;\n  always @(posedge aclk) late <= $2;\n  $1late;",
      says: "layer1_conv, channel 0", "clocks behind the window, and is to come after"),
    .init(
      "a wrong bias", layer, #"(biased\d <?= acc\d [+-] \d+'h)[0-9a-f]+;"#, "$1abc;",
      says: "layer1_conv, channel", "expected"),
    .init(
      "a wrong constant in a requantizer", second,
      #"(prod\d <?= \w+ [+-] \d+'h)[0-9a-f]+;"#, "$1abc;",
      says: "layer2_mix, channel", "expected"),
    .init(
      "a wrong multiplier in a requantizer", second,
      #"(mul\d_\d <?= [^;]*),(\d+)'d0\}"#, "$1,<$2+1>'d0}",
      says: "layer2_mix, channel", "expected"),
    .init(
      "another clamp", second, #"(y\d <= [^;?]*\? )(\d)'d0"#, "$1 $2'd1",
      says: "layer2_mix, channel", "is 1, expected 0"),
    .init(
      "output bits one place off", second, #"(y\d <= [^;]*: \w+)\[(\d+):(\d+)\]"#,
      "$1[<$2-1>:<$3-1>]",
      says: "layer2_mix, channel", "expected"),
    .init(
      "another constant outside the image", layer, #"x0_r0c0 : 8'd7"#, "x0_r0c0 : 8'd6",
      says: "layer1_conv, channel", "input channel 0, row 0, column 0 (6 outside the image)"),
    .init(
      "another tap's mask", layer, #"t0_r0c0 = in_r0_c0 \?"#, "t0_r0c0 = in_r0 ?",
      says: "layer1_conv, channel", "input channel 0, row 0, column 0"),
    .init(
      "a tap without a mask", layer, #"t0_r0c0 = in_r0_c0 \? x0_r0c0 : 8'd7;"#,
      "t0_r0c0 = x0_r0c0;",
      says: "layer1_conv, channel", "input channel 0, row 0, column 0"),
    .init(
      "a mask of another row", layer, #"in_r0 <= row0;"#, "in_r0 <= row2;",
      says: "layer1_conv, channel"),
    .init(
      "another enable", layer, #"if \(column_step\)"#, "if (row0)",
      says: "layer1_conv, channel"),
    .init(
      "the other edge of the clock", layer, #"posedge aclk\) begin"#, "negedge aclk) begin",
      says: "layer1_conv", "clock"),
    .init(
      "a window register that skips one", layer, #"x0_r0c0 <= x0_r0c1;"#, "x0_r0c0 <= x0_r0c2;",
      says: "layer1_conv, channel", "input channel 0, row 0, column 1"),
    .init(
      "outputs exchanged in the layer", layer, #"assign q0 = y0(\w*);"#, "assign q0 = y1$1;",
      says: "layer1_conv, channel 0"),
    .init(
      "channels exchanged between layers", stage, #"\.x0\(l1_q0\)"#, ".x0(l1_q1)",
      says: "layer2_mix, channel"),
    .init(
      "rows exchanged", stage, #"\.p0_r0\(column\[39:32\]\)"#, ".p0_r0(column[23:16])",
      says: "layer1_conv, channel"),
    .init(
      "a port with fewer bits", stage, #"\.p0_r0\(column\[39:32\]\)"#, ".p0_r0(column[39:33])",
      says: "stage1: layer1.p0_r0 has 8 bits, and 7 are connected"),
    .init(
      "valid bits a clock early", stage, #"\.RANKS\((\d+)\)"#, ".RANKS(1)", says: "stage1: "),
    .init(
      "another kernel", stage, #"\.KERNEL_WIDTH\(3\)"#, ".KERNEL_WIDTH(2)", says: "stage1: "),
    .init(
      "another pad", stage, #"\.PAD_TOP\(1\)"#, ".PAD_TOP(0)",
      says: "stage1: the parameter PAD_TOP of control is 0, expected 1"),
    .init(
      "the FIFO's sideband exchanged", stage, #"tree_first,tree_last"#, "tree_last,tree_first",
      says: "stage1: out_first is not"),
    .init(
      "a wire of the top too narrow", top, #"wire \[11:0\] pixel1;"#, "wire [10:0] pixel1;",
      says: "tiny: "),
    .init(
      "output bytes exchanged", top, #"m_axis_tdata = \{2'd0,pixel1\[11:6\],2'd0,pixel1\[5:0\]\}"#,
      "m_axis_tdata = {2'd0,pixel1[5:0],2'd0,pixel1[11:6]}",
      says: "tiny: bits 7 to 0 of m_axis_tdata are not channel 0"),
    .init(
      "text for other tools", layer, "  // Rank 1\n", "`ifdef SYNTHESIS\n`endif\n",
      says: "holds '`ifdef SYNTHESIS'"),
    .init(
      "line ends that make one line of several", layer, "  // Rank 1\n", "  // Rank 1\r\n",
      says: "holds 'character 13'"),
    .init(
      "a comment that hides its end", layer, "  // Rank 1\n", "  /*\n// */ wire hidden;\n",
      says: "holds '/*'"),
    .init(
      "a missing template", "design.json", #" *"rtl/df_fifo.v",\n"#, "",
      says: "rtl/df_fifo.v is not among the design's files"),
    .init(
      "a changed template", "rtl/df_fifo.v", "out_data = head;", "out_data = ~head;",
      says: "rtl/df_fifo.v is not the template of this program"),
  ]

  /// The text with `<8-1>` and `<8+1>` computed.
  private static func computed(_ text: String) -> String {
    text.replacing(/<(\d+)([+-])1>/) { match in
      "\(Int(match.1)! + (match.2 == "+" ? 1 : -1))"
    }
  }

  @Test("the unchanged text is proved")
  func unchanged() async throws {
    let proof = try await ProvedDesign.prove(ProvedDesign.small)
    #expect(proof.isProved, "\(proof)")
    #expect(proof.layers.map(\.provedChannels) == [3, 2])
    #expect(proof.layers.map(\.coefficients) == [53, 6])
    #expect(proof.problems.isEmpty)
  }

  @Test("a change of the text is found and told", arguments: mutations)
  func found(mutation: Mutation) async throws {
    let proof = try await ProvedDesign.prove(ProvedDesign.small) { files in
      let index = try #require(files.firstIndex { $0.path == mutation.file })
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let expression = try NSRegularExpression(pattern: mutation.from)
      let match = try #require(
        expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)),
        "the text does not hold \(mutation.from)")
      let changed = (text as NSString).replacingCharacters(
        in: match.range,
        with: Self.computed(
          expression.replacementString(
            for: match, in: text, offset: 0, template: mutation.to)))
      files[index].bytes = [UInt8](changed.utf8)
    }
    #expect(!proof.isProved)
    let told = proof.problems.joined(separator: "\n")
    for words in mutation.says {
      #expect(told.contains(words), "\(told)")
    }
  }

  @Test("weights of another model are found")
  func otherWeights() async throws {
    var model = ProvedDesign.small
    var node = model[ValueID(1)]
    guard case .convolution(var convolution) = node.operation else { return }
    convolution.weights[20] += 1
    node.operation = .convolution(convolution)
    var changed = QuantizedGraph(name: model.name)
    for value in model.values { _ = changed.append(value.index == 1 ? node : model[value]) }
    changed.outputs = model.outputs
    model = changed
    let proof = try await ProvedDesign.prove(ProvedDesign.small, against: model)
    #expect(!proof.isProved)
    #expect(
      proof.problems.contains {
        $0.hasPrefix("layer1_conv, channel 1: input channel 0, row 0, column 1")
      },
      "\(proof)")
  }

  @Test("a model with other layers is a diagnostic")
  func otherLayers() async throws {
    var model = QuantizedGraph(name: "other")
    for value in ProvedDesign.small.values.dropLast() {
      _ = model.append(ProvedDesign.small[value])
    }
    model.outputs = [ValueID(1)]
    await #expect {
      try await ProvedDesign.prove(ProvedDesign.small, against: model)
    } throws: {
      "\($0)".contains("the model is not the one that 'tiny' was made of")
    }
  }

  @Test("text that is no Verilog is a diagnostic")
  func noVerilog() async throws {
    await #expect {
      try await ProvedDesign.prove(ProvedDesign.small) { files in
        files.replace("rtl/tiny_layer1_conv.v", "endmodule", "end")
      }
    } throws: {
      "\($0)".contains("Yosys does not read the text: rtl/tiny_layer1_conv.v")
    }
  }
}

extension [EmittedFile] {
  mutating func replace(_ path: String, _ from: String, _ to: String) {
    guard let index = firstIndex(where: { $0.path == path }) else { return }
    let text = String(decoding: self[index].bytes, as: UTF8.self)
    self[index].bytes = [UInt8](text.replacing(from, with: to).utf8)
  }
}
