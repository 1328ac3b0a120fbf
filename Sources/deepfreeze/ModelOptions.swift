import ArgumentParser
import ModelImport
import NeuralGraph

/// The model that a command works on.
struct ModelOptions: ParsableArguments {
  @Argument(help: "The exported model: a .tflite quantized to 8 bits.")
  var model: String

  /// Reads the model as a network in integers.
  func load() throws(Diagnostics) -> LoadedModel {
    let file = try ModelFile(path: model)
    switch try file.imported() {
    case .quantized(let graph):
      var origins: [ValueID: OperatorOrigin] = [:]
      for entry in try file.listing().entries {
        guard let value = entry.value else { continue }
        origins[value] = OperatorOrigin(index: entry.operatorIndex, kind: entry.kind)
      }
      return LoadedModel(graph: graph, file: file, origins: origins)
    }
  }
}

/// A network in integers and the file that it came from.
struct LoadedModel {
  var graph: QuantizedGraph
  var file: ModelFile
  /// How the file calls the operator of each value.
  var origins: [ValueID: OperatorOrigin]
}

extension String {
  /// The part of a path after the last slash.
  var lastPathComponent: String { split(separator: "/").last.map(String.init) ?? self }
}
