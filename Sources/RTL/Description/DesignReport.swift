import NeuralGraph

extension Design {
  /// `report.md`: what the design is and what it costs, counted and not estimated, layer by layer.
  public var report: String {
    let latency = timing.latency()
    var lines = ["# \(name)", ""]
    lines += [
      "One pixel of \(input.channels.count) channels in, one of \(output.channels.count) out. "
        + "A frame of \(input.height)x\(input.width) pixels takes \(latency.period) clocks.",
      "",
      "| | |", "|---|---|",
      "| input | \(shape(input)), \(input.element.rawValue), zero point \(input.zeroPoint) |",
      "| output | \(shape(output)), \(output.element.rawValue), zero point \(output.zeroPoint) |",
      "| first output | \(latency.firstOutput) clocks after the first input |",
      "| last output | \(latency.lastOutput) clocks after it, with a following frame "
        + "\(latency.lastOutputFollowed) |",
      "| adder levels between registers | \(options.pipelineLevels) |",
      "| most loads of a data register or mask; enables are not copied | \(options.fanOutLimit) |",
      "", "## Layers", "",
      "Adders are two-input adders and subtractors. Latency is in clocks, behind the window; a layer "
        + "takes as many cycles a frame as the input has pixels.", "",
    ]
    lines += table(
      [
        "layer", "value", "kind", "in", "out", "weights", "zeros", "adders: sums",
        "adders: requantizers", "adders a weight", "adder bits", "widest", "pipeline bits",
        "window bits", "line memory bits", "constant channels", "latency",
      ], layers.map(row) + [totals])
    lines += ["", "## Widths and requantizers", ""] + widthsAndRequantizers
    lines += ["", "## Stages", ""]
    lines += [
      "A stage is a window, an accumulator or serial sums, the trees behind it, and a FIFO. Cycles a pixel: "
        + "clocks that the stage has for one of its input pixels.", "",
    ]
    let rates = timing.cyclesPerPixel
    lines += table(
      [
        "stage", "layers", "cycles a pixel", "latency", "FIFO words", "FIFO bits", "cycles a frame",
      ],
      stages.enumerated().map { index, stage in
        [
          stage.name, stage.layers.map(\.name).joined(separator: ", "), "\(rates[index])",
          "\(stage.timing.latency)", "\(stage.timing.fifoDepth)",
          "\(stage.timing.fifoDepth * wordBits(stage))", "\(timing.inputPixels)",
        ]
      })
    lines += skipTable + serialTable + batchNormTable
    lines += ["", "## Memories", ""]
    let memories = memories.filter { $0.rom == nil }
    if memories.isEmpty {
      lines.append("None: no window needs rows of a map of more than one column.")
    } else {
      lines += [
        "Instances of `df_sram_1r1w`, one read and one write port, each used once a clock at most, "
          + "never both on one address. Put macros in there.", "",
      ]
      lines += table(
        ["instance", "words", "bits a word", "bits"],
        memories.map {
          [$0.instance, "\($0.words)", "\($0.wordBits)", "\($0.words * $0.wordBits)"]
        })
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Layers whose sums are taken step by step; nothing for a design without.
  private var serialTable: [String] {
    let rows = stages.compactMap { stage -> [String]? in
      guard case .serial(let sums) = stage.layers[0].form else { return nil }
      return [
        stage.layers[0].name, "\(sums.multipliers)", "\(sums.codeBits) x \(sums.weightBits)",
        "\(sums.steps)", "\(sums.groups)", "\(sums.sumBits)", "`\(stage.layers[0].romModule)`",
        "\(sums.words)", "\(sums.wordBits)", "\(sums.words * sums.wordBits)",
      ]
    }
    if rows.isEmpty { return [] }
    let lines = [
      "", "## Serial sums", "",
      "A few multipliers take a pixel's codes one after the other, the weights come from a ROM. The ROM's "
        + "module holds them as a `case`; a macro may take its place.", "",
    ]
    return lines
      + table(
        [
          "layer", "multipliers", "bits", "clocks a pixel", "sums a lane", "bits of a sum", "ROM",
          "words", "bits a word", "bits",
        ], rows)
  }

  /// The registers of adaptive layers; nothing for a design that is frozen whole.
  private var batchNormTable: [String] {
    guard let map = registerMap else { return [] }
    let lines = [
      "", "## Adaptive batch norm", "",
      "Biases and scales are registers, written over AXI4-Lite (`batchnorm/`). Register bits are those of "
        + "both banks; a product's rows count as adders of the requantizers.", "",
    ]
    return lines
      + table(
        ["layer", "address", "channels", "bias bits", "scale bits", "register bits", "swap rank"],
        zip(map.layers, adaptiveLayers).map { entry, layer in
          [
            entry.layer, "0x" + String(entry.address, radix: 16), "\(entry.channels)",
            "\(entry.adaptation.biasBits)", "\(entry.adaptation.scaleBits)",
            "\(layer.parameterRegisterBits)", "\(layer.lastParameterPeriod)",
          ]
        })
  }

  /// What joins wait with; nothing for a chain.
  private var skipTable: [String] {
    let skips = skipFIFOs
    guard stages.contains(where: { $0.inputs.count > 1 }) else { return [] }
    let timing = timing
    var lines = [
      "", "## Branches", "",
      "A stream that several stages read forks: all take a pixel in one cycle. A join takes a pixel of "
        + "each input. The pixels of the shorter way wait in a skip FIFO: with the needed words the "
        + "stream never stops for ever, with the safe ones the join never delays it.", "",
    ]
    lines += table(
      ["join", "reads", "skip FIFO", "words", "bits a word", "words needed", "words present"],
      timing.skipCapacities.map { capacity in
        let input = stages[capacity.join].inputs[capacity.input]
        let skip = skips.first { $0.stage == capacity.join && $0.input == capacity.input }
        return [
          stages[capacity.join].name, input.stage.map { stages[$0].name } ?? "the input",
          skip?.name ?? "none", skip.map { "\($0.depth)" } ?? "",
          skip.map { "\($0.wordBits)" } ?? "", capacity.needed.map(String.init) ?? "",
          "\(capacity.present)",
        ]
      })
    return lines
  }

  /// Adder bits beside other rules for widths, and what requantizers multiply with.
  private var widthsAndRequantizers: [String] {
    let costs = layers.map(\.cost)
    func total(_ count: (LayerCost) -> Int) -> Int { costs.reduce(0) { $0 + count($1) } }
    let multiplying = total(\.requantizerAdders) - total(\.requantizerOffsetAdders)
    let channels = total(\.requantizers)
    var lines = table(
      ["widths of the weight sums", "adder bits of all layers"],
      [
        ["proved", "\(total(\.sumAdderBits))"],
        ["for all numbers of the operands' widths", "\(total(\.sumAdderBitsByType))"],
        ["that of the widest output", "\(total(\.sumAdderBitsByOutput))"],
        ["32 bits", "\(32 * total(\.sumAdders))"],
      ])
    if channels > 0 {
      lines += [
        "",
        "\(channels) channels are requantized: \(perWeight(multiplying, channels)) adders a channel "
          + "multiply, \(perWeight(total(\.requantizerOffsetAdders), channels)) add biases and offsets. "
          + "The longest multiplier has \(costs.map(\.multiplierBits).max() ?? 0) bits.",
      ]
    }
    return lines
  }

  /// A FIFO word: the live channels, the sideband, and two marks.
  private func wordBits(_ stage: Stage) -> Int {
    StageModule.wordBits(stage.output) + streamUserBits + 2
  }

  private func shape(_ format: PixelFormat) -> String {
    "\(format.height)x\(format.width)x\(format.channels.count)"
  }

  private func table(_ heading: [String], _ rows: [[String]]) -> [String] {
    let rule = heading.indices.map { $0 < 1 ? "---" : "---:" }
    return ([heading, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
  }

  private func perWeight(_ adders: Int, _ weights: Int) -> String {
    guard weights > 0 else { return "" }
    let thousandths = (adders * 1000 + weights / 2) / weights
    let digits = String(thousandths % 1000)
    return "\(thousandths / 1000).\(String(repeating: "0", count: 3 - digits.count))\(digits)"
  }

  private func row(_ layer: Layer) -> [String] {
    let cost = layer.cost
    return [
      layer.name, layer.valueName.replacing("|", with: "\\|"), layer.kind, shape(layer.input),
      shape(layer.output),
    ] + columns(cost, latency: layer.schedule.ranks)
  }

  private var totals: [String] {
    var sum = LayerCost()
    for layer in layers {
      let cost = layer.cost
      sum.weights += cost.weights
      sum.zeroWeights += cost.zeroWeights
      sum.sumAdders += cost.sumAdders
      sum.requantizerAdders += cost.requantizerAdders
      sum.adderBits += cost.adderBits
      sum.registerBits += cost.registerBits
      sum.windowRegisterBits += cost.windowRegisterBits
      sum.lineMemoryBits += cost.lineMemoryBits
      sum.constantChannels += cost.constantChannels
      sum.maximumWidth = max(sum.maximumWidth, cost.maximumWidth)
    }
    return ["all", "", "", shape(input), shape(output)]
      + columns(sum, latency: layers.reduce(0) { $0 + $1.schedule.ranks })
  }

  private func columns(_ cost: LayerCost, latency: Int) -> [String] {
    [
      "\(cost.weights)", "\(cost.zeroWeights)", "\(cost.sumAdders)", "\(cost.requantizerAdders)",
      perWeight(cost.sumAdders, cost.weights), "\(cost.adderBits)", "\(cost.maximumWidth)",
      "\(cost.registerBits)", "\(cost.windowRegisterBits)", "\(cost.lineMemoryBits)",
      "\(cost.constantChannels)", "\(latency)",
    ]
  }
}
