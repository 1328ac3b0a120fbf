import NeuralGraph

extension LayerShape {
  /// The layers of `graph` in topological order that an accelerator spends time on: convolutions,
  /// fully connected layers, sums, pools. Reshapes, pads and the final softmax are left out; a
  /// rescaling is a pass over the map, as a pool is.
  public static func layers(of graph: QuantizedGraph) -> [(value: ValueID, shape: LayerShape)] {
    graph.values.compactMap { value in
      guard let shape = layer(graph[value], in: graph) else { return nil }
      return (value, shape)
    }
  }

  private static func layer(_ node: QuantizedNode, in graph: QuantizedGraph) -> LayerShape? {
    guard let operand = node.operands.first else { return nil }
    let input = extent(graph[operand].type.shape)
    let output = extent(node.type.shape)
    func shape(_ kind: Kind) -> LayerShape {
      LayerShape(
        name: node.name, kind: kind, inputHeight: input.height, inputWidth: input.width,
        inputChannels: input.channels, outputHeight: output.height, outputWidth: output.width,
        outputChannels: output.channels)
    }
    switch node.operation {
    case .input, .concatenation, .pad, .reshape, .softmax, .l2Normalization: return nil
    case .convolution(let convolution):
      let geometry = convolution.geometry
      var layer = shape(.convolution)
      layer.kernelHeight = geometry.kernelHeight
      layer.kernelWidth = geometry.kernelWidth
      layer.strideY = geometry.strideY
      layer.strideX = geometry.strideX
      layer.groups = convolution.groups
      layer.isDilated = geometry.dilationY > 1 || geometry.dilationX > 1
      return layer
    case .fullyConnected(let connected):
      return LayerShape(
        name: node.name, kind: .fullyConnected, inputHeight: 1, inputWidth: 1,
        inputChannels: connected.inputSize, outputHeight: 1, outputWidth: 1,
        outputChannels: connected.outputSize)
    case .add, .multiply, .table: return shape(.elementwise)
    case .averagePool, .maxPool, .mean, .rescale: return shape(.pool)
    }
  }

  /// A tensor as a map: NHWC with N = 1, or all elements as channels of one pixel.
  private static func extent(_ shape: TensorShape) -> (height: Int, width: Int, channels: Int) {
    let extents = shape.dimensions
    guard extents.count == 4 else { return (1, 1, extents.reduce(1, *)) }
    return (extents[1], extents[2], extents[3])
  }

  /// ResNet-50 for 224x224 images, as first published: He et al., "Deep residual learning for image
  /// recognition", CVPR 2016, Table 1, with the stride of a group in its first 1x1 convolution.
  public static let resNet50: [LayerShape] = {
    var layers: [LayerShape] = []
    func convolution(
      _ name: String, size: Int, channels: Int, to outputs: Int, kernel: Int, stride: Int
    ) {
      layers.append(
        LayerShape(
          name: name, kind: .convolution, inputHeight: size, inputWidth: size,
          inputChannels: channels, outputHeight: size / stride, outputWidth: size / stride,
          outputChannels: outputs, kernelHeight: kernel, kernelWidth: kernel, strideY: stride,
          strideX: stride))
    }
    func pass(_ name: String, _ kind: Kind, size: Int, to output: Int, channels: Int) {
      layers.append(
        LayerShape(
          name: name, kind: kind, inputHeight: size, inputWidth: size, inputChannels: channels,
          outputHeight: output, outputWidth: output, outputChannels: channels))
    }
    convolution("conv1", size: 224, channels: 3, to: 64, kernel: 7, stride: 2)
    pass("pool1", .pool, size: 112, to: 56, channels: 64)
    var (size, channels) = (56, 64)
    for (group, (blocks, width)) in [(3, 64), (4, 128), (6, 256), (3, 512)].enumerated() {
      for block in 0..<blocks {
        let name = "conv\(group + 2)_\(block + 1)"
        let stride = block == 0 && group > 0 ? 2 : 1
        if block == 0 {
          convolution(
            name + "_shortcut", size: size, channels: channels, to: 4 * width, kernel: 1,
            stride: stride)
        }
        convolution(
          name + "_a", size: size, channels: channels, to: width, kernel: 1, stride: stride)
        size /= stride
        convolution(name + "_b", size: size, channels: width, to: width, kernel: 3, stride: 1)
        convolution(name + "_c", size: size, channels: width, to: 4 * width, kernel: 1, stride: 1)
        channels = 4 * width
        pass(name + "_sum", .elementwise, size: size, to: size, channels: channels)
      }
    }
    pass("pool5", .pool, size: 7, to: 1, channels: 2048)
    layers.append(
      LayerShape(
        name: "fc1000", kind: .fullyConnected, inputHeight: 1, inputWidth: 1, inputChannels: 2048,
        outputHeight: 1, outputWidth: 1, outputChannels: 1000))
    return layers
  }()
}
