extension BitHeap {
  /// One operand of a sum of words: the low bits of something in hardware.
  public struct Addend: Hashable, Sendable {
    /// Bits that there are.
    public var bits: Int
    /// Whether the top one is a sign.
    public var isSigned: Bool
    /// Whether the bits are the number only modulo 2^bits.
    public var isTruncated: Bool
    public var shift: Int
    public var isNegated: Bool

    public init(bits: Int, isSigned: Bool, isTruncated: Bool, shift: Int, isNegated: Bool) {
      self.bits = bits
      self.isSigned = isSigned
      self.isTruncated = isTruncated
      self.shift = shift
      self.isNegated = isNegated
    }

    /// Whether the sum modulo 2^width is known from the bits.
    func reaches(_ width: Int) -> Bool { !isTruncated || bits + shift >= width }

    /// What the sum modulo 2^width has as its input.
    func input(_ width: Int) -> ClosedRange<Int> {
      let taken = max(0, min(bits, width - shift))
      return SignalWidth(bits: taken, isSigned: isSigned && taken == bits && bits + shift < width)
        .range
    }
  }

  /// `constant` and the sum of the addends modulo 2^bits as one heap: an input for each addend, with the
  /// bits of it that count, and one word. Proved before it is returned.
  public static func sum(
    _ addends: [Addend], constant: Int, bits: Int
  ) -> BitHeap {
    precondition((1...62).contains(bits), "a sum has 1 to 62 bits")
    precondition(
      addends.allSatisfy { $0.reaches(bits) }, "an addend is truncated and would be extended")
    let inputs = addends.map { $0.input(bits) }
    var adder = ColumnAdder(inputs: inputs, finalAdder: .ripple)
    var columns = ColumnAdder.Columns()
    var natural = 0
    for (index, addend) in addends.enumerated() {
      let input = adder.appendInput(index)
      let offset = -min(0, inputs[index].lowerBound)
      natural &+= (addend.isNegated ? (1 << input.count) - 1 - offset : offset) << addend.shift
      columns.append(input, shift: addend.shift, isInverted: addend.isNegated)
    }
    let row = SumRows.Row(target: .output(0), terms: [])
    _ = adder.appendWord(
      columns, constant: constant &- natural, bits: bits,
      Word(row: row, offset: 0, isTruncated: true, isSigned: false))
    let heap = adder.finished
    let problems = heap.verify(equals: addends, constant: constant)
    precondition(problems.isEmpty, "the bit heap is not the sum: \(problems.first!)")
    return heap
  }

  /// The complete proof that the heap's word is `constant` and the sum of the addends, modulo its width;
  /// the empty list is the proof.
  public func verify(equals addends: [Addend], constant: Int) -> [Problem] {
    guard words.count == 1 else { return [.malformed("the heap has not one word")] }
    let bits = words[0].drivers.count
    guard inputs == addends.map({ $0.input(bits) }) else {
      return [.malformed("the heap has other inputs")]
    }
    guard addends.allSatisfy({ $0.reaches(bits) }) else { return [.tooNarrow(row: 0)] }
    let problems = structure()
    guard problems.isEmpty else { return problems }
    var weights = RowWeights(self)
    weights.unwind(0)
    for (index, addend) in addends.enumerated() {
      weights.take(
        input: index, times: addend.isNegated ? -1 << addend.shift : 1 << addend.shift)
    }
    return weights.finish(offset: constant).map { [$0] } ?? []
  }
}
