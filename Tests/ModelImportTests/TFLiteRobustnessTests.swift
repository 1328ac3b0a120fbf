import Foundation
import GraphPasses
import ModelImport
import NeuralGraph
import Testing

@Suite("Damaged TFLite files")
struct TFLiteRobustnessTests {
  /// Files to damage: a hand-made network, and the example network.
  private static let files: [[UInt8]] = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let example = root.appending(path: "models/fashion_mnist_int8.tflite")
    return [
      TFLiteNetworks.small().bytes, TFLiteNetworks.elementwise().bytes,
      TFLiteNetworks.float().bytes,
    ]
      + [(try? Data(contentsOf: example)).map(Array.init)]
      .compactMap { $0 }
  }()

  /// Imports and, when that works, also lists and computes; returns whether it imported.
  @discardableResult
  private func exercise(_ bytes: [UInt8]) -> Bool {
    do {
      let graph: QuantizedGraph
      switch try importTFLiteModel(bytes, name: "damaged") {
      case .quantized(let network): graph = network
      case .float(let network):
        let shape = network[network.inputs[0]].shape
        let elements = network.nodes.reduce(0) { $0 + $1.shape.elementCount }
        guard elements < 100_000 else { return true }
        let image = FloatTensor(
          shape: shape, values: (0..<shape.elementCount).map { Float($0 % 256) })
        graph = try quantizedGraph(
          from: .float(network), options: QuantizationOptions(calibration: [image]))
      }
      let work = graph.values.reduce(0) { $0 + graph.operationCount(of: $1) }
      guard work < 5_000_000 else { return true }
      let type = graph.nodes[0].type
      let input = IntegerTensor(
        shape: type.shape, element: type.element,
        bytes: Array(repeating: 1, count: type.shape.elementCount))
      #expect(try graph.evaluate(input).count == graph.nodes.count)
      return true
    } catch {
      #expect(!error.all.isEmpty)
      #expect(error.all.allSatisfy { !$0.message.isEmpty })
    }
    _ = try? listTFLite(bytes, name: "damaged")
    _ = try? listTFLite(bytes, name: "damaged", until: ["@2"])
    return false
  }

  @Test("A file cut at any length is refused", arguments: 0..<3)
  func truncated(index: Int) {
    let file = Self.files[index]
    #expect(exercise(file))
    for length in 0..<file.count {
      // Cutting the padding behind the last object loses nothing.
      let imported = exercise(Array(file[..<length]))
      #expect(!imported || file.count - length < 8, "length \(length)")
    }
  }

  @Test("The example network cut at 200 lengths is refused")
  func truncatedExample() {
    guard let file = Self.files.dropFirst(3).first else { return }
    for step in 0..<200 {
      #expect(!exercise(Array(file[..<(file.count * step / 200)])))
    }
  }

  @Test("2,000 damaged files end in a network or in diagnostics", arguments: 0..<4)
  func mutated(part: Int) {
    var random = SplitMix(state: UInt64(part))
    for round in 0..<500 {
      var file = Self.files[round % Self.files.count]
      // Offsets and counts sit at both ends of a file, and between them.
      for _ in 0..<1 + Int(random.next() % 6) {
        let position = Int(random.next() % UInt64(file.count))
        switch random.next() % 4 {
        case 0: file[position] = UInt8(truncatingIfNeeded: random.next())
        case 1: file[position] ^= 1 << (random.next() % 8)
        case 2: file[position] = [0, 1, 127, 128, 255][Int(random.next() % 5)]
        default:
          for index in position..<min(file.count, position + 4) {
            file[index] = random.next() % 2 == 0 ? 255 : 0
          }
        }
      }
      exercise(file)
    }
  }

  @Test("Every single byte of a small file set to 0, 127 or 255 is survived", arguments: 0..<3)
  func everyByte(index: Int) {
    let file = Self.files[index]
    for position in file.indices {
      for value in [0, 127, 255] as [UInt8] where file[position] != value {
        var damaged = file
        damaged[position] = value
        exercise(damaged)
      }
    }
  }
}
