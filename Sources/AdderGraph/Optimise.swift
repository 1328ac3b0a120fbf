extension AdderGraph {
  /// How much work `optimise` does.
  public struct Options: Hashable, Sendable {
    /// The usual width of an input in bits; steers which terms are summed first, nothing else.
    public var inputBits = 8

    public init(inputBits: Int = 8) { self.inputBits = inputBits }
  }

  /// The graph of a constant matrix-vector product: canonical signed digits, two-term subexpressions
  /// shared greedily over all outputs, what is left of each output summed in the fewest levels.
  /// Outputs that are equal up to a shift and a sign are made once. Same matrix, same graph.
  public static func optimise(_ matrix: ConstantMatrix, options: Options = Options())
    -> AdderGraph
  {
    let digits = DigitRows(matrix)
    var builder = Builder(inputs: matrix.inputs, inputBits: options.inputBits)
    var sharing = GreedySharing(inputs: matrix.inputs, rows: digits.rows)
    sharing.run()
    var values = (0..<matrix.inputs).map { Term(node: NodeID($0)) }
    func term(_ packed: PackedTerm) -> Term {
      let value = values[packed.node].shifted(by: packed.shift)
      return packed.isNegated ? value.negated : value
    }
    for pattern in sharing.patterns {
      let lower = min(0, pattern.second.shift)
      let first = PackedTerm(node: pattern.first, shift: -lower, isNegated: false)
      let second = PackedTerm(
        node: pattern.second.node, shift: pattern.second.shift - lower,
        isNegated: pattern.second.isNegated)
      guard let sum = builder.sum(term(first), term(second)) else {
        preconditionFailure("a shared pattern is not zero")
      }
      values.append(sum)
    }
    let sums = sharing.rows.map { builder.sum(of: $0.map(term)) }
    return builder.finish(outputs: digits.outputs(sums))
  }

  /// One graph an output, nothing shared between them: the filters of a depthwise layer, where column
  /// c of `taps x channels` weights reads the taps of its own channel.
  public static func optimiseColumns(_ matrix: ConstantMatrix, options: Options = Options())
    -> [AdderGraph]
  {
    (0..<matrix.outputs).map { optimise(matrix.columnMatrix($0), options: options) }
  }
}

/// The outputs of a matrix as rows of canonical signed digits, without repetitions.
struct DigitRows {
  /// Different rows; each has its lowest digit at shift 0 somewhere and its first weight positive.
  private(set) var rows: [[PackedTerm]] = []
  /// Of each output: row, shift and sign; nil for a column of zeros.
  private var places: [(row: Int, shift: Int, isNegated: Bool)?] = []

  init(_ matrix: ConstantMatrix) {
    precondition(matrix.inputs < PackedTerm.nodeLimit, "a matrix has fewer than 2^24 inputs")
    var known: [[Int]: Int] = [:]
    for output in 0..<matrix.outputs {
      var column = matrix.column(output)
      guard let first = column.first(where: { $0 != 0 }) else {
        places.append(nil)
        continue
      }
      let shift = column.lazy.map(\.trailingZeroBitCount).min() ?? 0
      for index in column.indices { column[index] = (column[index] * first.signum()) >> shift }
      let row = known[column] ?? rows.count
      if row == rows.count {
        known[column] = row
        rows.append(Self.digits(column))
      }
      places.append((row, shift, first < 0))
    }
  }

  private static func digits(_ column: [Int]) -> [PackedTerm] {
    var terms: [PackedTerm] = []
    for (input, weight) in column.enumerated() where weight != 0 {
      let digits = SignedDigits(weight)
      var rest = digits.positive | digits.negative
      while rest != 0 {
        let shift = rest.trailingZeroBitCount
        let isNegated = digits.negative >> UInt64(shift) & 1 != 0
        terms.append(PackedTerm(node: input, shift: shift, isNegated: isNegated))
        rest &= rest - 1
      }
    }
    return terms
  }

  /// The outputs, given the term that sums each row.
  func outputs(_ sums: [AdderGraph.Term?]) -> [AdderGraph.Term?] {
    places.map { place in
      guard let place, let sum = sums[place.row] else { return nil }
      let shifted = sum.shifted(by: place.shift)
      return place.isNegated ? shifted.negated : shifted
    }
  }
}
