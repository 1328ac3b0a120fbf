import Foundation
import NeuralGraph
import Proof
import RTL
import Simulation
import Testing

/// Serial sums in the emitted text: their ROM line by line, their wires, what follows them.
@Suite struct SerialProofTests {
  /// A 10x8x2 image through 3x3 windows three apart to a map of 3x2 with seven channels, two of them
  /// constant, and a fully connected layer with `outputs` outputs on it.
  /// The weight at `changed` is one more.
  private static func graph(
    element: QuantizedElement = .uint8, outputs: Int = 9, changed: Int? = nil
  ) -> QuantizedGraph {
    var graph = QuantizedGraph(name: "dense")
    func type(_ dimensions: [Int]) -> QuantizedType {
      QuantizedType(
        shape: TensorShape(dimensions), element: element, scale: 0.5,
        zeroPoint: element == .uint8 ? 7 : -3)
    }
    let image = graph.append(
      QuantizedNode(name: "image", operation: .input, operands: [], type: type([1, 11, 8, 2])))
    let window = WindowGeometry(
      inputHeight: 11, inputWidth: 8, kernelHeight: 3, kernelWidth: 3, strideY: 4, strideX: 4,
      padding: .valid)!
    // Channels 1 and 4 are constant.
    let taps = (0..<126).map { (index: Int) -> Int16 in
      index / 18 % 3 == 1 ? 0 : Int16(index * 37 % 101 - 50)
    }
    let scales = (0..<7).map { FixedPointMultiplier(real: 0.002 + 0.0004 * Double($0)) }
    let convolution = QuantizedConvolution(
      geometry: window, inputChannels: 2, outputChannels: 7, groups: 1, weights: taps,
      bias: (0..<7).map { Int32($0 * 900 - 2000) }, requantization: scales,
      clamp: element.range, weightZeroPoints: [0], weightScales: [1])
    let map = graph.append(
      QuantizedNode(
        name: "conv", operation: .convolution(convolution), operands: [image],
        type: type([1, 3, 2, 7])))
    var weights = (0..<42 * outputs).map { (index: Int) -> Int16 in
      Int16(index * 53 % 509 - 255)
    }
    if let changed { weights[changed] += 1 }
    let layer = QuantizedFullyConnected(
      inputSize: 42, outputSize: outputs,
      weights: weights,
      bias: (0..<outputs).map { Int32($0 * 70 - 100) },
      requantization: (0..<outputs).map { _ in RealMultiplier(mantissa: 1 << 52, shift: 61) },
      clamp: element.range, weightZeroPoints: [0], weightScales: [1])
    graph.outputs = [
      graph.append(
        QuantizedNode(
          name: "dense", operation: .fullyConnected(layer), operands: [map],
          type: type([1, outputs])))
    ]
    return graph
  }

  @Test(
    "a layer of serial sums is proved, of unsigned codes and signed ones, with one ROM case and several",
    arguments: [(QuantizedElement.uint8, 9), (.int8, 9), (.int8, 80)])
  func proved(element: QuantizedElement, outputs: Int) async throws {
    let proof = try await ProvedDesign.prove(Self.graph(element: element, outputs: outputs))
    #expect(proof.isProved, "\(proof)")
    #expect(proof.layers[1].provedChannels == outputs)
  }

  static let rom = "rtl/dense_layer2_dense_rom.v"
  static let stage = "rtl/dense_stage2.v"

  @Test(
    "a wrong word, a line more, other sizes and other wires are found",
    arguments: [
      (rom, "'d5: held <= ", "'d5: held <= ~", "line "),
      (rom, "endmodule", "  // synopsys translate_off\nendmodule", "translate_off"),
      (rom, "    if (read)", "    if (read & address[0])", "line "),
      (stage, ".read(step)", ".read(load)", "read"),
      (stage, ".GROUP_STEPS(", ".GROUP_STEPS(1", "GROUP_STEPS"),
      (stage, ".STEPS(", ".STEPS(1", "STEPS"),
      (stage, ".DRAIN(", ".DRAIN(1", "DRAIN"),
      (stage, ".SUM_BITS(", ".SUM_BITS(1", ""),
      (stage, ".CODE_SIGNED(0)", ".CODE_SIGNED(1'bx)", "CODE_SIGNED"),
      (stage, ".weights(weights)", ".weights(~weights)", ""),
      (stage, " codes = {", " codes = ~{", ""),
      (stage, ".acc0(", ".acc1(", ""),
    ])
  func wrong(path: String, from: String, to: String, message: String) async throws {
    let proof = try await ProvedDesign.prove(Self.graph()) { files in
      let index = try #require(files.firstIndex { $0.path == path })
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let changed = text.replacing(from, with: to, maxReplacements: 1)
      #expect(changed != text)
      files[index].bytes = [UInt8](changed.utf8)
    }
    #expect(!proof.isProved)
    #expect(message.isEmpty || "\(proof)".contains(message), "\(proof)")
  }

  @Test("two sums, and two channels of the pixel, in each other's place are found")
  func swapped() async throws {
    let sums = try await ProvedDesign.prove(Self.graph()) { files in
      let index = try #require(files.firstIndex { $0.path == Self.stage })
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let changed = text.replacing(".acc0(", with: ".other(").replacing(".acc1(", with: ".acc0(")
        .replacing(".other(", with: ".acc1(")
      #expect(changed != text)
      files[index].bytes = [UInt8](changed.utf8)
    }
    #expect(!sums.isProved)
    let codes = try await ProvedDesign.prove(Self.graph()) { files in
      let index = try #require(files.firstIndex { $0.path == Self.stage })
      let text = String(decoding: files[index].bytes, as: UTF8.self)
      let begin = try #require(text.range(of: " codes = {"))
      let end = try #require(text.range(of: "};", range: begin.upperBound..<text.endIndex))
      var parts = text[begin.upperBound..<end.lowerBound].split(separator: ",")
      parts.swapAt(parts.count - 1, parts.count - 2)
      files[index].bytes = [UInt8](
        text.replacingCharacters(
          in: begin.upperBound..<end.lowerBound, with: parts.joined(separator: ",")
        ).utf8)
    }
    #expect(!codes.isProved)
    #expect(!codes.wiring.isEmpty, "\(codes)")
  }

  @Test("a group of sums more, in control and accumulators alike, is found")
  func groups() async throws {
    let proof = try await ProvedDesign.prove(Self.graph()) { files in
      let index = try #require(files.firstIndex { $0.path == Self.stage })
      var text = String(decoding: files[index].bytes, as: UTF8.self)
      func parameter(_ name: String) throws -> Int {
        let begin = try #require(text.range(of: ".\(name)("))
        return try #require(Int(text[begin.upperBound...].prefix { $0.isNumber }))
      }
      let groups = try parameter("GROUPS")
      let (steps, turns) = (try parameter("STEPS"), try parameter("GROUP_STEPS"))
      let bits = groups * (try parameter("LANES")) * (try parameter("SUM_BITS"))
      let more = bits / groups * (groups + 1)
      text.replace(".GROUPS(\(groups))", with: ".GROUPS(\(groups + 1))")
      text.replace(".STEPS(\(steps))", with: ".STEPS(\(steps + turns))")
      text.replace("wire [\(bits - 1):0] sums", with: "wire [\(more - 1):0] sums")
      files[index].bytes = [UInt8](text.utf8)
    }
    #expect(!proof.isProved)
    #expect("\(proof)".contains("GROUPS"), "\(proof)")
  }

  @Test("another model's weights are found in the ROM")
  func otherWeights() async throws {
    let proof = try await ProvedDesign.prove(Self.graph(), against: Self.graph(changed: 17))
    #expect(!proof.isProved)
    #expect(proof.wiring.contains { $0.contains("rom.v") }, "\(proof.wiring)")
  }
}
