/// Convolution by patches: the window's codes of one output pixel are gathered into a row, and
/// every output channel is a dot product with it. Pointwise layers read the input directly.
/// Source: TFLite reference kernel CONV_2D (grouped convolutions included).
struct DenseConvolutionKernel: Sendable {
  private let convolution: QuantizedConvolution
  private let input: QuantizedType
  private let requantizers: [Requantizer]

  init(_ convolution: QuantizedConvolution, input: QuantizedType, output: QuantizedType) {
    self.convolution = convolution
    self.input = input
    requantizers = convolution.requantization.map {
      Requantizer($0, zeroPoint: output.zeroPoint, clamp: convolution.clamp)
    }
  }

  func evaluate(_ bytes: [UInt8], threads: Int) -> [UInt8] {
    let geometry = convolution.geometry
    let values = centred(bytes, element: input.element, zeroPoint: input.zeroPoint)
    let channels = convolution.outputChannels
    let outputs = geometry.outputHeight * geometry.outputWidth * channels
    let patch = geometry.kernelHeight * geometry.kernelWidth * convolution.inputChannelsPerGroup
    return [UInt8](unsafeUninitializedCapacity: outputs) { result, count in
      let result = result.baseAddress!
      values.withUnsafeBufferPointer { values in
        parallel(geometry.outputHeight, threads: threads, operations: outputs &* patch) { rows in
          let pixels = rows.count * geometry.outputWidth
          let target = result + rows.lowerBound * geometry.outputWidth * channels
          if geometry.isPointwise && convolution.groups == 1 {
            let first = rows.lowerBound * geometry.outputWidth * patch
            multiply(values.baseAddress! + first, pixels: pixels, patch: patch, into: target)
          } else {
            evaluateRows(rows, values.baseAddress!, patch: patch, into: target)
          }
        }
      }
      count = outputs
    }
  }

  /// Some output rows of a windowed layer, gathered some columns at a time.
  private func evaluateRows(
    _ rows: Range<Int>, _ values: UnsafePointer<Int16>, patch: Int,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let width = convolution.geometry.outputWidth
    // As many patches as stay in the nearest cache.
    let block = max(1, min(width, 8192 / patch))
    withUnsafeTemporaryAllocation(of: Int16.self, capacity: block * patch) { patches in
      let patches = patches.baseAddress!
      for (index, row) in rows.enumerated() {
        for first in stride(from: 0, to: width, by: block) {
          let columns = first..<min(first + block, width)
          let target = target + (index * width + first) * convolution.outputChannels
          for group in 0..<convolution.groups {
            for column in columns {
              gather(values, row, column, group: group, into: patches + (column - first) * patch)
            }
            multiply(patches, pixels: columns.count, patch: patch, group: group, into: target)
          }
        }
      }
    }
  }

  /// The window of one output pixel in one group, zero (the zero point, centred) outside the image.
  private func gather(
    _ values: UnsafePointer<Int16>, _ row: Int, _ column: Int, group: Int,
    into patch: UnsafeMutablePointer<Int16>
  ) {
    let geometry = convolution.geometry
    let depth = convolution.inputChannelsPerGroup
    let rowTaps = geometry.rowTaps(row)
    let columnTaps = geometry.columnTaps(column)
    let (y, x) = (geometry.vertical.origin(row), geometry.horizontal.origin(column))
    var target = patch
    for ky in 0..<geometry.kernelHeight {
      guard rowTaps.contains(ky), !columnTaps.isEmpty else {
        target.update(repeating: 0, count: geometry.kernelWidth * depth)
        target += geometry.kernelWidth * depth
        continue
      }
      let line =
        values + (y + ky * geometry.dilationY) * geometry.inputWidth
        * convolution.inputChannels + group * depth
      target.update(repeating: 0, count: columnTaps.lowerBound * depth)
      for kx in columnTaps {
        (target + kx * depth).update(
          from: line + (x + kx * geometry.dilationX) * convolution.inputChannels, count: depth)
      }
      (target + columnTaps.upperBound * depth).update(
        repeating: 0, count: (geometry.kernelWidth - columnTaps.upperBound) * depth)
      target += geometry.kernelWidth * depth
    }
  }

  /// All output channels of a group for consecutive pixels' patches.
  private func multiply(
    _ patches: UnsafePointer<Int16>, pixels: Int, patch: Int, group: Int = 0,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let channels = convolution.outputChannels
    let first = group * convolution.outputChannelsPerGroup
    convolution.weights.withUnsafeBufferPointer { weights in
      convolution.bias.withUnsafeBufferPointer { bias in
        requantizers.withUnsafeBufferPointer { requantizers in
          for pixel in 0..<pixels {
            let values = patches + pixel * patch
            let target = target + pixel * channels
            for channel in first..<first + convolution.outputChannelsPerGroup {
              let sum = dotProduct(values, weights.baseAddress! + channel * patch, count: patch)
              target[channel] = requantizers[channel](Int(bias[channel] &+ sum))
            }
          }
        }
      }
    }
  }
}

/// The sum of products modulo 2^32. `verify` has shown that the whole sum fits, so wrapping in
/// between is exact; wrapping arithmetic lets the compiler use the processor's 16-bit
/// multiply-add.
@inline(__always)
func dotProduct(_ a: UnsafePointer<Int16>, _ b: UnsafePointer<Int16>, count: Int) -> Int32 {
  var sum: Int32 = 0
  for index in 0..<count { sum = sum &+ Int32(a[index]) &* Int32(b[index]) }
  return sum
}
