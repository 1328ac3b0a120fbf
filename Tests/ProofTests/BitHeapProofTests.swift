import AdderGraph
import Foundation
import NeuralGraph
import Proof
import RTL
import Simulation
import Testing
import YosysNetlist

@Suite struct BitHeapProofTests {
  /// Yosys' netlists of a text.
  private func netlists(_ text: String) async throws -> [Netlist] {
    try await ScratchFolder.with { scratch throws(Diagnostics) in
      try writeFile(Array(text.utf8), to: scratch.path + "/sums.v")
      let outcome = try await Program(.yosys).run(
        ["-q", "-p", "read_verilog sums.v; proc; write_json sums.json"], in: scratch.path,
        timeout: .seconds(600))
      guard outcome.succeeded else { throw Diagnostics(Diagnostic(outcome.lastLines)) }
      return try Netlist.read(readFile(scratch.path + "/sums.json"))
    }
  }

  @Test(
    "sums of random weights are linear in the text, as words and as heaps of adders",
    arguments: 1...12 as ClosedRange<UInt64>, [AdderStyle.words, .heap])
  func linear(seed: UInt64, style: AdderStyle) async throws {
    var random = SplitMix64(seed: seed)
    let (rows, columns) = (Int(random.next() % 9) + 1, Int(random.next() % 7) + 1)
    let values = (0..<rows * columns).map { _ in Int(random.next() % 255) - 127 }
    let matrix = ConstantMatrix(inputs: rows, outputs: columns, values: values)
    let inputs = Array(repeating: seed % 2 == 0 ? -128...127 : 0...255, count: rows)
    let module = AdderModule(name: "sums", graph: AdderGraph.optimise(matrix), inputs: inputs)
    let netlists = try await netlists(module.text(style: style))
    let sums = try #require(netlists.first { $0.name == "sums" })
    let outputs = LinearOutputs(
      sums, cells: netlists.filter { $0.name != "sums" }, inputs: inputs)
    #expect(outputs.faults.isEmpty)
    for column in 0..<columns {
      guard case .some(.some(let form)) = outputs.forms["y\(column)"] else {
        Issue.record("y\(column) is not linear")
        continue
      }
      let modulus = 1 << form.width
      #expect(form.constant % modulus == 0)
      for row in 0..<rows {
        #expect((form.coefficients[row] - values[row * columns + column]) % modulus == 0)
      }
    }
  }

  /// The small network with its sums as heaps.
  private func prove(
    levels: Int = 2, changing change: (inout [EmittedFile]) throws -> Void = { _ in }
  ) async throws -> DesignProof {
    let options = FreezeOptions(pipelineLevels: levels, effort: 0, adderStyle: .heap)
    return try await ProvedDesign.prove(ProvedDesign.small, options: options, changing: change)
  }

  @Test("pipelined heaps are proved, with as many coefficients as words", arguments: 1...5)
  func pipelined(levels: Int) async throws {
    let proof = try await prove(levels: levels)
    #expect(proof.isProved, "\(proof)")
    #expect(proof.layers.map(\.coefficients) == [53, 6])
  }

  @Test(
    "a change of a heap is not proved",
    arguments: [
      (#"(df_full_adder acc0_a\d+ \(.a\()([^)]*)(\), .b\()([^)]*)\)"#, "$1$2$3$2)"),
      (#"(df_full_adder acc1_a\d+ \(.a\()([^)]*)\)"#, "$1~$2)"),
      (#"(df_full_adder acc0_a\d+ [^;]*.c\()([^)]*)\)"#, "$11'd0)"),
      (#"(df_half_adder \w+ [^;]*.b\()([^)]*)\)"#, "$11'd1)"),
      (#"(acc1_)s(\d+)(,[^;]*\};)"#, "$1c$2$3"),
    ] as [(String, String)])
  func changed(from: String, to: String) async throws {
    let proof = try await prove { files in
      let index = try #require(files.firstIndex { $0.path == "rtl/tiny_layer1_conv.v" })
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let expression = try NSRegularExpression(pattern: from)
      let match = try #require(
        expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)),
        "the text does not hold \(from)")
      let changed = (text as NSString).replacingCharacters(
        in: match.range,
        with: expression.replacementString(for: match, in: text, offset: 0, template: to))
      #expect(changed != text)
      files[index].bytes = [UInt8](changed.utf8)
    }
    #expect(!proof.isProved)
  }
}
