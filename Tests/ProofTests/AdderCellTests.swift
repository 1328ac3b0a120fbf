import Foundation
import NeuralGraph
import Proof
import Simulation
import Testing

@Suite struct AdderCellTests {
  private static let fullAdder = """
    `default_nettype none
    module df_test_adder (
      input wire a, input wire b, input wire c, output wire carry, output wire sum
    );
      wire either = ~(~a & ~b);
      wire both = a & b;
      wire differ = either & ~both;
      assign sum = differ ^ c;
      assign carry = both | (differ & c);
    endmodule
    `default_nettype wire
    """

  /// Writes the first difference of two words in a layer as a chain of full adders, as `expression`
  /// says for a bit of the second operand.
  private func prove(
    cell: String = fullAdder, subtrahend: (Int) -> String = { "~minus[\($0)]" }
  ) async throws -> DesignProof {
    try await ProvedDesign.prove(ProvedDesign.small) { files in
      let path = "rtl/tiny_layer2_mix.v"
      let index = try #require(files.firstIndex { $0.path == path })
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let sum = /wire \[(\d+):0\] (\w+) = (\S+) - (\S+);/
      let match = try #require(text.firstMatch(of: sum))
      let top = try #require(Int(match.1))
      var lines = [
        "wire [\(top):0] plus = \(match.3);", "wire [\(top):0] minus = \(match.4);",
        "wire [\(top + 1):0] ripple;", "wire [\(top):0] \(match.2);", "assign ripple[0] = 1'd1;",
      ]
      for bit in 0...top {
        lines.append(
          "df_test_adder bit\(bit) (.a(plus[\(bit)]), .b(\(subtrahend(bit))), .c(ripple[\(bit)]), "
            + ".carry(ripple[\(bit + 1)]), .sum(\(match.2)[\(bit)]));")
      }
      files[index].bytes = [UInt8](
        text.replacing(match.0, with: lines.joined(separator: "\n  "), maxReplacements: 1).utf8)
      files.append(EmittedFile("rtl/df_test_adder.v", text: cell))
      let design = try #require(files.firstIndex { $0.path == "design.json" })
      files[design].bytes = [UInt8](
        String(decoding: files[design].bytes, as: UTF8.self)
          .replacing("\"\(path)\"", with: "\"rtl/df_test_adder.v\",\n\"\(path)\"").utf8)
    }
  }

  @Test("a difference made of full adders is proved")
  func chain() async throws {
    let proof = try await prove()
    #expect(proof.isProved, "\(proof)")
  }

  @Test("a wrong bit in a chain of full adders is found")
  func wrongBit() async throws {
    let proof = try await prove { $0 == 3 ? "minus[3]" : "~minus[\($0)]" }
    #expect(!proof.isProved)
    #expect(proof.problems.contains { $0.hasPrefix("layer2_mix, channel") }, "\(proof)")
  }

  @Test("a cell that does not add is not taken for an adder")
  func noAdder() async throws {
    let proof = try await prove(
      cell: Self.fullAdder.replacing("both | (differ & c)", with: "both | (differ & ~c)"))
    #expect(!proof.isProved)
    #expect(
      proof.problems.contains { $0.contains("there is no rule for a cell of the type") }, "\(proof)"
    )
  }
}
