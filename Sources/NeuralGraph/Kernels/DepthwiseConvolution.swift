/// Convolution with one input channel a group: depthwise with any multiplier, and any layer over a
/// single channel. The channels of one pixel are computed side by side.
/// Source: TFLite reference kernel DEPTHWISE_CONV_2D.
struct DepthwiseConvolutionKernel: Sendable {
  private let convolution: QuantizedConvolution
  private let input: QuantizedType
  private let requantizers: [Requantizer]
  /// [kernelHeight][kernelWidth][outputChannels].
  private let weights: [Int16]

  init(_ convolution: QuantizedConvolution, input: QuantizedType, output: QuantizedType) {
    self.convolution = convolution
    self.input = input
    requantizers = convolution.requantization.map {
      Requantizer($0, zeroPoint: output.zeroPoint, clamp: convolution.clamp)
    }
    let channels = convolution.outputChannels
    let taps = convolution.geometry.kernelHeight * convolution.geometry.kernelWidth
    weights = (0..<taps * channels).map {
      convolution.weights[$0 % channels * taps + $0 / channels]
    }
  }

  func evaluate(_ bytes: [UInt8], threads: Int) -> [UInt8] {
    let geometry = convolution.geometry
    let values = centred(bytes, element: input.element, zeroPoint: input.zeroPoint)
    let channels = convolution.outputChannels
    let outputs = geometry.outputHeight * geometry.outputWidth * channels
    let operations = outputs &* geometry.kernelHeight &* geometry.kernelWidth
    return [UInt8](unsafeUninitializedCapacity: outputs) { result, count in
      let result = result.baseAddress!
      values.withUnsafeBufferPointer { values in
        parallel(geometry.outputHeight, threads: threads, operations: operations) { rows in
          withUnsafeTemporaryAllocation(of: Int32.self, capacity: channels) { sums in
            for row in rows {
              evaluateRow(
                row, values.baseAddress!, sums.baseAddress!,
                into: result + row * geometry.outputWidth * channels)
            }
          }
        }
      }
      count = outputs
    }
  }

  private func evaluateRow(
    _ row: Int, _ values: UnsafePointer<Int16>, _ sums: UnsafeMutablePointer<Int32>,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let geometry = convolution.geometry
    let channels = convolution.outputChannels
    let rowTaps = geometry.rowTaps(row)
    let y = geometry.vertical.origin(row)
    weights.withUnsafeBufferPointer { weights in
      convolution.bias.withUnsafeBufferPointer { bias in
        requantizers.withUnsafeBufferPointer { requantizers in
          for column in 0..<geometry.outputWidth {
            let columnTaps = geometry.columnTaps(column)
            let x = geometry.horizontal.origin(column)
            sums.update(from: bias.baseAddress!, count: channels)
            for ky in rowTaps {
              let line =
                values + (y + ky * geometry.dilationY) * geometry.inputWidth
                * convolution.inputChannels
              for kx in columnTaps {
                accumulate(
                  line + (x + kx * geometry.dilationX) * convolution.inputChannels,
                  weights.baseAddress! + (ky * geometry.kernelWidth + kx) * channels, sums)
              }
            }
            let pixel = target + column * channels
            for channel in 0..<channels {
              pixel[channel] = requantizers[channel](Int(sums[channel]))
            }
          }
        }
      }
    }
  }

  /// Adds one tap of every channel.
  @inline(__always)
  private func accumulate(
    _ values: UnsafePointer<Int16>, _ weights: UnsafePointer<Int16>,
    _ sums: UnsafeMutablePointer<Int32>
  ) {
    let multiplier = convolution.outputChannelsPerGroup
    if multiplier == 1 {
      for channel in 0..<convolution.outputChannels {
        sums[channel] = sums[channel] &+ Int32(values[channel]) &* Int32(weights[channel])
      }
      return
    }
    for input in 0..<convolution.inputChannels {
      let value = Int32(values[input])
      for output in input * multiplier..<(input + 1) * multiplier {
        sums[output] = sums[output] &+ value &* Int32(weights[output])
      }
    }
  }
}
