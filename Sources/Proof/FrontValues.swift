import NeuralGraph
import YosysNetlist

/// Ports, window registers, masks and accumulators: where a layer's numbers come from.
extension SymbolicLayer {
  private func unknown(_ message: String, _ word: Int, _ kind: Fault.Kind = .notCovered) -> Value {
    Value(fault: fault(kind, message, source: source(word)))
  }

  /// A port as the trees read it: only pixels of a pointwise layer come in without a register.
  func portValue(_ role: PortRole, _ word: Int) -> Value {
    guard case .pixel(let channel, nil) = role, front.form == .pointwise else {
      return unknown("the port \(describe(word)) is read by more than a window register", word)
    }
    guard let interval = codes(of: channel, word) else {
      return unknown("\(describe(word)) cannot hold the codes of channel \(channel)", word, .width)
    }
    return Value(form: Form(atoms.intern(.pixel(channel: channel), interval)), delay: 0)
  }

  /// The codes of an input channel when a word of its width tells them apart.
  private func codes(of channel: Int, _ word: Int) -> ClosedRange<Int>? {
    guard front.codes.indices.contains(channel) else { return nil }
    let codes = front.codes[channel]
    return codes.upperBound - codes.lowerBound < 1 << words[word].width ? codes : nil
  }

  func frontValue(cell: Int, data: [Netlist.Bit], word: Int) -> Value {
    switch front.form {
    case .pointwise:
      return unknown("\(describe(word)) has an enable", word)
    case .accumulator(let count):
      return accumulator(data, count, word)
    case .window(let geometry):
      if let position = windowPosition(data, word) {
        windowPositions[word] = position
        return tap(position, geometry, word)
      }
      var rows: Set<Int> = []
      var columns: Set<Int> = []
      if words[word].width == 1, collectMask(data[0], &rows, &columns, depth: 0), let classes {
        return mask(classes.mask(rows: rows, columns: columns))
      }
      return unknown("\(describe(word)) moves with the window but is neither tap nor mask", word)
    }
  }

  private func mask(_ mask: WindowMask) -> Value {
    if mask.isAlways { return Value(form: Form(constant: 1)) }
    if mask.isNever { return Value() }
    return Value(form: Form(atoms.intern(.mask(mask), 0...1)), delay: 0)
  }

  /// The word whose bits are exactly `bits`, in order and without a register between.
  private func wholeWord(_ bits: [Netlist.Bit]) -> Int? {
    guard let first = bits.first, let (word, _) = word(driving: first),
      words[word].bits == bits
    else { return nil }
    return word
  }

  private func windowPosition(_ data: [Netlist.Bit], _ word: Int) -> WindowPosition? {
    guard let source = wholeWord(data) else { return nil }
    switch words[source].kind {
    case .port(.pixel(let channel, let row?)):
      return WindowPosition(channel: channel, row: row, steps: 1)
    case .front:
      guard var position = windowPositions[source] else { return nil }
      position.steps += 1
      return position
    default: return nil
    }
  }

  private func tap(_ position: WindowPosition, _ geometry: WindowGeometry, _ word: Int) -> Value {
    guard let interval = codes(of: position.channel, word) else {
      return unknown(
        "\(describe(word)) cannot hold the codes of channel \(position.channel)", word, .width)
    }
    let place = geometry.reachX - position.steps
    guard place >= 0, place % geometry.dilationX == 0 else {
      // It only delays; what reads it as a number reads a pixel that no tap is.
      let between = AtomKind.tap(
        channel: position.channel, row: position.row,
        column: geometry.kernelWidth + position.steps)
      return Value(form: Form(atoms.intern(between, interval)), delay: 0)
    }
    let tap = AtomKind.tap(
      channel: position.channel, row: position.row, column: place / geometry.dilationX)
    return Value(form: Form(atoms.intern(tap, interval)), delay: 0)
  }

  /// The kernel rows and columns whose ports are anded; false for any other function.
  private func collectMask(
    _ bit: Netlist.Bit, _ rows: inout Set<Int>, _ columns: inout Set<Int>, depth: Int
  ) -> Bool {
    if bit == .one { return true }
    guard depth < 16, let (word, _) = word(driving: bit), words[word].width == 1 else {
      return false
    }
    switch words[word].kind {
    case .port(.row(let row)):
      rows.insert(row)
      return true
    case .port(.column(let column)):
      columns.insert(column)
      return true
    case .cell(let index):
      let cell = netlist.cells[index]
      guard cell.type == "$and" || cell.type == "$logic_and", cell["A"].count == 1,
        cell["B"].count == 1
      else { return false }
      return collectMask(cell["A"][0], &rows, &columns, depth: depth + 1)
        && collectMask(cell["B"][0], &rows, &columns, depth: depth + 1)
    default: return false
    }
  }

  /// `sum <= (first ? 0 : sum) + pixel`.
  private func accumulator(_ data: [Netlist.Bit], _ count: Int, _ word: Int) -> Value {
    let own = words[word].bits
    guard let source = wholeWord(data), case .cell(let index) = words[source].kind,
      netlist.cells[index].type == "$add", netlist.cells[index]["A"].count == own.count,
      netlist.cells[index]["B"].count == own.count
    else { return unknown("\(describe(word)) does not add up pixels", word) }
    let add = netlist.cells[index]
    for (old, new) in [("A", "B"), ("B", "A")] {
      guard let mux = wholeWord(add[old]), case .cell(let muxIndex) = words[mux].kind,
        netlist.cells[muxIndex].type == "$mux", netlist.cells[muxIndex]["A"] == own,
        netlist.cells[muxIndex]["B"].allSatisfy({ $0 == .zero }),
        let (select, _) = self.word(driving: netlist.cells[muxIndex]["S"].first ?? .undefined),
        case .port(.accumulateFirst) = words[select].kind
      else { continue }
      return sum(add[new], count, word)
    }
    return unknown("\(describe(word)) does not start from zero", word)
  }

  /// The sum over the map when every step adds `pixel`, a port's bits extended to the word's width.
  private func sum(_ pixel: [Netlist.Bit], _ count: Int, _ word: Int) -> Value {
    guard let (source, bit) = self.word(driving: pixel.first ?? .undefined), bit == 0,
      case .port(.pixel(let channel, _)) = words[source].kind,
      let codes = codes(of: channel, source)
    else { return unknown("\(describe(word)) adds up something that is no pixel", word) }
    let port = words[source].bits
    let rest = pixel.dropFirst(port.count)
    guard pixel.count >= port.count, Array(pixel.prefix(port.count)) == port,
      Netlist.extends(port, by: Array(rest), codes)
    else {
      return unknown("\(describe(word)) does not extend the pixel as its codes need", word, .width)
    }
    let total = codes.lowerBound * count...codes.upperBound * count
    return Value(form: Form(atoms.intern(.sum(channel: channel), total)), delay: 0)
  }
}
