import Foundation
import NeuralGraph

/// A layer with weights, as compression sees it: rows of integers, one an output, over windows of
/// the codes of its operand.
struct WeightLayer: Sendable {
  let value: ValueID
  let operand: ValueID
  let name: String
  let groups: Int
  let outputs: Int
  /// Weights of an output: taps times the channels of its group.
  let depth: Int
  /// Codes that one unit of an output's accumulator is worth.
  let codesPerUnit: [Double]
  /// What a squared error of one code in each output moves the squared scores by; 1 where unknown.
  var sensitivity: [Double]
  private let inputZero: Int
  private let inputChannels: Int
  /// nil for a fully connected layer.
  private let geometry: WindowGeometry?

  /// nil when the node has no weights, or reads an operand of more than 2^24 elements.
  init?(_ graph: QuantizedGraph, _ value: ValueID) {
    let node = graph[value]
    guard let operand = node.operands.first else { return nil }
    self.value = value
    self.operand = operand
    name = node.name
    let input = graph[operand].type
    inputZero = input.zeroPoint
    switch node.operation {
    case .convolution(let layer):
      groups = layer.groups
      outputs = layer.outputChannels
      depth = layer.weights.count / max(1, layer.outputChannels)
      codesPerUnit = layer.requantization.map(\.real)
      geometry = layer.geometry
      inputChannels = layer.inputChannels
    case .fullyConnected(let layer):
      groups = 1
      outputs = layer.outputSize
      depth = layer.inputSize
      codesPerUnit = layer.requantization.map(\.real)
      geometry = nil
      inputChannels = layer.inputSize
    default: return nil
    }
    sensitivity = Array(repeating: 1, count: outputs)
    guard outputs > 0, depth > 0, input.shape.elementCount <= 1 << 24 else { return nil }
  }

  /// False for a fully connected layer.
  var isConvolution: Bool { geometry != nil }

  /// What a squared error of one in an output's accumulator costs.
  func price(output: Int) -> Double {
    codesPerUnit[output] * codesPerUnit[output] * sensitivity[output]
  }

  /// Windows of one image.
  var windows: Int { geometry.map { $0.outputHeight * $0.outputWidth } ?? 1 }

  /// Appends the codes under some windows of one group, zero points taken off, 0 outside the image:
  /// `depth` numbers a window, in the order of the weights.
  func gather(_ codes: IntegerTensor, windows: [Int], group: Int, into rows: inout [Float]) {
    guard let geometry else {
      for index in 0..<depth { rows.append(Float(codes[index] - inputZero)) }
      return
    }
    let channels = inputChannels / groups
    for window in windows {
      let (y, x) = window.quotientAndRemainder(dividingBy: geometry.outputWidth)
      let (inRows, inColumns) = (geometry.rowTaps(y), geometry.columnTaps(x))
      for ky in 0..<geometry.kernelHeight {
        for kx in 0..<geometry.kernelWidth {
          guard inRows.contains(ky), inColumns.contains(kx) else {
            rows.append(contentsOf: repeatElement(0, count: channels))
            continue
          }
          let row = y * geometry.strideY - geometry.padTop + ky * geometry.dilationY
          let column = x * geometry.strideX - geometry.padLeft + kx * geometry.dilationX
          let base = (row * geometry.inputWidth + column) * inputChannels + group * channels
          for channel in 0..<channels { rows.append(Float(codes[base + channel] - inputZero)) }
        }
      }
    }
  }
}

extension QuantizedOperation {
  /// The weights ([outputs][depth]) and biases of a layer that has them.
  var parameters: (weights: [Int16], bias: [Int32])? {
    switch self {
    case .convolution(let layer): (layer.weights, layer.bias)
    case .fullyConnected(let layer): (layer.weights, layer.bias)
    default: nil
    }
  }

  /// The same layer with other weights and biases.
  func with(weights: [Int16], bias: [Int32]) -> QuantizedOperation {
    switch self {
    case .convolution(var layer):
      layer.weights = weights
      layer.bias = bias
      return .convolution(layer)
    case .fullyConnected(var layer):
      layer.weights = weights
      layer.bias = bias
      return .fullyConnected(layer)
    default: preconditionFailure("an operation without weights takes none")
    }
  }
}

extension FixedPointMultiplier {
  /// The multiplier as a real number.
  var real: Double {
    isExact
      ? Double(multiplier) * exp2(Double(exponent)) / Double(divisor)
      : Double(multiplier) * exp2(Double(exponent - 31))
  }
}

extension RealMultiplier {
  /// The multiplier as a real number.
  var real: Double {
    Double(mantissa) * exp2(Double(-shift)) / Double(max(1, divisor))
  }
}
