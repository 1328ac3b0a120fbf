import YosysNetlist

/// What a mapped module takes when its bits move: for every declared word of registers the energy of a
/// transition, in its flip-flops and in the gates that compute it.
struct EnergyUse: Hashable, Sendable, Codable {
  struct Word: Hashable, Sendable, Codable {
    /// Flip-flops.
    var bits = 0
    /// fJ when each of the bits moves once: inside the flip-flops, and the pins that they drive.
    var registers = 0.0
    /// fJ when each of the gates before the word moves once.
    var logic = 0.0
  }

  /// nW.
  var leakage = 0.0
  /// nW of the flip-flops alone.
  var registerLeakage = 0.0
  /// fJ a clock cycle: clock pins, and the flip-flops at rest.
  var clock = 0.0
  /// fJ a clock cycle of `clock` that the clock's driver spends on pins.
  var clockPins = 0.0
  /// By the registers' declared name, without an index; "" is what has none.
  var words: [String: Word] = [:]

  init() {}

  /// `word` is the cell's word: of a flip-flop its own, of a gate that of the first register that it
  /// leads to.
  init(cells: [Netlist.Cell], word: [String], library: CellLibrary) {
    var load: [Int32: Double] = [:]
    for cell in cells {
      let known = library.cells[cell.type]!
      for (pin, bits) in cell.connections where !known.outputs.contains(pin) {
        for bit in bits where bit.isNet {
          load[bit.code, default: 0] += known.energy.capacitance[pin] ?? 0
        }
      }
    }
    let square = library.voltage * library.voltage
    for (index, cell) in cells.enumerated() {
      let known = library.cells[cell.type]!
      leakage += known.energy.leakage
      var moved = 0.0
      for pin in known.outputs.sorted() {
        for bit in cell[pin] where bit.isNet {
          let capacitance = load[bit.code] ?? 0
          moved += known.energy.transition(pin, load: capacitance) + capacitance * square / 2
        }
      }
      if known.isFlipFlop {
        registerLeakage += known.energy.leakage
        let pin = known.energy.clockPin
        // A clock rises and falls once a cycle.
        let driven = square * (pin.flatMap { known.energy.capacitance[$0] } ?? 0)
        clock += known.energy.clock + driven
        clockPins += driven
        words[word[index], default: Word()].bits += 1
        words[word[index]]!.registers += moved + known.energy.input
      } else {
        words[word[index], default: Word()].logic += moved
      }
    }
  }
}
