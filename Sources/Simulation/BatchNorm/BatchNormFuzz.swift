import NeuralGraph
import RTL

/// A random network with adaptive batch norm, whose registers are rewritten while frames run through
/// it, by hosts that keep to the rules and by one that does not.
public struct BatchNormFuzz: Sendable {
  public var seed: UInt64
  /// With adaptive layers.
  public var graph: QuantizedGraph
  public var options: FreezeOptions

  /// The case of a seed: the first of a row of random networks that has a convolution that can be
  /// adaptive.
  public init(seed: UInt64, shape: FuzzShape = .chain) {
    var random = SplitMix64(seed: seed ^ 0xada9)
    let scaleBits = random.choose([31, 31, 31, 16, 8, 5, 2])
    var next = seed
    while true {
      let network = RandomNetwork(seed: next, shape: shape)
      next &+= 0x10001
      guard let prefix = try? FixedPrefix(network.graph, fixedLayers: nil) else { continue }
      var graph = network.graph
      for id in prefix.layers where graph[id].operation.isConvolution && random.chance(3, in: 4) {
        if let marked = try? graph.adapting([id], scaleBits: scaleBits) { graph = marked }
      }
      guard !graph.adaptiveLayers.isEmpty else { continue }
      self.seed = seed
      self.graph = graph
      options = network.options
      return
    }
  }

  /// Runs the case and returns everything that is wrong, a line each.
  public func run(simulators: [Simulator]) async -> [String] {
    do throws(Diagnostics) {
      let design = try Freeze.design(graph, options: options)
      let images = RandomNetwork(graph: graph, options: options).images(4, seed: seed)
      guard let map = design.registerMap else { return ["no layer of the design is adaptive"] }
      var random = SplitMix64(seed: seed ^ 0x5e75)
      let sets = (0..<3).map { _ in
        BatchNormValues(random: &random, map, graph)
      }
      var problems = try compareDatapaths(design, map, sets, images[0])
      guard problems.isEmpty else { return problems }
      return try await ScratchFolder.with { scratch throws(Diagnostics) in
        let path = scratch.path + "/emitted"
        try FolderWriter.write(
          design.emittedFiles(network: NetworkFile(graph: graph)), to: path)
        let folder = try EmittedFolder(path: path)
        for simulator in simulators {
          let verification = try await Verification(
            folder, simulator: simulator, frames: 4, scratch: scratch)
          problems += try await simulate(verification, sets, images).map {
            "\(simulator.rawValue), \($0)"
          }
        }
        return problems
      }
    } catch {
      return error.all.map(\.description)
    }
  }

  /// The datapaths with each set of values, against the interpreter of the network with these.
  private func compareDatapaths(
    _ design: Design, _ map: RegisterMap, _ sets: [BatchNormValues], _ image: IntegerTensor
  ) throws(Diagnostics) -> [String] {
    var problems: [String] = []
    for values in [BatchNormValues(trained: map, graph)] + sets {
      var changed = design
      for stage in changed.stages.indices {
        for layer in changed.stages[stage].layers.indices {
          guard let number = changed.stages[stage].layers[layer].adaptive?.number else { continue }
          changed.stages[stage].layers[layer].adaptive?.trained = values.layers[number - 1]
        }
      }
      let wanted = try Interpreter(values.network(map, graph)).evaluate(image)
      for (layer, codes) in zip(changed.layers, changed.evaluate(image.codes))
      where codes != wanted[layer.value.index].codes {
        problems.append("datapath of \(layer.name): not what the interpreter computes")
      }
    }
    return problems
  }

  private func simulate(
    _ verification: Verification, _ sets: [BatchNormValues], _ images: [IntegerTensor]
  ) async throws(Diagnostics) -> [String] {
    let design = verification.folder.design
    var usual = Stimulus(frames: images + images, sidebandBits: options.sidebandBits)
    let length = CycleModel(design.timing).run(usual.stream).cycles
    usual = usual.stalled(seed: seed)
    let hostile = BatchNormScript.hostile(
      design.registerMap!, sets, cycles: 2 * length + 400, seed: seed)
    let disturbed = Stimulus.disturbed(
      height: design.input.height, width: design.input.width, channels: design.input.channels,
      sidebandBits: options.sidebandBits, seed: seed)
    let reports = [
      ("trained", try await verification.run(frames: images)),
      ("frame by frame", try await verification.run(frames: images, batchNorm: sets, stalls: seed)),
      (
        "overlapping",
        try await verification.run(frames: images + images, batchNorm: sets, overlapping: true)
      ),
      (
        "overlapping, stalled",
        try await verification.run(
          frames: images + images, batchNorm: sets, overlapping: true, stalls: seed)
      ),
      ("hostile", try await verification.run(usual, hostile, stalls: seed)),
      ("disturbed", try await verification.run(disturbed, hostile, stalls: seed)),
    ]
    return reports.flatMap { name, report in report.problems.map { "\(name): \($0)" } }
  }
}

extension BatchNormValues {
  /// Values all over what the registers hold, half of them near the trained ones.
  public init(random: inout SplitMix64, _ map: RegisterMap, _ graph: QuantizedGraph) {
    self.init(trained: map, graph)
    for (layer, entry) in map.layers.enumerated() {
      let registers = entry.adaptation
      let drop = 31 - registers.scaleBits
      for channel in layers[layer].indices where !random.chance(1, in: 8) {
        var value = layers[layer][channel]
        let isNear = random.chance(1, in: 2)
        let mantissa = (random.number(in: 1 << 30...(1 << 31) - 1) >> drop) << drop
        value.multiplier.multiplier =
          isNear
          ? mantissa : random.choose([0, 1 << 30, (((1 << 31) - 1) >> drop) << drop, mantissa])
        let exponent =
          isNear
          ? value.multiplier.exponent + random.number(in: -2...2) : -random.number(in: 0...31)
        value.multiplier.exponent = min(0, max(-31, exponent))
        let range = registers.biases
        let anywhere = random.number(in: range)
        value.bias =
          isNear
          ? min(max(value.bias + anywhere / 64, range.lowerBound), range.upperBound)
          : random.choose([range.lowerBound, range.upperBound, 0, anywhere])
        layers[layer][channel] = value
      }
    }
  }
}

extension BatchNormScript {
  /// Accesses at all times and of every kind: registers in pieces, values that do not fit, addresses
  /// that are none or not aligned, commits at any moment, reads and writes at once, answers that wait.
  static func hostile(
    _ map: RegisterMap, _ sets: [BatchNormValues], cycles: Int, seed: UInt64
  ) -> BatchNormScript {
    var random = SplitMix64(seed: seed ^ 0x4057)
    func address() -> Int {
      switch random.number(in: 0...15) {
      case 0: return random.number(in: 0...2 * map.activeOffset - 1)
      case 1, 2: return 4 * random.number(in: 0...15)
      case 3: return RegisterMap.Control.commit.rawValue
      default:
        let layer = random.number(in: 0...map.layers.count - 1)
        let channel = random.number(in: 0...map.layers[layer].channels)
        let field = 4 * random.number(in: 0...15) / 5 & ~3
        return map.layers[layer].address + channel * map.channelStride + field
          + (random.chance(1, in: 6) ? map.activeOffset : 0) + (random.chance(1, in: 16) ? 1 : 0)
      }
    }
    var script = BatchNormScript()
    for index in 0..<max(24, min(cycles / 24, 600)) {
      if index % 61 == 30 { script.commit(random.choose(sets), map) }
      let data: UInt32 =
        switch random.number(in: 0...5) {
        case 0: UInt32(truncatingIfNeeded: random.next())
        case 1: UInt32(random.number(in: 0...40))
        case 2: UInt32(bitPattern: Int32(random.number(in: -300...300)))
        case 3: 1 << 30
        case 4: 0x7fff_ffff
        default: 1
        }
      var write = Write(address() % (2 * map.activeOffset), data)
      write.strobes = random.chance(2, in: 3) ? 15 : random.number(in: 0...15)
      script.writes.append(write)
      script.reads.append(Read(address() % (2 * map.activeOffset)))
    }
    script.stall(seed: seed)
    for index in script.writes.indices where random.chance(1, in: 20) {
      script.writes[index].notBefore = random.number(in: 0...cycles)
    }
    // Retries would wait for ever when the stream has ended with a commit that no frame takes.
    for index in script.writes.indices { script.writes[index].retries = false }
    return script
  }
}
