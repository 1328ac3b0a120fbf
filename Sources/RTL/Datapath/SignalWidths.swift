/// The width of every signal of a datapath, proved from intervals.
///
/// `need` of a signal is the most bits that any reader needs of it: a reader that adds needs what
/// its own result needs, less the shift; every other reader needs the exact value. The width is
/// the smaller of that and of the interval's bits. A signal narrower than its interval is only
/// ever read modulo a width that it covers, so it is never extended.
public struct SignalWidths: Hashable, Sendable {
  /// Bits of each signal, by index; at least 1.
  public internal(set) var bits: [Int]
  /// True when the signal holds its value modulo 2^bits only.
  public internal(set) var isTruncated: [Bool]

  public init(_ datapath: Datapath) {
    let count = datapath.signals.count
    var need = [Int](repeating: 0, count: count)
    bits = [Int](repeating: 1, count: count)
    isTruncated = [Bool](repeating: false, count: count)
    for output in datapath.outputs { need[output.index] = Int.max }
    for index in (0..<count).reversed() {
      let signal = datapath.signals[index]
      let exact = signal.interval.bitCount
      switch signal.operation {
      case .add:
        bits[index] = max(1, min(exact, need[index]))
      default:
        bits[index] = exact
      }
      isTruncated[index] = bits[index] < exact
      switch signal.operation {
      case .add(let a, let b):
        for operand in [a, b] {
          let reach = max(1, bits[index] - operand.shift)
          need[operand.signal.index] = max(need[operand.signal.index], reach)
        }
      default:
        for operand in signal.operation.operands { need[operand.index] = Int.max }
      }
    }
  }
}
