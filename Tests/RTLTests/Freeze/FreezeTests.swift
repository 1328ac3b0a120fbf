import NeuralGraph
import RTL
import Testing

/// Compares every layer of the design, at proved widths, with the reference interpreter.
func expectEqual(
  _ network: SmallNetwork, options: FreezeOptions = FreezeOptions(), frames: UInt64 = 3,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> Design {
  let graph = network.graph
  #expect(graph.verify() == [], sourceLocation: sourceLocation)
  let design = try Freeze.design(graph, options: options)
  for frame in 0..<frames {
    let pixels = network.frame(seed: frame)
    let type = graph[ValueID(0)].type
    let values = try graph.evaluate(
      IntegerTensor(shape: type.shape, element: type.element, codes: pixels))
    for (layer, map) in zip(design.layers, design.evaluate(pixels)) {
      #expect(
        map == values[layer.value.index].codes, "\(layer.name), frame \(frame)",
        sourceLocation: sourceLocation)
    }
  }
  return design
}

@Suite struct FreezeTests {
  @Test(
    "A separable network equals the interpreter at any number of levels and any fan-out",
    arguments: [1, 2, 3, 5], [2, 7, 64])
  func separable(levels: Int, fanOut: Int) throws {
    var network = SmallNetwork(height: 9, width: 7, channels: 3, zeroPoint: 128)
    network.convolve("stem/Relu6", kernel: 3, stride: 2, channels: 5)
    network.convolve("dw/Relu6", kernel: 3, channels: 5, groups: 5)
    network.convolve("pw/Relu6", kernel: 1, channels: 6)
    network.pool("pool", network.window(3, 1, .valid), isMaximum: false)
    _ = try expectEqual(
      network, options: FreezeOptions(pipelineLevels: levels, fanOutLimit: fanOut))
  }

  @Test("The fixed layers end at the first of several outputs, and say so")
  func outputs() throws {
    var network = SmallNetwork(height: 6, width: 5, channels: 2)
    network.convolve("a", kernel: 3, channels: 4)
    let first = network.value
    network.convolve("b", kernel: 1, channels: 4)
    var graph = network.graph
    #expect(try FixedPrefix(graph, fixedLayers: nil).reason == nil)
    graph.outputs.insert(first, at: 0)
    let prefix = try FixedPrefix(graph, fixedLayers: nil)
    #expect(prefix.layers == [first])
    #expect(prefix.reason?.message.contains("an output of the network") == true)
    #expect(throws: Diagnostics.self) { try FixedPrefix(graph, fixedLayers: 2) }
  }

  @Test("Outputs of both signs keep TFLite's second rounding, away from zero")
  func signed() throws {
    var network = SmallNetwork(height: 6, width: 5, channels: 2, element: .int8, zeroPoint: -3)
    network.convolve("a", kernel: 3, channels: 4, zeroPoint: 5)
    network.convolve("b", kernel: 1, channels: 4, zeroPoint: -20)
    _ = try expectEqual(network, frames: 6)
  }

  @Test(
    "Constant channels cost nothing and are folded into the next layer, borders included",
    arguments: [0, 17, 255])
  func constants(zeroPoint: Int) throws {
    var network = SmallNetwork(height: 6, width: 6, channels: 2, zeroPoint: 9)
    network.convolve(
      "a", kernel: 3, channels: 6, zeroPoint: zeroPoint, clamp: 3...255, dead: [1, 4])
    network.convolve("b", kernel: 3, stride: 2, channels: 3)
    network.convolve("c", kernel: 1, channels: 3)
    let design = try expectEqual(network)
    #expect(design.layers[0].cost.constantChannels == 2)
    #expect(design.layers[0].output.channels[1] == .constant(3))
    #expect(design.layers[0].datapath.outputs.count == 4)
  }

  @Test("A depthwise layer behind constant channels differs at the border only")
  func depthwiseConstants() throws {
    var network = SmallNetwork(height: 5, width: 4, channels: 2)
    network.convolve("a", kernel: 1, channels: 4, zeroPoint: 0, clamp: 100...255, dead: [0, 2])
    network.convolve("b", kernel: 3, channels: 4, groups: 4)
    network.convolve("c", kernel: 1, channels: 2)
    _ = try expectEqual(network)
  }

  @Test("A layer whose channels are all constant still streams")
  func allConstant() throws {
    var network = SmallNetwork(height: 4, width: 4, channels: 1)
    network.convolve("a", kernel: 3, channels: 2, dead: [0, 1])
    network.convolve("b", kernel: 1, channels: 2)
    let design = try expectEqual(network)
    #expect(design.output.pixelBits == 0)
  }

  @Test(
    "Pools equal the interpreter, windows beyond the image included",
    arguments: [true, false], [QuantizedElement.uint8, .int8])
  func pools(isMaximum: Bool, element: QuantizedElement) throws {
    var network = SmallNetwork(height: 7, width: 5, channels: 2, element: element, zeroPoint: 3)
    network.pool("same", network.window(3, 2, .same), isMaximum: isMaximum)
    network.pool("whole", network.window(1, 1, .valid), isMaximum: isMaximum)
    network.pool(
      "oblong",
      WindowGeometry(
        inputHeight: 4, inputWidth: 3, kernelHeight: 4, kernelWidth: 2, strideY: 1, strideX: 1,
        padding: .same)!, isMaximum: isMaximum)
    network.pool(
      "global",
      WindowGeometry(
        inputHeight: 4, inputWidth: 3, kernelHeight: 4, kernelWidth: 3, strideY: 1, strideX: 1,
        padding: .valid)!, isMaximum: isMaximum)
    _ = try expectEqual(network, frames: 5)
  }

  @Test("Fixed layers are counted in convolutions, and the design ends there")
  func counting() throws {
    var network = SmallNetwork(height: 8, width: 8, channels: 1)
    network.convolve("a", kernel: 3, channels: 2)
    network.pool("p", network.window(2, 2, .valid), isMaximum: true)
    network.convolve("b", kernel: 3, channels: 2)
    #expect(
      try Freeze.design(network.graph, options: FreezeOptions(fixedLayers: 1)).layers.map(
        \.valueName)
        == ["a"])
    #expect(
      try Freeze.design(network.graph, options: FreezeOptions(fixedLayers: 2)).layers.map(
        \.valueName)
        == ["a", "p", "b"])
  }

  @Test("The same network gives the same Verilog")
  func deterministic() throws {
    var network = SmallNetwork(height: 8, width: 8, channels: 3)
    network.convolve("a", kernel: 3, channels: 9)
    network.convolve("b", kernel: 1, channels: 9)
    let first = try Freeze.design(network.graph, options: FreezeOptions()).emitVerilog()
    for _ in 0..<3 {
      #expect(try Freeze.design(network.graph, options: FreezeOptions()).emitVerilog() == first)
    }
  }
}

@Suite struct FreezeDiagnosticTests {
  private func diagnostic(_ graph: QuantizedGraph, _ layers: Int?) throws -> Diagnostic {
    let error = try #require(throws: Diagnostics.self) {
      try Freeze.design(graph, options: FreezeOptions(fixedLayers: layers))
    }
    return error.all[0]
  }

  @Test("More fixed layers than convolutions are refused with their number")
  func tooMany() throws {
    var network = SmallNetwork(height: 8, width: 8, channels: 1)
    network.convolve("a", kernel: 3, channels: 2)
    let found = try diagnostic(network.graph, 2)
    #expect(found.message.contains("2 fixed layers") && found.message.contains("1 convolution"))
    #expect(try diagnostic(network.graph, 0).message.contains("0 fixed layers"))
  }

  @Test("Fixed layers that end inside a branch are refused, with the nearest cuts that there are")
  func branch() throws {
    var network = SmallNetwork(height: 8, width: 8, channels: 1)
    network.convolve("a", kernel: 3, channels: 2)
    let fork = network.value
    network.convolve("b", kernel: 3, channels: 2)
    network.convolve("c", kernel: 1, channels: 2)
    network.add("sum", network.value, fork)
    network.convolve("d", kernel: 1, channels: 2)
    let found = try diagnostic(network.graph, 2)
    #expect(found.message.contains("2 fixed layers end inside a branch: 'a' is read by 2 nodes"))
    #expect(found.remedy == "give --fixed-layers 1 or 3")
    for (count, layers) in [(1, ["a"]), (3, ["a", "b", "c", "sum"])] {
      let design = try Freeze.design(network.graph, options: FreezeOptions(fixedLayers: count))
      #expect(design.layers.map(\.valueName) == layers)
    }
    #expect(try Freeze.design(network.graph, options: FreezeOptions()).layers.count == 5)
  }

  @Test("A fork before the first convolution leaves only the cut behind it")
  func branchAtInput() throws {
    var network = SmallNetwork(height: 8, width: 8, channels: 2)
    let fork = network.value
    network.convolve("a", kernel: 3, channels: 2)
    network.convolve("b", kernel: 3, channels: 2)
    network.add("sum", network.value, fork)
    #expect(try diagnostic(network.graph, 1).remedy == "give --fixed-layers 2")
  }

  @Test("An operator inside a branch that hardware lacks names the last cut before the branch")
  func unsupportedBranch() throws {
    var network = SmallNetwork(height: 8, width: 8, channels: 1)
    network.convolve("a", kernel: 3, channels: 2)
    let fork = network.value
    network.convolve("b", kernel: 3, channels: 2)
    network.append(
      "pad", .pad(QuantizedPad(before: [0, 1, 1, 0], after: [0, 1, 1, 0])), 10, 10, 2, zeroPoint: 0)
    network.convolve("c", kernel: 3, padding: .valid, channels: 2)
    network.add("sum", network.value, fork)
    let found = try diagnostic(network.graph, 3)
    #expect(found.place.node == "pad")
    #expect(found.remedy == "give --fixed-layers at most 1")
    let prefix = try FixedPrefix(network.graph, fixedLayers: nil)
    #expect(prefix.layers == [ValueID(1)] && prefix.reason?.place.node == "pad")
  }

  @Test("Pads beyond the kernel's reach are refused before anything is built")
  func pads() throws {
    var network = SmallNetwork(height: 8, width: 8, channels: 1)
    network.convolve(
      "wide", kernel: 3, padding: .explicit(top: 2, bottom: 2, left: 1, right: 1), channels: 1)
    let found = try diagnostic(network.graph, 1)
    #expect(found.place.node == "wide")
    #expect(found.message.contains("pad"))
  }
}
