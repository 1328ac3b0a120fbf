import NeuralGraph

/// Lowers an ONNX model with QuantizeLinear and DequantizeLinear to integers, by ONNX's rules: what
/// stands between two quantized tensors is one integer operation with one rounding, ties to even.
///
/// One walk in topological order. Quantized tensors, and what only moves or compares their codes
/// (reshapes, pads, max pools), are values. At each other quantized tensor the walk goes back through
/// activations, reshapes and max pools, which commute with rounding and become a clamp and operations
/// on codes, to the one operation behind them. All that cannot be lowered is reported at once.
struct ONNXIntegerLowering {
  let graph: Graph
  let grids: [NodeID: ONNXGrid]
  let layers: [NodeID: ONNXLayerScales]
  /// Inputs of 8-bit integers.
  let byteInputs: [NodeID: QuantizedElement]
  /// The grids of constants that QLinearAdd and QLinearMul read.
  let constantGrids: [NodeID: ONNXGrid]
  var result: QuantizedGraph
  var values: [NodeID: ValueID] = [:]
  var problems: [Diagnostic] = []
  /// Weights that layers may still copy: a layer with several grids behind it is lowered for each.
  var budget: Int
  /// Codes that tables may still have.
  var tableBudget = NetworkLimits.tableCodes
  /// What the user should know: a Softmax at the end that is left out.
  var notes: [Diagnostic] = []
  /// True when the user named the outputs: then each is that tensor, and nothing before it.
  private let endsAtNames: Bool
  private let readers: [[NodeID]]

  init(_ importer: ONNXImporter) {
    graph = importer.graph
    grids = importer.grids
    layers = importer.layerScales
    byteInputs = importer.byteInputs
    constantGrids = importer.constantGrids
    endsAtNames = importer.file.endsAtNames
    readers = importer.graph.readers
    budget = importer.budget
    result = QuantizedGraph(name: importer.graph.name)
  }

  mutating func run() throws(Diagnostics) -> QuantizedGraph {
    var failed: Set<NodeID> = []
    for id in graph.ids {
      if graph[id].operands.contains(where: { failed.contains($0) }) {
        failed.insert(id)
        continue
      }
      do throws(Diagnostic) {
        try lower(id)
      } catch {
        problems.append(error)
        failed.insert(id)
      }
    }
    for output in graph.outputs where !failed.contains(output) {
      if let value = values[output] {
        if !result.outputs.contains(value) { result.outputs.append(value) }
      } else {
        problems.append(notQuantized(output))
      }
    }
    guard problems.isEmpty else { throw Diagnostics(problems) }
    let found = result.verify()
    guard found.isEmpty else { throw Diagnostics(found) }
    return result
  }

  private func notQuantized(_ id: NodeID) -> Diagnostic {
    var source = id
    while case .reshape = graph[source].operation { source = graph[source].operands[0] }
    if source != id, case .transpose = graph[source].operation,
      values[graph[source].operands[0]] != nil
    {
      return Diagnostic(
        "it puts the codes of a map of several pixels in the order of channels, rows and columns, "
          + "which is not supported at the network's end",
        node: graph[id].name,
        remedy: "leave it out of the export: the output is then the map")
    }
    return Diagnostic(
      "\(graph[id].operation.name) computes with real numbers: no QuantizeLinear follows it",
      node: graph[id].name,
      remedy: "quantize the whole network, or leave this part out of the export")
  }

  private mutating func lower(_ id: NodeID) throws(Diagnostic) {
    let node = graph[id]
    if values[id] != nil { return }
    if !endsAtNames, let source = cutSoftmax(id) ?? cutFunction(id) {
      values[id] = source
      return
    }
    if grids[id] != nil {
      try lowerQuantized(id)
      return
    }
    switch node.operation {
    case .input: try lowerInput(id)
    case .reshape, .maxPool, .pad:
      guard let source = values[node.operands[0]] else { return }
      values[id] = append(node.name, moving(node.operation, source), [source], node.shape)
    default: break
    }
  }

  /// The tensor that a Softmax at the network's end reads, for the Softmax and for the quantized
  /// tensor made of it: ONNX computes it in real numbers, and it changes no order of classes.
  private mutating func cutSoftmax(_ id: NodeID) -> ValueID? {
    let node = graph[id]
    if grids[id] != nil {
      guard case .softmax = graph[node.operands[0]].operation, readers[id.index].isEmpty else {
        return nil
      }
      return values[node.operands[0]]
    }
    guard case .softmax = node.operation, let source = values[node.operands[0]],
      readers[id.index].allSatisfy({ grids[$0] != nil && readers[$0.index].isEmpty })
    else { return nil }
    notes.append(
      Diagnostic(
        "Softmax computes with real numbers in ONNX and is left out: the output is its operand",
        severity: .note, node: node.name))
    return source
  }

  /// The tensor that a sigmoid or a hyperbolic tangent at the network's end reads: real numbers of the
  /// same order, no QuantizeLinear behind.
  private mutating func cutFunction(_ id: NodeID) -> ValueID? {
    guard case .nonlinearity(let function) = graph[id].operation,
      [.sigmoid, .tanh].contains(function), readers[id.index].isEmpty, grids[id] == nil,
      let source = values[graph[id].operands[0]]
    else { return nil }
    notes.append(
      Diagnostic(
        "\(graph[id].operation.name) computes with real numbers at the network's end and is left out: "
          + "the output is its operand", severity: .note, node: graph[id].name))
    return source
  }

  /// The operation on codes for one that moves or compares numbers.
  private func moving(_ operation: Operation, _ source: ValueID) -> QuantizedOperation {
    switch operation {
    case .maxPool(let geometry):
      .maxPool(QuantizedPool(geometry: geometry, clamp: result[source].type.element.range))
    case .pad(let before, let after): .pad(QuantizedPad(before: before, after: after))
    default: .reshape
    }
  }

  /// A node that keeps its operand's grid.
  private mutating func append(
    _ name: String, _ operation: QuantizedOperation, _ operands: [ValueID], _ shape: TensorShape
  ) -> ValueID {
    var type = result[operands[0]].type
    type.shape = shape
    return result.append(
      QuantizedNode(name: name, operation: operation, operands: operands, type: type))
  }

  /// The input has the grid of the one QuantizeLinear (or, of bytes, DequantizeLinear) that reads it.
  /// Bytes that are read as real numbers stand for themselves. What prepares an image of real numbers
  /// (mean and deviation) before it is quantized is left out: the input is what comes of it.
  private mutating func lowerInput(_ id: NodeID) throws(Diagnostic) {
    let found = Set(readers[id.index].map { grids[$0] })
    var (first, grid) = (id, found.count == 1 ? found.first ?? nil : nil)
    if grid == nil, found == [nil] {
      if let element = byteInputs[id] {
        grid = ONNXGrid(
          element: element, parameters: QuantizationParameters(scale: 1, zeroPoint: 0))
      } else if let (last, found, names) = preparation(id) {
        (first, grid) = (last, found)
        notes.append(
          Diagnostic(
            "\(names) compute with real numbers before the image is quantized and are left out: the "
              + "network's input is the codes of their result", severity: .note,
            node: graph[id].name))
      }
    }
    guard let grid else {
      throw Diagnostic(
        "the input is read as real numbers, or with several grids", node: graph[id].name,
        remedy: "quantize the input once, before anything else")
    }
    values[first] = result.append(
      QuantizedNode(
        name: graph[id].name, operation: .input, operands: [],
        type: grid.type(graph[first].shape)))
  }

  /// The last of a row of operators element by element that alone reads the input, the grid behind
  /// it, and the operators' names; nil when something else is there.
  private func preparation(_ input: NodeID) -> (last: NodeID, grid: ONNXGrid, names: String)? {
    var last = input
    var names: [String] = []
    func only(_ id: NodeID) -> NodeID? {
      readers[id.index].count == 1 && !graph.outputs.contains(id) ? readers[id.index][0] : nil
    }
    while let next = only(last), grids[next] == nil, graph[next].shape == graph[input].shape {
      guard isPointwise(next) else { break }
      names.append(graph[next].operation.name)
      last = next
    }
    var behind = last
    while let next = only(behind) {
      if let grid = grids[next] {
        return last == input ? nil : (last, grid, names.joined(separator: ", "))
      }
      guard case .pad = graph[next].operation else { return nil }
      behind = next
    }
    return nil
  }

  /// True for a function of one tensor, element by element.
  private func isPointwise(_ id: NodeID) -> Bool {
    switch graph[id].operation {
    case .unary, .activation, .nonlinearity, .batchNormalization: true
    case .binary: graph[id].operands.contains { graph.constant($0) != nil }
    default: false
    }
  }

  /// What stands between an operation and the quantized tensor made of it.
  struct Target {
    var grid: ONNXGrid
    /// The least and the greatest real number that activations let through.
    var low = -Float.infinity
    var high = Float.infinity
    var name: String

    /// The codes that activations let through.
    var clamp: ClosedRange<Int> {
      let range = grid.element.range
      let first = low == -.infinity ? range.lowerBound : grid.code(low)
      let last = high == .infinity ? range.upperBound : grid.code(high)
      return first...max(first, last)
    }

    /// An activation inside of what is there already.
    mutating func take(_ bounds: ClosedRange<Float>) {
      let (first, last) = (low, high)
      low = min(max(bounds.lowerBound, first), last)
      high = min(max(bounds.upperBound, first), last)
    }
  }

  /// Activations and moves between an operation and the quantized tensor made of it: more are no
  /// model's, and a long row of them that is read everywhere would take quadratic time.
  private static let longestWalk = 64

  private mutating func lowerQuantized(_ id: NodeID) throws(Diagnostic) {
    guard let grid = grids[id] else { return }
    var target = Target(grid: grid, name: graph[id].name)
    var core = graph[id].operands[0]
    /// Moves behind the core, the last first.
    var moves: [NodeID] = []
    var steps = 0
    walk: while values[core] == nil {
      let node = graph[core]
      steps += 1
      guard steps <= Self.longestWalk else {
        throw Diagnostic(
          "more than \(Self.longestWalk) operators lie behind it", node: node.name,
          remedy: "quantize tensors between them")
      }
      guard readers[core.index].count <= 8 else {
        throw Diagnostic("its result is read by too many operators", node: node.name)
      }
      switch node.operation {
      case .activation(let activation) where grids[core] == nil: target.take(activation.bounds)
      case .binary(.maximum), .binary(.minimum):
        guard let (bound, operand) = bound(node) else { break walk }
        target.take(
          node.operation == .binary(.maximum) ? bound...(.infinity) : -.infinity...bound)
        target.name = node.name
        core = operand
        continue
      case .reshape, .maxPool: moves.append(core)
      default: break walk
      }
      target.name = node.name
      core = node.operands[0]
    }
    if values[core] == nil, moves.isEmpty, target.low == -.infinity, target.high == .infinity {
      target.name = graph[core].name
    }
    var value = try lowerCore(core, target)
    for move in moves.reversed() {
      value = append(
        graph[move].name, moving(graph[move].operation, value), [value], graph[move].shape)
    }
    values[id] = value
  }

  /// The one number of a constant operand, and the other operand.
  private func bound(_ node: Node) -> (Float, NodeID)? {
    for (index, operand) in node.operands.enumerated() {
      if let tensor = graph.constant(operand), tensor.values.count == 1, !tensor.values[0].isNaN,
        graph[node.operands[1 - index]].shape == node.shape
      {
        return (tensor.values[0], node.operands[1 - index])
      }
    }
    return nil
  }

  /// The quantized tensor that an operation reads.
  func operand(_ id: NodeID, of node: Node) throws(Diagnostic) -> ValueID {
    guard let value = values[id] else {
      throw Diagnostic(
        "\(node.operation.name) reads '\(graph[id].name)', which is not quantized",
        node: node.name,
        remedy: "quantize it: QuantizeLinear and DequantizeLinear before this operator")
    }
    return value
  }

  func exact(
    _ node: Node, _ factors: [Float], _ target: Target, count: Int = 1
  ) throws(Diagnostic) -> ExactMultiplier {
    guard
      let multiplier = ExactMultiplier(
        factors, dividedBy: target.grid.parameters.scale, count: count)
    else {
      throw Diagnostic(
        "its scales give no multiplier", node: node.name,
        remedy: "a scale of the layer is extreme")
    }
    return multiplier
  }

  mutating func emit(
    _ operation: QuantizedOperation, _ operands: [ValueID], _ shape: TensorShape, _ target: Target
  ) -> ValueID {
    result.append(
      QuantizedNode(
        name: target.name, operation: operation, operands: operands,
        type: target.grid.type(shape)))
  }

  /// The integer operation of one float node, its result on the target's grid.
  private mutating func lowerCore(
    _ id: NodeID, _ target: Target
  ) throws(Diagnostic) -> ValueID {
    let node = graph[id]
    if let source = values[id] { return try rescale(node, source, target) }
    if let sum = try lowerSumOfCodes(id, target) { return sum }
    switch node.operation {
    case .convolution(let convolution): return try lower(convolution, id, bias: nil, target)
    case .matrixMultiplication: return try lowerMatrix(id, bias: nil, target)
    case .concatenation(let axis): return try lowerConcatenation(id, axis: axis, target)
    case .binary(.multiply):
      if let table = lowerTable(id, target) { return table }
      return try lowerProduct(id, target)
    case .binary(.add), .binary(.subtract):
      if let table = lowerTable(id, target) { return table }
      return try lowerAdd(id, target)
    case .mean(let axes, _):
      let source = try operand(node.operands[0], of: node)
      let shape = result[source].type.shape
      let count = axes.reduce(1) { $0 * shape.dimensions[$1] }
      return emit(
        .mean(
          QuantizedMean(
            axes: axes,
            requantization: FixedPointMultiplier(
              try exact(node, [result[source].type.scale], target, count: count)),
            clamp: target.clamp)), [source], node.shape, target)
    case .averagePool(let geometry): return try lowerAverage(geometry, id, target)
    default:
      if let table = lowerTable(id, target) { return table }
      throw Diagnostic(
        "\(node.operation.name) has no integer form by ONNX's rules", node: node.name,
        remedy: "supported between DequantizeLinear and QuantizeLinear are Conv, Gemm, MatMul, "
          + "Add, Sub, Mul, Concat, Relu, Clip, MaxPool, AveragePool, GlobalAveragePool, "
          + "ReduceMean, Pad and Reshape, and functions of one quantized tensor")
    }
  }

  mutating func rescale(
    _ node: Node, _ source: ValueID, _ target: Target
  ) throws(Diagnostic) -> ValueID {
    let type = result[source].type
    let clamp = target.clamp
    if target.grid.type(type.shape) == type, clamp == type.element.range { return source }
    return emit(
      .rescale(
        QuantizedRescale(
          requantization: FixedPointMultiplier(try exact(node, [type.scale], target)),
          clamp: clamp)), [source], type.shape, target)
  }
}
