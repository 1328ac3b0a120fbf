import NeuralGraph

extension ONNXImporter {
  /// The node of a graph input. Four dimensions are an image: [1, C, H, W], held as [1, H, W, C],
  /// unless the first thing that reads it is a Transpose from channels last to channels first.
  mutating func append(_ port: ONNXPort) throws(Diagnostic) -> ONNXActivation {
    func problem(_ message: String, _ remedy: String) -> Diagnostic {
      Diagnostic(message, node: port.name, remedy: remedy)
    }
    let export = "export the model for inference with one image of real numbers as its input"
    guard let number = port.type, let type = ONNXType(rawValue: number),
      type.isReal || type.element != nil
    else { throw problem("the input is neither of real numbers nor of bytes", export) }
    guard var dimensions = port.dimensions, (1...6).contains(dimensions.count) else {
      throw problem("the input's shape is unknown", export)
    }
    if dimensions[0] == -1 { dimensions[0] = 1 }
    guard dimensions[0] == 1 else {
      throw problem("the input has a batch of \(dimensions[0])", "export the model with batch 1")
    }
    let isImage = dimensions.count == 4
    let isChannelsLast = isImage && beginsWithTranspose(port.name)
    if isImage {
      let (height, width) = isChannelsLast ? (1, 2) : (2, 3)
      if dimensions[height] < 0 || dimensions[width] < 0 {
        guard let imageSize else {
          throw problem(
            "the input's height or width is open", "state it with --image-size HEIGHTxWIDTH")
        }
        if dimensions[height] < 0 { dimensions[height] = imageSize.height }
        if dimensions[width] < 0 { dimensions[width] = imageSize.width }
      }
    }
    guard dimensions.allSatisfy({ (1...Operation.maximumElements).contains($0) }) else {
      throw problem("the input's shape leaves an extent open, or one is too large", export)
    }
    let range = type.element?.range
    graph.statedInputRange = range.map { Float($0.lowerBound)...Float($0.upperBound) }
    let shape = TensorShape(dimensions)
    guard isImage, !isChannelsLast else {
      let node = try graph.append(name: port.name, .input(shape))
      if let element = type.element { byteInputs[node] = element }
      return ONNXActivation(node: node, layout: ONNXLayout(plain: shape))
    }
    let view = TensorShape([0, 2, 3, 1].map { dimensions[$0] })
    let node = try graph.append(name: port.name, .input(view))
    if let element = type.element { byteInputs[node] = element }
    return ONNXActivation(node: node, layout: ONNXLayout(image: view))
  }

  /// True when the tensor, or what is computed from it element by element, is first transposed from
  /// channels last to channels first: the way of TensorFlow's exporter.
  private func beginsWithTranspose(_ name: String) -> Bool {
    var waiting = [name]
    var seen: Set<String> = [name]
    let elementwise: Set<String> = [
      "Add", "Sub", "Mul", "Div", "Neg", "Cast", "Identity", "Clip", "Relu", "Max", "Min", "Pad",
      "Dropout", "QuantizeLinear", "DequantizeLinear",
    ]
    let byInput = readersByInput()
    while let next = waiting.popLast() {
      for node in byInput[next] ?? [] {
        if node.operation == "Transpose" {
          if case .integers([0, 3, 1, 2])? = node.attributes["perm"] { return true }
        } else if elementwise.contains(node.operation), let result = node.outputs.first,
          node.inputs.first == next || node.operation != "Pad", seen.insert(result).inserted
        {
          waiting.append(result)
        }
      }
    }
    return false
  }

  /// Wherever the user ends the network, an image is what the whole network takes it for.
  private func readersByInput() -> [String: [ONNXNode]] {
    var readers: [String: [ONNXNode]] = [:]
    for node in order.live.map({ file.nodes[$0] }) + file.behindEnd {
      for name in Set(node.inputs) { readers[name, default: []].append(node) }
    }
    return readers
  }
}
