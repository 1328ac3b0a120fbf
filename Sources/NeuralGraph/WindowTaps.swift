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

  /// The output positions whose windows lie wholly inside the image; empty when none does.
  private var interior: Range<Int> {
    let reach = (kernel - 1) * dilation + 1
    guard reach <= input else { return 0..<0 }
    let first = (padBefore + stride - 1) / stride
    let last = (input - reach + padBefore) / stride
    let end = min(last + 1, output)
    return first < end ? first..<end : 0..<0
  }

  /// The different tap ranges of all output positions, in order of first appearance. Positions
  /// inside all see the whole kernel, so only the borders are walked.
  var distinctTaps: [Range<Int>] {
    var seen = Set<Range<Int>>()
    var result: [Range<Int>] = []
    func visit(_ positions: Range<Int>) {
      for position in positions {
        let taps = taps(position)
        if seen.insert(taps).inserted { result.append(taps) }
      }
    }
    let interior = interior
    visit(0..<min(interior.lowerBound + 1, output))
    visit(max(interior.upperBound, min(interior.lowerBound + 1, output))..<output)
    return result
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

  /// True when some window has a tap outside the image.
  public var leavesImage: Bool {
    vertical.distinctTaps.contains { $0.count < kernelHeight }
      || horizontal.distinctTaps.contains { $0.count < kernelWidth }
  }
  /// Columns of the kernel that lie inside the image for output column `x`; a contiguous range.
  public func columnTaps(_ x: Int) -> Range<Int> { horizontal.taps(x) }
}
