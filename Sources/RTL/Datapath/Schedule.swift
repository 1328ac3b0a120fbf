/// Where the registers of a datapath fall: the clock period in which every signal is computed.
///
/// Period k is the logic between register rank k and rank k + 1; rank 0 holds the inputs, rank
/// `ranks` the outputs, all of them. A signal computed in period k and read in period m > k
/// passes registers of ranks k + 1 ... m. A datapath's function does not depend on its schedule.
public struct Schedule: Hashable, Sendable {
  /// The period in which each signal is computed, by signal index.
  public internal(set) var period: [Int]
  /// The last period in which each signal is read (`ranks` for an output); its own if never.
  public internal(set) var lastUse: [Int]
  /// Register ranks behind the inputs: the latency in clocks.
  public internal(set) var ranks: Int

  /// All that is wrong with it: a reader before its operand, too many levels in a period.
  package func problems(_ datapath: Datapath, levelsPerPeriod: Int) -> [String] {
    var problems: [String] = []
    var level = [Int](repeating: 0, count: datapath.signals.count)
    for index in datapath.signals.indices {
      let signal = datapath.signals[index]
      var before = 0
      for operand in signal.operation.operands {
        if datapath[operand].operation.isConstant { continue }
        if datapath[operand].operation == .parameter, period[index] == 0 {
          problems.append(
            "\(signal.name) reads the parameter \(datapath[operand].name) in period 0")
        }
        if period[operand.index] > period[index] {
          problems.append("\(signal.name) is read before it is computed")
        }
        if period[operand.index] == period[index] {
          before = max(before, level[operand.index])
          if case .copy = datapath[operand].operation {
            problems.append("the copy \(datapath[operand].name) is read before its register")
          }
        }
        if lastUse[operand.index] < period[index] {
          problems.append("\(datapath[operand].name) is not kept until \(signal.name) reads it")
        }
      }
      level[index] = before + signal.operation.levels
      if level[index] > levelsPerPeriod {
        problems.append("\(signal.name) is behind \(level[index]) adder levels")
      }
    }
    for output in datapath.outputs where lastUse[output.index] != ranks {
      problems.append("the output \(datapath[output].name) is not in the last rank")
    }
    return problems
  }
}

extension Schedule {
  /// By signal, for a parameter: the periods in which it is read, ascending; none for other signals.
  package func parameterPeriods(_ datapath: Datapath) -> [[Int]] {
    var periods = [Set<Int>](repeating: [], count: datapath.signals.count)
    for (index, signal) in datapath.signals.enumerated() {
      for operand in signal.operation.operands where datapath[operand].operation == .parameter {
        periods[operand.index].insert(period[index])
      }
    }
    return periods.map { $0.sorted() }
  }
}
