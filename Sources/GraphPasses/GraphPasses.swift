import NeuralGraph

/// A named transformation of the float network.
public struct GraphPass: Sendable {
  /// Kebab-case.
  public let name: String
  /// What it does, in a line.
  public let summary: String
  public let run: @Sendable (Graph) throws(Diagnostics) -> Graph

  init(
    _ name: String, _ summary: String,
    _ run: @escaping @Sendable (Graph) throws(Diagnostic) -> Graph
  ) {
    self.name = name
    self.summary = summary
    self.run = { graph throws(Diagnostics) in
      do throws(Diagnostic) {
        return try run(graph)
      } catch {
        throw Diagnostics(error)
      }
    }
  }

  /// The passes that bring an imported network into the form that the quantizers take: layers with
  /// constant weights and biases, activations, pools, sums. The order, and why:
  ///
  /// 1. `decompose-batch-normalization` turns the one operator into the arithmetic that the other
  ///    notations (`BatchNorm_Fold`, Rsqrt/Mul/Sub/Add) have already.
  /// 2. `fold-constants` then computes all arithmetic on constants, which leaves one factor and one
  ///    summand a channel behind each layer.
  /// 3. `recognize-activations` before folding: a clip is no summand.
  /// 4. `remove-identity` takes away what would stand between a layer and its factors.
  /// 5. `recognize-nonlinearities` before folding: the 3 in `x * relu6(x + 3) / 6` is no bias.
  /// 6. `fold-affine` multiplies the factors into the weights and adds the summands to the biases.
  /// 7. `affine-to-depthwise` makes 1x1 depthwise layers of the factors that have no layer of their
  ///    own (batch normalization before a convolution).
  /// 8. `activation-before-fake-quantization`, once nothing else stands between the two.
  /// 9. `drop-unused` last: the passes above leave behind what they replaced.
  public static let all: [GraphPass] = [
    GraphPass(
      "decompose-batch-normalization", "batch normalization as plain arithmetic",
      decomposeBatchNormalization),
    GraphPass("fold-constants", "arithmetic on constants, in binary32", foldConstants),
    GraphPass(
      "recognize-activations", "maximum and minimum with constants as ReLU and its kin",
      recognizeActivations),
    GraphPass("remove-identity", "operations that change nothing", removeIdentity),
    GraphPass(
      "recognize-nonlinearities", "arithmetic that is hard sigmoid, hard swish or swish",
      recognizeNonlinearities),
    GraphPass("fold-affine", "factors and summands a channel into weights and biases", foldAffine),
    GraphPass(
      "affine-to-depthwise", "the other factors and summands a channel as depthwise layers",
      affineToDepthwise),
    GraphPass(
      "activation-before-fake-quantization", "activations to the layer that they belong to",
      activationBeforeFakeQuantization),
    GraphPass("drop-unused", "nodes that no output needs", dropUnused),
  ]
}

extension Graph {
  /// The network after all passes. Throws what a pass, or the check after it, finds wrong.
  public func canonicalized() throws(Diagnostics) -> Graph {
    var graph = self
    for pass in GraphPass.all {
      let next = try pass.run(graph)
      guard next != graph else { continue }
      let found = next.verify()
      guard found.isEmpty else { throw Diagnostics(found) }
      graph = next
    }
    return graph
  }

  /// True when training has left its quantization grids in the network.
  public var isFakeQuantized: Bool {
    nodes.contains { if case .fakeQuantization = $0.operation { true } else { false } }
  }
}
