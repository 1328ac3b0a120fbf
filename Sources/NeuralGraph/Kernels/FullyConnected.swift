/// FULLY_CONNECTED: dot products, then a real multiplier of 53 bits (`RealMultiplier.apply`).
/// Source: LiteRT reference kernel FULLY_CONNECTED.
struct FullyConnectedKernel: Sendable {
  private let layer: QuantizedFullyConnected
  private let input: QuantizedType
  private let zeroPoint: Int

  init(_ layer: QuantizedFullyConnected, input: QuantizedType, output: QuantizedType) {
    self.layer = layer
    self.input = input
    zeroPoint = output.zeroPoint
  }

  func evaluate(_ bytes: [UInt8], threads: Int) -> [UInt8] {
    let values = centred(bytes, element: input.element, zeroPoint: input.zeroPoint)
    let size = layer.inputSize
    let rows = values.count / size
    let outputs = layer.outputSize
    return [UInt8](unsafeUninitializedCapacity: rows * outputs) { result, count in
      let result = result.baseAddress!
      values.withUnsafeBufferPointer { values in
        layer.weights.withUnsafeBufferPointer { weights in
          parallel(rows * outputs, threads: threads, operations: values.count &* outputs) {
            for index in $0 {
              let (row, output) = (index / outputs, index % outputs)
              let sum = dotProduct(
                values.baseAddress! + row * size, weights.baseAddress! + output * size,
                count: size)
              let code =
                layer.requantization[output].apply(Int(layer.bias[output] &+ sum)) + zeroPoint
              result[index] = UInt8(
                truncatingIfNeeded: max(layer.clamp.lowerBound, min(layer.clamp.upperBound, code)))
            }
          }
        }
      }
      count = rows * outputs
    }
  }
}
