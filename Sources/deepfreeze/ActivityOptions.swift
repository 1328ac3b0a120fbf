import ArgumentParser
import NeuralGraph
import Simulation
import TensorFiles

/// The images that are simulated to count transitions.
struct ActivityOptions: ParsableArguments {
  @Option(
    name: .customLong("input"), parsing: .upToNextOption,
    help: "Images that are simulated to measure how often bits change: power and energy.")
  var inputs: [String] = []

  @Flag(help: "Scale images to the network's input size.")
  var resize = false

  @Flag(help: "An image's samples are the tensor's bytes, reinterpreted.")
  var rawBytes = false

  /// The images as the design's input; none when none were given.
  func frames(for folder: EmittedFolder) throws(Diagnostics) -> [IntegerTensor] {
    let type = folder.network.graph.nodes[0].type
    var frames: [IntegerTensor] = []
    for path in inputs {
      frames.append(try loadInput(path, for: type, resize: resize, rawBytes: rawBytes))
    }
    return frames
  }
}
