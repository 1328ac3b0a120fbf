import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import Testing

@Suite("Damaged ONNX files") struct ONNXRobustnessTests {
  /// Imports, lists and quantizes; true when all end well or in diagnostics.
  private func ends(_ bytes: [UInt8]) -> (ends: Bool, isWhole: Bool) {
    _ = try? listONNX(bytes, name: "damaged")
    _ = try? listONNX(bytes, name: "damaged", until: ["@2"])
    do throws(Diagnostics) {
      let model = try importONNX(bytes, name: "damaged", imageSize: ImageSize(height: 8, width: 8))
      guard case .float(let graph) = model else {
        return (try quantizedGraph(from: model).verify().isEmpty, true)
      }
      let shape = graph[graph.inputs[0]].shape
      guard shape.elementCount <= 1 << 12 else { return (true, false) }
      let pixels = FloatTensor(
        shape: shape, values: (0..<shape.elementCount).map { Float($0 % 256) })
      let options = QuantizationOptions(calibration: [pixels])
      return (try quantizedGraph(from: .float(graph), options: options).verify().isEmpty, true)
    } catch {
      return (!error.all.isEmpty, false)
    }
  }

  @Test("A file cut at any length ends in a network or in diagnostics")
  func truncation() throws {
    for name in [
      "batch_normalization_relu6_attributes", "torch_dynamic_flatten", "q_pools_and_classifier",
    ] {
      let entry = try #require(
        (RecordedONNX.all.float + RecordedONNX.all.quantized).first { $0.name == name })
      let bytes = Array(entry.model)
      for length in bytes.indices { #expect(ends(Array(bytes[..<length])).ends, "at \(length)") }
    }
  }

  /// DEEPFREEZE_FUZZ_ROUNDS asks for more.
  private static let rounds =
    ProcessInfo.processInfo.environment["DEEPFREEZE_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 4_000

  @Test("4,000 files with random damage end in a network or in diagnostics")
  func mutations() {
    let models =
      RecordedONNX.all.float.map(\.model) + RecordedONNX.all.quantized.map(\.model)
      + RecordedONNX.all.refused.map(\.model)
    var random = SplitMix(state: 2027)
    var whole = 0
    for round in 0..<Self.rounds {
      var bytes = Array(models[round % models.count])
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let position = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 4:
          // Some bytes again, elsewhere: a field twice, a name in another's place.
          let end = min(bytes.count, position + Int.random(in: 1...40, using: &random))
          let target = Int.random(in: bytes.indices, using: &random)
          bytes.insert(contentsOf: Array(bytes[position..<end]), at: target)
        case 5:
          let source = Int.random(in: bytes.indices, using: &random)
          for offset in 0..<Int.random(in: 1...12, using: &random)
          where max(position, source) + offset < bytes.count {
            bytes[position + offset] = bytes[source + offset]
          }
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: position)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
        }
      }
      let result = ends(bytes)
      #expect(result.ends, "round \(round)")
      if result.isWhole { whole += 1 }
    }
    // Damage to a weight's bytes, say, leaves a network: the loop reaches the quantizers.
    #expect(whole > 100)
  }

  @Test("Lists that double from node to node are refused, not allocated")
  func doublingLists() {
    func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
      var (result, length) = ([UInt8(number << 3 | 2)], bytes.count)
      while length >= 128 {
        result.append(UInt8(length & 127) | 128)
        length >>= 7
      }
      return result + [UInt8(length)] + bytes
    }
    func node(_ operation: String, _ inputs: [String], _ output: String) -> [UInt8] {
      field(
        1,
        inputs.flatMap { field(1, Array($0.utf8)) } + field(2, Array(output.utf8))
          + field(4, Array(operation.utf8)))
    }
    // x: 1x1x4x4; a list of its four lengths, doubled fifteen times, then read ten thousand times.
    let lengths: [UInt8] = [1, 1, 4, 4].flatMap { field(1, [0x08, $0]) }
    let tensor = field(1, [0x08, 1] + field(2, lengths))
    var graph = field(11, field(1, Array("x".utf8)) + field(2, tensor))
    graph += field(12, field(1, Array("y".utf8))) + node("Shape", ["x"], "l0")
    for step in 0..<13 { graph += node("Concat", ["l\(step)", "l\(step)"], "l\(step + 1)") }
    for copy in 0..<10_000 { graph += node("Concat", ["l13", "l13"], "c\(copy)") }
    let copies = (0..<10_000).map { "c\($0)" }
    graph += node("Sum", ["x"] + copies, "y")
    #expect(ends([0x08, 8] + field(7, graph) + field(8, [0x10, 13])) == (true, false))
  }

  @Test("A few bytes that stand for a large structure are refused, not allocated")
  func largeStructure() {
    // A graph (field 7) of four million empty nodes (field 1).
    let nodes =
      [UInt8](repeating: 0, count: 0) + (0..<4_000_000).flatMap { _ in [0x0A, 0x00] as [UInt8] }
    var length = nodes.count
    var header: [UInt8] = [0x08, 0x08, 0x3A]
    while length >= 128 {
      header.append(UInt8(length & 127) | 128)
      length >>= 7
    }
    header.append(UInt8(length))
    #expect(ends(header + nodes) == (true, false))
  }
}
