import GraphPasses
import ModelImport
import NeuralGraph

/// A listing whose convolutions are numbered as `--fixed-layers` counts them, where that can be said.
struct CountedListing {
  var listing: ModelListing
  /// How many convolutions `--fixed-layers` counts; nil for a network that cannot be used.
  var convolutions: Int?
  /// True when the listing's numbers are those of `--fixed-layers`; else they count the file's own
  /// convolutions.
  var isNumbered = false

  /// In a network of real numbers factors and summands a channel that no layer takes into its weights become
  /// 1x1 depthwise convolutions (`affine-to-depthwise`), which count too.
  init(_ file: ModelFile, _ model: ModelOptions) throws(Diagnostics) {
    listing = try file.listing(imageSize: model.imageSize)
    guard listing.diagnostics.isEmpty,
      let imported = try? file.imported(imageSize: model.imageSize)
    else { return }
    switch imported {
    case .quantized(let graph):
      convolutions = graph.nodes.count { $0.operation.isConvolution }
      isNumbered = convolutions == numbered.count
    case .float(let graph):
      guard
        let canonical = try? canonicalNetwork(graph, inputNormalization: model.inputRange)
      else { return }
      let names = Self.convolutions(canonical, of: graph)
      convolutions = names.count
      isNumbered = number(names)
    }
  }

  /// Entries that are convolutions.
  private var numbered: [Int] {
    listing.entries.indices.filter { listing.entries[$0].convolutionNumber != nil }
  }

  /// Of each convolution of the canonical network the name of the arithmetic that it was made of, or nil for a
  /// convolution of the file.
  private static func convolutions(_ canonical: Graph, of graph: Graph) -> [String?] {
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

  /// Numbers the entries that these convolutions are; false, and no change, when one of them is no entry or
  /// could be several.
  private mutating func number(_ convolutions: [String?]) -> Bool {
    let own = numbered
    guard convolutions.count(where: { $0 == nil }) == own.count else { return false }
    var places: [Int] = []
    var next = own.makeIterator()
    for name in convolutions {
      guard let name else {
        if let place = next.next() { places.append(place) }
        continue
      }
      let found = listing.entries.indices.filter {
        listing.entries[$0].name == name || "\(listing.entries[$0].name)/linear" == name
      }
      guard found.count == 1 else { return false }
      places.append(found[0])
    }
    guard Set(places).count == convolutions.count else { return false }
    for place in own { listing.entries[place].convolutionNumber = nil }
    for (number, place) in places.enumerated() {
      listing.entries[place].convolutionNumber = number + 1
    }
    return true
  }
}
