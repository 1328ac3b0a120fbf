import Dispatch
import Synchronization

extension SharedRows {
  /// Thresholds of the passes of greedy sharing. A pass queues patterns that occur that often, the next
  /// one counts again what is left: the order of substitutions is the same as in one pass, but rows are
  /// far shorter when the many rare patterns are counted.
  private static let thresholds = [16, 8, 4, 2]
  /// Pairs of terms in rows above which rows are cut into blocks of inputs first.
  private static let blockPairs = 1 << 26
  /// Blocks share patterns down to this number of occurrences.
  private static let blockThreshold = 8

  /// Greedy sharing of rows over nodes `0 ..< inputs`, within `maxDepth` adder levels if given.
  ///
  /// Work and memory grow with the square of a row's length, so large problems begin with blocks of
  /// inputs, each alone and in parallel, while patterns are frequent: as many choices as there are then,
  /// it hardly matters that a pattern cannot reach across a seam. The last passes are over whole rows,
  /// which are short by then, and share across all seams. What is lost stays below 1 %. Blocks depend
  /// on the rows alone, so the result is the same for any number of threads.
  static func greedy(inputs: Int, rows: [[PackedTerm]], maxDepth: Int? = nil) -> SharedRows {
    var shared = SharedRows(inputs: inputs, outputs: rows, definitions: [])
    var thresholds = thresholds[...]
    let pairs = rows.reduce(0) { $0 + $1.count * $1.count / 2 }
    if pairs > blockPairs {
      // A block of 1/n of the inputs has about 1/n^2 of the pairs.
      var blocks = 2
      while blocks * blocks * blockPairs < pairs && blocks < inputs { blocks += 1 }
      shared.shareInBlocks(blocks, maxDepth: maxDepth)
      thresholds = thresholds.drop { $0 >= blockThreshold }
    }
    let nodes = inputs + shared.definitions.count
    let budget = maxDepth.map { limit in
      DepthBudget(limit: limit, levels: shared.levels, rows: shared.outputs)
    }
    var sharing = GreedySharing(inputs: nodes, rows: shared.outputs, budget: budget)
    shared.outputs = []
    for threshold in thresholds { sharing.run(downTo: threshold) }
    let result = sharing.shared
    shared.outputs = result.outputs
    shared.definitions += result.definitions
    return shared
  }

  /// Shares frequent patterns of inputs of the same block; nothing is shared yet. Every block gets an
  /// equal part of the room that a row has within `maxDepth`.
  private mutating func shareInBlocks(_ count: Int, maxDepth: Int?) {
    let bounds = (0...count).map { inputs * $0 / count }
    let rows = outputs
    let results = Mutex([SharedRows?](repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: count) { block in
      let range = bounds[block]..<bounds[block + 1]
      let part = rows.map { row in
        row.filter { range.contains($0.node) }.map { $0.with(node: $0.node - range.lowerBound) }
      }
      let budget = maxDepth.map { limit in
        DepthBudget(
          levels: [Int](repeating: 0, count: range.count),
          room: rows.map { (1 << limit - $0.count) / count })
      }
      var sharing = GreedySharing(inputs: range.count, rows: part, budget: budget)
      for threshold in Self.thresholds.prefix(while: { $0 >= Self.blockThreshold }) {
        sharing.run(downTo: threshold)
      }
      let shared = sharing.shared
      results.withLock { $0[block] = shared }
    }
    outputs = [[PackedTerm]](repeating: [], count: rows.count)
    for (block, part) in results.withLock({ $0 }).enumerated() {
      guard let part else { preconditionFailure("every block is shared") }
      let first = inputs + definitions.count
      func global(_ term: PackedTerm) -> PackedTerm {
        term.with(
          node: term.node < part.inputs
            ? term.node + bounds[block] : term.node - part.inputs + first)
      }
      for (row, terms) in part.outputs.enumerated() { outputs[row] += terms.map(global) }
      definitions += part.definitions.map { $0.map(global) }
    }
  }
}
