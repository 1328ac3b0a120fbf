/// Places the registers of a datapath: as soon as possible first, then signals move to later
/// periods as long as that saves register bits.
///
/// A move of v from period k to k + 1 spares one register of v and costs one of every operand
/// that is not kept that long anyway. Moves only ever lower the number of register bits, so the
/// sweeps end; each is linear in the number of operands.
package struct Scheduler {
  private let datapath: Datapath
  private let widths: SignalWidths
  private let levelsPerPeriod: Int
  private let readers: [[SignalID]]
  private let isOutput: [Bool]
  private var period: [Int]
  private var level: [Int]
  private var ranks = 1

  /// The schedule with a register after at most `levelsPerPeriod` adder levels (at least 1).
  package static func schedule(
    _ datapath: Datapath, _ widths: SignalWidths, levelsPerPeriod: Int
  ) -> Schedule {
    var scheduler = Scheduler(datapath, widths, levelsPerPeriod)
    scheduler.placeAsSoonAsPossible()
    for _ in 0..<8 where scheduler.sweep() == 0 { break }
    let schedule = scheduler.finished()
    let problems = schedule.problems(datapath, levelsPerPeriod: levelsPerPeriod)
    precondition(problems.isEmpty, "the schedule is illegal: \(problems.first ?? "")")
    return schedule
  }

  private init(_ datapath: Datapath, _ widths: SignalWidths, _ levelsPerPeriod: Int) {
    precondition(levelsPerPeriod >= 1, "a clock period holds at least one adder level")
    self.datapath = datapath
    self.widths = widths
    self.levelsPerPeriod = levelsPerPeriod
    self.readers = datapath.readers
    var isOutput = [Bool](repeating: false, count: datapath.signals.count)
    for output in datapath.outputs { isOutput[output.index] = true }
    self.isOutput = isOutput
    self.period = [Int](repeating: 0, count: datapath.signals.count)
    self.level = [Int](repeating: 0, count: datapath.signals.count)
  }

  private func isCopy(_ index: Int) -> Bool {
    if case .copy = datapath.signals[index].operation { return true }
    return false
  }

  /// The earliest (period, level) of a signal, given its operands'.
  private func earliest(_ index: Int) -> (period: Int, level: Int) {
    let signal = datapath.signals[index]
    var at = 0
    for operand in signal.operation.operands where !datapath[operand].operation.isConstant {
      let isLater = isCopy(operand.index) || datapath[operand].operation == .parameter
      at = max(at, period[operand.index] + (isLater ? 1 : 0))
    }
    var before = 0
    for operand in signal.operation.operands
    where !datapath[operand].operation.isStatic && period[operand.index] == at {
      before = max(before, level[operand.index])
    }
    let result = before + signal.operation.levels
    return result > levelsPerPeriod ? (at + 1, signal.operation.levels) : (at, result)
  }

  private mutating func placeAsSoonAsPossible() {
    for index in datapath.signals.indices {
      (period[index], level[index]) = earliest(index)
      if isOutput[index] { ranks = max(ranks, period[index] + 1) }
    }
  }

  private func lastUse(_ index: Int, except: Int? = nil) -> Int {
    var last = isOutput[index] ? ranks : period[index]
    for reader in readers[index] where reader.index != except {
      last = max(last, period[reader.index])
    }
    return last
  }

  /// One pass from the outputs back; returns the register bits that it saved.
  private mutating func sweep() -> Int {
    var saved = 0
    for index in datapath.signals.indices.reversed() {
      let operation = datapath.signals[index].operation
      if case .input = operation { continue }
      if operation.isStatic { continue }
      while let gain = gainOfMovingLater(index), gain > 0 {
        period[index] += 1
        refreshLevel(index)
        for reader in readers[index] where period[reader.index] == period[index] {
          refreshLevels(from: reader.index)
        }
        saved += gain
      }
    }
    // Levels of signals whose operands left their period shrink; recompute them all.
    for index in datapath.signals.indices { refreshLevel(index) }
    return saved
  }

  private mutating func refreshLevel(_ index: Int) {
    var before = 0
    let operation = datapath.signals[index].operation
    for operand in operation.operands
    where !datapath[operand].operation.isConstant && period[operand.index] == period[index] {
      before = max(before, level[operand.index])
    }
    level[index] = before + operation.levels
  }

  private mutating func refreshLevels(from index: Int) {
    let old = level[index]
    refreshLevel(index)
    guard level[index] != old else { return }
    for reader in readers[index] where period[reader.index] == period[index] {
      refreshLevels(from: reader.index)
    }
  }

  /// Register bits saved by computing the signal one period later, or nil if that is not legal.
  private func gainOfMovingLater(_ index: Int) -> Int? {
    let next = period[index] + 1
    guard next < ranks else { return nil }
    let operation = datapath.signals[index].operation
    for reader in readers[index]
    where period[reader.index] < next + (isCopy(index) ? 1 : 0) { return nil }
    // In the next period its level is what its operands there, if any, leave.
    var before = 0
    for operand in operation.operands
    where !datapath[operand].operation.isConstant && period[operand.index] == next {
      before = max(before, level[operand.index])
    }
    guard
      fits(index, level: before + operation.levels, period: next)
    else { return nil }
    var gain = lastUse(index) > period[index] ? widths.bits[index] : 0
    var seen: [SignalID] = []
    for operand in operation.operands
    where !datapath[operand].operation.isStatic && !seen.contains(operand) {
      seen.append(operand)
      if lastUse(operand.index) < next { gain -= widths.bits[operand.index] }
    }
    return gain
  }

  /// Whether the signal at `level` in `period` leaves its readers there within the limit.
  private func fits(_ index: Int, level: Int, period at: Int) -> Bool {
    guard level <= levelsPerPeriod else { return false }
    for reader in readers[index] where period[reader.index] == at {
      let readerLevel = level + datapath[reader].operation.levels
      if readerLevel > self.level[reader.index], !fits(reader.index, level: readerLevel, period: at)
      {
        return false
      }
    }
    return true
  }

  private func finished() -> Schedule {
    Schedule(
      period: period, lastUse: datapath.signals.indices.map { lastUse($0) }, ranks: ranks)
  }
}
