import AdderGraph
import GraphPasses
import NeuralGraph
import RTL

/// What a layer costs as hardware.
public struct HardwareCost: Hashable, Sendable, Codable {
  /// The name of the layer's tensor.
  public var layer: String
  public var weights: Int
  public var zeroWeights: Int
  /// Two-input adders, of weight sums and of requantizers.
  public var adders: Int
  /// NAND2 equivalents, estimated from counted bits: 14 an adder bit, 6 a register bit of pipeline and
  /// window. Line memories, FIFOs and control are not in it.
  public var gates: Int

  init(_ layer: Layer) {
    self.layer = layer.valueName
    let cost = layer.cost
    weights = cost.weights
    zeroWeights = cost.zeroWeights
    adders = cost.sumAdders + cost.requantizerAdders
    gates =
      AdderGraph.gatesPerAdderBit * cost.adderBits
      + 6 * (cost.registerBits + cost.windowRegisterBits)
  }
}

/// The cost of each layer of a network's front, as `Freeze` builds it: the first `fixedLayers`
/// convolutions, or all layers that hardware exists for. Weights of fully connected layers count as adders:
/// in a ROM each costs the same whatever it is. `effort` is the adder optimiser's, 0 to 3.
/// Throws what keeps the layers from hardware.
public func hardwareCosts(
  of graph: QuantizedGraph, fixedLayers: Int? = nil, effort: Int
) throws(Diagnostics) -> [HardwareCost] {
  let options = FreezeOptions(
    fixedLayers: fixedLayers, effort: effort, fullyConnected: .adders)
  return try Freeze.design(foldPad(graph), options: options).layers.map(HardwareCost.init)
}

extension QuantizedOperation {
  /// The constant matrices of a layer's weights that hardware has: one a group, inputs (taps and channels)
  /// x outputs; none for an operation without weights.
  var weightMatrices: [ConstantMatrix] {
    switch trimmed {
    case .convolution(let layer):
      let depth = layer.weights.count / max(1, layer.outputChannels)
      return (0..<layer.groups).map { group in
        ConstantMatrix(
          rows: layer.weights, depth: depth, from: group * layer.outputChannelsPerGroup,
          count: layer.outputChannelsPerGroup)
      }
    case .fullyConnected(let layer):
      return [
        ConstantMatrix(
          rows: layer.weights, depth: layer.inputSize, from: 0, count: layer.outputSize)
      ]
    default: return []
    }
  }

  /// The adder bits of the layer's weight sums when its inputs are codes of so many bits: the optimiser's
  /// graph, greedy sharing alone, each adder as wide as its interval; of matrices of more than 65,536
  /// weights estimated, at three fifths of an adder a signed digit, each as wide as two operands' product.
  func greedyAdderBits(inputBits: Int) -> Int {
    weightMatrices.reduce(0) { sum, matrix in
      guard matrix.values.count <= 65_536 else {
        let digits = matrix.values.reduce(0) { $0 + SignedDigits($1).count }
        return sum + digits * 3 / 5 * 2 * inputBits
      }
      let inputs = [ClosedRange<Int>](
        repeating: 0...(1 << inputBits) - 1, count: matrix.inputs)
      return sum + AdderGraph.optimise(matrix).adderBits(inputs: inputs)
    }
  }
}

extension ConstantMatrix {
  /// Some rows of weights ([outputs][depth]) as inputs x outputs.
  fileprivate init(rows: [Int16], depth: Int, from first: Int, count: Int) {
    var values = [Int](repeating: 0, count: depth * count)
    for output in 0..<count {
      for input in 0..<depth {
        values[input * count + output] = Int(rows[(first + output) * depth + input])
      }
    }
    self.init(inputs: depth, outputs: count, values: values)
  }
}
