import NeuralGraph

/// How a tensor of an ONNX file lies in the tensor of its graph node, which is kept as it is while
/// ONNX only looks at it in another way: the node's tensor seen as `view`, its dimensions permuted,
/// and the result seen as `shape`.
///
/// An image is `shape` [1, C, H, W], `view` [1, H, W, C], `permutation` [0, 3, 1, 2]. So Transpose,
/// Reshape, Flatten, Squeeze and Unsqueeze cost nothing until an operator needs another order.
struct ONNXLayout: Hashable {
  /// What ONNX takes the tensor to be.
  var shape: TensorShape
  var view: TensorShape
  /// Dimension i behind the permutation is dimension `permutation[i]` of `view`.
  var permutation: [Int]

  /// Row-major, as ONNX has it.
  init(plain shape: TensorShape) {
    self.init(shape: shape, view: shape, permutation: Array(0..<shape.rank))
  }

  /// An image [1, C, H, W] in a node of [1, H, W, C].
  init(image view: TensorShape) {
    self.init(
      shape: TensorShape([0, 3, 1, 2].map { view.dimensions[$0] }), view: view,
      permutation: [0, 3, 1, 2])
  }

  init(shape: TensorShape, view: TensorShape, permutation: [Int]) {
    self.shape = shape
    self.view = view
    self.permutation = permutation
  }

  /// The view's dimensions, permuted.
  var permuted: TensorShape { TensorShape(permutation.map { view.dimensions[$0] }) }

  /// True when the dimensions that ONNX sees are those of the view, permuted.
  var isDirect: Bool { permuted == shape }

  /// True when the elements lie in ONNX's order: the permutation moves only lengths of 1.
  var isInOrder: Bool {
    let moved = permutation.filter { view.dimensions[$0] > 1 }
    return moved == moved.sorted()
  }

  /// The same tensor for ONNX's Reshape to `shape`, of as many elements.
  func reshaped(to shape: TensorShape) -> ONNXLayout {
    if isInOrder { return ONNXLayout(plain: shape) }
    return ONNXLayout(shape: shape, view: view, permutation: permutation)
  }

  /// The same tensor for ONNX's Transpose. Only of a direct layout.
  func transposed(_ permutation: [Int]) -> ONNXLayout {
    ONNXLayout(
      shape: TensorShape(permutation.map { shape.dimensions[$0] }), view: view,
      permutation: permutation.map { self.permutation[$0] })
  }

  /// By element in ONNX's order: its place in the node's tensor.
  var places: [Int] {
    var strides = [Int](repeating: 1, count: view.rank)
    for dimension in (0..<max(0, view.rank - 1)).reversed() {
      strides[dimension] = strides[dimension + 1] * view.dimensions[dimension + 1]
    }
    var places = [0]
    for dimension in permutation {
      let (extent, stride) = (view.dimensions[dimension], strides[dimension])
      places = places.flatMap { place in (0..<extent).map { place + $0 * stride } }
    }
    return places
  }
}

/// A tensor that is computed for each image.
struct ONNXActivation {
  var node: NodeID
  var layout: ONNXLayout

  var shape: TensorShape { layout.shape }
}

/// What a name in an ONNX file stands for, once imported.
enum ONNXValue {
  /// Computed for each image.
  case tensor(ONNXActivation)
  /// The same as codes on a grid, behind QuantizeLinear.
  case quantized(ONNXActivation, ONNXGrid)
  /// Sums of products of codes in 32 bits, computed for each image.
  case accumulator(ONNXActivation)
  /// Known now.
  case constant(ONNXTensor)
  /// Computed from a network's result (classes, detections), and left out: what it reads, which are
  /// outputs.
  case leftOut([ONNXActivation])
  /// An operand that is left out.
  case absent
  /// Nothing, for a reason that is reported already, there or at an operand.
  case missing
}

/// A node with its operands' values, and typed access to them.
struct ONNXCall {
  let node: ONNXNode
  let operands: [ONNXValue]
  let opset: Int

  /// Operand `index`, `absent` when there is none.
  func operand(_ index: Int) -> ONNXValue {
    operands.indices.contains(index) ? operands[index] : .absent
  }

  func has(_ index: Int) -> Bool {
    if case .absent = operand(index) { false } else { true }
  }

  /// Operand `index` as a tensor that is computed for each image.
  func tensor(_ index: Int) throws(Diagnostic) -> ONNXActivation {
    switch operand(index) {
    case .tensor(let tensor): return tensor
    case .quantized:
      throw node.problem("it computes with codes", remedy: "put a DequantizeLinear before it")
    case .accumulator:
      throw node.problem(
        "it computes with sums in 32 bits", remedy: "put a Cast to float before it")
    default: throw node.problem("operand \(index) is not computed from the image")
    }
  }

  /// Operand `index` as real numbers known now.
  func constant(_ index: Int) throws(Diagnostic) -> FloatTensor {
    guard case .constant(.floats(let tensor)) = operand(index) else {
      throw node.problem(
        "operand \(index) is not a constant of real numbers",
        remedy: "export the model with its weights as constants")
    }
    return tensor
  }

  /// Operand `index` as integers known now.
  func integers(_ index: Int) throws(Diagnostic) -> KnownIntegers {
    switch operand(index) {
    case .constant(.integers(let integers)): return integers
    case .constant(.codes(let codes)) where codes.values.count <= 1 << 16:
      return KnownIntegers(shape: codes.shape, values: codes.values.map { Int($0) })
    default: throw node.problem("operand \(index) is not a constant of integers")
    }
  }

  /// Operand `index` as a list of integers.
  func list(_ index: Int) throws(Diagnostic) -> [Int] {
    guard let list = try integers(index).list, list.count <= 1 << 16 else {
      throw node.problem("operand \(index) is not a list of integers")
    }
    return list
  }

  /// A list that is an attribute in old operator versions and an operand in new ones; nil when
  /// neither is there.
  func list(attribute: String, operand index: Int) throws(Diagnostic) -> [Int]? {
    if let list = try node.integers(attribute) { return list }
    return has(index) ? try list(index) : nil
  }

  /// A dimension counted from the end when negative.
  func dimension(_ axis: Int, rank: Int) throws(Diagnostic) -> Int {
    let dimension = axis < 0 ? axis.addingReportingOverflow(rank).partialValue : axis
    guard (0..<rank).contains(dimension) else {
      throw node.problem("a tensor of \(rank) dimensions has no dimension \(axis)")
    }
    return dimension
  }

  /// Dimensions in ascending order, each once.
  func dimensions(_ axes: [Int], rank: Int) throws(Diagnostic) -> [Int] {
    var found: Set<Int> = []
    for axis in axes.prefix(64) { found.insert(try dimension(axis, rank: rank)) }
    return found.sorted()
  }
}
