import NeuralGraph

/// What a user says about how a model is quantized.
public struct QuantizationOptions: Sendable {
  /// Typical images for a float model: [1, H, W, C] of the model's own input, pixels 0 to 255.
  public var calibration: [FloatTensor]
  /// What the model's input numbers are; nil takes what the file says, or else the default.
  public var inputNormalization: InputNormalization?
  /// Another image size than the model's own; nil keeps it.
  public var imageSize: ImageSize?

  public init(
    calibration: [FloatTensor] = [], inputNormalization: InputNormalization? = nil,
    imageSize: ImageSize? = nil
  ) {
    self.calibration = calibration
    self.inputNormalization = inputNormalization
    self.imageSize = imageSize
  }
}

/// The network in integers, whatever the model file held: a quantized network as it is, one trained
/// with fake quantization on its grids, a float network after calibration; then at `imageSize`.
///
/// `note` is given what the user should know: an assumed input range, layers left out at another
/// image size. Throws all that keeps the network from integers.
public func quantizedGraph(
  from model: ImportedModel, options: QuantizationOptions = QuantizationOptions(),
  note: (Diagnostic) -> Void = { _ in }
) throws(Diagnostics) -> QuantizedGraph {
  var network =
    switch model {
    case .quantized(let graph): graph
    case .float(let graph): try quantize(graph, options, note)
    }
  if let size = options.imageSize {
    network = try resizeInput(network, to: size, note: note)
  }
  return network
}

/// The layers that a float network is quantized as: in canonical form, without the arithmetic that prepares
/// its input. `inputNormalization` is what the user says about the input; nil takes what the file says.
public func canonicalNetwork(
  _ graph: Graph, inputNormalization: InputNormalization?
) throws(Diagnostics) -> Graph {
  try preprocessed(graph, QuantizationOptions(inputNormalization: inputNormalization)) { _ in }.0
}

private func quantize(
  _ graph: Graph, _ options: QuantizationOptions, _ note: (Diagnostic) -> Void
) throws(Diagnostics) -> QuantizedGraph {
  let (canonical, input) = try preprocessed(graph, options, note)
  if canonical.isFakeQuantized {
    return try quantizeFakeQuant(canonical, input: input)
  }
  let calibration = try Calibration(
    canonical: canonical, input: input, images: options.calibration, equalization: false)
  return try calibration.quantized(QuantizationSettings()).graph
}

/// A float network in canonical form, without the arithmetic on its input, and what its input is for
/// a pixel.
func preprocessed(
  _ graph: Graph, _ options: QuantizationOptions, _ note: (Diagnostic) -> Void
) throws(Diagnostics) -> (Graph, InputNormalization) {
  let preprocessing: InputPreprocessing
  do throws(Diagnostic) {
    preprocessing = try InputPreprocessing(graph, stated: options.inputNormalization)
  } catch {
    throw Diagnostics(error)
  }
  let canonical = try preprocessing.graph.canonicalized()
  if preprocessing.isAssumed, !canonical.hasInputGrid {
    note(
      Diagnostic(
        "the model does not say its input's range; pixels 0...255 are taken as "
          + "\(preprocessing.raw)", severity: .note,
        node: graph.inputs.first.map { graph[$0].name },
        remedy: "state another with --input-range LOW,HIGH"))
  }
  return (canonical, preprocessing.input)
}

extension Graph {
  /// True when a fake quantization reads the input: it says the range.
  fileprivate var hasInputGrid: Bool {
    let readers = readers
    return inputs.contains { input in
      readers[input.index].contains {
        if case .fakeQuantization = self[$0].operation { true } else { false }
      }
    }
  }
}
