import Synthesis
import Testing

@Suite struct CellLibraryTests {
  private func message(_ texts: String...) -> String {
    do {
      _ = try CellLibrary(
        texts.enumerated().map { (name: "lib\($0.offset)", bytes: Array($0.element.utf8)) })
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("a library's cells come with area, outputs, and whether they hold a bit")
  func cells() throws {
    let library = try TinyLibrary.library(TinyLibrary.whole)
    #expect(library.name == "tiny")
    #expect(library.cells.count == 9)
    #expect(library.cells["DFF"]?.isFlipFlop == true)
    #expect(library.cells["FAN"]?.outputs == ["CON", "SN"])
    #expect(library.cells["MUX2"]?.area == 2.5)
    #expect(library.hasFullAdder)
  }

  @Test("files of one library are joined, and shared groups stand once")
  func joined() throws {
    let library = try TinyLibrary.library(
      TinyLibrary.text(TinyLibrary.gates), TinyLibrary.text(TinyLibrary.flipFlop))
    #expect(library.cells.count == 7)
    #expect(!library.hasFullAdder)
    // What was joined can be read again, alone.
    let text = String(decoding: library.text, as: UTF8.self)
    #expect(text.components(separatedBy: "lu_table_template").count == 2)
    #expect(try TinyLibrary.library(text).cells == library.cells)
  }

  @Test("adder cells are found by their functions, inverted outputs too")
  func adders() throws {
    let library = try TinyLibrary.library(TinyLibrary.whole)
    #expect(
      library.adderCells.contains("FAN cell_ (.A(a), .B(b), .C(c), .SN(sum_n), .CON(carry_n))"))
    #expect(library.adderCells.contains("assign carry = ~carry_n;"))
    #expect(library.adderCells.contains("HA cell_ (.A(a), .B(b), .S(sum), .CO(carry))"))
  }

  @Test("what is no library, or none that a pipeline can be made of, is refused")
  func refused() throws {
    #expect(message("module m; endmodule").contains("does not begin with 'library ('"))
    #expect(message("").contains("no liberty"))
    #expect(
      message(String(TinyLibrary.whole.dropLast(2))).contains("the file ends inside a group"))
    #expect(message(String(TinyLibrary.whole.dropLast(40))).contains("the text is no liberty"))
    #expect(message(TinyLibrary.text(TinyLibrary.gates)).contains("has no flip-flop"))
    #expect(
      message(TinyLibrary.text(TinyLibrary.flipFlop)).contains(
        "has no inverter, no NAND or NOR of two inputs"))
    #expect(
      message(TinyLibrary.whole, TinyLibrary.text(TinyLibrary.flipFlop)).contains(
        "the cell 'DFF' is there twice"))
    #expect(
      message(
        TinyLibrary.text(TinyLibrary.gates),
        TinyLibrary.text(TinyLibrary.flipFlop).replacing("1ns", with: "1ps")
      ).contains("its units are not those of lib0"))
    #expect(
      message(TinyLibrary.whole.replacing("area : 5.0;", with: "area : big;")).contains(
        "the cell 'DFF' has no area"))
    let deep = String(repeating: "cell (a) {", count: 100_000)
    #expect(message("library (x) {" + deep).contains("nested too deep"))
  }

  @Test(
    "a function's text is a truth table",
    arguments: [
      ("A B", 0b1000), ("A*B'", 0b0010), ("!(A+B)", 0b0001), ("A^B", 0b0110), ("(A|B)&!A", 0b0100),
      ("!A&B | A&!B", 0b0110), ("1", 0b1111), ("A''", 0b1010), (" ( A ) ", 0b1010),
    ] as [(String, UInt64)])
  func function(_ text: String, _ table: UInt64) {
    #expect(CellFunction(text, inputs: ["A", "B"])?.table == table)
  }

  @Test("what is no function is none", arguments: ["", "A+", "(A", "A)", "Z", "A B C", "!"])
  func noFunction(_ text: String) {
    #expect(CellFunction(text, inputs: ["A", "B"]) == nil)
  }
}
