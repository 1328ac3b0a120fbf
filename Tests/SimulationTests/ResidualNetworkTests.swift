import Foundation
import NeuralGraph
import RTL
import Simulation
import Testing

/// Whole small networks with residual blocks, of the forms of ResNet and MobileNetV2, in a simulator.
@Suite struct ResidualNetworkTests {
  /// Builds a network layer by layer, with weights of a fixed sequence.
  private struct Network {
    var graph: QuantizedGraph
    var last: ValueID
    private var state = 1

    init(_ name: String, height: Int, width: Int, channels: Int) {
      graph = QuantizedGraph(name: name)
      last = graph.append(
        QuantizedNode(
          name: "image", operation: .input, operands: [],
          type: QuantizedType(
            shape: TensorShape(height: height, width: width, channels: channels),
            element: .int8, scale: 0.5, zeroPoint: -1)))
      graph.outputs = [last]
    }

    private mutating func next(_ range: ClosedRange<Int>) -> Int {
      state = (state &* 1_103_515_245 &+ 12345) & 0x7FFF_FFFF
      return range.lowerBound + (state >> 8) % range.count
    }

    private mutating func append(
      _ name: String, _ operation: QuantizedOperation, _ operands: [ValueID], _ shape: TensorShape,
      zeroPoint: Int
    ) {
      last = graph.append(
        QuantizedNode(
          name: name, operation: operation, operands: operands,
          type: QuantizedType(shape: shape, element: .int8, scale: 0.5, zeroPoint: zeroPoint)))
      graph.outputs = [last]
    }

    mutating func convolve(
      _ name: String, kernel: Int, stride: Int = 1, channels: Int, isDepthwise: Bool = false,
      isRelu: Bool = true
    ) {
      let shape = graph[last].type.shape
      let window = WindowGeometry(
        inputHeight: shape.height, inputWidth: shape.width, kernelHeight: kernel,
        kernelWidth: kernel, strideY: stride, strideX: stride, padding: .same)!
      let perChannel = kernel * kernel * (isDepthwise ? 1 : shape.channels)
      let zeroPoint = isRelu ? -128 : next(-30...30)
      let convolution = QuantizedConvolution(
        geometry: window, inputChannels: shape.channels, outputChannels: channels,
        groups: isDepthwise ? channels : 1,
        weights: (0..<perChannel * channels).map { _ in Int16(next(-127...127)) },
        bias: (0..<channels).map { _ in Int32(next(-2000...2000)) },
        requantization: (0..<channels).map { _ in
          FixedPointMultiplier(
            real: Double(next(800...1200)) / 1000 / Double(perChannel * 40))
        }, clamp: -128...127, weightZeroPoints: [0], weightScales: [1])
      append(
        name, .convolution(convolution), [last],
        TensorShape(height: window.outputHeight, width: window.outputWidth, channels: channels),
        zeroPoint: zeroPoint)
    }

    mutating func add(_ name: String, _ a: ValueID, _ b: ValueID, isRelu: Bool) {
      let add = QuantizedAdd(
        first: Float(next(60...140)) / 1000.5, second: Float(next(60...140)) / 999.25,
        output: Float(next(90...200)) / 1001.75, clamp: -128...127)!
      append(
        name, .add(add), [a, b], graph[a].type.shape, zeroPoint: isRelu ? -128 : next(-30...30))
    }

    mutating func pool(_ name: String) {
      let shape = graph[last].type.shape
      let window = WindowGeometry(
        inputHeight: shape.height, inputWidth: shape.width, kernelHeight: shape.height,
        kernelWidth: shape.width, strideY: 1, strideX: 1, padding: .valid)!
      append(
        name, .averagePool(QuantizedPool(geometry: window, clamp: -128...127)), [last],
        TensorShape(height: 1, width: 1, channels: shape.channels),
        zeroPoint: graph[last].type.zeroPoint)
    }
  }

  /// ResNet-8's form: an identity block, then two with strides and 1x1 convolutions on the short way.
  static let resNet: QuantizedGraph = {
    var network = Network("resnet", height: 13, width: 12, channels: 3)
    network.convolve("stem", kernel: 3, channels: 4)
    for (block, stride, channels) in [(1, 1, 4), (2, 2, 6), (3, 2, 8)] {
      let fork = network.last
      network.convolve("block\(block)/a", kernel: 3, stride: stride, channels: channels)
      network.convolve("block\(block)/b", kernel: 3, channels: channels, isRelu: false)
      let long = network.last
      network.last = fork
      if stride > 1 {
        network.convolve(
          "block\(block)/short", kernel: 1, stride: stride, channels: channels, isRelu: false)
      }
      network.add("block\(block)/sum", network.last, long, isRelu: true)
    }
    network.pool("pool")
    return network.graph
  }()

  /// MobileNetV2's form: inverted residuals with and without a stride.
  static let mobileNetV2: QuantizedGraph = {
    var network = Network("mobilenet_v2", height: 16, width: 14, channels: 3)
    network.convolve("stem", kernel: 3, stride: 2, channels: 6)
    network.convolve("block0/dw", kernel: 3, channels: 6, isDepthwise: true)
    network.convolve("block0/project", kernel: 1, channels: 4, isRelu: false)
    for (block, stride) in [(1, 2), (2, 1), (3, 1)] {
      let fork = network.last
      network.convolve("block\(block)/expand", kernel: 1, channels: 12)
      network.convolve(
        "block\(block)/dw", kernel: 3, stride: stride, channels: 12, isDepthwise: true)
      network.convolve("block\(block)/project", kernel: 1, channels: 4, isRelu: false)
      if stride == 1 { network.add("block\(block)/add", fork, network.last, isRelu: false) }
    }
    network.convolve("head", kernel: 1, channels: 8)
    network.pool("pool")
    return network.graph
  }()

  @Test(
    "a whole residual network is bit-exact at every tensor and in every cycle, stalls or not",
    arguments: [resNet, mobileNetV2], Simulator.allCases)
  func whole(graph: QuantizedGraph, simulator: Simulator) async throws {
    #expect(graph.verify() == [])
    let options = FreezeOptions(effort: 0)
    let design = try Freeze.design(graph, options: options)
    #expect(design.layers.count == graph.nodes.count - 1 && design.end == nil)
    #expect(design.verify() == [])
    #expect(design.timing.staysReady(frames: 3))
    let reports = try await ScratchFolder.with { scratch throws(Diagnostics) in
      try FolderWriter.write(
        design.emittedFiles(network: NetworkFile(graph: graph)), to: scratch.path + "/out")
      let verification = try await Verification(
        EmittedFolder(path: scratch.path + "/out"), simulator: simulator, frames: 4,
        scratch: scratch)
      let images = RandomNetwork(graph: graph, options: options).images(4, seed: 11)
      var reports = [try await verification.run(frames: images)]
      for seed in [2, 3] as [UInt64] {
        reports.append(try await verification.run(frames: images, stalls: seed))
      }
      return reports
    }
    for report in reports {
      #expect(report.problems == [])
      #expect(report.layers.count == graph.nodes.count - 1)
    }
  }
}
