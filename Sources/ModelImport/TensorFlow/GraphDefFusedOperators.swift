import NeuralGraph

/// An image cut into phases by SpaceToBatchND: every `block`-th pixel with every `block`-th. A
/// convolution of the phases, put together again by BatchToSpaceND, is a dilated convolution of the
/// image; older TensorFlow and Keras write dilation this way.
struct GraphDefPhases {
  /// The image and its block lengths in y and x.
  var image: NodeID
  var block: [Int]
  /// [top, bottom, left, right] in pixels of the image.
  var pads: [Int]
  /// The convolution, once it stands between the two.
  var convolution: (filter: NodeID, isDepthwise: Bool)?

  /// The phases after a convolution at stride 1 without pads of its own.
  func convolved(
    _ call: GraphDefCall, isDepthwise: Bool
  ) throws(Diagnostic) -> GraphDefPhases {
    let stride = try call.node.spatialPair("strides")
    let dilation = try call.node.spatialPair("dilations", default: [1, 1, 1, 1])
    guard convolution == nil, stride == (1, 1), dilation == (1, 1),
      try call.node.padding() == .valid
    else {
      throw call.node.problem(
        "between SpaceToBatchND and BatchToSpaceND only one convolution is supported, with stride "
          + "1 and VALID padding")
    }
    var result = self
    result.convolution = (try call.tensor(1), isDepthwise)
    return result
  }
}

extension GraphDefImporter {
  mutating func spaceToBatch(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let (block, pads) = try blocks(call)
    guard graph[try call.tensor(0)].shape.isImage else {
      throw call.node.problem("only images can be cut into phases")
    }
    return .phases(GraphDefPhases(image: try call.tensor(0), block: block, pads: pads))
  }

  /// The dilated convolution; what BatchToSpaceND crops was padding.
  mutating func batchToSpace(_ call: GraphDefCall) throws(Diagnostic) -> GraphDefValue {
    let (block, crops) = try blocks(call)
    guard case .phases(let phases) = call.operands[0], phases.block == block,
      let convolution = phases.convolution
    else {
      throw call.node.problem(
        "only a convolution between SpaceToBatchND and BatchToSpaceND of one block is supported")
    }
    let dilated = GraphDefCall(
      node: call.node, operands: [.tensor(phases.image), .tensor(convolution.filter)])
    let (image, filter) = (graph[phases.image].shape, graph[convolution.filter].shape)
    let pads = (0..<4).map { phases.pads[$0] - crops[$0] }
    guard filter.rank == 4, filter.dimensions[2] > 0, pads.allSatisfy({ $0 >= 0 }) else {
      throw call.node.problem("its crops \(crops) are more than the pads \(phases.pads)")
    }
    let geometry = WindowGeometry(
      inputHeight: image.height, inputWidth: image.width, kernelHeight: filter.dimensions[0],
      kernelWidth: filter.dimensions[1], strideY: 1, strideX: 1, dilationY: block[0],
      dilationX: block[1],
      padding: .explicit(top: pads[0], bottom: pads[1], left: pads[2], right: pads[3]))
    return try append(dilated, geometry, image, filter, isDepthwise: convolution.isDepthwise)
  }

  /// The block lengths in y and x, and four numbers of pixels: [top, bottom, left, right].
  private func blocks(_ call: GraphDefCall) throws(Diagnostic) -> ([Int], [Int]) {
    let (block, pixels) = (try call.list(1), try call.integers(2))
    guard block.count == 2, pixels.shape == TensorShape([2, 2]),
      block.allSatisfy({ (1...(1 << 16)).contains($0) }),
      pixels.values.allSatisfy({ (0...(1 << 16)).contains($0) })
    else { throw call.node.problem("its block \(block) is not one of two dimensions") }
    return (block, pixels.values)
  }

  /// `_FusedConv2D` and its kin, which TensorFlow's optimizer writes: a layer, BiasAdd, and an
  /// activation in one node.
  mutating func fused(
    _ operation: GraphDefOperator, _ call: GraphDefCall
  ) throws(Diagnostic) -> GraphDefValue {
    var steps = try call.node.strings("fused_ops")
    var node = call.node
    node.name = "\(call.node.name)/layer"
    let layer = GraphDefCall(node: node, operands: Array(call.operands.prefix(2)))
    var value =
      switch operation {
      case .fusedConv2D: try convolution(layer, isDepthwise: false)
      case .fusedDepthwiseConv2D: try convolution(layer, isDepthwise: true)
      default: try matrixMultiplication(layer)
      }
    if steps.first == "BiasAdd", call.operands.count == 3 {
      steps.removeFirst()
      node.name = "\(call.node.name)/bias"
      value = try biasAdd(GraphDefCall(node: node, operands: [value, call.operands[2]]))
    }
    let activations = ["Relu": FusedActivation.relu, "Relu6": .relu6]
    if let first = steps.first, let activation = activations[first] {
      steps.removeFirst()
      value = try append(
        GraphDefCall(node: call.node, operands: [value]), .activation(activation), 1)
    }
    guard steps.isEmpty, case .tensor(let id) = value else {
      throw call.node.problem("\(steps.first ?? "this") fused into a layer is not supported")
    }
    graph.rename(id, to: call.node.name)
    return value
  }
}
