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
  /// Pairs above which nothing is shared across blocks, and blocks are so small that they have an
  /// eighth of it together: minutes of work, far past any layer of a network of today.
  private static let jointPairs = 1 << 35

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
      if pairs > jointPairs { blocks = min(inputs, max(blocks, pairs / (jointPairs / 8))) }
      let split = thresholds.firstIndex { $0 < blockThreshold } ?? thresholds.endIndex
      let inBlocks = pairs > jointPairs ? thresholds[...] : thresholds[..<split]
      shared.shareInBlocks(blocks, thresholds: inBlocks, maxDepth: maxDepth)
      if pairs > jointPairs { return shared }
      thresholds = thresholds[split...]
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

  /// Shares patterns of inputs of the same block; nothing is shared yet. Every block gets an equal part
  /// of the room that a row has within `maxDepth`.
  private mutating func shareInBlocks(_ count: Int, thresholds: ArraySlice<Int>, maxDepth: Int?) {
    let bounds = (0...count).map { inputs * $0 / count }
    let rows = outputs
    let parts = split(at: bounds)
    let results = Mutex([SharedRows?](repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: count) { block in
      let inputs = bounds[block + 1] - bounds[block]
      let budget = maxDepth.map { limit in
        DepthBudget(
          levels: [Int](repeating: 0, count: inputs),
          room: rows.map { (1 << limit - $0.count) / count })
      }
      var sharing = GreedySharing(inputs: inputs, rows: parts[block], budget: budget)
      for threshold in thresholds { sharing.run(downTo: threshold) }
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
  /// Of each block of inputs the rows over it, its inputs numbered from 0.
  private func split(at bounds: [Int]) -> [[[PackedTerm]]] {
    var block = [Int](repeating: 0, count: inputs)
    for index in 0..<bounds.count - 1 {
      for input in bounds[index]..<bounds[index + 1] { block[input] = index }
    }
    let empty = [[PackedTerm]](repeating: [], count: outputs.count)
    var parts = [[[PackedTerm]]](repeating: empty, count: bounds.count - 1)
    for (row, terms) in outputs.enumerated() {
      for term in terms {
        let index = block[term.node]
        parts[index][row].append(term.with(node: term.node - bounds[index]))
      }
    }
    return parts
  }
}
