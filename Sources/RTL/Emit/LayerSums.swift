import AdderGraph
import Verilog

/// A layer's sums as bit heaps: a sum that only one other sum of the same clock period reads is part of
/// it, all others are words. Words hold the same numbers in the same registers as with word-level adders.
struct LayerSums {
  private let text: SignalText
  /// By signal: the sum that it is part of.
  private var partOf: [SignalID?]

  private var datapath: Datapath { text.datapath }

  init(_ text: SignalText) {
    self.text = text
    partOf = Array(repeating: nil, count: text.datapath.signals.count)
    let readers = text.datapath.readers
    // By signal that is part of a sum: the bits of that sum from the signal's lowest bit on.
    var room = text.widths.bits
    for index in datapath.signals.indices.reversed() {
      let period = text.schedule.period[index]
      guard case .add(let a, let b) = datapath.signals[index].operation,
        readers[index].count == 1, text.schedule.lastUse[index] == period,
        text.schedule.period[readers[index][0].index] == period
      else { continue }
      let reader = readers[index][0]
      let uses = datapath[reader].operation.addends.filter { $0.signal.index == index }
      guard uses.count == 1 else { continue }
      // A word that is held modulo a power of two may be too short for the larger sum.
      let bits = room[reader.index] - uses[0].shift
      guard bits > 0, [a, b].allSatisfy({ held($0.signal, period).reaches(bits - $0.shift) }) else {
        continue
      }
      partOf[index] = reader
      room[index] = bits
    }
  }

  /// What there is of a signal in a period.
  private struct Held {
    var bits: Int
    var isTruncated: Bool

    func reaches(_ width: Int) -> Bool { !isTruncated || bits >= width }
  }

  private func held(_ id: SignalID, _ period: Int) -> Held {
    if datapath[id].operation.isConstant { return Held(bits: 0, isTruncated: false) }
    let bits = text.bits(id, in: period)
    return Held(
      bits: bits,
      isTruncated: text.widths.isTruncated[id.index] || bits < text.widths.bits[id.index])
  }

  /// Whether the signal is part of another sum and has no wire.
  func isPart(_ id: SignalID) -> Bool { partOf[id.index] != nil }

  /// Operands of a sum that are words, and the constant, with sums that are part of it opened.
  private func addends(of id: SignalID) -> (words: [Datapath.Operand], constant: Int) {
    var words: [Datapath.Operand] = []
    var constant = 0
    func open(_ id: SignalID, _ shift: Int, _ isNegated: Bool) {
      for operand in datapath[id].operation.addends {
        let isMinus = isNegated != operand.isNegated
        let moved = operand.shift + shift
        if case .constant(let value) = datapath[operand.signal].operation {
          let number = (value << operand.shift + operand.fill) << shift
          constant &+= isMinus ? 0 &- number : number
          continue
        }
        let fill = operand.fill << shift
        constant &+= isMinus ? 0 &- fill : fill
        if partOf[operand.signal.index] == id {
          open(operand.signal, moved, isMinus)
        } else {
          words.append(.init(operand.signal, shift: moved, isNegated: isMinus))
        }
      }
    }
    open(id, 0, false)
    return (words, constant)
  }

  /// A sum as it stands in the text.
  struct Sum {
    var items: [Item]
    /// The number, lowest bit first.
    var value: Expression
    /// Bits and words that nothing reads whole.
    var unread: [Expression]
    var fullAdders: Int
    var halfAdders: Int
  }

  /// The adders of a sum that is a word. Cost: linear in its bits, with their sorting.
  func sum(_ id: SignalID) -> Sum {
    let period = text.schedule.period[id.index]
    let width = text.widths.bits[id.index]
    let (words, constant) = addends(of: id)
    let heap = BitHeap.sum(
      words.map { word in
        let held = held(word.signal, period)
        return BitHeap.Addend(
          bits: held.bits, isSigned: datapath[word.signal].interval.isSigned,
          isTruncated: held.isTruncated, shift: word.shift, isNegated: word.isNegated)
      }, constant: constant, bits: width)
    let names = words.map {
      BitHeapText.Input(
        name: text.name($0.signal, in: period), width: held($0.signal, period).bits)
    }
    let heapText = BitHeapText(heap, inputs: names, rowNames: [datapath[id].name])
    let cut = zip(words, names).filter { word, name in name.width + word.shift > width }
    return Sum(
      items: heapText.cells(row: 0), value: heapText.vector(heap.words[0].drivers),
      unread: heapText.unread + cut.map { .name($1.name) },
      fullAdders: heap.fullAdderCount, halfAdders: heap.halfAdderCount)
  }
}
