import NeuralGraph

// Typed access to a node's attributes. An absent attribute has the default of ONNX's operator page;
// one of another kind is a diagnostic.
extension ONNXNode {
  func integer(_ key: String, default value: Int) throws(Diagnostic) -> Int {
    switch attributes[key] {
    case nil: return value
    case .integer(let integer): return integer
    default: throw wrongKind(key, "an integer")
    }
  }

  func float(_ key: String, default value: Float) throws(Diagnostic) -> Float {
    switch attributes[key] {
    case nil: return value
    case .float(let float): return float
    default: throw wrongKind(key, "a number")
    }
  }

  func string(_ key: String, default value: String) throws(Diagnostic) -> String {
    switch attributes[key] {
    case nil: return value
    case .string(let string): return string
    default: throw wrongKind(key, "a string")
    }
  }

  /// nil when it is absent.
  func integers(_ key: String) throws(Diagnostic) -> [Int]? {
    switch attributes[key] {
    case nil: return nil
    case .integers(let integers): return integers
    default: throw wrongKind(key, "a list of integers")
    }
  }

  private func wrongKind(_ key: String, _ kind: String) -> Diagnostic {
    problem("its attribute '\(key)' is not \(kind)")
  }

  /// A diagnostic at this node.
  func problem(_ message: String, remedy: String? = nil) -> Diagnostic {
    Diagnostic("\(operation): \(message)", node: label, remedy: remedy)
  }

  /// Lengths may be this large: what is larger cannot be meant and would overflow sums.
  static let maximumLength = 1 << 16

  /// A list [Y, X] of positive lengths.
  func spatialPair(_ key: String, default value: [Int]?) throws(Diagnostic) -> (y: Int, x: Int) {
    guard let pair = try integers(key) ?? value else {
      throw problem("it has no attribute '\(key)'")
    }
    guard pair.count == 2, pair.allSatisfy({ (1...ONNXNode.maximumLength).contains($0) }) else {
      throw problem(
        "its attribute '\(key)' is \(pair), not two lengths",
        remedy: "only operators over height and width are supported")
    }
    return (pair[0], pair[1])
  }

  /// How an operator's window lies over the image.
  struct Window {
    var kernel: (y: Int, x: Int)
    var stride: (y: Int, x: Int)
    var dilation: (y: Int, x: Int)
    var top = 0
    var bottom = 0
    var left = 0
    var right = 0

    var hasPads: Bool { top + bottom + left + right > 0 }
  }

  /// The attributes `strides`, `dilations`, `pads` and `auto_pad` for an image of this size.
  /// Source: ONNX operator pages Conv, MaxPool, AveragePool.
  func window(kernel: (y: Int, x: Int), image: TensorShape) throws(Diagnostic) -> Window {
    var window = Window(
      kernel: kernel, stride: try spatialPair("strides", default: [1, 1]),
      dilation: try spatialPair("dilations", default: [1, 1]))
    let rule = try string("auto_pad", default: "NOTSET")
    switch rule {
    case "NOTSET":
      let pads = try integers("pads") ?? [0, 0, 0, 0]
      guard pads.count == 4, pads.allSatisfy({ (0...ONNXNode.maximumLength).contains($0) }) else {
        throw problem("its pads are \(pads)", remedy: "only pads of zero and more are supported")
      }
      (window.top, window.left, window.bottom, window.right) = (pads[0], pads[1], pads[2], pads[3])
    case "VALID": break
    case "SAME_UPPER", "SAME_LOWER":
      func total(_ n: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Int {
        max(0, ((n + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - n)
      }
      let vertical = total(image.height, kernel.y, window.stride.y, window.dilation.y)
      let horizontal = total(image.width, kernel.x, window.stride.x, window.dilation.x)
      // The odd pad goes after the image (UPPER) or before it (LOWER).
      let odd = rule == "SAME_LOWER" ? 1 : 0
      (window.top, window.left) = ((vertical + odd) / 2, (horizontal + odd) / 2)
      (window.bottom, window.right) = (vertical - window.top, horizontal - window.left)
    default: throw problem("its auto_pad '\(rule)' is unknown")
    }
    return window
  }
}

extension ONNXNode.Window {
  /// The geometry over an image, or nil when there is no output pixel. `isCeiling` rounds the
  /// output's size up, less windows that begin behind the image and its first pad.
  func geometry(_ image: TensorShape, isCeiling: Bool = false) -> WindowGeometry? {
    guard isCeiling else {
      return WindowGeometry(
        inputHeight: image.height, inputWidth: image.width, kernelHeight: kernel.y,
        kernelWidth: kernel.x, strideY: stride.y, strideX: stride.x, dilationY: dilation.y,
        dilationX: dilation.x,
        padding: .explicit(top: top, bottom: bottom, left: left, right: right))
    }
    func outputs(_ n: Int, _ before: Int, _ after: Int, _ reach: Int, _ stride: Int) -> Int {
      let room = n + before + after - reach
      guard room > -stride else { return 0 }
      let count = (room + stride - 1) / stride + 1
      return (count - 1) * stride >= n + before ? count - 1 : count
    }
    let height = outputs(
      image.height, top, bottom, (kernel.y - 1) * dilation.y + 1, stride.y)
    let width = outputs(
      image.width, left, right, (kernel.x - 1) * dilation.x + 1, stride.x)
    guard height > 0, width > 0 else { return nil }
    return WindowGeometry(
      inputHeight: image.height, inputWidth: image.width, kernelHeight: kernel.y,
      kernelWidth: kernel.x, strideY: stride.y, strideX: stride.x, dilationY: dilation.y,
      dilationX: dilation.x, padTop: top, padLeft: left, outputHeight: height, outputWidth: width)
  }
}
