import NeuralGraph

/// Takes PAD operators into the windows of the convolutions and max pools that read them.
///
/// A convolution sees the zero point outside its image, and PAD fills with the zero point, so a
/// convolution over a padded map is the same convolution over the map itself with larger pads:
/// `padTop + before`, the output's size unchanged. Pads of pads add up. A max pool looks only at
/// the cells inside its image; the pad's code, whatever it is, changes nothing when no code is below it
/// whatever the layers' weights and biases become (the zero point behind ReLU); else the pool, if it has
/// neither pads of its own nor dilation, takes that code outside (`QuantizedPool.padCode`). Every window
/// must have a cell of the map itself. An average pool keeps its pad, whose cells it counts. A pad node disappears when every reader has
/// taken it up and it is no output of the network. Every value that remains is the same, element
/// by element; one pass over the nodes. `graph` must be valid (`QuantizedGraph.verify`).
public func foldPad(_ graph: QuantizedGraph) -> QuantizedGraph {
  guard graph.nodes.contains(where: { spatialPadCode($0) != nil }) else { return graph }
  // Pruning and adaptive batch norm come later.
  let intervals = graph.channelIntervals(anyParameters: true)
  let folded = graph.values.map { windowWithoutPad(of: $0, in: graph, intervals) }
  let kept = keptNodes(graph, folded)
  var result = QuantizedGraph(name: graph.name)
  var renamed: [ValueID?] = []
  for id in graph.values {
    guard kept[id.index] else {
      renamed.append(nil)
      continue
    }
    let node = folded[id.index] ?? graph[id]
    var copy = node
    copy.operands = node.operands.map { renamed[$0.index]! }
    renamed.append(result.append(copy))
  }
  result.outputs = graph.outputs.map { renamed[$0.index]! }
  return result
}

/// The node with its operand's pads in its own window, or nil when it has none to take up.
private func windowWithoutPad(
  of id: ValueID, in graph: QuantizedGraph, _ intervals: ChannelIntervals
) -> QuantizedNode? {
  var node = graph[id]
  switch node.operation {
  case .convolution(var convolution):
    let source = unpadded(node.operands[0], in: graph) { $0 == $1 }
    guard source.value != node.operands[0] else { return nil }
    convolution.geometry = convolution.geometry.growing(
      by: source.before, over: graph[source.value].type.shape)
    node.operation = .convolution(convolution)
    node.operands = [source.value]
  case .maxPool(var pool):
    guard let code = spatialPadCode(graph[node.operands[0]]) else { return nil }
    let source = unpadded(node.operands[0], in: graph) { pad, _ in pad == code }
    let changesNothing = intervals.codes[source.value.index].allSatisfy { $0.lowerBound >= code }
    if pool.padCode != nil || !changesNothing {
      // Cells of the pad count; the pool's own pads, if it has some, do not, or have their own code.
      guard !pool.geometry.leavesImage || pool.padCode == code, pool.geometry.dilationY == 1,
        pool.geometry.dilationX == 1
      else { return nil }
      pool.padCode = code
    }
    pool.geometry = pool.geometry.growing(
      by: source.before, over: graph[source.value].type.shape)
    if !pool.geometry.leavesImage { pool.padCode = nil }
    guard (0..<pool.geometry.outputHeight).allSatisfy({ !pool.geometry.rowTaps($0).isEmpty }),
      (0..<pool.geometry.outputWidth).allSatisfy({ !pool.geometry.columnTaps($0).isEmpty })
    else { return nil }
    node.operation = .maxPool(pool)
    node.operands = [source.value]
  default: return nil
  }
  return node
}

/// The code that a pad of rows and columns alone fills with; nil for any other node.
private func spatialPadCode(_ node: QuantizedNode) -> Int? {
  guard case .pad(let pad) = node.operation, node.type.shape.isImage,
    [0, 3].allSatisfy({ pad.before[$0] == 0 && pad.after[$0] == 0 })
  else { return nil }
  return pad.code ?? node.type.zeroPoint
}

/// Which nodes stay: all but pads that nothing needs any more, from the readers to their operands.
private func keptNodes(_ graph: QuantizedGraph, _ folded: [QuantizedNode?]) -> [Bool] {
  var needed = graph.nodes.map { spatialPadCode($0) == nil }
  for output in graph.outputs { needed[output.index] = true }
  for id in graph.values.reversed() where needed[id.index] {
    for operand in (folded[id.index] ?? graph[id]).operands { needed[operand.index] = true }
  }
  return needed
}

/// The value before those pads of a window's operand whose code the window `takes`, and the rows above and
/// columns left of it that they add.
private func unpadded(
  _ operand: ValueID, in graph: QuantizedGraph, takes: (_ code: Int, _ zeroPoint: Int) -> Bool
) -> (value: ValueID, before: (rows: Int, columns: Int)) {
  var value = operand
  var (rows, columns) = (0, 0)
  while case .pad(let pad) = graph[value].operation, let code = spatialPadCode(graph[value]),
    takes(code, graph[value].type.zeroPoint)
  {
    rows += pad.before[1]
    columns += pad.before[2]
    value = graph[value].operands[0]
  }
  return (value, (rows, columns))
}

extension WindowGeometry {
  /// The same windows over the map inside a pad: `before` rows above and columns left of it.
  fileprivate func growing(
    by before: (rows: Int, columns: Int), over shape: TensorShape
  ) -> WindowGeometry {
    var geometry = self
    geometry.inputHeight = shape.height
    geometry.inputWidth = shape.width
    geometry.padTop += before.rows
    geometry.padLeft += before.columns
    return geometry
  }
}
