import Dispatch
import Synchronization

extension AdderGraph {
  /// How much work `optimise` does.
  public struct Options: Hashable, Sendable {
    /// Steps of local search for each adder of the greedy solution, or for a thousand where it has
    /// fewer; 0 leaves that as it is. More steps of the same seed never end with more adders.
    public var stepsPerAdder: Int
    /// The most that a search does, in pairs of terms counted: some 25 million a second for large
    /// matrices, 100 million for small ones. More work never ends with more adders.
    public var work: Int
    /// Independent searches from the greedy solution, of which the best is taken; at least 1. At most 2
    /// for 500 adders and more.
    public var restarts: Int
    /// The most adder levels from an input to an output, at least `minimumDepth` of the matrix; nil for
    /// as many as it takes.
    public var maxDepth: Int?
    /// The usual width of an input in bits; steers which terms are summed first, and gives
    /// the widths for the other objectives.
    public var inputBits: Int
    /// What the search makes few of; `greedy` effort does not search.
    public var objective: Objective
    /// Where the random choices of local search start.
    public var seed: UInt64

    public init(
      stepsPerAdder: Int = 0, work: Int = .max, restarts: Int = 1, maxDepth: Int? = nil,
      inputBits: Int = 8, objective: Objective = .adders, seed: UInt64 = 1
    ) {
      self.maxDepth = maxDepth
      self.stepsPerAdder = stepsPerAdder
      self.work = work
      self.restarts = restarts
      self.inputBits = inputBits
      self.objective = objective
      self.seed = seed
    }

    /// `maxDepth` where it may bind: no graph here comes near the levels that it leaves out.
    var levelLimit: Int? { maxDepth.flatMap { $0 < DepthBudget.depthLimit ? $0 : nil } }
  }

  /// The graph of a constant matrix-vector product: canonical signed digits, two-term subexpressions
  /// shared greedily over all outputs, improved by local search, what is left of each row summed in the
  /// fewest levels. Outputs that are equal up to a shift and a sign are made once. Same matrix and
  /// options, same graph.
  public static func optimise(_ matrix: ConstantMatrix, options: Options = Options())
    -> AdderGraph
  {
    let digits = DigitRows(matrix)
    var options = options
    if options.objective == .depth {
      options.objective = .adders
      options.maxDepth = digits.minimumDepth
    }
    precondition(
      options.maxDepth ?? .max >= digits.minimumDepth,
      "a matrix cannot be multiplied by in fewer levels than its minimum depth")
    let limit = options.levelLimit
    var rows = SharedRows.greedy(inputs: matrix.inputs, rows: digits.rows, maxDepth: limit)
    let extras = options.stepsPerAdder < 40 ? 1 : 2
    var floor = digits.floor
    if let block = digits.block(extras: extras, below: rows.adderCount),
      block.depth <= limit ?? .max
    {
      // A block takes a further constant only where the floor is out of reach: one adder above it is
      // the optimum.
      rows = block
      floor += 1
    }
    if options.stepsPerAdder > 0, rows.adderCount > floor || options.objective != .adders {
      if options.objective == .gates, matrix.sumsFit(bits: 60 - options.inputBits) {
        return fewestGates(rows, digits, options)
      }
      rows = searched(rows, options)
    }
    return graph(rows, digits, options)
  }

  private static func graph(_ rows: SharedRows, _ digits: DigitRows, _ options: Options)
    -> AdderGraph
  {
    var builder = Builder(inputs: rows.inputs, inputBits: options.inputBits)
    let sums = rows.build(in: &builder)
    let graph = builder.finish(outputs: digits.outputs(sums))
    precondition(graph.depth <= options.maxDepth ?? .max, "the graph keeps its limit of levels")
    return graph
  }

  /// The fewest adder levels in which any graph multiplies by a matrix: an adder doubles the number of
  /// signed digits at most, and no form of an output has fewer than the canonical one.
  public static func minimumDepth(_ matrix: ConstantMatrix) -> Int {
    (0..<matrix.outputs).lazy.map { output in
      DepthBudget.levels(
        (0..<matrix.inputs).reduce(0) { $0 + SignedDigits(matrix[$1, output]).count })
    }.max() ?? 0
  }

  /// The graph with the cheapest bit heap out of searches for few adders, for few gates, and for few gates
  /// from the fewest adders on; the latter two with half the work each.
  private static func fewestGates(_ rows: SharedRows, _ digits: DigitRows, _ options: Options)
    -> AdderGraph
  {
    var (counting, weighing) = (options, options)
    counting.objective = .adders
    weighing.work /= 2
    let adders = searched(rows, counting)
    let inputs = [ClosedRange<Int>](
      repeating: 0...(1 << options.inputBits) - 1, count: rows.inputs)
    var best: (gates: Int, graph: AdderGraph)?
    for found in [adders, searched(rows, weighing), searched(adders, weighing)] {
      let graph = graph(found, digits, options)
      let gates = graph.bitHeap(inputs: inputs).estimatedGates
      if gates < best?.gates ?? .max { best = (gates, graph) }
    }
    return best!.graph
  }

  /// The rows after local search, the best of all restarts, which run in parallel; the same rows where
  /// they are too many for it.
  private static func searched(_ rows: SharedRows, _ options: Options) -> SharedRows {
    let adders = rows.adderCount
    // Small matrices are quick. Single rows come in hundreds, as depthwise filters.
    let steps = options.stepsPerAdder * (rows.outputs.count > 1 ? max(1000, adders) : adders)
    let restarts = max(1, min(options.restarts, adders < 500 ? options.restarts : 2))
    let found = Mutex([(cost: Int, rows: SharedRows)?](repeating: nil, count: restarts))
    DispatchQueue.concurrentPerform(iterations: restarts) { restart in
      guard
        let state = SharingState(
          rows, objective: options.objective, inputBits: options.inputBits,
          maxDepth: options.levelLimit)
      else { return }
      // The rows as they are come first: equal ones are no reason to change them.
      let start = state.cost
      var search = LocalSearch(state, seed: options.seed &+ UInt64(restart))
      search.run(steps: steps, work: options.work)
      let result = search.result
      if result.cost < start { found.withLock { $0[restart] = result } }
    }
    // The first of equal ones, so that the result does not depend on the order in which they end.
    var best: (cost: Int, rows: SharedRows)?
    for case .some(let result) in found.withLock({ $0 }) where result.cost < best?.cost ?? .max {
      best = result
    }
    return best?.rows ?? rows
  }

  /// Adders below which no graph of one output with these weights can come: one less than it has inputs,
  /// and one for every different odd part above 1 (the transpose is a block that multiplies one value
  /// by all of these constants).
  public static func adderFloor(_ column: [Int]) -> Int {
    column.contains { $0 != 0 } ? MultiplierBlock.floor(column) : 0
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

  /// The weights of the first row.
  private var row: [Int]?

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
        if row == 0 { self.row = column }
        rows.append(Self.digits(column))
      }
      places.append((row, shift, first < 0))
    }
  }

  /// The fewest levels in which every row can be summed.
  var minimumDepth: Int { rows.lazy.map { DepthBudget.levels($0.count) }.max() ?? 0 }

  /// Adders below which no graph can come, as far as is known here; 0 for more than one row.
  var floor: Int { rows.count == 1 ? row.map(MultiplierBlock.floor) ?? 0 : 0 }

  /// The one row there is through its multiplier block, if that has fewer adders than `bound`.
  func block(extras: Int, below bound: Int) -> SharedRows? {
    guard rows.count == 1, let row, MultiplierBlock.floor(row) < bound else { return nil }
    // A block with e further constants has e adders more than the floor.
    let useful = min(extras, bound - 1 - MultiplierBlock.floor(row))
    return MultiplierBlock(row, extras: useful)?.transposed()
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
