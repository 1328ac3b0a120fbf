import NeuralGraph

/// Where the FIFOs of a chain of layers stand: one before every window and accumulator, one at the
/// end, and others before pointwise layers where they save bits.
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
    /// True when a stage must begin with it: a window or an accumulator.
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
  /// Heads of the stages that there must be, for the rates.
  private let heads: StreamTiming
  /// For each element its head in `heads`.
  private let headOfElement: [Int]

  package init(_ elements: [Element], sidebandBits: Int) {
    precondition(elements.first?.beginsStage == true, "the first layer begins a stage")
    self.elements = elements
    self.sidebandBits = sidebandBits
    var heads: [StageTiming] = []
    headOfElement = elements.map { element in
      if element.beginsStage { heads.append(StageTiming(element.kind, ranks: 1)) }
      return heads.count - 1
    }
    self.heads = StreamTiming(stages: heads)
  }

  /// The elements that begin a stage when the bits are least; of equal placements the one with the
  /// fewest stages. Quadratic in the number of pointwise layers in a row.
  package func stageStarts() -> [Int] {
    // Element i is the first of a stage: the least bits of all before it, and the stage before.
    var best = [(bits: Int, stages: Int, previous: Int)?](repeating: nil, count: elements.count + 1)
    best[0] = (0, 0, 0)
    for end in 1...elements.count {
      for start in stride(from: end - 1, through: 0, by: -1) {
        if let before = best[start] {
          let candidate = (before.bits + bits(start..<end), before.stages + 1, start)
          if let known = best[end], (known.bits, known.stages) <= (candidate.0, candidate.1) {
          } else {
            best[end] = candidate
          }
        }
        if elements[start].beginsStage { break }
      }
    }
    var starts: [Int] = []
    var end = elements.count
    while end > 0 {
      end = best[end]!.previous
      starts.append(end)
    }
    return starts.reversed()
  }

  /// Register bits that a stage of these layers costs: its FIFO, and, where no stage must begin, the
  /// registers of one more pixel window and its control.
  package func bits(_ stage: Range<Int>) -> Int {
    let head = elements[stage.lowerBound]
    let ranks = stage.reduce(0) { $0 + elements[$1].ranks }
    let timing = StageTiming(head.kind, ranks: max(1, ranks), fifoDepth: 1)
    let depth = heads.maximumOutputs(
      of: headOfElement[stage.lowerBound], inCycles: timing.creditLoop)
    let fifo = depth * (max(1, elements[stage.upperBound - 1].outputBits) + sidebandBits + 2)
    guard !head.beginsStage else { return fifo }
    return fifo + 2 * head.inputBits + controlBits(timing, depth: depth)
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
  init(_ layers: [Layer], sidebandBits: Int) {
    self.init(
      layers.map { layer in
        Element(
          kind: layer.kindAsHead, beginsStage: layer.form != .pointwise,
          ranks: layer.schedule.ranks, inputBits: layer.input.pixelBits,
          outputBits: layer.output.pixelBits)
      }, sidebandBits: sidebandBits)
  }
}

extension Layer {
  /// How a stage that begins with the layer takes its pixels.
  var kindAsHead: StageTiming.Kind {
    switch form {
    case .window(let geometry): .window(geometry)
    case .accumulator: .frameAccumulator(height: input.height, width: input.width)
    case .pointwise: .window(.pointwise(height: input.height, width: input.width))
    }
  }
}
