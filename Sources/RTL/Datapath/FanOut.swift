/// Gives signals with many readers copies, so that no register drives more than `limit` loads:
/// synthesis tools do not buffer across registers by themselves.
///
/// An input that the layer registers itself is registered several times, at no cost in time. Any
/// other signal gets a tree of registered copies, which costs ranks. Readers are dealt to copies in
/// order; a copy is the identity, so the datapath's function does not change. A reader that a signal
/// selects for loads it with all its bits.
package struct FanOut {
  /// The datapath with copies, the same when no signal has too many loads; and for each input of it
  /// the input of the original that it is, or repeats.
  package private(set) var datapath: Datapath
  package private(set) var origins: [SignalID: SignalID] = [:]

  private let original: Datapath
  private let limit: Int
  /// By original signal.
  private var map: [SignalID]
  /// For a signal with copies: how its readers' loads are dealt to them.
  private var dealt: [Deal?]

  private struct Deal {
    var copies: [SignalID]
    /// For each reader in turn, the copy that it takes.
    var assignment: [Int]
    var served = 0
  }

  /// `ownsInputs` says that the layer registers its inputs itself.
  package init(_ original: Datapath, limit: Int, ownsInputs: Bool) {
    precondition(limit >= 2, "a fan-out limit below two cannot be met")
    self.original = original
    self.limit = limit
    datapath = Datapath()
    map = Array(repeating: SignalID(0), count: original.signals.count)
    dealt = Array(repeating: nil, count: original.signals.count)
    let readers = original.readers
    for index in original.signals.indices {
      let signal = original.signals[index]
      let id = SignalID(index)
      map[index] = datapath.append(signal.name, rewired(signal.operation), signal.interval)
      if signal.operation == .input || signal.operation == .parameter { origins[map[index]] = id }
      let loads = readers[index].map { load(of: id, in: $0) }
      if signal.operation.isConstant || loads.reduce(0, +) <= limit { continue }
      let assignment = deal(loads)
      let count = assignment[assignment.count - 1] + 1
      if count == 1 { continue }
      let copies =
        signal.operation == .input && ownsInputs
        ? repeated(id, count) : copied(map[index], count, signal.name)
      dealt[index] = Deal(copies: copies, assignment: assignment)
    }
    datapath.outputs = original.outputs.map { map[$0.index] }
  }

  private func load(of id: SignalID, in reader: SignalID) -> Int {
    guard case .select(id, _, _) = original[reader].operation else { return 1 }
    return min(limit, original[reader].interval.bitCount)
  }

  /// Loads to copies, in order, none above the limit.
  private func deal(_ loads: [Int]) -> [Int] {
    var copy = 0
    var sum = 0
    return loads.map { load in
      if sum + load > limit {
        copy += 1
        sum = 0
      }
      sum += load
      return copy
    }
  }

  private mutating func rewired(_ operation: Datapath.Operation) -> Datapath.Operation {
    var taken: [SignalID: SignalID] = [:]
    for operand in operation.operands where taken[operand] == nil {
      guard var deal = dealt[operand.index] else {
        taken[operand] = map[operand.index]
        continue
      }
      taken[operand] = deal.copies[deal.assignment[deal.served]]
      deal.served += 1
      dealt[operand.index] = deal
    }
    return operation.mapOperands { taken[$0]! }
  }

  /// The input itself and `count - 1` more registers of it.
  private mutating func repeated(_ id: SignalID, _ count: Int) -> [SignalID] {
    let signal = original[id]
    return [map[id.index]]
      + (1..<count).map { number in
        let input = datapath.append("\(signal.name)_f\(number)", .input, signal.interval)
        origins[input] = id
        return input
      }
  }

  /// The leaves of a tree of `count` copies.
  private mutating func copied(_ root: SignalID, _ count: Int, _ name: String) -> [SignalID] {
    var level = count
    var levels = [level]
    while level > limit {
      level = (level + limit - 1) / limit
      levels.append(level)
    }
    var parents = [root]
    var number = 0
    for width in levels.reversed() {
      parents = (0..<width).map { position in
        number += 1
        return datapath.append(
          "\(name)_f\(number)", .copy(parents[position * parents.count / width]),
          datapath[root].interval)
      }
    }
    return parents
  }
}
