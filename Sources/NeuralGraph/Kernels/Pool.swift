/// Division rounded to the nearest integer, halves away from zero; `count` is positive.
@inline(__always)
func roundedQuotient(_ sum: Int, _ count: Int) -> Int {
  sum >= 0 ? (sum + count / 2) / count : -((count / 2 - sum) / count)
}

/// AVERAGE_POOL_2D (raw codes, divided by the cells inside the image) and MAX_POOL_2D.
/// Source: TFLite reference kernels of the same names.
struct PoolKernel: Sendable {
  private let pool: QuantizedPool
  private let average: Bool
  private let type: QuantizedType

  init(_ pool: QuantizedPool, average: Bool, type: QuantizedType) {
    self.pool = pool
    self.average = average
    self.type = type
  }

  func evaluate(_ bytes: [UInt8], threads: Int) -> [UInt8] {
    let geometry = pool.geometry
    let channels = type.shape.channels
    let values = centred(bytes, element: type.element, zeroPoint: 0)
    let outputs = geometry.outputHeight * geometry.outputWidth * channels
    let operations = outputs &* geometry.kernelHeight &* geometry.kernelWidth
    return [UInt8](unsafeUninitializedCapacity: outputs) { result, count in
      let result = result.baseAddress!
      values.withUnsafeBufferPointer { values in
        parallel(geometry.outputHeight, threads: threads, operations: operations) { rows in
          withUnsafeTemporaryAllocation(of: Int.self, capacity: channels) { state in
            for row in rows {
              for column in 0..<geometry.outputWidth {
                let pixel = result + (row * geometry.outputWidth + column) * channels
                evaluatePixel(row, column, values.baseAddress!, state.baseAddress!, into: pixel)
              }
            }
          }
        }
      }
      count = outputs
    }
  }

  private func evaluatePixel(
    _ row: Int, _ column: Int, _ values: UnsafePointer<Int16>, _ state: UnsafeMutablePointer<Int>,
    into pixel: UnsafeMutablePointer<UInt8>
  ) {
    let geometry = pool.geometry
    let channels = type.shape.channels
    let (rowTaps, columnTaps) = (geometry.rowTaps(row), geometry.columnTaps(column))
    let (y, x) = (geometry.vertical.origin(row), geometry.horizontal.origin(column))
    let cells = rowTaps.count * columnTaps.count
    let leaves = cells < geometry.kernelHeight * geometry.kernelWidth
    let start = average ? 0 : (leaves ? pool.padCode : nil) ?? Int.min
    state.update(repeating: start, count: channels)
    for ky in rowTaps {
      for kx in columnTaps {
        let cell =
          values
          + ((y + ky * geometry.dilationY) * geometry.inputWidth + x + kx * geometry.dilationX)
          * channels
        if average {
          for channel in 0..<channels { state[channel] &+= Int(cell[channel]) }
        } else {
          for channel in 0..<channels { state[channel] = max(state[channel], Int(cell[channel])) }
        }
      }
    }
    for channel in 0..<channels {
      let code = average ? roundedQuotient(state[channel], cells) : state[channel]
      pixel[channel] = UInt8(
        truncatingIfNeeded: max(pool.clamp.lowerBound, min(pool.clamp.upperBound, code)))
    }
  }
}
