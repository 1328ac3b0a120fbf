/// One output channel of the text as a function of one number: straight-line steps on intervals.
/// On an interval of one number the result is exact; on a longer one it holds every value.
struct ChannelProgram {
  enum Step {
    /// `alpha * sum + beta + sum coefficient * step`, right modulo 2^64.
    case affine(alpha: Int, beta: Int, terms: [(step: Int, coefficient: Int)])
    /// Bits `low` ..< `low + count` of a step.
    case slice(step: Int, low: Int, count: Int, isSigned: Bool)
    case node(NodeOperation.Kind, [Operand], width: Int)
  }

  struct Operand {
    var step: Int
    var width: Int
    var isSigned: Bool
  }

  private(set) var steps: [Step] = []

  /// A coefficient that is not the expected one, or a form that cannot be made of the sum.
  struct Mismatch: Error {
    /// Atom, expected coefficient, found coefficient; in units of the factor.
    var coefficients: [(atom: AtomID, expected: Int, found: Int)] = []
    /// What the sum is multiplied with there.
    var factor = 1
    /// The word where it was found, -1 for the output itself.
    var word: Int32 = -1
    /// Bits of that word are read as a number that it need not be.
    var slice: AtomID?
    /// Sums and carries of adders, or bits of words made of these, were left over: the coefficients
    /// need not be wrong.
    var adders = false
  }

  private let layer: SymbolicLayer
  private let expectation: ChannelExpectation
  private let masks: [AtomID: Int]
  private var stepOfAtom: [AtomID: Int] = [:]

  /// True when words are taken to be as wide as their readers need: no proof, but it tells wrong
  /// coefficients from narrow words.
  private let ignoresWidths: Bool

  /// The form of an output of `width` bits. Throws where a linear part of it is no multiple of the
  /// channel's sum.
  init(
    _ form: Form, width: Int, layer: SymbolicLayer, expectation: ChannelExpectation,
    masks: [AtomID: Int], ignoresWidths: Bool = false
  ) throws(Mismatch) {
    self.ignoresWidths = ignoresWidths
    self.layer = layer
    self.expectation = expectation
    self.masks = masks
    for atom in Self.derivedAtoms(behind: form, layer) {
      if ignoresWidths, case .slice(_, 0, _, _) = layer.atoms[atom] { continue }
      stepOfAtom[atom] = try compile(atom)
    }
    _ = try compile(form, modulus: width, word: -1)
  }

  /// The layer's own atoms that the form depends on, operands first.
  private static func derivedAtoms(behind form: Form, _ layer: SymbolicLayer) -> [AtomID] {
    var done: [AtomID] = []
    var seen: Set<AtomID> = []
    // An atom comes twice: before its operands, and then, when they are done, behind them.
    var stack: [(atom: AtomID, isOpen: Bool)] = []
    func push(_ form: Form) {
      for term in form.terms.reversed() where !layer.atoms[term.atom].isBase {
        stack.append((term.atom, false))
      }
    }
    push(form)
    while let (atom, isOpen) = stack.popLast() {
      if isOpen {
        done.append(atom)
        continue
      }
      guard seen.insert(atom).inserted else { continue }
      stack.append((atom, true))
      switch layer.atoms[atom] {
      case .slice(let word, _, _, _): push(layer.values[Int(word)]!.form)
      case .node(let word):
        for operand in layer.nodes[word]!.operands { push(operand.form) }
      case .adder:
        if let place = layer.composedOfBit[atom] { push(layer.values[place.word]!.form) }
      default: break
      }
    }
    return done
  }

  private mutating func append(_ step: Step) -> Int {
    steps.append(step)
    return steps.count - 1
  }

  private mutating func compile(_ atom: AtomID) throws(Mismatch) -> Int {
    switch layer.atoms[atom] {
    case .slice(let word, let low, let count, let isSigned):
      let source: Int
      do throws(Mismatch) {
        source = try compile(
          layer.values[Int(word)]!.form, modulus: layer.words[Int(word)].width, word: word)
      } catch {
        var mismatch = error
        mismatch.slice = atom
        // Among adders the bits that are read may be part of a sum that was not put together.
        if !layer.adderForms.isEmpty { mismatch.adders = true }
        throw mismatch
      }
      return append(.slice(step: source, low: low, count: count, isSigned: isSigned))
    case .node(let word):
      let operation = layer.nodes[word]!
      var operands: [Operand] = []
      for operand in operation.operands {
        operands.append(
          Operand(
            step: try compile(operand.form, modulus: operand.width, word: word),
            width: operand.width, isSigned: operand.isSigned))
      }
      return append(.node(operation.kind, operands, width: operation.width))
    case .adder:
      guard let (word, bit, isInverted) = layer.composedOfBit[atom] else {
        throw Mismatch(adders: true)
      }
      let source = try compile(
        layer.values[word]!.form, modulus: layer.words[word].width, word: Int32(word))
      let found = append(.slice(step: source, low: bit, count: 1, isSigned: false))
      guard isInverted else { return found }
      return append(.node(.logicNot, [Operand(step: found, width: 1, isSigned: false)], width: 1))
    default: throw Mismatch(adders: true)
    }
  }

  /// The form as `alpha * sum + beta + other steps`, right modulo 2^modulus.
  private mutating func compile(_ form: Form, modulus: Int, word: Int32) throws(Mismatch) -> Int {
    let followsAdders = form.terms.contains { isOfAdders($0.atom) }
    let form = ignoresWidths ? widened(form) : form
    var beta = form.constant
    var linear: [Form.Term] = []
    var terms: [(step: Int, coefficient: Int)] = []
    for term in form.terms {
      if let step = stepOfAtom[term.atom] {
        terms.append((step, term.coefficient))
      } else if let value = masks[term.atom] {
        beta &+= term.coefficient &* value
      } else {
        linear.append(term)
      }
    }
    do throws(Mismatch) {
      let alpha = try factor(of: linear, modulus: modulus, word: word)
      return append(.affine(alpha: alpha, beta: beta, terms: terms))
    } catch {
      // Bits that are left over may be what is missing.
      var mismatch = error
      if followsAdders { mismatch.adders = true }
      throw mismatch
    }
  }

  /// True for bits of adders and for bits of words that are composed of these.
  private func isOfAdders(_ atom: AtomID) -> Bool {
    switch layer.atoms[atom] {
    case .adder: true
    case .slice(let word, _, _, _): layer.composedNumber[Int(word)] != nil
    default: false
    }
  }

  /// The form with the low bits of words replaced by the words.
  private func widened(_ form: Form) -> Form {
    var form = form
    while let term = form.terms.last(where: {
      if case .slice(_, 0, _, _) = layer.atoms[$0.atom] { true } else { false }
    }), case .slice(let word, _, _, _) = layer.atoms[term.atom] {
      form.add(Form(terms: [term]), times: -1)
      form.add(layer.values[Int(word)]!.form, times: term.coefficient)
    }
    return form
  }

  /// The number that the sum is multiplied with in a linear form.
  private func factor(of terms: [Form.Term], modulus: Int, word: Int32) throws(Mismatch) -> Int {
    if terms.allSatisfy({ centred($0.coefficient, modulus) == 0 }) { return 0 }
    // An odd weight has an inverse modulo 2^n, so the factor is unique.
    let found = Dictionary(uniqueKeysWithValues: terms.map { ($0.atom, $0.coefficient) })
    let weights = expectation.weights
    func isRight(_ factor: Int) -> Bool {
      terms.allSatisfy {
        areEqual($0.coefficient, factor &* (weights[$0.atom] ?? 0), modulo: modulus)
      }
        && weights.allSatisfy {
          found[$0.key] != nil || centred(factor &* $0.value, modulus) == 0
        }
    }
    var votes: [Int: Int] = [:]
    for term in terms {
      if let weight = weights[term.atom], weight != Int.min, term.coefficient != Int.min,
        term.coefficient % weight == 0
      {
        votes[term.coefficient / weight, default: 0] += 1
      }
    }
    // Most votes; of equal ones the smallest, so that the outcome is always the same.
    let best = votes.max {
      ($0.value, $1.key.magnitude, $1.key) < ($1.value, $0.key.magnitude, $0.key)
    }
    if let best, isRight(best.key) { return best.key }
    if let odd = weights.filter({ $0.value & 1 == 1 }).min(by: { $0.key < $1.key }) {
      let factor = centred((found[odd.key] ?? 0) &* Self.inverse(odd.value), modulus)
      if isRight(factor) { return factor }
    }
    let factor = best?.key ?? 1
    var mismatch = Mismatch(factor: factor, word: word)
    for atom in Set(weights.keys).union(found.keys).sorted() {
      let expected = factor &* (weights[atom] ?? 0)
      let actual = found[atom] ?? 0
      if !areEqual(expected, actual, modulo: modulus) {
        mismatch.coefficients.append((atom, expected, actual))
      }
    }
    throw mismatch
  }

  /// The inverse of an odd number modulo 2^64, by Newton's iteration.
  static func inverse(_ odd: Int) -> Int {
    var inverse = odd
    for _ in 0..<6 { inverse = inverse &* (2 &- odd &* inverse) }
    return inverse
  }
}
