/// The widths of a datapath's pipeline registers: a register keeps the low bits that some reader
/// in its period or later needs, which can be fewer than the signal has.
public struct RegisterWidths: Hashable, Sendable {
  /// By signal: the bits of its registers of age 1, 2, …, `lastUse - period`.
  private var bits: [[Int]]

  package init(_ datapath: Datapath, _ widths: SignalWidths, _ schedule: Schedule) {
    bits = datapath.signals.indices.map { index in
      datapath.signals[index].operation.isStatic
        ? [] : Array(repeating: 1, count: schedule.lastUse[index] - schedule.period[index])
    }
    for output in datapath.outputs { need(output.index, widths.bits[output.index], .max) }
    for index in datapath.signals.indices {
      let signal = datapath.signals[index]
      let at = schedule.period[index]
      if case .add(let a, let b) = signal.operation {
        for operand in [a, b] {
          let source = operand.signal.index
          let room = max(1, widths.bits[index] - operand.shift)
          need(source, min(widths.bits[source], room), at - schedule.period[source])
        }
      } else {
        for source in signal.operation.operands {
          need(source.index, widths.bits[source.index], at - schedule.period[source.index])
        }
      }
    }
  }

  private mutating func need(_ index: Int, _ count: Int, _ age: Int) {
    for earlier in 0..<min(age, bits[index].count) {
      bits[index][earlier] = max(bits[index][earlier], count)
    }
  }

  /// Bits of the signal's register of this age, at least 1.
  package func bits(_ id: SignalID, age: Int) -> Int { bits[id.index][age - 1] }

  /// Bits of all registers.
  package var total: Int { bits.reduce(0) { $0 + $1.reduce(0, +) } }
}
