import NeuralGraph
import RTL
import Testing

@Suite struct FIFOPlacementTests {
  private func window(_ size: Int, kernel: Int, stride: Int) -> StageTiming.Kind {
    .window(
      WindowGeometry(
        inputHeight: size, inputWidth: size, kernelHeight: kernel, kernelWidth: kernel,
        strideY: stride, strideX: stride, padding: .same)!)
  }

  /// A window, some pointwise layers, a window again, with random widths and ranks.
  private func elements(_ random: inout SeededGenerator) -> [FIFOPlacement.Element] {
    var size = 24
    var bits = random.pick(1...300)
    var elements: [FIFOPlacement.Element] = []
    for _ in 0..<random.pick(1...3) {
      let stride = random.pick(1...2)
      for place in 0...random.pick(0...3) {
        let output = random.pick(1...20) * random.pick(1...40)
        elements.append(
          FIFOPlacement.Element(
            kind: place == 0
              ? window(size, kernel: 3, stride: stride) : window(size, kernel: 1, stride: 1),
            beginsStage: place == 0, ranks: random.pick(1...20), inputBits: bits,
            outputBits: output))
        bits = output
        if place == 0 { size = (size + stride - 1) / stride }
      }
    }
    return elements
  }

  @Test("The placement has the fewest bits of all placements")
  func least() {
    var random = SeededGenerator(11)
    var furtherStages = 0
    for _ in 0..<300 {
      let elements = elements(&random)
      let placement = FIFOPlacement(elements, sidebandBits: random.pick(1...8))
      func bits(_ starts: [Int]) -> Int {
        zip(starts, starts.dropFirst() + [elements.count]).reduce(0) {
          $0 + placement.bits($1.0..<$1.1)
        }
      }
      let free = elements.indices.filter { !elements[$0].beginsStage }
      let all = (0..<1 << free.count).map { choice in
        elements.indices.filter { index in
          elements[index].beginsStage || choice >> free.firstIndex(of: index)! & 1 == 1
        }
      }
      let starts = placement.stageStarts()
      #expect(bits(starts) == all.map(bits).min())
      furtherStages += starts.count - elements.count { $0.beginsStage }
    }
    #expect(furtherStages > 50)
  }

  @Test("A FIFO stands where an inverted residual is narrow, and the design computes the same")
  func bottleneck() throws {
    var network = SmallNetwork(height: 12, width: 10, channels: 3, zeroPoint: 128)
    network.convolve("dw", kernel: 3, channels: 24)
    network.convolve("project", kernel: 1, channels: 3)
    network.convolve("expand", kernel: 1, channels: 24)
    network.convolve("next", kernel: 3, stride: 2, channels: 24, groups: 24)
    let design = try Freeze.design(network.graph, options: FreezeOptions())
    #expect(
      design.stages.map { $0.layers.map(\.valueName) } == [
        ["dw", "project"], ["expand"], ["next"],
      ])
    #expect(design.stages[1].layers[0].form == .window(design.stages[1].timing.geometry))
    let pixels = network.frame(seed: 3)
    let type = network.graph[ValueID(0)].type
    let values = try network.graph.evaluate(
      IntegerTensor(shape: type.shape, element: type.element, codes: pixels))
    for (layer, map) in zip(design.layers, design.evaluate(pixels)) {
      #expect(map == values[layer.value.index].codes)
    }
  }
}
