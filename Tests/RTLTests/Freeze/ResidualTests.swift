import NeuralGraph
import RTL
import Testing

/// Networks with forks and sums.
@Suite struct ResidualTests {
  @Test(
    "A residual block equals the interpreter at any number of levels and any fan-out",
    arguments: [1, 2, 4], [2, 7, 64])
  func residual(levels: Int, fanOut: Int) throws {
    var network = SmallNetwork(height: 7, width: 6, channels: 3, element: .int8, zeroPoint: -3)
    network.convolve("stem", kernel: 3, channels: 4, zeroPoint: -128, clamp: -128...127)
    let fork = network.value
    network.convolve("a", kernel: 3, channels: 4, zeroPoint: -128)
    network.convolve("b", kernel: 3, channels: 4, zeroPoint: 11)
    network.add("sum", fork, network.value, zeroPoint: -128, clamp: -128...127)
    network.convolve("c", kernel: 3, stride: 2, channels: 3, zeroPoint: 5)
    let design = try expectEqual(
      network, options: FreezeOptions(pipelineLevels: levels, fanOutLimit: fanOut))
    #expect(design.layers[3].kind == "sum of two maps")
    #expect(design.skipFIFOs.count == 1)
    #expect(design.verify() == [])
  }

  @Test("ResNet's block with a stride has a convolution on the short way")
  func projection() throws {
    var network = SmallNetwork(height: 9, width: 8, channels: 2, element: .int8)
    network.convolve("stem", kernel: 3, channels: 4, zeroPoint: -20)
    let fork = network.value
    network.convolve("a", kernel: 3, stride: 2, channels: 5, zeroPoint: -128)
    network.convolve("b", kernel: 3, channels: 5)
    let long = network.value
    network.go(to: fork)
    network.convolve("short", kernel: 1, stride: 2, channels: 5, zeroPoint: 3)
    network.add("sum", network.value, long, zeroPoint: -9)
    let design = try expectEqual(network)
    #expect(design.timing.readers(of: 0).count == 2)
    // The short way's pixels wait behind its convolution, where they are fewer.
    #expect(design.skipFIFOs.map(\.source) == [3])
    #expect(design.verify() == [])
  }

  @Test("MobileNetV2's inverted residuals, with and without a stride, freeze whole")
  func invertedResiduals() throws {
    var network = SmallNetwork(height: 16, width: 12, channels: 3, zeroPoint: 128)
    network.convolve("stem/Relu6", kernel: 3, stride: 2, channels: 6, clamp: 0...255)
    network.convolve("block0/dw/Relu6", kernel: 3, channels: 6, groups: 6)
    network.convolve("block0/project", kernel: 1, channels: 4, zeroPoint: 120)
    for (block, stride) in [(1, 1), (2, 2), (3, 1), (4, 1)] {
      let fork = network.value
      network.convolve("block\(block)/expand/Relu6", kernel: 1, channels: 12)
      network.convolve(
        "block\(block)/dw/Relu6", kernel: 3, stride: stride, channels: 12, groups: 12)
      network.convolve("block\(block)/project", kernel: 1, channels: 4, zeroPoint: 100 + block)
      if stride == 1 {
        network.add("block\(block)/add", fork, network.value, zeroPoint: 128 + block)
      }
    }
    network.convolve("head", kernel: 1, channels: 8)
    network.pool(
      "pool",
      WindowGeometry(
        inputHeight: 4, inputWidth: 3, kernelHeight: 4, kernelWidth: 3, strideY: 1, strideX: 1,
        padding: .valid)!, isMaximum: false)
    let design = try expectEqual(network)
    #expect(design.end == nil && design.layers.count == 20)
    #expect(design.skipFIFOs.count == 3)
    #expect(design.verify() == [])
  }

  @Test("Blocks inside blocks, three ways from one fork, and a map added to itself")
  func nested() throws {
    var network = SmallNetwork(height: 6, width: 9, channels: 2)
    let input = network.value
    network.convolve("a", kernel: 3, channels: 2, zeroPoint: 99)
    let a = network.value
    network.convolve("b", kernel: 3, channels: 2, zeroPoint: 7)
    network.add("inner", a, network.value, zeroPoint: 50)
    network.add("outer", network.value, input, zeroPoint: 128)
    let outer = network.value
    network.go(to: input)
    network.convolve("third", kernel: 1, channels: 2, zeroPoint: 1)
    network.add("all", network.value, outer, zeroPoint: 60)
    network.add("double", network.value, network.value, scales: (0.5, 0.5, 1), zeroPoint: 60)
    let design = try expectEqual(network)
    #expect(design.timing.readers(of: nil).count == 3)
    #expect(design.verify() == [])
  }

  @Test("Constant channels on one way or on both cost a sum nothing")
  func constants() throws {
    var network = SmallNetwork(height: 5, width: 5, channels: 2)
    network.convolve("stem", kernel: 1, channels: 4, clamp: 20...255, dead: [1, 3])
    let fork = network.value
    network.convolve("a", kernel: 3, channels: 4, clamp: 10...255, dead: [2, 3])
    network.add("sum", fork, network.value, zeroPoint: 3)
    network.convolve("b", kernel: 3, channels: 2)
    let design = try expectEqual(network)
    #expect(design.layers[2].cost.constantChannels == 1)
  }

  @Test("A concatenation is the channels of all its maps, constant and repeated ones too")
  func concatenation() throws {
    var network = SmallNetwork(height: 6, width: 7, channels: 2, zeroPoint: 5)
    let input = network.value
    network.convolve("a", kernel: 3, channels: 3, zeroPoint: 5, clamp: 9...255, dead: [1])
    let a = network.value
    network.convolve("b", kernel: 5, channels: 2, zeroPoint: 5)
    network.concatenate("all", [a, network.value, input, a])
    network.convolve("c", kernel: 3, stride: 2, channels: 4)
    let design = try expectEqual(network)
    #expect(design.layers[2].output.channels.count == 10)
    #expect(design.layers[2].cost.constantChannels == 2)
    #expect(design.verify() == [])
  }

  @Test("Ways whose channels are all constant still join")
  func allConstant() throws {
    var network = SmallNetwork(height: 4, width: 4, channels: 1)
    network.convolve("stem", kernel: 3, channels: 2, dead: [0, 1])
    let fork = network.value
    network.convolve("a", kernel: 3, channels: 2, dead: [0, 1])
    network.add("sum", fork, network.value)
    network.convolve("b", kernel: 1, channels: 2)
    _ = try expectEqual(network)
  }

  @Test("Sums that meet ties in both directions are built as TFLite computes them")
  func ties() throws {
    var network = SmallNetwork(height: 20, width: 20, channels: 2, element: .int8, zeroPoint: -7)
    let fork = network.value
    network.convolve("a", kernel: 3, channels: 2, zeroPoint: -7)
    network.add("sum", fork, network.value, scales: (0.5, 0.4, 0.6), zeroPoint: -7)
    network.add("twice", network.value, network.value, scales: (0.5, 0.4, 0.6), zeroPoint: 3)
    network.convolve("b", kernel: 1, channels: 2, clamp: 9...127, dead: [1])
    network.add("constant", network.value, fork, scales: (0.4, 0.5, 0.3), zeroPoint: 3)
    let design = try expectEqual(network, frames: 8)
    #expect(design.layers[1].datapath.signals.contains { $0.name.hasPrefix("term") })
  }

  @Test("Random sums equal TFLite's at random pairs of codes")
  func planes() throws {
    var g = SeededGenerator(77)
    for _ in 0..<150 {
      let element: QuantizedElement = g.chance(2) ? .int8 : .uint8
      func zero() -> Int {
        g.chance(2) ? element.range.lowerBound : g.pick(element.range)
      }
      func scale() -> Float { Float(g.pick(1 << 12...1 << 18)) / Float(1 << 20) }
      let first = scale()
      let second = g.chance(4) ? first : scale()
      let output = g.chance(3) ? first + second : g.chance(2) ? max(first, second) : scale()
      var network = SmallNetwork(
        height: 16, width: 16, channels: 2, element: element, zeroPoint: zero())
      let fork = network.value
      network.append(
        "other",
        .rescale(
          QuantizedRescale(
            requantization: FixedPointMultiplier(real: 1), clamp: element.range)), 16, 16, 2,
        zeroPoint: zero())
      let zeroPoint = zero()
      network.add(
        "sum", fork, network.value, scales: (first, second, output), zeroPoint: zeroPoint,
        clamp: g.chance(2) ? zeroPoint...element.range.upperBound : nil)
      _ = try expectEqual(network, frames: 1)
    }
  }
}
