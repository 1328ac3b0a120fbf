import YosysNetlist

/// Values in order: of every word after those that it reads.
extension SymbolicLayer {
  /// Whether the word is one inverted bit.
  private func isInverter(_ word: Int) -> Bool {
    guard case .cell(let index) = words[word].kind else { return false }
    return netlist.cells[index].type == "$not" && netlist.cells[index]["A"].count == 1
      && words[word].width == 1
  }

  /// The net before inverters, at most a few.
  func uninverted(_ bit: Netlist.Bit) -> Netlist.Bit {
    var bit = bit
    for _ in 0..<8 {
      guard let (word, _) = word(driving: bit), case .cell(let index) = words[word].kind,
        isInverter(word)
      else { break }
      bit = origin(netlist.cells[index]["A"][0]).bit
    }
    return bit
  }

  /// Whether the net is an output of an adder, or one inverted.
  func isAdderBit(_ bit: Netlist.Bit) -> Bool {
    guard let (word, _) = word(driving: uninverted(bit)) else { return false }
    if case .adder = words[word].kind { return true }
    return false
  }

  private func operands(of word: Int) -> [Netlist.Bit] {
    switch words[word].kind {
    case .port: []
    case .composed: words[word].bits
    case .front(_, let data): data
    case .cell(let cell):
      ["A", "B", "S"].flatMap { netlist.cells[cell][$0] }
    case .adder(let cell, _):
      adderCells[netlist.cells[cell].type]!.inputs.flatMap { netlist.cells[cell][$0] }
    }
  }

  /// By word: the longest way to it, in adders and inverters, other operators counting much more; 0 for
  /// what holds still or moves with the window. A circle counts as nothing.
  func findLevels() -> [Int] {
    var levels = [Int](repeating: -1, count: words.count)
    var open = levels.map { _ in false }
    for root in words.indices {
      var stack = [root]
      while let word = stack.last {
        guard levels[word] < 0 else {
          stack.removeLast()
          continue
        }
        if case .front = words[word].kind {
          levels[word] = 0
          continue
        }
        let sources = operands(of: word).compactMap { self.word(driving: origin($0).bit)?.word }
        if !open[word] {
          open[word] = true
          let missing = sources.filter { levels[$0] < 0 && !open[$0] }
          stack += missing
          if !missing.isEmpty { continue }
        }
        let longest = sources.map { levels[$0] }.max() ?? -1
        switch words[word].kind {
        // A number is there with its last bit.
        case .composed: levels[word] = max(0, longest)
        case .adder, .port, .front: levels[word] = longest + 1
        // Longer than the adders of any number whose first bits it reads.
        case .cell: levels[word] = longest + (isInverter(word) ? 1 : 1 << 32)
        }
      }
    }
    return levels
  }

  /// Computes the values of the words behind `bits`, operands first.
  ///
  /// Where a bit is read that is part of a number made of adders' bits, the number comes first too, unless
  /// it takes as long a way as the reader: then it could depend on it.
  func evaluate(behind bits: [Netlist.Bit]) {
    var open = [Bool](repeating: false, count: words.count)
    var stack: [Int] = []
    func push(_ bits: [Netlist.Bit], below level: Int) -> Bool {
      var pushed = false
      func push(_ word: Int) {
        guard values[word] == nil, !open[word] else { return }
        stack.append(word)
        pushed = true
      }
      for bit in bits {
        let from = origin(bit).bit
        guard let (word, _) = word(driving: from) else { continue }
        push(word)
        // Only through its adders: other bits have readers that the number depends on.
        guard isAdderBit(from) else { continue }
        for number in numbers[uninverted(from).code] ?? [] where levels[number] < level {
          push(number)
        }
      }
      return pushed
    }
    _ = push(bits, below: .max)
    while let word = stack.last {
      if values[word] != nil {
        stack.removeLast()
        continue
      }
      if !open[word] {
        open[word] = true
        if push(operands(of: word), below: adderCells.isEmpty ? 0 : levels[word]) { continue }
      }
      stack.removeLast()
      open[word] = false
      values[word] = settled(compute(word))
      if case .composed = words[word].kind, values[word]?.fault == nil { addComposed(word) }
    }
  }

  private func settled(_ value: Value) -> Value {
    var value = value
    value.interval = value.fault == nil ? atoms.interval(of: value.form) : nil
    return value
  }

  private func compute(_ word: Int) -> Value {
    guard words[word].width <= Self.widest else {
      return Value(
        fault: fault(
          .notCovered, "\(describe(word)) has \(words[word].width) bits: too many for this proof",
          source: source(word)))
    }
    switch words[word].kind {
    case .port(let role): return portValue(role, word)
    case .front(let cell, let data): return frontValue(cell: cell, data: data, word: word)
    case .cell(let cell): return cellValue(cell, word)
    case .adder(let cell, let isCarry): return adderValue(cell, isCarry)
    case .composed:
      let bits = words[word].bits
      var value = assemble(bits, modulus: bits.count, source: "", composes: false)
      guard value.fault == nil else { return value }
      value.form = reduced(value.form, modulus: bits.count, of: word)
      let isNumber = value.form.terms.allSatisfy {
        if case .adder = atoms[$0.atom] { false } else { true }
      }
      guard isNumber else {
        // A part of a number perhaps, which is read as such.
        return Value(fault: fault(.notCovered, "\(describe(word)) is no number"))
      }
      return value
    }
  }
}
