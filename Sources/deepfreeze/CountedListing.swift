import GraphPasses
import ModelImport
import NeuralGraph

extension ModelFile {
  /// The listing, its convolutions numbered as `--fixed-layers` counts them. In a network of real numbers
  /// that includes factors and summands a channel that no layer takes into its weights: they become 1x1
  /// depthwise convolutions (`affine-to-depthwise`). Where the network cannot be used, the numbers are
  /// those of the file's convolutions.
  func countedListing(_ model: ModelOptions) throws(Diagnostics) -> ModelListing {
    let listing = try listing(imageSize: model.imageSize)
    guard listing.diagnostics.isEmpty,
      case .float(let graph)? = try? imported(imageSize: model.imageSize),
      let canonical = try? canonicalNetwork(graph, inputNormalization: model.inputRange)
    else { return listing }
    return listing.counting(convolutions(canonical, of: graph))
  }

  /// Of each convolution of the canonical network the name of the arithmetic that it was made of, or nil for a
  /// convolution of the file.
  private func convolutions(_ canonical: Graph, of graph: Graph) -> [String?] {
    // Batch normalization is arithmetic by then.
    var arithmetic: [String: String] = [:]
    for node in graph.nodes {
      switch node.operation {
      case .binary: arithmetic[node.name] = node.name
      case .batchNormalization: arithmetic["\(node.name)/mul"] = node.name
      default: break
      }
    }
    return canonical.nodes.compactMap { node in
      guard case .convolution = node.operation else { return nil }
      let weights = canonical[node.operands[1]].name
      guard weights.hasSuffix("/weights") else { return .some(nil) }
      return .some(arithmetic[String(weights.dropLast("/weights".count))])
    }
  }
}

extension ModelListing {
  /// The listing with other numbers of convolutions; as it is when its own are not those without a name.
  fileprivate func counting(_ convolutions: [String?]) -> ModelListing {
    let listed = entries.indices.filter { entries[$0].convolutionNumber != nil }
    guard convolutions.count(where: { $0 == nil }) == listed.count else { return self }
    var result = self
    for place in listed { result.entries[place].convolutionNumber = nil }
    var own = listed.makeIterator()
    for (position, name) in convolutions.enumerated() {
      let place =
        name.map { name in
          entries.firstIndex { $0.name == name || "\($0.name)/linear" == name }
        } ?? own.next()
      if let place { result.entries[place].convolutionNumber = position + 1 }
    }
    return result
  }
}
