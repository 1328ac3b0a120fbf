import NeuralGraph

// Operators with windows, weights and reductions.
extension ONNXImporter {
  mutating func convolution(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    let source = try image(call)
    let image = graph[source].shape
    let weights = try call.constant(1)
    let groups = try node.integer("group", default: 1)
    guard weights.shape.rank == 4, weights.shape.elementCount > 0, groups > 0 else {
      throw node.problem("its weights are \(weights.shape)")
    }
    let (outputs, depth) = (weights.shape.dimensions[0], weights.shape.dimensions[1])
    let (product, overflow) = depth.multipliedReportingOverflow(by: groups)
    guard !overflow, product == image.channels, outputs % groups == 0 else {
      throw node.problem(
        "its weights \(weights.shape) in \(groups) groups do not fit \(image.channels) channels")
    }
    let kernel = (weights.shape.dimensions[2], weights.shape.dimensions[3])
    if let stated = try node.integers("kernel_shape"), stated != [kernel.0, kernel.1] {
      throw node.problem("its kernel_shape is \(stated) and its weights are \(weights.shape)")
    }
    let geometry = try node.window(kernel: kernel, image: image).geometry(image)
    guard let geometry else { throw noWindow(node, kernel, image) }
    // [Cout, Cin / groups, Kh, Kw] to [Kh, Kw, Cin / groups, Cout].
    let filter = try folded(node, .transpose(permutation: [2, 3, 1, 0]), [weights])
    var operands = [source, try constant(filter, "\(node.label)/weights")]
    if call.has(2) { operands.append(try constant(call.constant(2), "\(node.label)/bias")) }
    return try imageResult(
      call, .convolution(Convolution(geometry: geometry, groups: groups)), operands)
  }

  mutating func maxPool(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let source = try image(call)
    let geometry = try pool(call, source).1
    return try imageResult(call, .maxPool(geometry), [source])
  }

  mutating func averagePool(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let source = try image(call)
    let (window, geometry) = try pool(call, source)
    guard window.hasPads, try call.node.integer("count_include_pad", default: 0) != 0 else {
      return try imageResult(call, .averagePool(geometry), [source])
    }
    // Pads that count are cells of the image.
    let padded = try graph.append(
      name: "\(call.node.label)/pad",
      .pad(before: [0, window.top, window.left, 0], after: [0, window.bottom, window.right, 0]),
      [source])
    var inside = geometry
    inside.inputHeight = graph[padded].shape.height
    inside.inputWidth = graph[padded].shape.width
    (inside.padTop, inside.padLeft) = (0, 0)
    return try imageResult(call, .averagePool(inside), [padded])
  }

  private func pool(
    _ call: ONNXCall, _ source: NodeID
  ) throws(Diagnostic) -> (ONNXNode.Window, WindowGeometry) {
    let node = call.node
    let image = graph[source].shape
    let kernel = try node.spatialPair("kernel_shape", default: nil)
    let window = try node.window(kernel: kernel, image: image)
    guard window.dilation == (1, 1) else {
      throw node.problem(
        "its dilations are \(window.dilation.y) and \(window.dilation.x)",
        remedy: "only pools without dilation are supported")
    }
    guard
      max(window.top, window.bottom) < kernel.y, max(window.left, window.right) < kernel.x
    else { throw node.problem("its pads are as long as its kernel") }
    guard try node.integer("storage_order", default: 0) == 0 else {
      throw node.problem("its storage_order is not supported")
    }
    let isCeiling = try node.integer("ceil_mode", default: 0) != 0
    guard let geometry = window.geometry(image, isCeiling: isCeiling) else {
      throw noWindow(node, kernel, image)
    }
    return (window, geometry)
  }

  mutating func globalMaxPool(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let source = try image(call)
    let image = graph[source].shape
    let geometry = WindowGeometry(
      inputHeight: image.height, inputWidth: image.width, kernelHeight: image.height,
      kernelWidth: image.width, outputHeight: 1, outputWidth: 1)
    return try imageResult(call, .maxPool(geometry), [source])
  }

  private func noWindow(
    _ node: ONNXNode, _ kernel: (y: Int, x: Int), _ image: TensorShape
  ) -> Diagnostic {
    node.problem(
      "its \(kernel.y)x\(kernel.x) window fits nowhere into the \(image.height)x\(image.width) image",
      remedy: "use a larger image")
  }

  private mutating func imageResult(
    _ call: ONNXCall, _ operation: Operation, _ operands: [NodeID]
  ) throws(Diagnostic) -> ONNXValue {
    let result = try graph.append(name: call.node.label, operation, operands)
    return .tensor(
      ONNXActivation(node: result, layout: ONNXLayout(image: graph[result].shape)))
  }

  // MARK: Matrices

  mutating func gemm(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    guard try node.integer("transA", default: 0) == 0 else {
      throw node.problem("it transposes its image", remedy: "only transB is supported")
    }
    var weights = try call.constant(1)
    guard weights.shape.rank == 2 else { throw node.problem("its weights are \(weights.shape)") }
    if try node.integer("transB", default: 0) != 0 {
      weights = try folded(node, .transpose(permutation: [1, 0]), [weights])
    }
    let alpha = try node.float("alpha", default: 1)
    if alpha != 1 {
      weights = try folded(node, .binary(.multiply), [weights, FloatTensor(scalar: alpha)])
    }
    var bias: FloatTensor?
    if call.has(2) {
      let beta = try node.float("beta", default: 1)
      let outputs = weights.shape.dimensions[1]
      let summand = try folded(
        node, .binary(.multiply), [call.constant(2), FloatTensor(scalar: beta)])
      // Broadcast to one row of outputs.
      let zeros = FloatTensor(
        shape: TensorShape([1, outputs]), values: Array(repeating: 0, count: outputs))
      let row = try folded(node, .binary(.add), [zeros, summand])
      guard row.shape == zeros.shape else {
        throw node.problem("its summand \(summand.shape) is not one row of \(outputs) numbers")
      }
      bias = row.reshaped(to: TensorShape([outputs]))
    }
    return try multiply(call, weights, bias)
  }

  mutating func matrixMultiplication(_ call: ONNXCall) throws(Diagnostic) -> ONNXValue {
    if isConstant(call.operands[0]), isConstant(call.operands[1]) {
      throw call.node.problem(
        "it multiplies constants", remedy: "export the model with constants folded")
    }
    return try multiply(call, call.constant(1), nil)
  }

  /// One row times a constant matrix [K, N]. Where the row is an image seen as a list, the matrix's
  /// rows take the order of the image.
  private mutating func multiply(
    _ call: ONNXCall, _ weights: FloatTensor, _ bias: FloatTensor?
  ) throws(Diagnostic) -> ONNXValue {
    let node = call.node
    let tensor = try call.tensor(0)
    let shape = tensor.shape
    guard weights.shape.rank == 2, shape.rank >= 1, shape.elementCount == shape.channels,
      weights.shape.dimensions[0] == shape.channels
    else {
      throw node.problem(
        "it multiplies \(shape) with \(weights.shape)",
        remedy: "only one row times a constant matrix is supported")
    }
    let (rows, columns) = (weights.shape.dimensions[0], weights.shape.dimensions[1])
    var matrix = weights
    if !tensor.layout.isInOrder {
      try spend(matrix.values.count + rows, node)
      var values = matrix.values
      for (row, place) in tensor.layout.places.enumerated() {
        for column in 0..<columns {
          values[place * columns + column] = matrix.values[row * columns + column]
        }
      }
      matrix = FloatTensor(shape: matrix.shape, values: values)
    }
    let row = TensorShape([1, rows])
    var source = tensor.node
    if graph[source].shape != row {
      source = try graph.append(name: "\(node.label)/row", .reshape(row), [source])
    }
    var operands = [source, try constant(matrix, "\(node.label)/weights")]
    if let bias { operands.append(try constant(bias, "\(node.label)/bias")) }
    let result = try graph.append(name: node.label, .matrixMultiplication, operands)
    let layout = ONNXLayout(plain: graph[result].shape)
    return .tensor(
      ONNXActivation(
        node: result,
        layout: layout.reshaped(to: TensorShape(shape.dimensions.dropLast() + [columns]))))
  }
}
