/// Binary32 kernels of the operations with weights. Every sum runs in one order, tap by tap and
/// channel by channel, so a result does not depend on the machine.
enum FloatConvolution {
  /// [M, K] x [K, N] + bias, row by row.
  static func multiply(
    rows: Int, depth: Int, columns: Int, _ left: [Float], _ right: [Float], bias: [Float]?
  ) -> [Float] {
    var result = [Float](repeating: 0, count: rows * columns)
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        result.withUnsafeMutableBufferPointer { result in
          var row = 0
          while row < rows {
            let count = min(rows - row, tileRows)
            multiplyTile(
              rows: count, depth: depth, columns: columns,
              UnsafeBufferPointer(rebasing: left[(row * depth)..<((row + count) * depth)]), right,
              UnsafeMutableBufferPointer(
                rebasing: result[(row * columns)..<((row + count) * columns)]))
            row += count
          }
          if let bias { add(bias: bias, to: result) }
        }
      }
    }
    return result
  }

  /// An NHWC image through a filter [Kh, Kw, Cin / groups, Cout]; zeros outside the image.
  static func convolve(
    _ geometry: WindowGeometry, groups: Int, inputChannels: Int, outputChannels: Int,
    _ image: [Float], _ filter: [Float], bias: [Float]?
  ) -> [Float] {
    let pixels = geometry.outputHeight * geometry.outputWidth
    var result = [Float](repeating: 0, count: pixels * outputChannels)
    image.withUnsafeBufferPointer { image in
      filter.withUnsafeBufferPointer { filter in
        result.withUnsafeMutableBufferPointer { result in
          let layer = Layer(
            geometry: geometry, groups: groups, inputChannels: inputChannels,
            outputChannels: outputChannels, image: image, filter: filter)
          if groups == 1 { layer.full(into: result) } else { layer.grouped(into: result) }
          if let bias { add(bias: bias, to: result) }
        }
      }
    }
    return result
  }

  /// Rows of the left matrix that are multiplied at once.
  private static let tileRows = 4

  private static func add(bias: [Float], to result: UnsafeMutableBufferPointer<Float>) {
    var base = 0
    while base < result.count {
      for channel in bias.indices { result[base + channel] += bias[channel] }
      base += bias.count
    }
  }

  /// Up to four rows times the matrix, eight columns at a time in registers.
  private static func multiplyTile(
    rows: Int, depth: Int, columns: Int, _ left: UnsafeBufferPointer<Float>,
    _ right: UnsafeBufferPointer<Float>, _ result: UnsafeMutableBufferPointer<Float>
  ) {
    // A short last tile computes its last row again instead of branching in the inner loop.
    let start = (0, min(1, rows - 1) * depth, min(2, rows - 1) * depth, min(3, rows - 1) * depth)
    var column = 0
    while column + 8 <= columns {
      var sums = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
      var at = UnsafeRawPointer(right.baseAddress! + column)
      for k in 0..<depth {
        let weights = at.loadUnaligned(as: SIMD8<Float>.self)
        sums.0 += weights * left[start.0 + k]
        sums.1 += weights * left[start.1 + k]
        sums.2 += weights * left[start.2 + k]
        sums.3 += weights * left[start.3 + k]
        at += columns * MemoryLayout<Float>.stride
      }
      let target = result.baseAddress! + column
      store(sums.0, target)
      if rows > 1 { store(sums.1, target + columns) }
      if rows > 2 { store(sums.2, target + 2 * columns) }
      if rows > 3 { store(sums.3, target + 3 * columns) }
      column += 8
    }
    while column < columns {
      for row in 0..<rows {
        var sum: Float = 0
        for k in 0..<depth { sum += left[row * depth + k] * right[k * columns + column] }
        result[row * columns + column] = sum
      }
      column += 1
    }
  }

  @inline(__always)
  private static func store(_ lanes: SIMD8<Float>, _ target: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(target).storeBytes(of: lanes, as: SIMD8<Float>.self)
  }

  /// One convolution's operands.
  private struct Layer {
    let geometry: WindowGeometry
    let groups: Int
    let inputChannels: Int
    let outputChannels: Int
    let image: UnsafeBufferPointer<Float>
    let filter: UnsafeBufferPointer<Float>

    /// Calls `body` with the tap number and the image offset of each tap inside the image.
    @inline(__always)
    func forEachTap(y: Int, x: Int, _ body: (_ tap: Int, _ offset: Int) -> Void) {
      let g = geometry
      for ky in 0..<g.kernelHeight {
        let row = y * g.strideY - g.padTop + ky * g.dilationY
        guard row >= 0, row < g.inputHeight else { continue }
        for kx in 0..<g.kernelWidth {
          let column = x * g.strideX - g.padLeft + kx * g.dilationX
          guard column >= 0, column < g.inputWidth else { continue }
          body(ky * g.kernelWidth + kx, (row * g.inputWidth + column) * inputChannels)
        }
      }
    }

    /// Gathers the windows of a few pixels into rows and multiplies them by the filter.
    func full(into result: UnsafeMutableBufferPointer<Float>) {
      let depth = geometry.kernelHeight * geometry.kernelWidth * inputChannels
      let pixels = geometry.outputHeight * geometry.outputWidth
      withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, depth * tileRows)) { patch in
        var pixel = 0
        while pixel < pixels {
          let count = min(tileRows, pixels - pixel)
          patch.initialize(repeating: 0)
          for row in 0..<count {
            let (y, x) = (pixel + row).quotientAndRemainder(dividingBy: geometry.outputWidth)
            forEachTap(y: y, x: x) { tap, offset in
              let target = row * depth + tap * inputChannels
              for channel in 0..<inputChannels { patch[target + channel] = image[offset + channel] }
            }
          }
          multiplyTile(
            rows: count, depth: depth, columns: outputChannels,
            UnsafeBufferPointer(rebasing: patch[0..<(count * depth)]), filter,
            UnsafeMutableBufferPointer(
              rebasing: result[(pixel * outputChannels)..<((pixel + count) * outputChannels)]))
          pixel += count
        }
      }
    }

    /// Tap by tap: each output channel reads the channels of its group only.
    func grouped(into result: UnsafeMutableBufferPointer<Float>) {
      let inputs = inputChannels / groups
      let outputs = outputChannels / groups
      for y in 0..<geometry.outputHeight {
        for x in 0..<geometry.outputWidth {
          let base = (y * geometry.outputWidth + x) * outputChannels
          forEachTap(y: y, x: x) { tap, offset in
            let weights = tap * inputs * outputChannels
            if inputs == 1, outputs == 1 {
              for channel in 0..<outputChannels {
                result[base + channel] += image[offset + channel] * filter[weights + channel]
              }
              return
            }
            for group in 0..<groups {
              for input in 0..<inputs {
                let value = image[offset + group * inputs + input]
                let row = weights + input * outputChannels
                for output in (group * outputs)..<((group + 1) * outputs) {
                  result[base + output] += value * filter[row + output]
                }
              }
            }
          }
        }
      }
    }
  }
}
