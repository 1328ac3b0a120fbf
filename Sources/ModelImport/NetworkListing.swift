import NeuralGraph

/// The nodes of a network in integers as a listing; all of them are supported.
func listNetwork(_ graph: QuantizedGraph, name: String) -> ModelListing {
  var convolutions = 0
  var entries: [ModelListing.Entry] = []
  for value in graph.values {
    let node = graph[value]
    if case .input = node.operation { continue }
    var entry = ModelListing.Entry(
      operatorIndex: entries.count, name: node.name, kind: node.operation.tfliteName,
      outputShape: node.type.shape.dimensions, isSupported: true, value: value)
    switch node.operation {
    case .convolution(let layer):
      convolutions += 1
      entry.convolutionNumber = convolutions
      entry.weights = layer.weights.count
      entry.zeroWeights = layer.weights.count { $0 == 0 }
      entry.multiplyAccumulates =
        layer.geometry.outputHeight * layer.geometry.outputWidth * layer.weights.count
    case .fullyConnected(let layer):
      entry.weights = layer.weights.count
      entry.zeroWeights = layer.weights.count { $0 == 0 }
      let rows = node.type.shape.elementCount / max(1, layer.outputSize)
      entry.multiplyAccumulates = rows * layer.weights.count
    default: break
    }
    entries.append(entry)
  }
  let type = graph.nodes.first?.type
  return ModelListing(
    format: ModelFile.Format.network.rawValue, name: name,
    input: type.map { "\($0.element.rawValue) \($0.shape)" } ?? "none", entries: entries,
    diagnostics: [])
}
