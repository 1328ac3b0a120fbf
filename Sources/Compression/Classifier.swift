import GraphPasses
import NeuralGraph

/// A network whose first output holds one score a class, in integers or in binary32.
public struct Classifier: Sendable {
  private enum Network: Sendable {
    case quantized(Interpreter)
    case float(Graph, InputNormalization)
  }

  private let network: Network
  /// For people: a file's name.
  public let name: String
  /// The input, [1, H, W, C].
  public let inputShape: TensorShape
  /// The number of classes.
  public let classes: Int

  /// Takes a network in integers, computed by the reference interpreter. Throws what
  /// `QuantizedGraph.verify` finds, or that the output holds no scores of classes.
  public init(_ graph: QuantizedGraph, name: String) throws(Diagnostics) {
    network = .quantized(try Interpreter(graph))
    self.name = name
    inputShape = graph.nodes[0].type.shape
    let output = graph[graph.outputs[0]]
    classes = try Self.classes(of: output.type.shape, node: output.name)
  }

  /// Takes a network in real numbers, computed in binary32; `input` says what its input is for a
  /// pixel. Throws what `Graph.verify` finds, or that the output holds no scores of classes.
  public init(_ graph: Graph, input: InputNormalization, name: String) throws(Diagnostics) {
    let found = graph.verify()
    guard found.isEmpty else { throw Diagnostics(found) }
    guard graph.inputs.count == 1 else {
      throw Diagnostics(Diagnostic("the network has \(graph.inputs.count) inputs, not one"))
    }
    network = .float(graph, input)
    self.name = name
    inputShape = graph[graph.inputs[0]].shape
    let output = graph[graph.outputs[0]]
    classes = try Self.classes(of: output.shape, node: output.name)
  }

  private static func classes(of shape: TensorShape, node: String) throws(Diagnostics) -> Int {
    guard shape.rank > 0, shape.elementCount == shape.channels, shape.channels > 1 else {
      throw Diagnostics(
        Diagnostic(
          "the output is \(shape), not one score a class", node: node,
          remedy: "only classifiers can be evaluated"))
    }
    return shape.channels
  }

  /// True when the network is in integers.
  public var isQuantized: Bool { if case .quantized = network { true } else { false } }

  /// The `count` best classes of an image, the best first, of equal ones the lower number first.
  /// `samples` are the pixels of `inputShape`, 0 to 255. One thread computes.
  public func ranking(samples: [UInt8], count: Int) throws(Diagnostics) -> [Int] {
    switch network {
    case .quantized(let interpreter):
      let type = interpreter.graph.nodes[0].type
      let scores = try interpreter.outputs(
        for: IntegerTensor(samples: samples, type: type), threads: 1)[0]
      return best(count, of: scores.codes)
    case .float(let graph, let input):
      let image = FloatTensor(
        shape: inputShape,
        values: samples.map { Float(input.scale * (Double($0) - input.offset)) })
      let scores: FloatTensor
      do {
        scores = try graph.evaluate([image])[0]
      } catch let diagnostic as Diagnostic {
        throw Diagnostics(diagnostic)
      } catch {
        preconditionFailure("evaluation throws diagnostics only: \(error)")
      }
      guard scores.firstNonFinite == nil else {
        throw Diagnostics(
          Diagnostic(
            "the network gives a score that is infinite or none",
            node: graph[graph.outputs[0]].name,
            remedy: "check the model, and its input's range (--input-range)"))
      }
      return best(count, of: scores.values)
    }
  }
}

extension IntegerTensor {
  /// An image's samples, 0 to 255, as the codes of a network's input: uint8 codes are the samples,
  /// int8 codes the samples minus 128. There must be one sample an element.
  public init(samples: [UInt8], type: QuantizedType) {
    // sample - 128 in two's complement is the sample with its top bit turned.
    self.init(
      shape: type.shape, element: type.element,
      bytes: type.element == .int8 ? samples.map { $0 ^ 0x80 } : samples)
  }
}

/// The indices of the `count` greatest scores, descending; of equal ones the lower first.
func best<Score: Comparable>(_ count: Int, of scores: [Score]) -> [Int] {
  var found: [Int] = []
  for index in scores.indices {
    var place = found.count
    while place > 0, scores[index] > scores[found[place - 1]] { place -= 1 }
    guard place < count else { continue }
    found.insert(index, at: place)
    if found.count > count { found.removeLast() }
  }
  return found
}
