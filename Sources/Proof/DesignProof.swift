import NeuralGraph
import RTL
import Simulation

/// What `prove` says: the text of an emitted design against the weights of a model file.
public struct DesignProof: Hashable, Sendable, Codable {
  public var design: String
  /// Layers in order.
  public var layers: [LayerProof]
  /// What is wrong with the connections between layers, stages and templates.
  public var wiring: [String]
  /// What the proof rests on: templates, whose text is this program's own.
  public var assumed: [String]
  /// True when every output of the text is proved to be the model's.
  public var isProved: Bool
}

extension DesignProof {
  /// Proves the design in `folder` against a network in integers, checked and with its pads folded.
  /// Throws when Yosys is missing or cannot read the text, and when the design has other layers
  /// than the network. `progress` hears of every step that is done and the number of all, from any
  /// thread.
  public static func prove(
    _ folder: EmittedFolder, _ graph: QuantizedGraph,
    progress: @escaping @Sendable (_ steps: Int) -> Void = { _ in }
  ) async throws(Diagnostics) -> DesignProof {
    let expected = try ExpectedLayer.all(of: graph, for: folder.design)
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      var prover = DesignProver(folder, expected, try DesignReader(folder, scratch))
      return try await prover.prove(progress)
    }
  }
}

extension ExpectedLayer {
  /// The layers that a design fixes; throws when the network has not these.
  static func all(of graph: QuantizedGraph, for design: DesignDescription) throws(Diagnostics)
    -> [ExpectedLayer]
  {
    func mismatch(_ message: String) -> Diagnostics {
      Diagnostics(
        Diagnostic(
          "the model is not the one that '\(design.name)' was made of: \(message)",
          remedy: "give the model, and the options, that 'deepfreeze emit' had"))
    }
    let prefix: FixedPrefix
    do throws(Diagnostics) {
      prefix = try FixedPrefix(graph, fixedLayers: design.options.fixedLayers)
    } catch {
      throw mismatch(error.all.map(\.message).joined(separator: "; "))
    }
    guard prefix.layers.count == design.layers.count,
      design.stages.flatMap(\.layers) == design.layers.map(\.name)
    else {
      throw mismatch(
        "it has \(prefix.layers.count) layers to fix, the design \(design.layers.count)")
    }
    let intervals = graph.channelIntervals()
    let firsts = Set(design.stages.compactMap(\.layers.first))
    var layers: [ExpectedLayer] = []
    for (value, entry) in zip(prefix.layers, design.layers) {
      let node = graph[value]
      let source = node.operands[0]
      let shape = node.type.shape
      let output = shape.isImage ? Array(shape.dimensions.dropFirst()) : [1, 1, shape.channels]
      guard output == entry.output else {
        throw mismatch("'\(node.name)' makes \(output), and \(entry.name) makes \(entry.output)")
      }
      var type = graph[source].type
      if !type.shape.isImage {
        type.shape = TensorShape(height: 1, width: 1, channels: type.shape.channels)
      }
      layers.append(
        ExpectedLayer(
          node: node, inputType: type, inputCodes: intervals.codes[source.index],
          outputCodes: intervals.codes[value.index], beginsStage: firsts.contains(entry.name)))
    }
    return layers
  }
}
