import Testing
import Verilog

@Suite struct PrinterTests {
  @Test(
    "Expressions print with the parentheses that they need and no others",
    arguments: [
      (Expression.binary(.add, .name("a"), .name("b")), "a + b"),
      (.binary(.subtract, .binary(.add, .name("a"), .name("b")), .name("c")), "(a + b) - c"),
      (.unary(.invert, .bit("a", 3)), "~a[3]"),
      (.unary(.reduceOr, .slice("a", high: 7, low: 4)), "|a[7:4]"),
      (.binary(.bitAnd, .unary(.invert, .name("a")), .unary(.reduceOr, .name("b"))), "~a & (|b)"),
      (.unary(.signed, .name("a")), "$signed(a)"),
      (.concatenation([.replication(3, .bit("a", 7)), .name("a")]), "{{3{a[7]}},a}"),
      (.replication(2, .concatenation([.name("a"), .name("b")])), "{2{a,b}}"),
      (
        .conditional(.name("s"), .name("a"), .conditional(.name("t"), .name("b"), .name("c"))),
        "s ? a : t ? b : c"
      ),
      (
        .conditional(.binary(.less, .name("a"), .name("b")), .name("a"), .name("b")),
        "(a < b) ? a : b"
      ),
    ])
  func expressions(expression: Expression, text: String) {
    #expect(expression.description == text)
  }

  @Test(
    "Constants are sized, and negative ones are two's complement",
    arguments: [
      (8, 5, "8'd5"), (8, 255, "8'hff"), (8, -1, "8'hff"), (8, -128, "8'h80"), (1, 1, "1'd1"),
      (4, -1, "4'd15"), (64, -1, "64'hffffffffffffffff"), (12, 256, "12'h100"),
    ])
  func constants(width: Int, value: Int, text: String) {
    #expect(Expression.constant(width: width, value: value).description == text)
  }

  @Test("A comment stays on its line, whatever a model's names hold")
  func comment() {
    let file = SourceFile(
      header: ["a\nendmodule"],
      module: Module(name: "m", ports: [], items: [.comment(["b\r\n\u{2028}c\0"])]))
    #expect(file.text.hasPrefix("// a?endmodule\n"))
    #expect(file.text.contains("\n  // b???c?\n"))
  }

  @Test("A file prints its header, its ports and its items in order")
  func file() {
    let module = Module(
      name: "adder",
      ports: [Port(.input, "aclk"), Port(.input, "a", width: 8), Port(.output, "q", width: 9)],
      items: [
        .define(
          width: 9, name: "sum",
          value: .binary(
            .add, .concatenation([.constant(width: 1, value: 0), .name("a")]),
            .constant(width: 9, value: 3))),
        .registers(width: 9, names: ["sum_d1"], attribute: "keep"),
        .clocked(
          clock: "aclk", enable: .name("step"), [Assignment(.name("sum_d1"), .name("sum"))]),
        .instance(
          module: "leaf", parameters: [Parameter("N", 3)], name: "u",
          connections: [Connection("a", "a"), Connection("b", nil)]),
        .assign(Assignment(.name("q"), .name("sum_d1"))),
        .whenDefined(macro: "VERILATOR", [.comment(["lint"])]),
      ])
    let expected = """
      // adds three
      `default_nettype none

      module adder (
        input wire aclk,
        input wire [7:0] a,
        output wire [8:0] q
      );
        wire [8:0] sum = {1'd0,a} + 9'd3;
        (* keep *) reg [8:0] sum_d1;
        always @(posedge aclk) if (step) begin
          sum_d1 <= sum;
        end
        leaf #(
          .N(3)
        ) u (
          .a(a),
          .b()
        );
        assign q = sum_d1;
      `ifdef VERILATOR
        // lint
      `endif
      endmodule

      `default_nettype wire

      """
    #expect(SourceFile(header: ["adds three"], module: module).text == expected)
  }

  @Test("A register rank is written in processes of at most 64 assignments, in order")
  func processes() {
    let assignments = (0..<130).map { Assignment(.name("q\($0)"), .name("d\($0)")) }
    let items = Item.processes(clock: "aclk", enable: .name("step"), assignments)
    let pieces = items.compactMap {
      if case .clocked("aclk", .name("step"), let piece) = $0 { piece } else { nil }
    }
    #expect(pieces.map(\.count) == [64, 64, 2])
    #expect(pieces.flatMap(\.self) == assignments)
    #expect(Item.processes(clock: "aclk", enable: nil, []).isEmpty)
  }

  @Test("Long declarations wrap before column 100")
  func wraps() {
    let names = (0..<40).map { "register_\($0)" }
    let module = Module(
      name: "m", ports: [], items: [.registers(width: 8, names: names, attribute: nil)])
    let text = SourceFile(header: [], module: module).text
    #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 100 })
    #expect(names.allSatisfy { text.contains($0) })
  }
}

@Suite struct LegalNameTests {
  @Test(
    "Names become identifiers: lower case, one underscore a gap, no keyword, no digit first",
    arguments: [
      ("MobilenetV1/Conv2d_0/Relu6", "mobilenetv1_conv2d_0_relu6"), ("3x3 conv", "n3x3_conv"),
      ("module", "module_"), ("", "unnamed"), ("été", "t"), ("a;b//c", "a_b_c"), ("__x__", "x"),
    ])
  func legal(name: String, expected: String) {
    var names = LegalNames()
    #expect(names.legalize(name) == expected)
  }

  @Test("Equal names are told apart")
  func unique() {
    var names = LegalNames(reserved: ["a_2"])
    #expect(
      [names.legalize("a"), names.legalize("A"), names.legalize("a")] == ["a", "a_3", "a_4"])
  }
}
