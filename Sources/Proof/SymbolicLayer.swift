import NeuralGraph
import YosysNetlist

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
  /// By net: where it is a bit of composed words.
  private(set) var composed: [Int32: [ComposedPlace]] = [:]
  /// By output of an adder, a net: the composed words that have it, or have it inverted.
  private(set) var numbers: [Int32: [Int]] = [:]
  /// By word: the longest way to it, where there are adders.
  private(set) var levels: [Int] = []
  /// Composed words whose bits are known one by one.
  var composedWords: [ComposedWord] = []
  /// By word: which of them it is.
  var composedNumber: [Int: Int] = [:]
  /// By adder: which of them have an output of it as a bit.
  var composedOfAdder: [Int32: [Int]] = [:]
  /// By output of an adder: a number that it is a bit of, or inverted a bit of.
  var composedOfBit: [AtomID: (word: Int, bit: Int, isInverted: Bool)] = [:]
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
    if !adderCells.isEmpty { levels = findLevels() }
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
    var seen: Set<[ComposedOrigin]> = []
    let registers = netlist.cells.filter { $0.type == "$dff" && $0["D"].count > 1 }.map { $0["D"] }
    for vector in netlist.vectors + registers where vector.count <= Self.widest {
      let origins = vector.map { origin($0) }
      let hasAdder = origins.contains { isAdderBit($0.bit) }
      let first = origins.lazy.filter(\.bit.isNet).map(\.delay).min() ?? 0
      let key = origins.map { ComposedOrigin(bit: $0.bit, delay: $0.delay - first) }
      guard hasAdder, !origins.contains(where: { $0.bit == .undefined }), seen.insert(key).inserted
      else { continue }
      let number = words.count
      words.append(Word(kind: .composed, bits: vector))
      for (index, from) in origins.enumerated() where from.bit.isNet {
        composed[from.bit.code, default: []]
          .append(ComposedPlace(word: number, bit: index, delay: from.delay))
        let plain = uninverted(from.bit)
        if isAdderBit(plain) { numbers[plain.code, default: []].append(number) }
      }
    }
  }

  // MARK: Values

  func adderValue(_ cell: Int, _ isCarry: Bool) -> Value {
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
      let input = assemble(
        instance[port], modulus: 64, source: source(ofCell: cell), composes: false)
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
