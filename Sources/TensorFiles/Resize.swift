/// Bilinear resizing with antialiasing, equal to Pillow's `Image.resize(size, BILINEAR)` in every
/// bit: a triangle filter, as wide as the reduction asks for, applied along the rows and then along
/// the columns, with coefficients of 22 fraction bits and 8-bit samples in between.
extension PixelImage {
  /// The image at another size; itself when the size is its own.
  public func resized(width newWidth: Int, height newHeight: Int) -> PixelImage {
    precondition(newWidth > 0 && newHeight > 0, "an image has at least one pixel")
    var image = self
    if newWidth != width {
      let filter = ResampleFilter(from: width, to: newWidth)
      image = PixelImage(
        width: newWidth, height: height, channels: channels,
        samples: filter.apply(
          image.samples, outer: height, inner: channels))
    }
    if newHeight != height {
      let filter = ResampleFilter(from: height, to: newHeight)
      image = PixelImage(
        width: newWidth, height: newHeight, channels: channels,
        samples: filter.apply(image.samples, outer: 1, inner: newWidth * channels))
    }
    return image
  }
}

/// The source samples and weights of each output sample along one dimension.
private struct ResampleFilter {
  private static let precisionBits = 22
  private let sourceLength: Int
  /// The first source sample of each output sample.
  private var starts: [Int] = []
  /// The weights, with `precisionBits` fraction bits, from that sample on.
  private var weights: [[Int]] = []

  init(from source: Int, to target: Int) {
    sourceLength = source
    let scale = Double(source) / Double(target)
    // Enlarging interpolates between neighbours; reducing averages all that falls together.
    let support = max(scale, 1)
    for index in 0..<target {
      let center = (Double(index) + 0.5) * scale
      let first = max(0, Int(center - support + 0.5))
      let last = min(source, Int(center + support + 0.5))
      let real = (first..<last).map { sample in
        max(0, 1 - abs((Double(sample) - center + 0.5) * (1 / support)))
      }
      let sum = real.reduce(0, +)
      starts.append(first)
      weights.append(
        real.map { weight in
          let normal = sum == 0 ? weight : weight / sum
          return Int(0.5 + normal * Double(1 << Self.precisionBits))
        })
    }
  }

  /// Resamples the middle dimension of samples of shape [outer][source][inner].
  func apply(_ samples: [UInt8], outer: Int, inner: Int) -> [UInt8] {
    let outputs = outer * starts.count * inner
    let half = 1 << (Self.precisionBits - 1)
    return [UInt8](unsafeUninitializedCapacity: outputs) { buffer, count in
      var target = 0
      for block in 0..<outer {
        for (start, weights) in zip(starts, weights) {
          let source = (block * sourceLength + start) * inner
          for element in 0..<inner {
            var sum = half
            for (index, weight) in weights.enumerated() {
              sum += Int(samples[source + index * inner + element]) * weight
            }
            buffer[target] = UInt8(max(0, min(255, sum >> Self.precisionBits)))
            target += 1
          }
        }
      }
      count = outputs
    }
  }
}
