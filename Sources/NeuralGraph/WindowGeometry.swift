/// The static geometry of a sliding window over an HxW map: kernel, stride, dilation, pads before,
/// and the output's size. TensorFlow's SAME and VALID, ONNX's pads and a folded PAD operator are
/// ways to get these numbers. Lengths are in pixels.
public struct WindowGeometry: Hashable, Sendable, Codable {
  public var inputHeight: Int
  public var inputWidth: Int
  public var kernelHeight: Int
  public var kernelWidth: Int
  public var strideY: Int
  public var strideX: Int
  public var dilationY: Int
  public var dilationX: Int
  /// Rows above the image that the first window covers.
  public var padTop: Int
  /// Columns left of the image that the first window covers.
  public var padLeft: Int
  public var outputHeight: Int
  public var outputWidth: Int

  public init(
    inputHeight: Int, inputWidth: Int, kernelHeight: Int, kernelWidth: Int, strideY: Int = 1,
    strideX: Int = 1, dilationY: Int = 1, dilationX: Int = 1, padTop: Int = 0, padLeft: Int = 0,
    outputHeight: Int, outputWidth: Int
  ) {
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideY = strideY
    self.strideX = strideX
    self.dilationY = dilationY
    self.dilationX = dilationX
    self.padTop = padTop
    self.padLeft = padLeft
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
  }

  /// How a framework writes padding down.
  public enum Padding: Hashable, Sendable {
    /// TensorFlow SAME: out = ceil(n / stride); the odd pad goes after.
    case same
    /// No padding: out = ceil((n - reach + 1) / stride).
    case valid
    /// Explicit pads on all four sides.
    case explicit(top: Int, bottom: Int, left: Int, right: Int)
  }

  /// The geometry that `padding` means for this input, or nil when there is no output pixel.
  public init?(
    inputHeight: Int, inputWidth: Int, kernelHeight: Int, kernelWidth: Int, strideY: Int,
    strideX: Int, dilationY: Int = 1, dilationX: Int = 1, padding: Padding
  ) {
    func resolve(
      _ n: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ before: Int?, _ after: Int
    )
      -> (out: Int, before: Int)?
    {
      let reach = (kernel - 1) * dilation + 1
      if let before {
        let room = n + before + after - reach
        return room < 0 ? nil : (room / stride + 1, before)
      }
      let out = (n + stride - 1) / stride
      return (out, max((out - 1) * stride + reach - n, 0) / 2)
    }
    let vertical: (out: Int, before: Int)?
    let horizontal: (out: Int, before: Int)?
    switch padding {
    case .same:
      vertical = resolve(inputHeight, kernelHeight, strideY, dilationY, nil, 0)
      horizontal = resolve(inputWidth, kernelWidth, strideX, dilationX, nil, 0)
    case .valid:
      vertical = resolve(inputHeight, kernelHeight, strideY, dilationY, 0, 0)
      horizontal = resolve(inputWidth, kernelWidth, strideX, dilationX, 0, 0)
    case .explicit(let top, let bottom, let left, let right):
      vertical = resolve(inputHeight, kernelHeight, strideY, dilationY, top, bottom)
      horizontal = resolve(inputWidth, kernelWidth, strideX, dilationX, left, right)
    }
    guard let vertical, let horizontal, vertical.out > 0, horizontal.out > 0 else { return nil }
    self.init(
      inputHeight: inputHeight, inputWidth: inputWidth, kernelHeight: kernelHeight,
      kernelWidth: kernelWidth, strideY: strideY, strideX: strideX, dilationY: dilationY,
      dilationX: dilationX, padTop: vertical.before, padLeft: horizontal.before,
      outputHeight: vertical.out, outputWidth: horizontal.out)
  }

  /// Rows that one window spans: (Kh - 1) dilation + 1.
  public var reachY: Int { (kernelHeight - 1) * dilationY + 1 }
  /// Columns that one window spans: (Kw - 1) dilation + 1.
  public var reachX: Int { (kernelWidth - 1) * dilationX + 1 }
  /// Rows below the image that the last window covers; negative when it ends inside the image.
  public var padBottom: Int { (outputHeight - 1) * strideY + reachY - padTop - inputHeight }
  /// Columns right of the image that the last window covers; negative when it ends inside it.
  public var padRight: Int { (outputWidth - 1) * strideX + reachX - padLeft - inputWidth }

  /// True for a 1x1 kernel at stride 1 without padding: a layer that needs no window.
  public var isPointwise: Bool {
    kernelHeight == 1 && kernelWidth == 1 && strideY == 1 && strideX == 1 && padTop == 0
      && padLeft == 0 && outputHeight == inputHeight && outputWidth == inputWidth
  }

  /// True when one window covers the whole map and nothing else: a global pool.
  public var coversWholeInput: Bool {
    kernelHeight == inputHeight && kernelWidth == inputWidth && padTop == 0 && padLeft == 0
      && outputHeight == 1 && outputWidth == 1 && dilationY == 1 && dilationX == 1
  }
}
