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
    let expected = try ExpectedLayer.all(of: trimWindows(graph), for: folder.design)
    if let map = folder.design.registerMap {
      return notCovered(folder.design, map, expected)
    }
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      var prover = DesignProver(
        folder, expected, input: graph.nodes[0].type, try DesignReader(folder, scratch))
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
    let taken = try prefix.codeIntervals(graph)
    let firsts = Set(design.stages.compactMap(\.layers.first))
    let serial = Set(design.stages.filter { $0.kind == .serial }.compactMap(\.layers.first))
    // A reshape is what it reshapes.
    func origin(_ value: ValueID) -> ValueID {
      graph[value].operation == .reshape ? origin(graph[value].operands[0]) : value
    }
    // The design numbers layers as the network does, and lists them stage by stage.
    var layers: [ExpectedLayer] = []
    var values: [ValueID] = []
    for entry in design.layers {
      guard let number = ExpectedLayer.number(entry.name), prefix.layers.indices.contains(number),
        !values.contains(prefix.layers[number])
      else { throw mismatch("it has no layer for \(entry.name)") }
      let value = prefix.layers[number]
      values.append(value)
      let node = graph[value]
      let shape = node.type.shape
      let output = shape.isImage ? Array(shape.dimensions.dropFirst()) : [1, 1, shape.channels]
      guard output == entry.output else {
        throw mismatch("'\(node.name)' makes \(output), and \(entry.name) makes \(entry.output)")
      }
      var operands: [ValueID] = []
      for operand in node.operands.map(origin) where !operands.contains(operand) {
        operands.append(operand)
      }
      var type = graph[node.operands[0]].type
      let codes = operands.flatMap { intervals.codes[$0.index] }
      let map = graph[operands[0]].type.shape
      let (height, width) = map.isImage ? (map.height, map.width) : (1, 1)
      type.shape = TensorShape(height: height, width: width, channels: codes.count)
      var layer = ExpectedLayer(
        node: node, inputType: type, inputCodes: codes,
        outputCodes: intervals.codes[value.index], beginsStage: firsts.contains(entry.name))
      if case .add(let add) = node.operation {
        layer.sum = ExpectedSum(
          add, zeroPoints: node.operands.map { graph[$0].type.zeroPoint },
          secondChannel: operands.count > 1 ? node.type.shape.channels : 0,
          zeroPoint: node.type.zeroPoint, inputs: codes,
          taken: (operands.flatMap { taken[$0] ?? [] }, taken[value] ?? []))
      }
      if case .concatenation = node.operation {
        var firsts: [ValueID: Int] = [:]
        var first = 0
        for operand in operands {
          firsts[operand] = first
          first += intervals.codes[operand.index].count
        }
        layer.routes = node.operands.map(origin).flatMap { operand in
          intervals.codes[operand.index].indices.map { firsts[operand]! + $0 }
        }
      }
      layer.operands = operands
      if serial.contains(entry.name) {
        guard let taken = layer.takenSerially() else {
          throw mismatch("\(entry.name) has serial sums, and '\(node.name)' cannot have them")
        }
        layer = taken
      }
      layers.append(layer)
    }
    // Which layer reads which is the model's to say; that the text is wired so is shown later.
    var outputs: [ValueID] = []
    var next = 0
    let input = graph.values.first { graph[$0].operation == .input }!
    for (stage, streams) in zip(design.stages, design.streams) {
      var sources = streams.map { stream in
        stream.stage.map { outputs[$0] } ?? input
      }
      guard !stage.layers.isEmpty else { throw mismatch("the stage '\(stage.name)' has no layer") }
      for name in stage.layers {
        guard layers[next].operands == sources else {
          throw mismatch("'\(layers[next].node.name)' reads other values than \(name) does")
        }
        sources = [values[next]]
        next += 1
      }
      outputs.append(sources[0])
    }
    guard outputs.last == origin(prefix.result) else {
      throw mismatch("its fixed layers end with '\(graph[prefix.result].name)'")
    }
    return layers
  }

  /// The number of a layer's name, `layer7_x`, from 0.
  private static func number(_ name: String) -> Int? {
    guard name.hasPrefix("layer") else { return nil }
    return Int(name.dropFirst("layer".count).prefix { $0.isASCII && $0.isNumber }).map { $0 - 1 }
  }
}

extension DesignProof {
  /// What is said of a design whose biases and multipliers are registers: nothing of it is looked at.
  fileprivate static func notCovered(
    _ design: DesignDescription, _ map: RegisterMap, _ expected: [ExpectedLayer]
  ) -> DesignProof {
    let adaptive = Set(map.layers.map(\.layer))
    let layers = zip(design.layers, expected).map { entry, layer in
      let reason =
        adaptive.contains(entry.name)
        ? "its biases and multipliers are registers, which 'prove' does not cover"
        : "it was not looked at: the design has adaptive layers"
      return LayerProof(
        name: entry.name, valueName: entry.valueName, kind: layer.kind,
        channels: entry.output.last ?? 0, constantChannels: 0, provedChannels: 0, coefficients: 0,
        intervals: 0, cells: 0, registerBits: 0, ranks: entry.ranks,
        failures: [
          LayerProof.Failure(kind: "not covered", message: reason, source: "", channels: [])
        ])
    }
    return DesignProof(
      design: design.name, layers: layers,
      wiring: [
        "designs with adaptive batch norm are not proved; 'verify --batchnorm' simulates them"
      ], assumed: [], isProved: false)
  }
}
