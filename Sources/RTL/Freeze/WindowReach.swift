import NeuralGraph

/// Which taps of a window can lie outside the image, for any output position.
struct WindowReach {
  /// By kernel row: true when some window has this row above or below the image.
  let rowCanLeave: [Bool]
  /// By kernel column: true when some window has this column left or right of the image.
  let columnCanLeave: [Bool]

  init(_ geometry: WindowGeometry) {
    func canLeave(_ taps: Int, _ dilation: Int, _ pad: Int, _ stride: Int, _ out: Int, _ size: Int)
      -> [Bool]
    {
      (0..<taps).map { tap in
        let first = tap * dilation - pad
        return first < 0 || first + (out - 1) * stride >= size
      }
    }
    rowCanLeave = canLeave(
      geometry.kernelHeight, geometry.dilationY, geometry.padTop, geometry.strideY,
      geometry.outputHeight, geometry.inputHeight)
    columnCanLeave = canLeave(
      geometry.kernelWidth, geometry.dilationX, geometry.padLeft, geometry.strideX,
      geometry.outputWidth, geometry.inputWidth)
  }

  func canLeave(row: Int, column: Int) -> Bool { rowCanLeave[row] || columnCanLeave[column] }
}
