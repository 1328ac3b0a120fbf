import NeuralGraph

/// What the control of one sliding window (`df_window_control`, `df_line_buffer`) derives from its
/// geometry. A step is one move of the window's linear delay line: a pixel, or a flush bubble.
public struct WindowTiming: Hashable, Sendable {
  public let geometry: WindowGeometry

  /// Traps on a geometry that `verify` refuses.
  public init(_ geometry: WindowGeometry) {
    precondition(
      Self.verify(geometry).isEmpty, "a window that cannot run at one pixel a clock was not refused"
    )
    self.geometry = geometry
  }

  /// Pixels a frame.
  public var pixels: Int { geometry.inputHeight * geometry.inputWidth }
  /// Outputs a frame.
  public var outputs: Int { geometry.outputHeight * geometry.outputWidth }

  /// D: steps from a frame's first pixel to its first output.
  public var firstOutputDelay: Int { Self.delay(geometry) }

  /// D of a geometry that may not have been verified.
  static func delay(_ geometry: WindowGeometry) -> Int {
    (geometry.reachY - 1 - geometry.padTop) * geometry.inputWidth
      + (geometry.reachX - 1 - geometry.padLeft)
  }

  /// E: steps from a frame's last pixel to its last output; negative when the output comes before.
  public var lastOutputDelay: Int {
    geometry.padBottom * geometry.inputWidth + geometry.padRight
  }

  /// F: flush steps that a frame's end needs.
  public var flushSteps: Int { max(0, lastOutputDelay) }

  /// Frames that wait in the start queue at most: begun at the input, not at the output. The start
  /// is decided one step ahead, hence D - 1.
  public var startQueueCapacity: Int {
    firstOutputDelay > 1 ? (firstOutputDelay - 1 + pixels - 1) / pixels : 0
  }

  /// Rows of pixels that the line buffer stores.
  public var storedRows: Int { (geometry.kernelHeight - 1) * geometry.dilationY }

  /// Words of the line memory, one a column; 0 when no memory is needed (no rows, or one column,
  /// whose rows are registers).
  public var memoryWords: Int {
    storedRows == 0 || geometry.inputWidth == 1 ? 0 : geometry.inputWidth
  }

  /// The step, counted from the frame's first pixel's, of output (`row`, `column`).
  public func step(row: Int, column: Int) -> Int {
    row * geometry.strideY * geometry.inputWidth + column * geometry.strideX + firstOutputDelay
  }

  /// The largest extent, stride, dilation or pad, and the largest product of them, that the
  /// templates' 32-bit parameters hold with room for sums.
  static let extentLimit = 1 << 20
  static let productLimit = 1 << 30

  /// Everything that keeps a window from running at one pixel a clock; empty when it can.
  ///
  /// More outputs than pixels, sideways or downwards, would need cycles that have no pixel: the pads
  /// of one side and the other together reach no further than the kernel.
  public static func verify(_ geometry: WindowGeometry, node: String? = nil) -> [Diagnostic] {
    let positive = [
      ("input height", geometry.inputHeight), ("input width", geometry.inputWidth),
      ("kernel height", geometry.kernelHeight), ("kernel width", geometry.kernelWidth),
      ("vertical stride", geometry.strideY), ("horizontal stride", geometry.strideX),
      ("vertical dilation", geometry.dilationY), ("horizontal dilation", geometry.dilationX),
      ("output height", geometry.outputHeight), ("output width", geometry.outputWidth),
    ]
    var found: [Diagnostic] = []
    for (name, value) in positive where value < 1 || value > extentLimit {
      found.append(
        Diagnostic(
          "a window's \(name) is \(value), outside 1 ... \(extentLimit)", node: node,
          remedy: name.hasPrefix("output")
            ? "a window larger than the padded image has no output: enlarge the image or pad it"
            : nil))
    }
    for (name, value) in [("above", geometry.padTop), ("left", geometry.padLeft)]
    where value < 0 || value > extentLimit {
      found.append(
        Diagnostic(
          "a window's padding \(name) is \(value), outside 0 ... \(extentLimit)", node: node,
          remedy: value < 0 ? "crop the image before the network" : nil))
    }
    guard found.isEmpty else { return found }

    found += verifyPads(
      before: geometry.padTop, after: geometry.padBottom, reach: geometry.reachY,
      sides: "top and bottom", node: node)
    found += verifyPads(
      before: geometry.padLeft, after: geometry.padRight, reach: geometry.reachX,
      sides: "left and right", node: node)
    // No overflow: extents are below 2^20, so reaches are below 2^41 and the products below 2^62.
    let products = [
      geometry.inputHeight * geometry.inputWidth, geometry.reachY * geometry.inputWidth,
      geometry.reachX, geometry.outputHeight * geometry.strideY,
      geometry.outputWidth * geometry.strideX,
    ]
    if products.contains(where: { $0 > productLimit }) {
      found.append(
        Diagnostic(
          "a window over \(geometry.inputHeight)x\(geometry.inputWidth) pixels with a reach of "
            + "\(geometry.reachY)x\(geometry.reachX) has counters above 2^30", node: node,
          remedy: "use a smaller image"))
    }
    return found
  }

  private static func verifyPads(
    before: Int, after: Int, reach: Int, sides: String, node: String?
  ) -> [Diagnostic] {
    if before > reach - 1 {
      return [
        Diagnostic(
          "the padding \(sides) of a window begins with \(before) pixels, and the window reaches over "
            + "\(reach): the first one lies in the padding alone", node: node,
          remedy: "let the fixed part end before this layer")
      ]
    }
    if before + after <= reach - 1 { return [] }
    return [
      Diagnostic(
        "the paddings \(sides) of a window are \(before) and \(after) pixels, and a window that "
          + "reaches over \(reach) takes \(reach - 1) together: it has more outputs than inputs and "
          + "cannot run at one pixel a clock", node: node,
        remedy: "let the fixed part end before this layer")
    ]
  }
}
