import YosysNetlist

/// A bit of a composed word: `constant + sign * atom`.
struct ComposedBit {
  var atom: AtomID?
  var sign = 1
  var constant = 0
}

/// A word that is put together of adders' outputs, inverted ones, and perhaps others: its bits, each with
/// its weight, add up to the word's number.
struct ComposedWord {
  var word: Int
  var bits: [ComposedBit]
}

/// Where a bit of a composed word comes from, and how much later than the last of the word's bits.
struct ComposedOrigin: Hashable {
  var bit: Netlist.Bit
  var delay: Int
}

/// A net as a bit of a composed word, which has it after `delay` registers.
struct ComposedPlace {
  var word: Int
  var bit: Int
  var delay: Int
}

extension SymbolicLayer {
  /// Makes a composed word known to `reduced` when each of its bits is an atom, an inverted atom or a
  /// constant, no atom twice.
  func addComposed(_ word: Int) {
    var bits: [ComposedBit] = []
    for bit in words[word].bits {
      guard bit.isNet else {
        bits.append(ComposedBit(constant: bit == .one ? 1 : 0))
        continue
      }
      let one = assemble([bit], modulus: 64, source: "", composes: false)
      guard one.fault == nil, one.form.terms.count == 1 else { return }
      let term = one.form.terms[0]
      guard
        (term.coefficient, one.form.constant) == (1, 0)
          || (term.coefficient, one.form.constant) == (-1, 1)
      else { return }
      bits.append(
        ComposedBit(atom: term.atom, sign: term.coefficient, constant: one.form.constant))
    }
    let members = bits.compactMap(\.atom)
    guard Set(members).count == members.count else { return }
    let number = composedWords.count
    composedNumber[word] = number
    composedWords.append(ComposedWord(word: word, bits: bits))
    for (bit, member) in bits.enumerated() {
      guard let atom = member.atom, let index = adder(atom) else { continue }
      if composedOfAdder[index, default: []].last != number {
        composedOfAdder[index, default: []].append(number)
      }
      if composedOfBit[atom] == nil { composedOfBit[atom] = (word, bit, member.sign == -1) }
    }
  }

  /// The adder whose output the atom is.
  private func adder(_ atom: AtomID) -> Int32? {
    if case .adder(let index, _) = atoms[atom] { index } else { nil }
  }

  /// What adders' bits in `form` come from, modulo 2^modulus: bits of numbers that are known already are
  /// those numbers; other bits come in pairs, `carry` with twice the weight of `sum`, and are what the
  /// adder adds. `word` is the composed word that has the form, if one has: its own parts are no numbers
  /// that it could be made of.
  func reduced(_ form: Form, modulus: Int, of word: Int? = nil) -> Form {
    guard !adderForms.isEmpty else { return form }
    var form = form
    // Bits of words, put together again, can be sums of adders' bits.
    for _ in 0..<8 where hasParts(form) {
      var reduction = AdderReduction(self, modulus: modulus, word: word)
      let next = reduction.result(form)
      if next == form { break }
      form = next
    }
    return form
  }

  /// Whether the form has bits of adders, or several parts of one word.
  private func hasParts(_ form: Form) -> Bool {
    var sliced: Set<Int32> = []
    return form.terms.contains {
      switch atoms[$0.atom] {
      case .adder: true
      case .slice(let word, _, _, _): !sliced.insert(word).inserted
      default: false
      }
    }
  }

  /// Whether all bits of one composed word follow one another in the other.
  fileprivate func isPart(_ part: Int, of whole: Int) -> Bool {
    let (bits, all) = (words[part].bits.map { origin($0) }, words[whole].bits.map { origin($0) })
    guard let start = all.firstIndex(where: { $0.bit == bits[0].bit }),
      start + bits.count <= all.count
    else { return false }
    return zip(bits, all[start...]).allSatisfy { $0.bit == $1.bit }
  }
}

/// One pass over the adders that a form has bits of, the last computed first.
///
/// Every step is an equation that holds for all inputs, so that no choice makes a wrong form; a form that
/// keeps bits of adders is one that could not be followed.
private struct AdderReduction {
  private let layer: SymbolicLayer
  private let modulus: Int
  private let word: Int?
  private var constant = 0
  private var coefficients: [AtomID: Int] = [:]
  /// Adders with bits in the form: a binary heap, the greatest first.
  private var heap: [Int32] = []
  private var pending: Set<Int32> = []
  /// By composed word: whether the form's word may be made of it.
  private var isOperand: [Int: Bool] = [:]

  init(_ layer: SymbolicLayer, modulus: Int, word: Int?) {
    self.layer = layer
    self.modulus = modulus
    self.word = word
  }

  mutating func result(_ form: Form) -> Form {
    take(form, times: 1)
    var ends: [Int32] = []
    while !heap.isEmpty {
      let index = removeGreatest()
      let (sum, carry) = outputs(index)
      if isZero(sum), isZero(carry) { continue }
      let weight = coefficients[sum] ?? 0
      guard !isEnd(index, sum), !isEnd(index, carry),
        areEqual(coefficients[carry] ?? 0, weight << 1, modulo: modulus)
      else {
        ends.append(index)
        continue
      }
      coefficients[sum] = nil
      coefficients[carry] = nil
      take(layer.adderForms[Int(index)], times: centred(weight, modulus))
    }
    for index in ends {
      let (sum, carry) = outputs(index)
      for atom in [carry, sum, carry] where !isZero(atom) { replaceNumber(index, atom) }
    }
    // Single bits of words go back into their words.
    var parts: [SymbolicLayer.WeightedBit] = []
    var result = Form(constant: constant)
    for (atom, coefficient) in coefficients where centred(coefficient, modulus) != 0 {
      if case .slice(let word, let low, 1, false) = layer.atoms[atom] {
        parts.append(.init(word: Int(word), bit: low, weight: coefficient))
      } else {
        result.terms.append(.init(atom: atom, coefficient: centred(coefficient, modulus)))
      }
    }
    result.terms.sort { $0.atom < $1.atom }
    layer.collect(&parts, modulus, into: &result)
    return result
  }

  private func outputs(_ index: Int32) -> (sum: AtomID, carry: AtomID) {
    (
      layer.atoms.intern(.adder(index: index, isCarry: false), 0...1),
      layer.atoms.intern(.adder(index: index, isCarry: true), 0...1)
    )
  }

  private func isZero(_ atom: AtomID) -> Bool { centred(coefficients[atom] ?? 0, modulus) == 0 }

  private mutating func take(_ form: Form, times factor: Int) {
    constant &+= factor &* form.constant
    for term in form.terms {
      let weight = factor &* term.coefficient
      guard case .slice(let word, let low, let count, let isSigned) = layer.atoms[term.atom] else {
        add(term.atom, weight)
        continue
      }
      // Bit by bit, as adders read words; bits of composed words by their own names.
      let composed = layer.composedNumber[Int(word)].map { layer.composedWords[$0] }
      for bit in 0..<count {
        let isSign = isSigned && bit == count - 1
        let own = isSign ? 0 &- weight << bit : weight << bit
        if let member = composed?.bits[low + bit] {
          constant &+= own &* member.constant
          if let atom = member.atom { add(atom, own &* member.sign) }
        } else {
          add(bitAtom(Int(word), low + bit), own)
        }
      }
    }
  }

  private mutating func add(_ atom: AtomID, _ weight: Int) {
    coefficients[atom, default: 0] &+= weight
    if case .adder(let index, _) = layer.atoms[atom], pending.insert(index).inserted {
      insert(index)
    }
  }

  private func bitAtom(_ word: Int, _ bit: Int) -> AtomID {
    layer.atoms.intern(.slice(word: Int32(word), low: bit, count: 1, isSigned: false), 0...1)
  }

  // MARK: Numbers made of adders' bits

  /// The known numbers that have an output of the adder as a bit.
  private mutating func operands(_ index: Int32) -> [ComposedWord] {
    var found: [ComposedWord] = []
    for number in layer.composedOfAdder[index] ?? [] {
      let composed = layer.composedWords[number]
      if isOperand[number] == nil {
        isOperand[number] =
          composed.word != word && !(word.map { layer.isPart(composed.word, of: $0) } ?? false)
      }
      if isOperand[number] == true { found.append(composed) }
    }
    return found
  }

  /// Whether the output counts here and is a bit of a known number.
  private mutating func isEnd(_ index: Int32, _ atom: AtomID) -> Bool {
    !isZero(atom)
      && operands(index).contains { $0.bits.contains { $0.atom == atom } }
  }

  /// A composed word `factor` times.
  private struct Match {
    var composed: ComposedWord
    var factor: Int
    var isSigned: Bool

    /// The weight of a bit.
    func weight(_ bit: Int) -> Int {
      let weight = factor << bit
      return isSigned && bit == composed.bits.count - 1 ? 0 &- weight : weight
    }
  }

  /// Puts a number, of which most bits have the number's weights, in the place of its bits; then what is
  /// left of the output itself is a single bit of the number, as a sign that is read by itself besides.
  private mutating func replaceNumber(_ index: Int32, _ atom: AtomID) {
    let candidates = operands(index).filter { $0.bits.contains { $0.atom == atom } }
    guard let first = candidates.first else { return }
    var best: Match?
    var most = 0
    for composed in candidates {
      for match in matches(composed) {
        let count = composed.bits.indices.count { position in
          guard let atom = composed.bits[position].atom else { return true }
          return areEqual(
            coefficients[atom] ?? 0, match.weight(position) &* composed.bits[position].sign,
            modulo: modulus)
        }
        if count > most, 2 * count >= composed.bits.count {
          most = count
          best = match
        }
      }
    }
    if let best { replace(best) }
    let composed = best?.composed ?? first
    guard !isZero(atom), let bit = composed.bits.firstIndex(where: { $0.atom == atom }),
      let rest = coefficients.removeValue(forKey: atom)
    else { return }
    coefficients[bitAtom(composed.word, bit), default: 0] &+= rest &* composed.bits[bit].sign
    // An inverted bit is one less the bit.
    constant &+= rest &* composed.bits[bit].constant
  }

  /// The factors that bits of the word may have.
  private func matches(_ composed: ComposedWord) -> [Match] {
    var found: [Match] = []
    var tried: Set<Int> = []
    for (position, bit) in composed.bits.enumerated() {
      guard let atom = bit.atom, let coefficient = coefficients[atom] else { continue }
      let weight = centred(coefficient &* bit.sign, modulus)
      guard weight != 0, weight & ((1 << position) - 1) == 0 else { continue }
      guard tried.insert(weight >> position).inserted else { continue }
      for isSigned in [false, true] {
        found.append(Match(composed: composed, factor: weight >> position, isSigned: isSigned))
      }
    }
    return found
  }

  /// The bits go, each with its weight, and the number comes: its form where that says what the bits say,
  /// else the number as such.
  private mutating func replace(_ match: Match) {
    let composed = match.composed
    let width = composed.bits.count
    for (position, bit) in composed.bits.enumerated() {
      let weight = match.weight(position)
      constant &-= weight &* bit.constant
      guard let atom = bit.atom else { continue }
      let rest = (coefficients[atom] ?? 0) &- weight &* bit.sign
      coefficients[atom] = centred(rest, modulus) == 0 ? nil : rest
    }
    let form = layer.values[composed.word]!.form
    let lowest = match.isSigned ? -(1 << (width - 1)) : 0
    if centred(match.factor << width, modulus) == 0 {
      take(form, times: match.factor)
    } else if let number = layer.number(form, lowest, width) {
      take(number, times: match.factor)
    } else {
      for position in 0..<width {
        coefficients[bitAtom(composed.word, position), default: 0] &+= match.weight(position)
      }
    }
  }

  // MARK: Adders in order

  private mutating func insert(_ index: Int32) {
    heap.append(index)
    var child = heap.count - 1
    while child > 0, heap[(child - 1) / 2] < heap[child] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func removeGreatest() -> Int32 {
    let greatest = heap[0]
    heap[0] = heap[heap.count - 1]
    heap.removeLast()
    var parent = 0
    while true {
      var child = 2 * parent + 1
      if child + 1 < heap.count, heap[child + 1] > heap[child] { child += 1 }
      guard child < heap.count, heap[parent] < heap[child] else { break }
      heap.swapAt(parent, child)
      parent = child
    }
    pending.remove(greatest)
    return greatest
  }
}
