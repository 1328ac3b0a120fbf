import YosysNetlist

extension SymbolicLayer {
  /// One bit of a word with its weight in a vector.
  struct WeightedBit {
    var word: Int
    var bit: Int
    var weight: Int
  }

  /// The vector `bits`, least significant first, as a linear form that is right modulo 2^modulus;
  /// with `modulus` 64 it is the number itself, read as two's complement if `isSigned`.
  ///
  /// Repeated sign bits need no rule: their weights add up to minus the lowest one's.
  /// With `composes` bits of adders are read as bits of the numbers that they are put together to.
  func assemble(
    _ bits: [Netlist.Bit], modulus: Int, isSigned: Bool = false, source: String,
    composes: Bool = true
  ) -> Value {
    var result = Value()
    var parts: [WeightedBit] = []
    parts.reserveCapacity(bits.count)
    let origins = bits.prefix(modulus).map { origin($0) }
    for (position, (from, delay)) in origins.enumerated() {
      var registers = delay
      var weight = 1 << position
      if isSigned, position == bits.count - 1 { weight = 0 &- weight }
      guard from.isNet else {
        if from == .one {
          result.form.constant &+= weight
        } else if from == .undefined {
          return Value(
            fault: fault(.width, "a bit without a value is read", source: source))
        }
        continue
      }
      guard var (word, index) = word(driving: from) else {
        let name = netlist.netNames[from.code].map { "'\($0)'" } ?? "a wire"
        return Value(fault: fault(.wiring, "\(name) has no driver", source: source))
      }
      if composes, let number = composedBit(origins, position, parts.last) {
        (word, index, registers) = (number.word, number.bit, number.delay)
      }
      guard let value = values[word] else {
        return Value(
          fault: fault(.notCovered, "\(describe(word)) depends on itself", source: source))
      }
      if value.fault != nil { return value }
      if let delay = value.delay {
        let time = delay + registers
        if let known = result.delay, known != time { return timing(known, time, source) }
        result.delay = time
      }
      if let last = parts.last, last.word == word, last.bit == index {
        parts[parts.count - 1].weight &+= weight
      } else {
        parts.append(WeightedBit(word: word, bit: index, weight: weight))
      }
    }
    collect(&parts, modulus, into: &result.form)
    return result
  }

  /// The composed word that the bit at `position` is best read as a bit of: that of the bit before, or
  /// the one that has most of the following bits too, the widest of equal ones, when its own word has
  /// fewer of them. One that is not computed yet is none.
  private func composedBit(
    _ origins: [(bit: Netlist.Bit, delay: Int)], _ position: Int, _ last: WeightedBit?
  ) -> ComposedPlace? {
    guard let candidates = composed[origins[position].bit.code] else { return nil }
    /// How many bits of the vector follow one another in the word too, all as much later than there.
    func run(_ word: Int, _ bit: Int, _ registers: Int) -> Int {
      let bits = words[word].bits
      var run = 1
      while bit + run < bits.count, position + run < origins.count {
        let (here, there) = (origins[position + run], origin(bits[bit + run]))
        guard here.bit == there.bit, !here.bit.isNet || here.delay == there.delay + registers else {
          break
        }
        run += 1
      }
      return run
    }
    var best: ComposedPlace?
    var bestRank = (0, 0)
    if let (word, bit) = word(driving: origins[position].bit), !isAdderBit(origins[position].bit) {
      bestRank = (run(word, bit, origins[position].delay), .max)
    }
    for var place in candidates {
      guard let value = values[place.word], value.fault == nil else { continue }
      place.delay = origins[position].delay - place.delay
      if let last, last.word == place.word, last.bit == place.bit || last.bit + 1 == place.bit {
        return place
      }
      let rank = (run(place.word, place.bit, place.delay), words[place.word].width)
      if rank > bestRank {
        best = place
        bestRank = rank
      }
    }
    return best
  }

  /// Adds the weighted bits to `form`, words' bits together.
  func collect(_ parts: inout [WeightedBit], _ modulus: Int, into form: inout Form) {
    let isOrdered = zip(parts, parts.dropFirst()).allSatisfy {
      ($0.word, $0.bit) < ($1.word, $1.bit)
    }
    if !isOrdered {
      parts.sort { ($0.word, $0.bit) < ($1.word, $1.bit) }
      var merged: [WeightedBit] = []
      for part in parts {
        if let last = merged.last, last.word == part.word, last.bit == part.bit {
          merged[merged.count - 1].weight &+= part.weight
        } else {
          merged.append(part)
        }
      }
      parts = merged
    }
    parts.removeAll { centred($0.weight, modulus) == 0 }
    // Runs of bits of one word whose weights double: a part of the word times a factor.
    var start = 0
    while start < parts.count {
      let first = parts[start]
      let factor = centred(first.weight, modulus)
      var end = start
      var isSigned = false
      while end + 1 < parts.count, parts[end + 1].word == first.word,
        parts[end + 1].bit == parts[end].bit + 1
      {
        let expected = factor << (parts[end + 1].bit - first.bit)
        if areEqual(parts[end + 1].weight, expected, modulo: modulus) {
          end += 1
        } else {
          if areEqual(parts[end + 1].weight, 0 &- expected, modulo: modulus) {
            end += 1
            isSigned = true
          }
          break
        }
      }
      add(
        word: first.word, low: first.bit, count: parts[end].bit - first.bit + 1,
        isSigned: isSigned, factor: factor, modulus: modulus, to: &form)
      start = end + 1
    }
  }

  /// Adds `factor` times bits `low` ..< `low + count` of a word.
  private func add(
    word: Int, low: Int, count: Int, isSigned: Bool, factor: Int, modulus: Int, to form: inout Form
  ) {
    guard let value = values[word] else { preconditionFailure("operands are computed first") }
    var source = value.form
    var interval = value.interval
    var isWhole = low == 0
    if low > 0, source.terms.allSatisfy({ centred($0.coefficient, low) == 0 }) {
      // The bits below are those of the constant alone.
      source = Form(
        constant: source.constant >> low,
        terms: source.terms.map { .init(atom: $0.atom, coefficient: $0.coefficient >> low) })
      interval = atoms.interval(of: source)
      isWhole = true
    }
    let reachesTop = count >= 64 || centred(factor << count, modulus) == 0
    if isWhole {
      if reachesTop {
        form.add(source, times: factor)
        return
      }
      let lowest = isSigned ? -(1 << (count - 1)) : 0
      if let interval, let offset = Self.offset(interval, lowest, count) {
        source.constant &+= offset
        form.add(source, times: factor)
        return
      }
      if let number = number(source, lowest, count) {
        form.add(number, times: factor)
        return
      }
    }
    // Bits in which the word's values do not differ are a constant.
    if let interval = value.interval, low + count <= Self.widest,
      interval.lowerBound >> low == interval.upperBound >> low
    {
      let bits = (interval.lowerBound >> low) & ((1 << count) - 1)
      let isNegative = isSigned && bits >> (count - 1) != 0
      form.constant &+= factor &* (isNegative ? bits - 1 << count : bits)
      return
    }
    let signed = isSigned && !reachesTop
    let slice = AtomKind.slice(word: Int32(word), low: low, count: count, isSigned: signed)
    let lowest = signed ? -(1 << (count - 1)) : 0
    let atom = atoms.intern(slice, lowest...lowest + (1 << count) - 1)
    form.add(Form(atom), times: factor)
  }

  /// The form that is equal to `form` modulo 2^bits and never leaves lowest ..< lowest + 2^bits, if
  /// there is one.
  ///
  /// Only a coefficient of an atom with two values can stand for two numbers there. Which one it is
  /// shows at a corner: from the value with all atoms at their lowest, the atom goes up alone.
  func number(_ form: Form, _ lowest: Int, _ bits: Int) -> Form? {
    guard bits <= Self.widest else { return nil }
    func decoded(_ value: Int) -> Int { lowest + ((value &- lowest) & ((1 << bits) - 1)) }
    var result = Form()
    var corner = form.constant
    for term in form.terms {
      corner &+= centred(term.coefficient, bits) &* atoms.interval(term.atom).lowerBound
    }
    let start = decoded(corner)
    result.constant = start
    for term in form.terms {
      let interval = atoms.interval(term.atom)
      var coefficient = centred(term.coefficient, bits)
      if interval.upperBound == interval.lowerBound + 1 {
        coefficient = decoded(start &+ coefficient) - start
      }
      if coefficient != 0 {
        result.terms.append(.init(atom: term.atom, coefficient: coefficient))
        result.constant &-= coefficient &* interval.lowerBound
      }
    }
    guard let all = atoms.interval(of: result), Self.offset(all, lowest, bits) == 0 else {
      return nil
    }
    return result
  }

  /// The multiple of 2^bits that brings the interval into lowest ..< lowest + 2^bits, if one does.
  static func offset(_ interval: ClosedRange<Int>, _ lowest: Int, _ bits: Int) -> Int? {
    let (shifted, overflow) = interval.lowerBound.subtractingReportingOverflow(lowest)
    guard !overflow, bits <= widest else { return nil }
    let block = shifted >> bits
    let (top, topOverflow) = interval.upperBound.subtractingReportingOverflow(lowest)
    guard !topOverflow, top >> bits == block else { return nil }
    return 0 &- (block << bits)
  }
}
