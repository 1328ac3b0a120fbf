import Dispatch

/// The reference interpreter: computes a network in integers, bit for bit what LiteRT's reference
/// kernels compute at every operator. It is also the only executable definition of what the
/// hardware must do.
///
/// Building one checks the network (`verify`), so that 32-bit accumulators cannot leave their
/// range, and lays the weights out for the kernels once. Evaluations share it. Results do not
/// depend on the number of threads: every output element is computed by one thread, in integers.
public struct Interpreter: Sendable {
  public let graph: QuantizedGraph
  private let kernels: [Kernel]
  /// The last reader of each value, by value index; outputs are never released.
  private let lastReader: [Int]

  /// Checks and prepares a network. Throws what `QuantizedGraph.verify` finds.
  public init(_ graph: QuantizedGraph) throws(Diagnostics) {
    let found = graph.verify()
    guard found.isEmpty else { throw Diagnostics(found) }
    self.graph = graph
    kernels = graph.values.map { id in
      Kernel(node: graph[id], operands: graph[id].operands.map { graph[$0].type })
    }
    var lastReader = [Int](repeating: 0, count: graph.nodes.count)
    for id in graph.values {
      for operand in graph[id].operands { lastReader[operand.index] = id.index }
    }
    for output in graph.outputs { lastReader[output.index] = Int.max }
    self.lastReader = lastReader
  }

  /// The number of threads that an evaluation uses unless told otherwise: one a core.
  public static var defaultThreads: Int { max(1, activeProcessorCount) }

  /// Computes every value of the network, by value index; index 0 is the input itself.
  /// Throws a diagnostic when `input` is not of the input's shape and element type.
  public func evaluate(
    _ input: IntegerTensor, threads: Int = Interpreter.defaultThreads
  ) throws(Diagnostics) -> [IntegerTensor] {
    var values: [IntegerTensor] = []
    values.reserveCapacity(graph.nodes.count)
    try forEachValue(input, threads: threads) { _, value in values.append(value) }
    return values
  }

  /// Computes the network's outputs alone; values are released after their last reader.
  public func outputs(
    for input: IntegerTensor, threads: Int = Interpreter.defaultThreads
  ) throws(Diagnostics) -> [IntegerTensor] {
    var results: [Int: IntegerTensor] = [:]
    let wanted = Set(graph.outputs.map(\.index))
    try forEachValue(input, threads: threads) { id, value in
      if wanted.contains(id.index) { results[id.index] = value }
    }
    return graph.outputs.map { results[$0.index]! }
  }

  /// Hands every value to `body` in topological order, and releases it after its last reader.
  public func forEachValue(
    _ input: IntegerTensor, threads: Int = Interpreter.defaultThreads,
    _ body: (ValueID, IntegerTensor) -> Void
  ) throws(Diagnostics) {
    let wanted = graph.nodes[0].type
    guard input.shape == wanted.shape, input.element == wanted.element else {
      throw Diagnostics(
        Diagnostic(
          "the input is \(input.element.rawValue) \(input.shape); the network takes "
            + "\(wanted.element.rawValue) \(wanted.shape)", node: graph.nodes[0].name))
    }
    var live: [IntegerTensor?] = Array(repeating: nil, count: graph.nodes.count)
    for id in graph.values {
      let node = graph[id]
      let operands = node.operands.map { live[$0.index]! }
      let bytes =
        id.index == 0
        ? input.bytes : kernels[id.index].evaluate(operands.map(\.bytes), threads: threads)
      let value = IntegerTensor(
        shape: node.type.shape, element: node.type.element, bytes: bytes)
      live[id.index] = value
      body(id, value)
      for operand in node.operands where lastReader[operand.index] <= id.index {
        live[operand.index] = nil
      }
    }
  }
}

extension QuantizedGraph {
  /// Computes every value of the network for one input, by value index. An `Interpreter` kept
  /// over several images saves the checks. Throws what `verify` finds, or that the input is not of
  /// the network's shape and element type.
  public func evaluate(
    _ input: IntegerTensor, threads: Int = Interpreter.defaultThreads
  ) throws(Diagnostics) -> [IntegerTensor] {
    try Interpreter(self).evaluate(input, threads: threads)
  }
}

/// One node, ready to compute: raw bytes of the operands in, raw bytes of the value out.
enum Kernel: Sendable {
  case input
  case denseConvolution(DenseConvolutionKernel)
  case depthwiseConvolution(DepthwiseConvolutionKernel)
  case fullyConnected(FullyConnectedKernel)
  case pool(PoolKernel)
  case mean(MeanKernel)
  case table(TableKernel)
  case channelTable(ChannelTableKernel)
  case binary(BinaryKernel)
  case concatenation(ConcatenationKernel)
  case pad(PadKernel)
  case copy
  case softmax(SoftmaxKernel)
  case l2Normalization(L2NormalizationKernel)

  init(node: QuantizedNode, operands: [QuantizedType]) {
    switch node.operation {
    case .input: self = .input
    case .convolution(let convolution):
      if convolution.inputChannelsPerGroup == 1 {
        self = .depthwiseConvolution(
          DepthwiseConvolutionKernel(convolution, input: operands[0], output: node.type))
      } else {
        self = .denseConvolution(
          DenseConvolutionKernel(convolution, input: operands[0], output: node.type))
      }
    case .fullyConnected(let layer):
      self = .fullyConnected(
        FullyConnectedKernel(layer, input: operands[0], output: node.type))
    case .averagePool(let pool):
      self = .pool(PoolKernel(pool, average: true, type: node.type))
    case .maxPool(let pool): self = .pool(PoolKernel(pool, average: false, type: node.type))
    case .mean(let mean): self = .mean(MeanKernel(mean, input: operands[0], output: node.type))
    case .rescale(let rescale):
      self = .table(TableKernel(rescale, input: operands[0], output: node.type))
    case .table(let table):
      if table.codes.count == 256 {
        self = .table(TableKernel(table, input: operands[0]))
      } else {
        self = .channelTable(ChannelTableKernel(table, input: operands[0]))
      }
    case .add(let add): self = .binary(BinaryKernel(add, operands: operands, output: node.type))
    case .multiply(let multiply):
      self = .binary(BinaryKernel(multiply, operands: operands, output: node.type))
    case .concatenation(let concatenation):
      self = .concatenation(ConcatenationKernel(concatenation, operands: operands))
    case .pad(let pad): self = .pad(PadKernel(pad, input: operands[0], output: node.type))
    case .reshape: self = .copy
    case .softmax(let softmax):
      self = .softmax(SoftmaxKernel(softmax, input: operands[0], output: node.type))
    case .l2Normalization:
      self = .l2Normalization(L2NormalizationKernel(input: operands[0], output: node.type))
    }
  }

  func evaluate(_ operands: [[UInt8]], threads: Int) -> [UInt8] {
    switch self {
    case .input: preconditionFailure("the input is given, not computed")
    case .denseConvolution(let kernel): return kernel.evaluate(operands[0], threads: threads)
    case .depthwiseConvolution(let kernel): return kernel.evaluate(operands[0], threads: threads)
    case .fullyConnected(let kernel): return kernel.evaluate(operands[0], threads: threads)
    case .pool(let kernel): return kernel.evaluate(operands[0], threads: threads)
    case .mean(let kernel): return kernel.evaluate(operands[0])
    case .table(let kernel): return kernel.evaluate(operands[0])
    case .channelTable(let kernel): return kernel.evaluate(operands[0])
    case .binary(let kernel): return kernel.evaluate(operands[0], operands[1])
    case .concatenation(let kernel): return kernel.evaluate(operands)
    case .pad(let kernel): return kernel.evaluate(operands[0])
    case .copy: return operands[0]
    case .softmax(let kernel): return kernel.evaluate(operands[0])
    case .l2Normalization(let kernel): return kernel.evaluate(operands[0])
    }
  }
}
