import Compression
import Estimation
import GraphPasses
import ModelImport
import NeuralGraph
import RTL
import TensorFiles

extension ExploreCommand {
  /// The network as given and the variants that the sweep asks for, each number of their layers as hardware.
  /// A variant whose weights are those of the network as given is left out, with a note.
  func networks(_ technologies: [Technology]) throws(Diagnostics) -> [ExploredNetwork] {
    let loaded = try model.loadForHardware(resize: images.resize)
    let given = loaded.graph
    let progress = Progress()
    defer { progress.end() }
    var validation: Validation?
    if let set = images.validationSet {
      progress.show("measuring the network as given")
      validation = try images.validation(
        on: set, reference: Classifier(given, name: model.model.lastPathComponent))
    }
    let options = FreezeOptions(fixedLayers: fixedLayers.count, effort: effort)
    var cuts: [ExploredNetwork.Cut] = []
    do throws(Diagnostics) {
      cuts = try self.cuts(of: given, options, technologies)
    } catch {
      // Nothing can be fixed; a number of layers that cannot is an error.
      guard fixedLayers.count == nil else { throw error.inFile(model.model) }
      for var diagnostic in error.all {
        diagnostic.severity = .note
        printToStandardError(Diagnostics(diagnostic).inFile(model.model).description)
      }
    }
    for index in cuts.indices {
      cuts[index].accuracy = validation.map { accuracy($0, right: $0.referenceCount) }
    }
    let asGiven = ExploredNetwork(NetworkVariant(), graph: given, options: options, cuts: cuts)
    guard sweep.weightBits != nil || sweep.save != nil, !cuts.isEmpty else { return [asGiven] }
    do throws(Diagnostics) {
      return [asGiven]
        + (try variants(of: loaded, asGiven, technologies, validation, progress))
    } catch {
      throw error.inFile(model.model)
    }
  }

  private func variants(
    of loaded: LoadedModel, _ asGiven: ExploredNetwork, _ technologies: [Technology],
    _ validation: Validation?, _ progress: Progress
  ) throws(Diagnostics) -> [ExploredNetwork] {
    let imported = try loaded.file.imported(imageSize: model.imageSize)
    var options = QuantizationOptions(
      inputNormalization: model.inputRange, imageSize: model.imageSize)
    var bits: Set<Int> = []
    if case .float(let graph) = imported, !graph.isFakeQuantized {
      bits = [8]
      // What the network as given was calibrated with.
      options.calibration = try loadCalibrationImages(
        calibration(), shape: graph[graph.inputs[0]].shape, resize: images.resize)
    }
    let sweep = sweep.sweep(
      bits: bits, saved: [0], fixedLayers: fixedLayers, threads: images.threads)
    let samples = { (shape: TensorShape) throws(Diagnostics) in
      try images.samples(of: calibration(), for: shape)
    }
    var found: [ExploredNetwork] = []
    let body = { (network: QuantizedGraph, bits: Int?) throws(Diagnostics) in
      let base = foldPad(network)
      // Adders to save are counted as by 'prune' and 'tradeoff'; what is kept takes the effort asked for.
      var quick = asGiven.options
      quick.effort = 0
      var tried = 0
      let rows = try sweep.pruned(
        base, cuts: asGiven.cuts.indices, samples: samples,
        hardware: { network throws(Diagnostics) in
          tried += 1
          progress.show("\(bits.map { "\($0) bits, " } ?? "")network \(tried)")
          let found = try cuts(of: network, quick, technologies)
          guard found.map(\.cost.convolutions) == asGiven.cuts.map(\.cost.convolutions) else {
            throw Diagnostics(
              Diagnostic(
                "with other weights hardware ends elsewhere in the network",
                remedy: "give --fixed-layers a number that all variants have"))
          }
          return found
        }, adders: { $0[$1].adders })
      for row in rows {
        let name = Sweep.name(weightBits: bits, saved: row.saved)
        if row.saved == 0, base == asGiven.graph {
          progress.end()
          printToStandardError(
            Diagnostic(
              "\(name) is the network as given: it is explored once", severity: .note
            ).description)
          continue
        }
        var cuts: [ExploredNetwork.Cut] = []
        var last: (network: QuantizedGraph, cuts: [ExploredNetwork.Cut])?
        for (place, pruned) in row.cuts.enumerated() {
          var cut = pruned.hardware[place]
          if effort > 0 {
            if last?.network != pruned.network {
              progress.show("\(name) at effort \(effort)")
              last = (
                pruned.network,
                try self.cuts(of: pruned.network, asGiven.options, technologies)
              )
            }
            cut = last!.cuts[place]
          }
          cut.graph = asGiven.graph.replacing(upTo: cut.layers.last!, of: pruned.network)
          if let validation {
            progress.show("measuring \(name), \(counted(cut.layers.count, "layer"))")
            cut.accuracy = accuracy(validation, right: try validation.count(cut.graph))
          }
          cuts.append(cut)
        }
        found.append(
          ExploredNetwork(
            NetworkVariant(name: name, weightBits: bits, saved: row.saved), graph: base,
            options: asGiven.options, cuts: cuts))
      }
    }
    try sweep.forEachBase(
      of: imported, options: options, samples: samples, note: { _ in }, body: body)
    return found
  }

  private func accuracy(_ validation: Validation, right: Int) -> NetworkVariant.Accuracy {
    .init(
      right: right, givenRight: validation.referenceCount, images: validation.imageCount,
      isLabelled: images.labels != nil)
  }

  private func calibration() throws(Diagnostics) -> String {
    guard let calibrate = model.calibrate else {
      throw Diagnostics(
        Diagnostic(
          "pruning has no calibration image", remedy: "give --calibrate a folder of them"))
    }
    return calibrate
  }

  /// What each number of fixed layers of a network costs.
  private func cuts(
    of graph: QuantizedGraph, _ options: FreezeOptions, _ technologies: [Technology]
  ) throws(Diagnostics) -> [ExploredNetwork.Cut] {
    let design = try Freeze.design(graph, options: options)
    let costs = try FixedLayerModel.costs(
      of: design, technologies: technologies, at: try ProcessNode(node))
    return ExploredNetwork.cuts(of: design, graph: graph, costs: costs)
  }
}
