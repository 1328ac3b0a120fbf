import Compression
import Estimation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL

extension ExploreCommand {
  /// The network as given and the variants that the sweep asks for, each as hardware. A variant whose
  /// weights are those of one before it is left out, with a note.
  func networks(_ technologies: [Technology]) throws(Diagnostics) -> [ExploredNetwork] {
    let loaded = try model.loadForHardware(resize: images.resize)
    let progress = Progress()
    defer { progress.end() }
    var validation: Validation?
    if let set = images.validationSet {
      progress.show("measuring the network as given")
      validation = try images.validation(
        on: set, reference: Classifier(loaded.graph, name: model.model.lastPathComponent))
    }
    var networks = [
      try explored(
        NetworkVariant(), loaded.graph, technologies, validation, right: validation?.referenceCount)
    ]
    guard sweep.weightBits != nil || sweep.save != nil else { return networks }
    let imported = try loaded.file.imported(imageSize: model.imageSize)
    var bits: Set<Int> = []
    if case .float(let graph) = imported, !graph.isFakeQuantized { bits = [8] }
    do throws(Diagnostics) {
      try sweep.sweep(bits: bits, saved: [0], fixedLayers: fixedLayers, threads: images.threads)
        .run(
          imported,
          options: QuantizationOptions(
            inputNormalization: model.inputRange, imageSize: model.imageSize),
          samples: { shape throws(Diagnostics) in try samples(for: shape) },
          starting: { progress.show("variant \($0)") },
          body: { swept throws(Diagnostics) in
            let graph = foldPad(swept.network)
            if let same = networks.first(where: { $0.graph == graph }) {
              progress.end()
              printToStandardError(
                Diagnostic(
                  "\(swept.name) is the network \(same.variant.name): it is explored once",
                  severity: .note
                ).description)
              return
            }
            let variant = NetworkVariant(
              name: swept.name, weightBits: swept.weightBits, saved: swept.saved)
            networks.append(
              try explored(
                variant, graph, technologies, validation,
                right: try validation.map { validation throws(Diagnostics) in
                  try validation.count(graph)
                }))
          })
    } catch {
      throw error.inFile(model.model)
    }
    return networks
  }

  private func samples(for shape: TensorShape) throws(Diagnostics) -> [[UInt8]] {
    guard let calibrate = model.calibrate else {
      throw Diagnostics(
        Diagnostic(
          "pruning has no calibration image", remedy: "give --calibrate a folder of them"))
    }
    return try images.samples(of: calibrate, for: shape)
  }

  /// A variant with its hardware and what that costs; `right` of the validation's images are right.
  private func explored(
    _ variant: NetworkVariant, _ graph: QuantizedGraph, _ technologies: [Technology],
    _ validation: Validation?, right: Int?
  ) throws(Diagnostics) -> ExploredNetwork {
    var variant = variant
    if let validation, let right {
      variant.accuracy = .init(
        right: right, givenRight: validation.referenceCount, images: validation.imageCount,
        isLabelled: images.labels != nil)
    }
    let design = try frozen(graph)
    let costs =
      try design.map { design throws(Diagnostics) in
        try FixedLayerModel.costs(
          of: design, technologies: technologies, at: try ProcessNode(node))
      } ?? []
    return ExploredNetwork(variant, graph: graph, design: design, fixed: costs)
  }

  /// The design of the layers to fix; nil, with a note, for a network that none can be fixed of.
  private func frozen(_ graph: QuantizedGraph) throws(Diagnostics) -> Design? {
    let options = FreezeOptions(fixedLayers: fixedLayers.count, effort: effort)
    do throws(Diagnostics) {
      let progress = Progress()
      defer { progress.end() }
      return try Freeze.design(graph, options: options) { progress.step(of: $0, "layer") }
    } catch {
      guard fixedLayers.count == nil else { throw error.inFile(model.model) }
      for var diagnostic in error.all {
        diagnostic.severity = .note
        printToStandardError(Diagnostics(diagnostic).inFile(model.model).description)
      }
      return nil
    }
  }
}
