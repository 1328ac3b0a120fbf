import NeuralGraph
import RTL

extension Verification {
  /// Runs frames with sets of values that the registers of adaptive batch norm are given on the way:
  /// frame f has the set `sets[f % sets.count]`, written before it begins and after the frame before
  /// has passed the adaptive layers. With `overlapping` frames come back to back and sets are written
  /// as fast as they can be, so that each frame has the newest that was committed before it: by the
  /// cycles of the answers. `stalls` is for both streams and for the bus.
  public func run(
    frames: [IntegerTensor], batchNorm sets: [BatchNormValues], overlapping: Bool = false,
    stalls: UInt64? = nil
  ) async throws(Diagnostics) -> VerificationReport {
    let design = folder.design
    guard let map = design.registerMap else {
      throw Diagnostics(
        Diagnostic(
          "the design has no adaptive batch norm", file: folder.path,
          remedy: "emit it with --adaptive-batchnorm"))
    }
    let type = interpreter.graph.nodes[0].type
    guard !frames.isEmpty, !sets.isEmpty, frames.allSatisfy({ $0.shape == type.shape }) else {
      throw Diagnostics(
        Diagnostic("the design takes frames of \(type.shape) and values, at least one each"))
    }
    var stimulus = Stimulus(frames: frames, sidebandBits: design.options.sidebandBits)
    if let stalls { stimulus = stimulus.stalled(seed: stalls) }
    var script = BatchNormScript()
    for frame in frames.indices { script.commit(sets[frame % sets.count], map) }
    if let stalls { script.stall(seed: stalls ^ 0x5eed) }
    let writes = script.writeCycles / frames.count + 1
    if !overlapping {
      // Room for the frame before to pass, however it is stalled, and for the writes.
      let usual = CycleModel(design.timing).run(stimulus.stream).cycles
      let pixels = type.shape.height * type.shape.width
      let gap = min(usual, 4 * (usual / frames.count + design.latency.lastOutput)) + 64
      for frame in frames.indices {
        stimulus.stream.beats[frame * pixels].gap += writes + gap
      }
    }
    script.readBack(map, seed: stalls ?? 0)
    return try await run(stimulus, script, stalls: stalls, isOrdered: !overlapping)
  }

  /// Runs any stimulus with any accesses to the registers and compares: every layer's values, every
  /// cycle, every answer. With `isOrdered` every commit has to reach a frame of its own.
  public func run(
    _ stimulus: Stimulus, _ script: BatchNormScript, stalls: UInt64?, isOrdered: Bool = false
  ) async throws(Diagnostics) -> VerificationReport {
    let design = folder.design
    guard let map = design.registerMap else {
      throw Diagnostics(Diagnostic("the design has no adaptive batch norm", file: folder.path))
    }
    let trace = CycleModel(design.timing).run(stimulus.stream, recordStages: true)
    let cycles =
      max(trace.cycles, script.readCycles + script.writeCycles) + 64
    let (record, answers) = try await simulation.run(stimulus, script, cycles: cycles)
    var model = BatchNormModel(design, interpreter.graph, trace, stimulus)
    model.run(answers)
    var interpreters: [BatchNormValues: Interpreter] = [:]
    for values in Set(model.values) {
      interpreters[values] = try Interpreter(values.network(map, interpreter.graph))
    }
    let expectation = try Expectation(design, stimulus, trace) { frame in
      interpreters[model.values[frame]]!
    }
    var result = try Comparison.compare(design, expectation, record: record)
    var problems =
      model.problems
      + script.unanswered(
        answers, cycles: cycles, resets: stimulus.mergedResets.reduce(0) { $0 + $1.count })
    if isOrdered, model.changes != trace.frames.count {
      problems.append(
        "\(model.changes) of \(trace.frames.count) frames took new values, expected all")
    }
    result.streams.append(
      ComparisonResult.Row(
        name: BatchNormModel.rowName, valueName: "", events: answers.count,
        valuesCompared: model.checked, mismatches: model.problems.count, wrongCycles: 0,
        problems: problems))
    // Gaps of the source are as good as stalls.
    return VerificationReport(
      design, simulation.simulator, expectation, result, stalls: stalls, cycles: cycles,
      isStalled: true, parameterChanges: model.changes)
  }
}

extension BatchNormScript {
  /// Reads all of the control page and some registers of both banks, all over the run.
  fileprivate mutating func readBack(_ map: RegisterMap, seed: UInt64) {
    var random = SplitMix64(seed: seed ^ 0xbac4)
    for _ in 0..<max(64, min(writes.count, 4096)) {
      var address = random.choose(RegisterMap.Control.allCases).rawValue
      if random.chance(3, in: 4) {
        let layer = random.number(in: 0...map.layers.count - 1)
        address = map.address(
          layer, channel: random.number(in: 0...map.layers[layer].channels - 1),
          random.choose(RegisterMap.Field.allCases))
        if random.chance(1, in: 2) { address += map.activeOffset }
      }
      reads.append(Read(address))
      reads[reads.count - 1].gap = random.number(in: 0...7)
    }
  }
}
