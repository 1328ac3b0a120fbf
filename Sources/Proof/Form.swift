/// Index of an atom of a layer: a number that linear forms are made of.
struct AtomID: Hashable, Sendable, Comparable {
  var index: Int32
  static func < (a: AtomID, b: AtomID) -> Bool { a.index < b.index }
}

/// A linear form: `constant + sum coefficient * atom`, atoms ascending, coefficients not zero.
/// Arithmetic is modulo 2^64, so a form that is right modulo 2^n stays so for every n up to 64.
struct Form: Hashable, Sendable {
  struct Term: Hashable, Sendable {
    var atom: AtomID
    var coefficient: Int
  }

  var constant = 0
  var terms: [Term] = []

  init(constant: Int = 0, terms: [Term] = []) {
    self.constant = constant
    self.terms = terms
  }

  init(_ atom: AtomID) { terms = [Term(atom: atom, coefficient: 1)] }

  var isConstant: Bool { terms.isEmpty }

  /// The atom when the form is that atom alone.
  var single: AtomID? {
    constant == 0 && terms.count == 1 && terms[0].coefficient == 1 ? terms[0].atom : nil
  }

  /// `self + factor * other`.
  func adding(_ other: Form, times factor: Int = 1) -> Form {
    if factor == 0 { return self }
    var result = Form(constant: constant &+ factor &* other.constant)
    result.terms.reserveCapacity(terms.count + other.terms.count)
    var a = 0
    var b = 0
    while a < terms.count || b < other.terms.count {
      if b == other.terms.count || (a < terms.count && terms[a].atom < other.terms[b].atom) {
        result.terms.append(terms[a])
        a += 1
      } else if a == terms.count || other.terms[b].atom < terms[a].atom {
        let coefficient = factor &* other.terms[b].coefficient
        if coefficient != 0 {
          result.terms.append(Term(atom: other.terms[b].atom, coefficient: coefficient))
        }
        b += 1
      } else {
        let coefficient = terms[a].coefficient &+ factor &* other.terms[b].coefficient
        if coefficient != 0 {
          result.terms.append(Term(atom: terms[a].atom, coefficient: coefficient))
        }
        a += 1
        b += 1
      }
    }
    return result
  }

  /// `factor * self`.
  func scaled(by factor: Int) -> Form {
    if factor == 1 { return self }
    return Form().adding(self, times: factor)
  }

  mutating func add(_ other: Form, times factor: Int = 1) {
    if terms.isEmpty, factor == 1 {
      let constant = self.constant
      self = other
      self.constant &+= constant
    } else if other.terms.isEmpty {
      constant &+= factor &* other.constant
    } else {
      self = adding(other, times: factor)
    }
  }
}

/// The remainder of `value` modulo 2^bits that lies in -2^(bits-1) ..< 2^(bits-1).
@inline(__always)
func centred(_ value: Int, _ bits: Int) -> Int {
  bits >= 64 ? value : (value << (64 - bits)) >> (64 - bits)
}

/// True when both are equal modulo 2^bits.
@inline(__always)
func areEqual(_ a: Int, _ b: Int, modulo bits: Int) -> Bool { centred(a &- b, bits) == 0 }
