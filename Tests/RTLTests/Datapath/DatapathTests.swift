import RTL
import Testing

@Suite struct IntervalTests {
  @Test(
    "The bits of an interval are the fewest that hold its ends",
    arguments: [
      (0...0, 1), (0...1, 1), (0...255, 8), (0...256, 9), (-1...0, 1), (-1...1, 2), (-128...127, 8),
      (-129...0, 9), (-128...128, 9), (5...7, 3),
    ])
  func bits(interval: Interval, bits: Int) {
    #expect(interval.bitCount == bits)
  }
}

@Suite struct SignalWidthTests {
  @Test("At proved widths every output equals the unbounded computation", arguments: 0..<60)
  func exact(seed: Int) {
    let datapath = randomDatapath(seed: seed)
    let widths = SignalWidths(datapath)
    for vector in 0..<20 {
      let inputs = randomInputs(datapath, seed: vector)
      let held = datapath.evaluate(widths: widths) { inputs[$0]! }
      let exact = exactValues(datapath, inputs)
      for output in datapath.outputs { #expect(held[output.index] == exact[output.index]) }
    }
  }

  @Test("A sum that is only read modulo fewer bits is that narrow, and never extended")
  func truncated() {
    var datapath = Datapath()
    let x = datapath.append("x", .input, 0...255)
    let y = datapath.append("y", .input, 0...255)
    // x + 16 y - 16 y: the sum needs no more bits than its last reader's result.
    let wide = datapath.append("wide", .add(.init(x), .init(y, shift: 4)), 0...4335)
    let narrow = datapath.append(
      "narrow", .add(.init(wide), .init(y, shift: 4, isNegated: true)), 0...255)
    datapath.outputs = [narrow]
    let widths = SignalWidths(datapath)
    #expect(widths.bits[wide.index] == 8)
    #expect(widths.isTruncated[wide.index])
    for (a, b) in [(0, 0), (255, 255), (3, 200), (255, 0)] {
      let values = datapath.evaluate(widths: widths) { $0 == x ? a : b }
      #expect(values[narrow.index] == a)
    }
  }

  @Test("A reader that compares needs the exact value")
  func exactReader() {
    var datapath = Datapath()
    let x = datapath.append("x", .input, -100...100)
    let sum = datapath.append("sum", .add(.init(x), .init(x, shift: 3)), -900...900)
    let y = datapath.append("y", .saturate(sum, shift: 0, clamp: 0...7), 0...7)
    datapath.outputs = [y]
    #expect(SignalWidths(datapath).bits[sum.index] == 11)
  }
}

@Suite struct SchedulerTests {
  @Test("Schedules are legal at every number of levels", arguments: 0..<40, 1...4)
  func legal(seed: Int, levels: Int) {
    let datapath = randomDatapath(seed: seed, signals: 80)
    let widths = SignalWidths(datapath)
    let schedule = Scheduler.schedule(datapath, widths, levelsPerPeriod: levels)
    #expect(schedule.problems(datapath, levelsPerPeriod: levels) == [])
    #expect(schedule.ranks >= 1)
  }

  @Test("More levels in a period never need more ranks")
  func fewerRanks() {
    for seed in 0..<20 {
      let datapath = randomDatapath(seed: seed, signals: 80)
      let widths = SignalWidths(datapath)
      let ranks = (1...4).map {
        Scheduler.schedule(datapath, widths, levelsPerPeriod: $0).ranks
      }
      #expect(ranks == ranks.sorted(by: >))
    }
  }

  @Test("A schedule with a reader before its operand is refused")
  func refused() {
    var datapath = Datapath()
    let x = datapath.append("x", .input, 0...255)
    let a = datapath.append("a", .add(.init(x), .init(x, shift: 1)), 0...765)
    let b = datapath.append("b", .add(.init(a), .init(x)), 0...1020)
    datapath.outputs = [b]
    let schedule = Scheduler.schedule(datapath, SignalWidths(datapath), levelsPerPeriod: 1)
    #expect(schedule.problems(datapath, levelsPerPeriod: 1) == [])
    // At two levels a rank all of it fits one period; the schedule for one level has two.
    #expect(schedule.ranks == 2)
    let wrong = Scheduler.schedule(datapath, SignalWidths(datapath), levelsPerPeriod: 2)
    #expect(wrong.problems(datapath, levelsPerPeriod: 1) == ["b is behind 2 adder levels"])
  }

  @Test("A narrow sum of two wide words is computed before it is kept")
  func registersAreSaved() {
    // The comparison of two 16-bit words is one bit: keeping it is cheaper than keeping them.
    var datapath = Datapath()
    let x = datapath.append("x", .input, 0...65535)
    let flag = datapath.append("flag", .equals(x, 77), 0...1)
    var late = datapath.append("late", .add(.init(flag), .init(flag)), 0...2)
    for _ in 0..<4 { late = datapath.append("late", .add(.init(late), .init(flag)), 0...6) }
    datapath.outputs = [late]
    let widths = SignalWidths(datapath)
    let schedule = Scheduler.schedule(datapath, widths, levelsPerPeriod: 1)
    #expect(schedule.period[flag.index] == 0)
    #expect(schedule.lastUse[x.index] == 0)
  }
}

@Suite struct FanOutTests {
  @Test("No signal has more readers than the limit, and the function stays", arguments: [2, 3, 8])
  func limit(limit: Int) {
    var datapath = Datapath()
    let x = datapath.append("x", .input, 0...255)
    var sums: [SignalID] = []
    for index in 0..<41 {
      sums.append(
        datapath.append(
          "s\(index)", .add(.init(x), .init(x, shift: index % 5)), 0...255 * (1 + 1 << (index % 5)))
      )
    }
    datapath.outputs = sums
    let limited = FanOut(datapath, limit: limit, ownsInputs: false).datapath
    for (index, readers) in limited.readers.enumerated() {
      #expect(readers.count <= limit, "\(limited.signals[index].name)")
    }
    let values = limited.evaluate(widths: SignalWidths(limited)) { _ in 201 }
    for (index, output) in limited.outputs.enumerated() {
      #expect(values[output.index] == 201 + (201 << (index % 5)))
    }
    let schedule = Scheduler.schedule(limited, SignalWidths(limited), levelsPerPeriod: 2)
    #expect(schedule.problems(limited, levelsPerPeriod: 2) == [])
  }

  @Test("A datapath within the limit stays as it is")
  func unchanged() {
    let datapath = randomDatapath(seed: 1)
    #expect(FanOut(datapath, limit: 1000, ownsInputs: true).datapath == datapath)
  }
}
