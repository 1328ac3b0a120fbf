/// Index of a signal of a `Datapath`.
public struct SignalID: Hashable, Sendable, Comparable {
  public var index: Int
  public init(_ index: Int) { self.index = index }
  public static func < (a: SignalID, b: SignalID) -> Bool { a.index < b.index }
}

/// What a layer does with one window of pixels, word by word: an SSA list of signals, each with
/// an exact interval. Registers are not part of it: a `Schedule` says where they fall, and the
/// function does not depend on that.
public struct Datapath: Hashable, Sendable {
  /// ±(signal << shift + fill): a constant in the zero bits below a shifted signal is wires.
  public struct Operand: Hashable, Sendable {
    public var signal: SignalID
    public var shift: Int
    public var isNegated: Bool
    /// 0 ..< 2^shift.
    public var fill: Int

    public init(_ signal: SignalID, shift: Int = 0, isNegated: Bool = false, fill: Int = 0) {
      precondition((0..<1 << shift).contains(fill), "a fill lies below the shifted signal")
      self.signal = signal
      self.shift = shift
      self.isNegated = isNegated
      self.fill = fill
    }
  }

  /// What a signal is computed from. Closed, so that the compiler finds a forgotten case.
  public enum Operation: Hashable, Sendable {
    /// A register outside the datapath that holds still or moves with the window.
    case input
    /// A number; no register holds it.
    case constant(Int)
    /// A register that holds still during a frame, one for every period in which it is read, each of
    /// which takes its next value just before the frame's first output comes to that period: so it
    /// passes no pipeline registers. Not to be read in period 0.
    case parameter
    /// The sum of two shifted, signed operands; at most one is negated.
    case add(Operand, Operand)
    /// A register of its own for some of the readers of a signal that has many.
    case copy(SignalID)
    /// 1 when the signal is below zero.
    case isNegative(SignalID)
    /// Logical and of two 1-bit signals.
    case and(SignalID, SignalID)
    /// 1 when the signal equals the constant.
    case equals(SignalID, Int)
    /// The second when the first, a 1-bit signal, is 1, else the third.
    case select(SignalID, SignalID, SignalID)
    /// The greater of both.
    case maximum(SignalID, SignalID)
    /// `clamp(signal >> shift)`, the shift arithmetic (floor).
    case saturate(SignalID, shift: Int, clamp: ClosedRange<Int>)
    /// The table's number for the signal, whose whole interval the table covers.
    case table(SignalID, CodeTable)
    /// The product of the first and the second, which is not negative and has `bits` bits.
    case multiply(SignalID, SignalID, bits: Int)
    /// The first shifted right by the second (floor); as wide as the first.
    case shiftRight(SignalID, by: SignalID)
  }

  /// One value of the list.
  public struct Signal: Hashable, Sendable {
    /// Its name in the Verilog; at most 15 characters keep it inline.
    public var name: String
    public var operation: Operation
    /// Every value that it can take lies here.
    public var interval: Interval
  }

  public private(set) var signals: [Signal] = []
  /// The live output channels, in channel order.
  public var outputs: [SignalID] = []

  public init() {}

  public subscript(id: SignalID) -> Signal { signals[id.index] }

  /// Appends a signal whose operands are there already.
  public mutating func append(_ name: String, _ operation: Operation, _ interval: Interval)
    -> SignalID
  {
    precondition(
      operation.operands.allSatisfy { $0.index < signals.count }, "operands come before readers")
    signals.append(Signal(name: name, operation: operation, interval: interval))
    return SignalID(signals.count - 1)
  }

  /// Numbers signals that have one name, such as those of the requantizers that a border pixel and
  /// an inner pixel of one channel need: `mul0_1`, `mul0_1_2`, …
  package mutating func distinguishNames() {
    var used: Set<String> = []
    for index in signals.indices {
      let name = signals[index].name
      var number = 2
      while !used.insert(signals[index].name).inserted {
        signals[index].name = "\(name)_\(number)"
        number += 1
      }
    }
  }

  package mutating func rename(_ id: SignalID, _ name: String) { signals[id.index].name = name }

  /// The readers of each signal, by signal index; a signal that reads another twice counts once.
  package var readers: [[SignalID]] {
    var readers = [[SignalID]](repeating: [], count: signals.count)
    for index in signals.indices {
      for operand in signals[index].operation.operands
      where readers[operand.index].last != SignalID(index) {
        readers[operand.index].append(SignalID(index))
      }
    }
    return readers
  }

  /// Two-input adders and subtractors.
  public var adderCount: Int {
    signals.count { if case .add = $0.operation { true } else { false } }
  }
}

extension Datapath.Operation {
  /// The two operands of a sum; none of anything else.
  package var addends: [Datapath.Operand] {
    if case .add(let a, let b) = self { [a, b] } else { [] }
  }

  /// The signals that it reads, in order.
  package var operands: [SignalID] {
    switch self {
    case .input, .constant, .parameter: []
    case .add(let a, let b): [a.signal, b.signal]
    case .copy(let a), .isNegative(let a), .equals(let a, _), .saturate(let a, _, _),
      .table(let a, _):
      [a]
    case .and(let a, let b), .maximum(let a, let b): [a, b]
    case .multiply(let a, let b, _), .shiftRight(let a, let b): [a, b]
    case .select(let condition, let a, let b): [condition, a, b]
    }
  }

  /// The same operation on other signals.
  package func mapOperands(_ map: (SignalID) -> SignalID) -> Datapath.Operation {
    switch self {
    case .input, .constant, .parameter: self
    case .add(var a, var b):
      {
        a.signal = map(a.signal)
        b.signal = map(b.signal)
        return .add(a, b)
      }()
    case .copy(let a): .copy(map(a))
    case .isNegative(let a): .isNegative(map(a))
    case .and(let a, let b): .and(map(a), map(b))
    case .equals(let a, let value): .equals(map(a), value)
    case .select(let condition, let a, let b): .select(map(condition), map(a), map(b))
    case .maximum(let a, let b): .maximum(map(a), map(b))
    case .saturate(let a, let shift, let clamp): .saturate(map(a), shift: shift, clamp: clamp)
    case .table(let a, let table): .table(map(a), table)
    case .multiply(let a, let b, let bits): .multiply(map(a), map(b), bits: bits)
    case .shiftRight(let a, let b): .shiftRight(map(a), by: map(b))
    }
  }

  /// Adder levels that it costs in a clock period.
  package var levels: Int {
    switch self {
    case .input, .constant, .parameter, .copy, .isNegative, .and, .select: 0
    // Ends that are powers of two are tests of a few bits and no comparison.
    case .saturate(_, 0, let clamp)
    where (clamp.upperBound + 1).nonzeroBitCount == 1
      && (clamp.lowerBound == 0 || clamp.lowerBound == ~clamp.upperBound):
      0
    case .add, .equals, .maximum, .saturate, .table, .shiftRight: 1
    // A tree of as many rows as the second operand has bits.
    case .multiply(_, _, let bits): max(1, Int.bitWidth - (bits - 1).leadingZeroBitCount)
    }
  }

  /// True for an operation that holds no logic of the clock period before its register.
  package var isConstant: Bool { if case .constant = self { true } else { false } }

  /// True for what passes no pipeline registers.
  package var isStatic: Bool { isConstant || self == .parameter }
}
