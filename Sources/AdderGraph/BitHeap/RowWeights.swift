/// What the bits of a row weigh, followed back through its adders to the bits of inputs and of earlier
/// words: the linear part of every proof of a bit heap. One row at a time.
struct RowWeights {
  private typealias Bit = BitHeap.Bit

  let heap: BitHeap
  /// By source, modulo 2^64; all 0 between two rows.
  private var weights: [UInt64]
  /// The first cell and adder of a row not looked at yet.
  private var nextCell = 0
  private var nextAdder = 0
  /// Sources to which a weight was given.
  private var touched: [Int] = []
  /// By input: the source of its lowest bit.
  private var inputSources: [Int]
  private var constant: UInt64 = 0
  private var row = 0
  private var mask: UInt64 = 0
  private var problem: BitHeap.Problem?

  init(_ heap: BitHeap) {
    self.heap = heap
    weights = Array(repeating: 0, count: heap.sources.count)
    inputSources = Array(repeating: 0, count: heap.inputs.count)
    for (index, source) in heap.sources.enumerated() {
      if case .input(let input, bit: 0) = source { inputSources[input] = index }
    }
  }

  private mutating func add(_ weight: UInt64, to bit: Bit) {
    if let value = bit.constant {
      constant &+= UInt64(value) &* weight
      return
    }
    touched.append(bit.source)
    if bit.isInverted {
      constant &+= weight
      weights[bit.source] &-= weight
    } else {
      weights[bit.source] &+= weight
    }
  }

  /// Begins with a row, which follows the one before: its bits' weights go through its adders, since
  /// `a + b + c = 2 carry + sum`.
  mutating func unwind(_ row: Int) {
    let word = heap.words[row]
    self.row = row
    constant = 0
    problem = nil
    mask = (1 << UInt64(word.drivers.count)) - 1
    let cells =
      nextCell..<(heap.cells[nextCell...].firstIndex { $0.row != row } ?? heap.cells.count)
    let adders =
      nextAdder..<(heap.adders[nextAdder...].firstIndex { $0.row != row } ?? heap.adders.count)
    (nextCell, nextAdder) = (cells.upperBound, adders.upperBound)
    for (position, driver) in word.drivers.enumerated() { add(1 << UInt64(position), to: driver) }
    for index in adders.reversed() {
      let adder = heap.adders[index]
      guard !adder.a.isEmpty else { continue }
      let lowest = weights[adder.sum]
      for bit in adder.a.indices {
        let weight = weights[adder.sum + bit]
        if (weight &- lowest << UInt64(bit)) & mask != 0 {
          problem = .wrongSum(row: row, "reads the bits of adder \(index) with other weights")
        }
        weights[adder.sum + bit] = 0
        add(lowest << UInt64(bit), to: adder.a[bit])
        add(lowest << UInt64(bit), to: adder.b[bit])
      }
      // What the adder drops must not count.
      if lowest << UInt64(adder.a.count) & mask != 0 {
        problem = .wrongSum(row: row, "needs the carry of adder \(index)")
      }
    }
    for index in cells.reversed() {
      let cell = heap.cells[index]
      let weight = weights[cell.sum]
      if (weights[cell.carry] &- 2 &* weight) & mask != 0 {
        problem = .wrongSum(row: row, "reads the carry of cell \(index) with another weight")
      }
      weights[cell.sum] = 0
      weights[cell.carry] = 0
      for bit in [cell.a, cell.b] + (cell.c.map { [$0] } ?? []) { add(weight, to: bit) }
    }
  }

  /// What the row should have of an input.
  mutating func take(input: Int, times factor: Int) {
    let width = SignalWidth(of: heap.inputs[input])
    take(
      inputSources[input], width.bits, isSigned: width.isSigned, factor
    ) { "input \(input)" }
  }

  /// What the row should have of an earlier word: its bits less its offset.
  mutating func take(word: Int, times factor: Int) {
    let other = heap.words[word]
    let weight = UInt64(bitPattern: Int64(factor))
    take(other.source, other.drivers.count, isSigned: false, factor) { "row \(word)" }
    constant &+= weight &* UInt64(bitPattern: Int64(other.offset))
    if other.isTruncated, weight << UInt64(other.drivers.count) & mask != 0 {
      problem = .wrongSum(row: row, "reads past the bits of row \(word)")
    }
  }

  private mutating func take(
    _ first: Int, _ count: Int, isSigned: Bool, _ factor: Int, name: () -> String
  ) {
    let weight = UInt64(bitPattern: Int64(factor))
    for bit in 0..<count {
      let isSign = isSigned && bit + 1 == count
      let expected = isSign ? 0 &- weight << UInt64(bit) : weight << UInt64(bit)
      if (weights[first + bit] &- expected) & mask != 0 {
        problem = .wrongSum(row: row, "takes bit \(bit) of \(name()) with another weight")
      }
      weights[first + bit] = 0
    }
  }

  /// Ends with the row, whose bits have to be the sum of what was taken and `offset`: what is wrong.
  mutating func finish(offset: Int) -> BitHeap.Problem? {
    if (constant &- UInt64(bitPattern: Int64(offset))) & mask != 0 {
      problem = .wrongSum(row: row, "has another offset")
    }
    for source in touched {
      if weights[source] & mask != 0 {
        problem = .wrongSum(row: row, "reads \(heap.sources[source]), which is no part of it")
      }
      weights[source] = 0
    }
    touched.removeAll(keepingCapacity: true)
    return problem
  }
}
