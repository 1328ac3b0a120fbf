import Foundation
import NeuralGraph

/// A float network and what calibration has seen of it, ready to be quantized in several ways.
public struct Calibration: Sendable {
  /// The network in the form that is quantized: canonical, without arithmetic on its input.
  public let graph: Graph
  /// What the graph's input is for a pixel.
  public let input: InputNormalization
  /// Layers with weights, in topological order, by the names of their tensors.
  public let layers: [String]
  let statistics: ActivationStatistics
  let images: [FloatTensor]

  /// Evaluates a float network on `options.calibration`. `equalization` scales channels between
  /// layers first. Throws when there is no image, the network was trained with fake quantization and
  /// has its ranges, or it has no canonical form.
  public init(
    _ graph: Graph, options: QuantizationOptions, equalization: Bool = false,
    note: (Diagnostic) -> Void = { _ in }
  ) throws(Diagnostics) {
    let (canonical, input) = try preprocessed(graph, options, note)
    guard !canonical.isFakeQuantized else {
      throw Diagnostics(
        Diagnostic(
          "the network was trained with fake quantization: its grids are in the file",
          remedy: "use it as it is, or give the network in floating point"))
    }
    try self.init(
      canonical: canonical, input: input, images: options.calibration, equalization: equalization)
  }

  init(
    canonical: Graph, input: InputNormalization, images: [FloatTensor], equalization: Bool
  ) throws(Diagnostics) {
    guard !images.isEmpty else {
      throw Diagnostics(
        Diagnostic(
          "the model holds real numbers, and nothing says the ranges of its activations",
          remedy: "calibrate them with a folder of typical images: --calibrate DIR"))
    }
    self.input = input
    self.images = images
    let normalized = images.lazy.map { input.normalized($0, .int8) }
    var graph = canonical
    if equalization {
      let statistics = try ActivationStatistics(graph, images: normalized)
      do throws(Diagnostic) {
        graph = try equalizeLayers(graph, maxima: statistics.channelMaxima)
      } catch {
        throw Diagnostics(error)
      }
    }
    self.graph = graph
    statistics = try ActivationStatistics(graph, images: normalized)
    let readers = graph.readers
    layers = graph.ids.compactMap { graph.layerName($0, readers: readers) }
  }

  /// The network in integers. The same images in the same order and the same settings give the
  /// same network. Throws all that keeps it from integers, and a name in `layerBits` that is no
  /// layer's.
  public func quantized(_ settings: QuantizationSettings) throws(Diagnostics) -> CalibratedNetwork {
    let unknown = settings.layerBits.keys.filter { !layers.contains($0) }.sorted()
    guard unknown.isEmpty else {
      throw Diagnostics(
        unknown.map {
          Diagnostic(
            "the network has no layer '\($0)'",
            remedy: "its layers are " + layers.map { "'\($0)'" }.joined(separator: ", "))
        })
    }
    let plan = try CalibratedPlan(calibration: self, settings: settings)
    var lowering = IntegerLowering(graph, plan)
    let quantized = try lowering.run()
    var tensors = [NodeID?](repeating: nil, count: quantized.nodes.count)
    // The last node of a group is the one whose tensor the codes stand for.
    for id in graph.ids { if let value = lowering.values[id.index] { tensors[value.index] = id } }
    return CalibratedNetwork(
      graph: quantized, tensors: tensors, float: graph, input: input, images: images)
  }
}

/// A network in integers beside the float network that it came from.
public struct CalibratedNetwork: Sendable {
  public var graph: QuantizedGraph
  /// The node of `float` whose tensor each value stands for.
  public let tensors: [NodeID?]
  public let float: Graph
  let input: InputNormalization
  let images: [FloatTensor]

  /// How a tensor in integers compares with the float network's, over the calibration images.
  public struct Distortion: Hashable, Sendable {
    /// The real numbers of the least and the greatest code.
    public var range: ClosedRange<Double>
    /// The share of the float network's numbers outside `range`.
    public var saturated: Double
    /// Power of the float network's numbers over that of the difference, in dB; infinite where
    /// nothing differs.
    public var signalToNoise: Double
  }

  /// The distortion of each value, by value index; nil for one without a counterpart. Codes are
  /// those of the reference interpreter on the quantized images, all layers before it quantized.
  public func distortions() throws(Diagnostics) -> [Distortion?] {
    let interpreter = try Interpreter(graph)
    var sums = [(signal: Double, noise: Double, outside: Int, count: Int)](
      repeating: (0, 0, 0, 0), count: graph.nodes.count)
    let ranges = graph.values.map { graph[$0].realRange }
    for image in images {
      var codes: [IntegerTensor] = []
      try interpreter.forEachValue(
        IntegerTensor(
          shape: graph.nodes[0].type.shape, element: .int8,
          bytes: image.values.map { UInt8($0) ^ 0x80 })
      ) { codes.append($1) }
      var places: [NodeID: Int] = [:]
      for value in graph.values { if let id = tensors[value.index] { places[id] = value.index } }
      do {
        _ = try float.evaluate([input.normalized(image, .int8)]) { id, tensor in
          guard let place = places[id] else { return }
          let type = graph[ValueID(place)].type
          let (scale, zero) = (Double(type.scale), type.zeroPoint)
          for (index, value) in tensor.values.enumerated() {
            let value = Double(value)
            let error = value - scale * Double(codes[place][index] - zero)
            sums[place].signal += value * value
            sums[place].noise += error * error
            if !ranges[place].contains(value) { sums[place].outside += 1 }
          }
          sums[place].count += tensor.values.count
        }
      } catch let diagnostic as Diagnostic {
        throw Diagnostics(diagnostic)
      } catch {
        preconditionFailure("evaluation throws diagnostics only: \(error)")
      }
    }
    return graph.values.map { value in
      let sum = sums[value.index]
      guard sum.count > 0 else { return nil }
      return Distortion(
        range: ranges[value.index], saturated: Double(sum.outside) / Double(sum.count),
        signalToNoise: sum.noise > 0
          ? decibels(max(sum.signal, .leastNormalMagnitude) / sum.noise) : .infinity)
    }
  }
}

extension QuantizedNode {
  /// The real numbers of the codes that the node's operation lets through, half a step wider.
  fileprivate var realRange: ClosedRange<Double> {
    let codes: ClosedRange<Int> =
      switch operation {
      case .convolution(let layer): layer.clamp
      case .fullyConnected(let layer): layer.clamp
      case .averagePool(let pool), .maxPool(let pool): pool.clamp
      case .mean(let mean): mean.clamp
      case .add(let add): add.clamp
      case .rescale(let rescale): rescale.clamp
      default: type.element.range
      }
    let scale = Double(type.scale)
    return scale * (Double(codes.lowerBound - type.zeroPoint) - 0.5)...scale
      * (Double(codes.upperBound - type.zeroPoint) + 0.5)
  }
}

/// 10 log10 of a positive ratio.
private func decibels(_ ratio: Double) -> Double { 10 * log10(ratio) }

extension Graph {
  /// The name of a layer's tensor in integers: of the activation that alone reads it, or its own; nil
  /// for a node that is no layer with weights.
  func layerName(_ id: NodeID, readers: [[NodeID]]) -> String? {
    switch self[id].operation {
    case .convolution, .matrixMultiplication: return self[outputNode(of: id, readers: readers)].name
    default: return nil
    }
  }

  /// The activation that alone reads a node, or the node itself.
  func outputNode(of id: NodeID, readers: [[NodeID]]) -> NodeID {
    guard readers[id.index].count == 1, !outputs.contains(id),
      case .activation = self[readers[id.index][0]].operation
    else { return id }
    return readers[id.index][0]
  }
}
