import NeuralGraph
import RTL
import Testing

@Suite("Stream control in simulation", .serialized)
struct ControlSimulationTests {
  /// Random windows over 1x1 ... 12x12 maps.
  static func singleWindows(_ count: Int, seed: UInt64) -> [ControlCase] {
    var g = SeededGenerator(seed)
    return (0..<count).map { number in
      let geometry = WindowGeometry.random(
        height: g.pick(1...12), width: g.pick(1...12), using: &g)
      var stage = StageTiming(.window(geometry), ranks: g.pick(1...4))
      if number % 4 == 3 { stage.fifoDepth = g.pick(1...stage.fullRateFIFODepth) }
      var one = ControlCase(StreamTiming(stages: [stage]))
      one.appendAll(using: &g)
      return one
    }
  }

  /// Random chains of three stages, some of them whole-frame accumulators.
  static func chains(_ count: Int, seed: UInt64) -> [ControlCase] {
    var g = SeededGenerator(seed)
    return (0..<count).map { number in
      var height = g.pick(1...12)
      var width = g.pick(1...12)
      var stages: [StageTiming] = []
      for position in 0..<3 {
        let kind: StageTiming.Kind
        if g.chance(position == 2 ? 15 : 3) {
          kind = .frameAccumulator(height: height, width: width)
        } else {
          kind = .window(.random(height: height, width: width, kernels: 1...5, using: &g))
        }
        var stage = StageTiming(kind, ranks: g.pick(1...4))
        if number % 3 == 2 { stage.fifoDepth = g.pick(1...stage.fullRateFIFODepth) }
        stages.append(stage)
        height = stage.outputHeight
        width = stage.outputWidth
      }
      var one = ControlCase(StreamTiming(stages: stages))
      one.appendAll(using: &g)
      return one
    }
  }

  @Test(
    "A window of any geometry gives every beat in the predicted cycle, in Icarus",
    .enabled(if: ControlSimulator.icarus.runs))
  func windowsInIcarus() throws {
    let cases = Self.singleWindows(70, seed: 1)
    #expect(try ControlSimulator.icarus.failures(cases) == [])
  }

  @Test(
    "A chain of three stages gives every beat in the predicted cycle, in Icarus",
    .enabled(if: ControlSimulator.icarus.runs))
  func chainsInIcarus() throws {
    let cases = Self.chains(30, seed: 2)
    #expect(try ControlSimulator.icarus.failures(cases) == [])
  }

  @Test(
    "Windows and chains give every beat in the predicted cycle, in Verilator",
    .enabled(if: ControlSimulator.verilator.runs))
  func chainsInVerilator() throws {
    let cases = Self.singleWindows(4, seed: 3) + Self.chains(4, seed: 4)
    #expect(try ControlSimulator.verilator.failures(cases) == [])
  }
}
