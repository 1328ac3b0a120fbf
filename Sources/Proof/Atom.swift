/// What a linear form's atom is.
enum AtomKind: Hashable, Sendable {
  // Numbers that come into the layer.
  case pixel(channel: Int)
  case tap(channel: Int, row: Int, column: Int)
  case mask(WindowMask)
  /// A tap inside the image, a constant where `mask` is 0.
  case masked(tap: AtomID, mask: WindowMask, outside: Int)
  /// A channel's sum over the map.
  case sum(channel: Int)
  /// The greatest of several of these.
  case maximum([AtomID])
  // Numbers that the layer computes.
  /// Bits `low` ..< `low + count` of a word, unsigned or two's complement.
  case slice(word: Int32, low: Int, count: Int, isSigned: Bool)
  /// The unsigned value of an operator that is not linear.
  case node(word: Int32)
  /// A bit that a full or half adder makes.
  case adder(index: Int32, isCarry: Bool)

  /// True for a number that comes in, and for the greatest of several.
  var isBase: Bool {
    switch self {
    case .pixel, .tap, .mask, .masked, .sum, .maximum: true
    case .slice, .node, .adder: false
    }
  }
}

/// The atoms of one layer, each with an interval that holds its values.
struct AtomTable {
  private(set) var kinds: [AtomKind] = []
  private(set) var intervals: [ClosedRange<Int>] = []
  private var ids: [AtomKind: AtomID] = [:]

  subscript(id: AtomID) -> AtomKind { kinds[Int(id.index)] }

  func interval(_ id: AtomID) -> ClosedRange<Int> { intervals[Int(id.index)] }

  /// The atom of this kind; `interval` is taken when it is new.
  mutating func intern(_ kind: AtomKind, _ interval: @autoclosure () -> ClosedRange<Int>) -> AtomID
  {
    if let id = ids[kind] { return id }
    let id = AtomID(index: Int32(kinds.count))
    kinds.append(kind)
    intervals.append(interval())
    ids[kind] = id
    return id
  }

  /// Every value of the form lies there; nil when that leaves 64 bits. Exact when the atoms are
  /// independent.
  func interval(of form: Form) -> ClosedRange<Int>? {
    var (low, high) = (form.constant, form.constant)
    for term in form.terms {
      let interval = intervals[Int(term.atom.index)]
      let (a, first) = interval.lowerBound.multipliedReportingOverflow(by: term.coefficient)
      let (b, second) = interval.upperBound.multipliedReportingOverflow(by: term.coefficient)
      let (newLow, third) = low.addingReportingOverflow(min(a, b))
      let (newHigh, fourth) = high.addingReportingOverflow(max(a, b))
      if first || second || third || fourth { return nil }
      (low, high) = (newLow, newHigh)
    }
    return low...high
  }

  /// The atom as people know it.
  func describe(_ id: AtomID) -> String {
    switch self[id] {
    case .pixel(let channel): "input channel \(channel)"
    case .tap(let channel, let row, let column):
      "input channel \(channel), row \(row), column \(column)"
    case .mask: "a mask of the border"
    case .masked(let tap, _, let outside): describe(tap) + " (\(outside) outside the image)"
    case .sum(let channel): "the sum of input channel \(channel)"
    case .maximum(let atoms): "the greatest of \(atoms.count) taps"
    case .slice(_, let low, let count, _):
      count == 1 ? "bit \(low) of a word" : "bits \(low + count - 1) to \(low) of a word"
    case .node: "an operator that is not linear"
    case .adder(_, let isCarry): isCarry ? "a carry" : "a sum bit"
    }
  }
}
