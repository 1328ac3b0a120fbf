import NeuralGraph

/// Where the FIFOs of layers stand: one before every window, accumulator, join and reader of a fork, one
/// at the end, and others before pointwise layers where they save bits.
///
/// A FIFO must cover the ranks since its stage's window, in words as wide as the pixels where it
/// stands. Between a layer of few channels and a pointwise layer that makes many of them (the
/// expansion of an inverted residual), one more FIFO is cheap, and spares the wide one the ranks
/// before it. It begins a stage of its own, whose window is a single pixel.
package struct FIFOPlacement {
  /// A layer, as far as FIFOs are concerned.
  package struct Element: Hashable, Sendable {
    /// How the layer takes its pixels, as the head of a stage.
    package var kind: StageTiming.Kind
    /// True when a stage must begin with it: a window, an accumulator, a join, a reader of a stream
    /// that forks.
    package var beginsStage: Bool
    package var ranks: Int
    /// Bits of a pixel before and behind it.
    package var inputBits: Int
    package var outputBits: Int

    package init(
      kind: StageTiming.Kind, beginsStage: Bool, ranks: Int, inputBits: Int, outputBits: Int
    ) {
      self.kind = kind
      self.beginsStage = beginsStage
      self.ranks = ranks
      self.inputBits = inputBits
      self.outputBits = outputBits
    }
  }

  let elements: [Element]
  let sidebandBits: Int
  /// Of the stages that there must be.
  private let rates: StreamRates
  /// For each element its stage in `rates`; for each head its element and those behind it up to the next.
  private let headOfElement: [Int]
  private let runs: [[Int]]

  /// `sources` are the elements that each element reads, earlier ones, nil for the input; a chain if it is
  /// nil. An element that begins no stage reads one that nobody else reads.
  package init(_ elements: [Element], sources: [[Int?]]? = nil, sidebandBits: Int) {
    precondition(elements.first?.beginsStage == true, "the first layer begins a stage")
    self.elements = elements
    self.sidebandBits = sidebandBits
    let sources = sources ?? elements.indices.map { [$0 == 0 ? nil : $0 - 1] }
    var heads: [StageTiming] = []
    var inputs: [[StageInput]] = []
    var headOfElement: [Int] = []
    var runs: [[Int]] = []
    for (index, element) in elements.enumerated() {
      if element.beginsStage {
        headOfElement.append(heads.count)
        heads.append(StageTiming(element.kind, ranks: 1))
        inputs.append(sources[index].map { StageInput(stage: $0.map { headOfElement[$0] }) })
        runs.append([index])
      } else {
        headOfElement.append(headOfElement[sources[index][0]!])
        runs[headOfElement[index]].append(index)
      }
    }
    self.headOfElement = headOfElement
    self.runs = runs
    rates = StreamRates(
      StreamTiming(
        stages: heads, inputs: inputs, inputHeight: heads[0].inputHeight,
        inputWidth: heads[0].inputWidth))
  }

  /// The elements that begin a stage when the bits are least; of equal placements the one with the
  /// fewest stages. Quadratic in the number of pointwise layers in a row.
  package func stageStarts() -> [Int] { stages().map { $0[0] } }

  /// The elements of each stage, the stages in the order of their first.
  package func stages() -> [[Int]] {
    runs.flatMap(stages).sorted { $0[0] < $1[0] }
  }

  /// The stages of elements one behind the other, of which only the first must begin one.
  private func stages(_ run: [Int]) -> [[Int]] {
    // The least bits of the first `end` elements, and where their last stage begins.
    var best: [(bits: Int, stages: Int, previous: Int)] = [(0, 0, 0)]
    for end in 1...run.count {
      var least: (bits: Int, stages: Int, previous: Int)?
      for start in stride(from: end - 1, through: 0, by: -1) {
        let before = best[start]
        let candidate = (before.bits + bits(run[start..<end]), before.stages + 1, start)
        if let least, (least.bits, least.stages) <= (candidate.0, candidate.1) { continue }
        least = candidate
      }
      best.append(least!)
    }
    var stages: [[Int]] = []
    var end = run.count
    while end > 0 {
      let start = best[end].previous
      stages.append(Array(run[start..<end]))
      end = start
    }
    return stages.reversed()
  }

  /// Register bits that a stage of these layers costs: its FIFO, and, where no stage must begin, the
  /// registers of one more pixel window and its control.
  package func bits(_ stage: Range<Int>) -> Int { bits(Array(stage)[...]) }

  private func bits(_ stage: ArraySlice<Int>) -> Int {
    let first = stage[stage.startIndex]
    let element = elements[first]
    let ranks = stage.reduce(0) { $0 + elements[$1].ranks }
    let timing = StageTiming(element.kind, ranks: max(1, ranks), fifoDepth: 1)
    let head = headOfElement[first]
    let depth = rates.maximumOutputs(
      of: head, inCycles: timing.creditLoop + rates.longestWaits[head])
    let fifo = depth * (max(1, elements[stage[stage.endIndex - 1]].outputBits) + sidebandBits + 2)
    guard !element.beginsStage else { return fifo }
    return fifo + 2 * element.inputBits + controlBits(timing, depth: depth)
  }

  /// Registers of `df_window_control` and `df_fifo`, pixel data aside, for a window of one pixel.
  private func controlBits(_ timing: StageTiming, depth: Int) -> Int {
    func bits(_ value: Int) -> Int { max(1, Int.bitWidth - value.leadingZeroBitCount) }
    let place =
      bits(timing.inputPixels - 1) + bits(timing.inputHeight - 1) + bits(timing.inputWidth - 1)
    // Held and passed sidebands; valid bits and marks; masks.
    return place + bits(depth) + 3 * sidebandBits + 7 + 2 + 1 + 3 * bits(depth)
  }
}

extension FIFOPlacement {
  init(_ layers: [Layer], sources: [[Int?]], sidebandBits: Int) {
    self.init(
      layers.map { layer in
        Element(
          kind: layer.kindAsHead, beginsStage: layer.form != .pointwise,
          ranks: layer.schedule.ranks, inputBits: layer.input.pixelBits,
          outputBits: layer.output.pixelBits)
      }, sources: sources, sidebandBits: sidebandBits)
  }
}

extension FIFOPlacement {
  /// Words of the FIFO behind which the last of these layers stands, roughly: their ranks are not known.
  static func words(before last: Int, of plans: [LayerPlan], _ sources: [[Int?]]) -> Int {
    guard let source = sources[last][0] else { return 0 }
    let placement = FIFOPlacement(
      plans.map { plan in
        Element(
          kind: plan.form.kindAsHead(plan.input), beginsStage: plan.form != .pointwise,
          ranks: usualRanks, inputBits: 1, outputBits: 1)
      }, sources: Array(sources[...last]), sidebandBits: 1)
    let head = placement.headOfElement[source]
    return placement.rates.maximumOutputs(
      of: head, inCycles: usualRanks + placement.rates.longestWaits[head])
  }

  private static let usualRanks = 8
}

extension Layer {
  /// How a stage that begins with the layer takes its pixels.
  var kindAsHead: StageTiming.Kind { form.kindAsHead(input) }
}

extension LayerForm {
  func kindAsHead(_ input: PixelFormat) -> StageTiming.Kind {
    switch self {
    case .window(let geometry): .window(geometry)
    case .accumulator: .frameAccumulator(height: input.height, width: input.width)
    case .serial(let sums): sums.kind
    case .pointwise: .window(.pointwise(height: input.height, width: input.width))
    }
  }
}
