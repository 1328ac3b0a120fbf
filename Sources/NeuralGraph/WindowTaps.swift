// Which taps of a window lie inside the image, along one dimension. Taps inside are always a
// contiguous range of the kernel, because a window's taps are in the order of the pixels.

/// One dimension of a `WindowGeometry`.
struct WindowAxis: Hashable, Sendable {
  var input: Int
  var kernel: Int
  var stride: Int
  var dilation: Int
  var padBefore: Int
  var output: Int

  /// The pixel under tap 0 of output `position`; negative in the pad.
  @inline(__always)
  func origin(_ position: Int) -> Int { position * stride - padBefore }

  /// The taps of output `position` that lie inside the image; empty when none does.
  func taps(_ position: Int) -> Range<Int> {
    let start = origin(position)
    // first tap with start + tap * dilation >= 0; first tap with start + tap * dilation >= input.
    let low = start >= 0 ? 0 : (-start + dilation - 1) / dilation
    let high = start >= input ? 0 : (input - start + dilation - 1) / dilation
    let end = min(high, kernel)
    return low < end ? low..<end : 0..<0
  }

  /// The different tap ranges of all output positions, in order of first appearance.
  var distinctTaps: [Range<Int>] {
    var seen = Set<Range<Int>>()
    return (0..<output).compactMap { position in
      let taps = taps(position)
      return seen.insert(taps).inserted ? taps : nil
    }
  }

  /// Taps inside the image, summed over all output positions.
  var tapCount: Int { (0..<output).reduce(0) { $0 + taps($1).count } }
}

extension WindowGeometry {
  var vertical: WindowAxis {
    WindowAxis(
      input: inputHeight, kernel: kernelHeight, stride: strideY, dilation: dilationY,
      padBefore: padTop, output: outputHeight)
  }
  var horizontal: WindowAxis {
    WindowAxis(
      input: inputWidth, kernel: kernelWidth, stride: strideX, dilation: dilationX,
      padBefore: padLeft, output: outputWidth)
  }

  /// Rows of the kernel that lie inside the image for output row `y`; a contiguous range.
  public func rowTaps(_ y: Int) -> Range<Int> { vertical.taps(y) }
  /// Columns of the kernel that lie inside the image for output column `x`; a contiguous range.
  public func columnTaps(_ x: Int) -> Range<Int> { horizontal.taps(x) }
}
