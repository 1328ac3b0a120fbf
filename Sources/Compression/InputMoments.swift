import NeuralGraph

/// What calibration says of a layer's windows: of each group the mean of each tap and channel, and
/// how they vary together.
struct InputMoments: Sendable {
  /// Of each group, `depth` numbers.
  var means: [[Double]]
  /// Of each group and each block of its inputs the mean of the products of deviations, square.
  var covariances: [[[Double]]]

  /// Of each group and block: row i, column j hold the mean of the products of what input i was in
  /// another network and what input j is in this one; nil without another network.
  var cross: [[[Double]]]?

  /// Inputs whose covariance is looked at together: all, or blocks of 512 of more than 1,024.
  static func blocks(depth: Int) -> [Range<Int>] {
    guard depth > 1024 else { return [0..<depth] }
    return stride(from: 0, to: depth, by: 512).map { $0..<min($0 + 512, depth) }
  }

  /// The windows of an image that are looked at: evenly spaced, shifted from image to image.
  private static func windows(of layer: WeightLayer, image: Int, images: Int) -> [Int] {
    // At most 2^24 numbers of a layer are held.
    let wanted = min(16_384, max(1024, (1 << 24) / (layer.groups * layer.depth)))
    let count = max(1, min(layer.windows, (wanted + images - 1) / images))
    return (0..<count).map {
      ($0 * layer.windows / count + image * layer.windows / (count * images)) % layer.windows
    }
  }

  /// What some layers read in the windows of one image: of each layer and group `depth` numbers a
  /// window. `operands` holds the tensors that they read.
  static func gather(
    _ layers: [WeightLayer], operands: [ValueID: IntegerTensor], image: Int, images: Int
  ) -> [[[Float]]] {
    layers.map { layer in
      let windows = windows(of: layer, image: image, images: images)
      return (0..<layer.groups).map { group in
        var rows: [Float] = []
        layer.gather(operands[layer.operand]!, windows: windows, group: group, into: &rows)
        return rows
      }
    }
  }

  /// The moments of what one layer reads; `groups` holds the numbers of each group's windows, `before`
  /// those of the same windows in another network.
  init(_ layer: WeightLayer, groups: [[Float]], before: [[Float]]? = nil, threads: Int) {
    let depth = layer.depth
    means = Self.means(groups, depth: depth)
    covariances = groups.indices.map { group in
      Self.blocks(depth: depth).map {
        Self.products(groups[group], groups[group], depth: depth, block: $0, threads: threads)
      }
    }
    if let before {
      cross = groups.indices.map { group in
        Self.blocks(depth: depth).map {
          Self.products(before[group], groups[group], depth: depth, block: $0, threads: threads)
        }
      }
    }
  }

  /// Of each group the mean of each tap and channel.
  static func means(_ groups: [[Float]], depth: Int) -> [[Double]] {
    groups.map { rows in
      let count = rows.count / depth
      var mean = [Double](repeating: 0, count: depth)
      for row in 0..<count {
        for index in 0..<depth { mean[index] += Double(rows[row * depth + index]) }
      }
      return mean.map { $0 / Double(count) }
    }
  }

  /// The means of the products of deviations: of input i on the left and input j on the right. Row by
  /// row of the matrix, each by one thread: the same for any number of threads.
  private static func products(
    _ left: [Float], _ right: [Float], depth: Int, block: Range<Int>, threads: Int
  ) -> [Double] {
    let count = right.count / depth
    let size = block.count
    var (leftMean, rightMean) = (
      [Double](repeating: 0, count: size), [Double](repeating: 0, count: size)
    )
    for row in 0..<count {
      for index in 0..<size {
        leftMean[index] += Double(left[row * depth + block.lowerBound + index])
        rightMean[index] += Double(right[row * depth + block.lowerBound + index])
      }
    }
    let parts: [[Double]]
    do throws(Diagnostics) {
      parts = try inParallel(
        (size + 15) / 16, threads: size * size * count > 1 << 22 ? threads : 1
      ) { part throws(Diagnostics) in
        let first = part * 16
        let height = min(16, size - first)
        var sums = [Double](repeating: 0, count: height * size)
        left.withUnsafeBufferPointer { left in
          right.withUnsafeBufferPointer { right in
            sums.withUnsafeMutableBufferPointer { sums in
              for row in 0..<count {
                let x = left.baseAddress! + row * depth + block.lowerBound + first
                let y = right.baseAddress! + row * depth + block.lowerBound
                for i in 0..<height where x[i] != 0 {
                  let factor = Double(x[i])
                  for j in 0..<size { sums[i * size + j] += factor * Double(y[j]) }
                }
              }
            }
          }
        }
        return sums
      }
    } catch {
      preconditionFailure("nothing throws here: \(error)")
    }
    var result = parts.flatMap { $0 }
    let n = Double(count)
    for i in 0..<size {
      for j in 0..<size {
        result[i * size + j] = result[i * size + j] / n - leftMean[i] / n * (rightMean[j] / n)
      }
    }
    return result
  }
}
