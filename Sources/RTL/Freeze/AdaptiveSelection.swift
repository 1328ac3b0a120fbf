import NeuralGraph

/// Which convolutions have an adaptive batch norm, as a user says it: `all`, or numbers and names with
/// commas between.
public struct AdaptiveSelection: Hashable, Sendable {
  /// Nil for all.
  public var parts: [String]?

  /// Nil for text that names nothing.
  public init?(_ text: String) {
    if text == "all" { return }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    self.parts = parts
  }

  /// The network with the chosen ones of its first `fixedLayers` convolutions adaptive. A number counts
  /// convolutions from 1; a name is the layer's tensor's in the model, or its short one. Throws what is
  /// chosen and not there, and what `QuantizedGraph.adapting` does.
  public func apply(
    to graph: QuantizedGraph, fixedLayers: Int?, scaleBits: Int
  ) throws(Diagnostics) -> QuantizedGraph {
    let prefix = try FixedPrefix(graph, fixedLayers: fixedLayers)
    let convolutions = prefix.layers.filter { graph[$0].operation.isConvolution }
    guard let parts else { return try graph.adapting(convolutions, scaleBits: scaleBits) }
    var chosen: [ValueID] = []
    var found: [Diagnostic] = []
    for part in parts {
      let matches: [ValueID]
      if let number = Int(part) {
        matches = number >= 1 && number <= convolutions.count ? [convolutions[number - 1]] : []
      } else {
        let exact = convolutions.filter { graph[$0].name == part }
        matches =
          exact.isEmpty
          ? convolutions.filter { Freeze.shortName(graph[$0].name) == part } : exact
      }
      if matches.count == 1 {
        chosen.append(matches[0])
      } else {
        found.append(
          Diagnostic(
            matches.isEmpty
              ? "there is no fixed convolution '\(part)'"
              : "\(matches.count) fixed convolutions are called '\(part)'",
            remedy: "give --adaptive-batchnorm 'all', or numbers from 1 to \(convolutions.count), "
              + "or names as 'deepfreeze inspect' prints them"))
      }
    }
    guard found.isEmpty else { throw Diagnostics(found) }
    return try graph.adapting(chosen, scaleBits: scaleBits)
  }
}
