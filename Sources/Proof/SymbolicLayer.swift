import NeuralGraph

/// A full or half adder module: `a + b (+ c) = 2 carry + sum`, by its own truth table.
struct AdderCell: Hashable, Sendable {
  var inputs: [String]
  var sum: String
  var carry: String
}

/// One layer module, word by word: what every wire is as a linear form over the layer's inputs,
/// and over the outputs of the operators that are not linear.
///
/// A *word* is an output of a cell, an input port, or a register that moves with the window. Its
/// `Value` says: the word's bits are the form modulo 2^width, and this is so for the window that
/// was there `delay` clocks ago. Plain registers are no words: their bits are those of what they
/// register, later.
final class SymbolicLayer {
  let netlist: Netlist
  let front: LayerFront
  let adderCells: [String: AdderCell]
  let classes: WindowClasses?
  var atoms = AtomTable()
  private(set) var faults: [Fault] = []
  /// Faults that concern the module and no certain wire.
  private(set) var globalFaults: [Fault] = []

  enum WordKind {
    case port(PortRole)
    /// A register with the window's or the accumulator's enable: the index of its `$dff`, and what
    /// it takes in.
    case front(cell: Int, data: [Netlist.Bit])
    case cell(Int)
    /// The sum (else the carry) of an instance of an adder.
    case adder(cell: Int, isCarry: Bool)
    /// Bits of adders, and perhaps others, that the text puts together as one number.
    case composed
  }

  struct Word {
    var kind: WordKind
    var bits: [Netlist.Bit]
    var width: Int { bits.count }
  }

  struct Value {
    var form = Form()
    /// Clocks behind the window; nil for a constant.
    var delay: Int?
    /// Index into `faults`: nothing is known of the word.
    var fault: Int?
    /// Every value of the form, when known.
    var interval: ClosedRange<Int>?
  }

  /// A window register: channel, kernel row, and how many steps it is behind the line buffer.
  struct WindowPosition: Hashable {
    var channel: Int
    var row: Int
    var steps: Int
  }

  private(set) var words: [Word] = []
  var values: [Value?] = []
  /// By net: the word and the bit of it that it is; -1 for none.
  private var driver: [Int32]
  private var driverBit: [Int32]
  /// By net: the net or constant that a plain register takes in; `noRegister` when it is none.
  private var registerInput: [Int32]
  private static let noRegister = Int32.min
  /// By net of a register: where its value comes from, and how many registers before.
  private var originBit: [Int32]
  private var originDelay: [Int32]
  private(set) var registerBits = 0

  /// Of adders, by index: a + b + c.
  var adderForms: [Form] = []
  private var adderIndex: [Int: Int] = [:]
  /// By net: the composed words that have it, and which of their bits it is.
  private(set) var composed: [Int32: [(word: Int, bit: Int)]] = [:]
  var windowPositions: [Int: WindowPosition] = [:]
  /// By word: what an operator that is not linear does.
  var nodes: [Int32: NodeOperation] = [:]

  static let widest = 62

  init(_ netlist: Netlist, front: LayerFront, adderCells: [String: AdderCell] = [:]) {
    self.netlist = netlist
    self.front = front
    self.adderCells = adderCells
    if case .window(let geometry) = front.form {
      classes = WindowClasses(geometry)
    } else {
      classes = nil
    }
    driver = Array(repeating: -1, count: netlist.netCount)
    driverBit = driver
    registerInput = Array(repeating: Self.noRegister, count: netlist.netCount)
    originBit = Array(repeating: 0, count: netlist.netCount)
    originDelay = Array(repeating: -1, count: netlist.netCount)
    if netlist.hasMemory { fail(.notCovered, "the module has a memory") }
    addPorts()
    addCells()
    composeAdders()
    values = Array(repeating: nil, count: words.count)
  }

  // MARK: Faults

  func fail(_ kind: Fault.Kind, _ message: String, source: String = "") {
    globalFaults.append(Fault(kind, message, source: source))
  }

  func fault(_ kind: Fault.Kind, _ message: String, source: String = "") -> Int {
    faults.append(Fault(kind, message, source: source))
    return faults.count - 1
  }

  /// What people call a word, with its place in the text.
  func describe(_ word: Int) -> String {
    for bit in words[word].bits {
      if let name = netlist.netNames[bit.code] { return "'\(name)'" }
    }
    switch words[word].kind {
    case .cell(let cell): return "the \(netlist.cells[cell].type.dropFirst()) operator"
    case .adder: return "an adder's output"
    case .composed: return "a number made of adders' outputs"
    default: return "an unnamed word"
    }
  }

  func source(_ word: Int) -> String {
    switch words[word].kind {
    case .port, .composed: ""
    case .front(let cell, _), .cell(let cell), .adder(let cell, _): source(ofCell: cell)
    }
  }

  /// `FILE:LINE`.
  func source(ofCell cell: Int) -> String {
    let source = netlist.cells[cell].source
    let first = source.split(separator: "|").first ?? ""
    let place = first.split(separator: ".").dropLast(2).joined(separator: ".")
    return place.hasPrefix("design/") ? String(place.dropFirst(7)) : place
  }

  // MARK: Drivers

  private func addWord(_ kind: WordKind, _ bits: [Netlist.Bit], source: String) {
    let word = Int32(words.count)
    words.append(Word(kind: kind, bits: bits))
    for (index, bit) in bits.enumerated() {
      guard claim(bit, source) else { continue }
      driver[bit.net] = word
      driverBit[bit.net] = Int32(index)
    }
  }

  /// True when nothing else drives the net.
  private func claim(_ bit: Netlist.Bit, _ source: String) -> Bool {
    guard bit.isNet else {
      fail(.notCovered, "an output drives a constant", source: source)
      return false
    }
    if driver[bit.net] >= 0 || registerInput[bit.net] != Self.noRegister {
      let name = netlist.netNames[bit.code] ?? "a wire"
      fail(.wiring, "\(name) has two drivers", source: source)
      return false
    }
    return true
  }

  private func addPorts() {
    for port in netlist.ports where port.direction != .output {
      guard let role = front.roles[port.name], port.direction == .input else {
        fail(.wiring, "the port \(port.name) is not connected to anything that is known")
        continue
      }
      addWord(.port(role), port.bits, source: "")
    }
  }

  private func bits(of role: PortRole) -> [Netlist.Bit] {
    guard let name = front.roles.first(where: { $0.value == role })?.key else { return [] }
    return netlist.port(name)?.bits ?? []
  }

  private func addCells() {
    // What drives each net, to find the multiplexers that are enables.
    var muxes: [Int32: Int] = [:]
    for (index, cell) in netlist.cells.enumerated() where cell.type == "$mux" {
      for bit in cell["Y"] { muxes[bit.code] = index }
    }
    let clock = bits(of: .clock)
    let step = bits(of: .step)
    for (index, cell) in netlist.cells.enumerated() {
      let place = source(ofCell: index)
      if cell.type == "$dff" {
        guard cell["CLK"] == clock, cell.flag("CLK_POLARITY"), cell["D"].count == cell["Q"].count
        else {
          fail(.notCovered, "a register has another clock than aclk", source: place)
          continue
        }
        registerBits += cell["Q"].count
        if let data = enabled(cell, muxes, step) {
          addWord(.front(cell: index, data: data), cell["Q"], source: place)
          continue
        }
        for (from, to) in zip(cell["D"], cell["Q"]) where claim(to, place) {
          registerInput[to.net] = from.code
        }
      } else if let adder = adderCells[cell.type] {
        for (port, isCarry) in [(adder.sum, false), (adder.carry, true)] {
          // An output that nobody reads may stay open.
          guard cell[port].count <= 1 else {
            fail(.notCovered, "an adder is connected to more than a bit", source: place)
            continue
          }
          addWord(.adder(cell: index, isCarry: isCarry), cell[port], source: place)
        }
      } else if cell.type.hasPrefix("$"), !cell["Y"].isEmpty {
        addWord(.cell(index), cell["Y"], source: place)
      } else {
        fail(
          .notCovered, "there is no rule for a cell of the type '\(cell.type)'", source: place)
      }
    }
  }

  /// What a register with the window's enable takes in; nil for a plain register.
  private func enabled(_ cell: Netlist.Cell, _ muxes: [Int32: Int], _ step: [Netlist.Bit])
    -> [Netlist.Bit]?
  {
    guard step.count == 1, let first = cell["D"].first, let mux = muxes[first.code] else {
      return nil
    }
    let enable = netlist.cells[mux]
    return enable["S"] == step && enable["A"] == cell["Q"] && enable["Y"] == cell["D"]
      ? enable["B"] : nil
  }

  /// Where a bit comes from through plain registers: a word's net or a constant, and the number of
  /// registers. A register that feeds itself comes from nowhere.
  func origin(_ bit: Netlist.Bit) -> (bit: Netlist.Bit, delay: Int) {
    guard bit.isNet, registerInput[bit.net] != Self.noRegister else { return (bit, 0) }
    var chain: [Int] = []
    var code = bit.code
    while code >= 2, registerInput[Int(code)] != Self.noRegister, originDelay[Int(code)] == -1 {
      originDelay[Int(code)] = -2
      chain.append(Int(code))
      code = registerInput[Int(code)]
    }
    var source = code
    var delay: Int32 = 0
    if code >= 2, registerInput[Int(code)] != Self.noRegister {
      if originDelay[Int(code)] == -2 {
        source = Netlist.Bit.undefined.code
      } else {
        source = originBit[Int(code)]
        delay = originDelay[Int(code)]
      }
    }
    for net in chain.reversed() {
      delay += 1
      originBit[net] = source
      originDelay[net] = delay
    }
    return (Netlist.Bit(code: originBit[bit.net]), Int(originDelay[bit.net]))
  }

  /// The word that drives an origin, and which of its bits it is.
  func word(driving bit: Netlist.Bit) -> (word: Int, bit: Int)? {
    guard bit.isNet, driver[bit.net] >= 0 else { return nil }
    return (Int(driver[bit.net]), Int(driverBit[bit.net]))
  }

  /// Declared wires, and what registers take in, of which some bits are adders' outputs: an adder's
  /// output is a bit, and only what is put together of them is a number.
  private func composeAdders() {
    guard !adderCells.isEmpty else { return }
    var seen: Set<[Netlist.Bit]> = []
    let registers = netlist.cells.filter { $0.type == "$dff" && $0["D"].count > 1 }.map { $0["D"] }
    for vector in netlist.vectors + registers where vector.count <= Self.widest {
      let origins = vector.map { origin($0) }
      let bits = origins.map(\.bit)
      let times = Set(origins.filter(\.bit.isNet).map(\.delay))
      let hasAdder = bits.contains { bit in
        guard let (word, _) = word(driving: bit) else { return false }
        if case .adder = words[word].kind { return true }
        return false
      }
      guard hasAdder, times.count == 1, !bits.contains(.undefined), seen.insert(bits).inserted
      else { continue }
      words.append(Word(kind: .composed, bits: bits))
      for (index, bit) in bits.enumerated() where bit.isNet {
        composed[bit.code, default: []].append((words.count - 1, index))
      }
    }
  }

  // MARK: Order

  private func operands(of word: Int) -> [Netlist.Bit] {
    switch words[word].kind {
    case .port: []
    case .composed: words[word].bits
    case .front(_, let data): data
    case .cell(let cell):
      netlist.cells[cell].connections.flatMap { $0.key == "Y" ? [] : $0.value }
    case .adder(let cell, _):
      adderCells[netlist.cells[cell].type]!.inputs.flatMap { netlist.cells[cell][$0] }
    }
  }

  /// Computes the values of the words behind `bits`, operands first.
  func evaluate(behind bits: [Netlist.Bit]) {
    var open = [Bool](repeating: false, count: words.count)
    var stack: [Int] = []
    func push(_ bits: [Netlist.Bit]) -> Bool {
      var pushed = false
      func push(_ word: Int) {
        guard values[word] == nil, !open[word] else { return }
        stack.append(word)
        pushed = true
      }
      for bit in bits {
        let from = origin(bit).bit
        if let (word, _) = word(driving: from) { push(word) }
        for (word, _) in composed[from.code] ?? [] { push(word) }
      }
      return pushed
    }
    _ = push(bits)
    while let word = stack.last {
      if values[word] != nil {
        stack.removeLast()
        continue
      }
      if !open[word] {
        open[word] = true
        if push(operands(of: word)) { continue }
      }
      stack.removeLast()
      open[word] = false
      values[word] = settled(compute(word))
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
      value.form = reduced(value.form, modulus: bits.count)
      return value
    }
  }

  private func adderValue(_ cell: Int, _ isCarry: Bool) -> Value {
    let instance = netlist.cells[cell]
    let adder = adderCells[instance.type]!
    var sum = Form()
    var delay: Int?
    for port in adder.inputs {
      guard instance[port].count == 1 else {
        return Value(
          fault: fault(
            .notCovered, "the port \(port) of an adder is not one bit", source: source(ofCell: cell)
          ))
      }
      let input = assemble(instance[port], modulus: 64, source: source(ofCell: cell))
      if input.fault != nil { return input }
      if let time = input.delay {
        if let delay, delay != time { return timing(delay, time, source(ofCell: cell)) }
        delay = time
      }
      sum.add(input.form)
    }
    let index: Int
    if let known = adderIndex[cell] {
      index = known
    } else {
      index = adderForms.count
      adderForms.append(sum)
      adderIndex[cell] = index
    }
    let atom = atoms.intern(.adder(index: Int32(index), isCarry: isCarry), 0...1)
    return Value(form: Form(atom), delay: delay)
  }

  func timing(_ first: Int, _ second: Int, _ source: String) -> Value {
    Value(
      fault: fault(
        .timing,
        "values \(min(first, second)) and \(max(first, second)) clocks behind the window meet: "
          + "\(counted(max(first, second) - min(first, second), "register")) missing on one path, or "
          + "too many on another", source: source))
  }
}
