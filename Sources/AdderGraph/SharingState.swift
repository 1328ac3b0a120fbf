/// A set of rows over inputs and shared nodes, with the count of every pair of terms in any row kept up
/// to date, and a journal by which changes are taken back: what local search works on.
///
/// Rows `0 ..< outputs` are outputs, row `outputs + k` is the definition of node `inputs + k`; a row is
/// the sum of its terms and costs one adder less than it has terms. No row has a term twice or with both
/// signs. A change is made of term insertions and removals, each of which touches one counter for every
/// other term of its row.
struct SharingState: ~Copyable {
  let inputs: Int
  let outputs: Int
  private(set) var rows: UnsafeMutablePointer<WordList>
  /// Of each node: row << 8 | low byte of its term there.
  private(set) var uses: UnsafeMutablePointer<WordList>
  /// Nodes made or free so far, inputs not counted.
  private(set) var nodeSlots = 0
  private var nodeCapacity: Int
  private var freeNodes: [Int] = []
  private var isLive: [Bool] = []
  private var pairs = PairTable()
  /// Of all rows together: adders, unless `prices` have it otherwise.
  private(set) var cost = 0
  /// Counters touched so far: what the time of a search is made of, and the same on every machine.
  private(set) var work = 0
  private(set) var prices: SharingPrices
  /// Pairs that came to occur twice since the list was emptied.
  var candidates: [UInt64] = []
  /// Nodes that may have become superfluous.
  var suspects: [Int] = []

  private enum Change {
    case inserted(row: UInt32, term: UInt32)
    case removed(row: UInt32, term: UInt32)
    case madeNode(UInt32)
    case freedNode(UInt32)
    case pricedNode(UInt32)
    case rescaledNode(UInt32, by: Int32)
    case releveled(node: UInt32, from: UInt8)
  }
  private var journal: [Change] = []

  /// The limit of adder levels; nil when depth does not matter.
  private(set) var maxDepth: Int?
  /// Of each node, inputs included: the level at which it may be used. Its definition keeps within it.
  private var levels: [UInt8] = []
  /// Of each row: the sum of its terms' 2^level, which a row within D levels has at 2^D at most.
  private var fill: [Int] = []
  /// Rows that an insertion filled past their limit since the last commit.
  private var overfull: [Int] = []

  /// Nodes, inputs included, and rows stay below these.
  static let nodeLimit = 1 << 20
  static let rowLimit = 1 << 24
  /// Pairs of terms in rows to begin with stay below this: half a gigabyte of counters.
  static let pairLimit = 1 << 25
  /// Nodes are used at most that often to begin with.
  static let useLimit = 1 << 13
  /// Shifts stay below this, so that the terms of one node in a row add up in 64 bits.
  static let shiftLimit = 60
  /// A term past `shiftLimit` was left out since the last commit: the change has to be taken back.
  private(set) var isSpoiled = false

  init(inputs: Int, outputs: Int, nodeCapacity: Int, prices: SharingPrices) {
    self.prices = prices
    self.inputs = inputs
    self.outputs = outputs
    self.nodeCapacity = max(16, nodeCapacity)
    rows = .allocate(capacity: outputs + self.nodeCapacity)
    uses = .allocate(capacity: inputs + self.nodeCapacity)
    for row in 0..<outputs { (rows + row).initialize(to: WordList()) }
    for node in 0..<inputs { (uses + node).initialize(to: WordList()) }
  }

  deinit {
    for row in 0..<outputs + nodeSlots { rows[row].deallocate() }
    for node in 0..<inputs + nodeSlots { uses[node].deallocate() }
    rows.deallocate()
    uses.deallocate()
  }

  /// The row that defines a node past the inputs.
  @inline(__always)
  func definition(_ node: Int) -> Int { outputs + node - inputs }

  /// A node past the inputs that is in use.
  func isNode(_ node: Int) -> Bool { node >= inputs && isLive[node - inputs] }

  func count(of key: UInt64) -> Int { pairs.count(key) }

  // MARK: Steps of a change

  /// Puts a term that the row has not got, with neither sign, into a row.
  mutating func insert(_ term: UInt32, row: Int) {
    journal.append(.inserted(row: UInt32(row), term: term))
    insertUnrecorded(term, row: row, collects: true)
    if maxDepth != nil && room(row) < 0 { overfull.append(row) }
  }

  /// Takes a term out of a row.
  mutating func remove(_ term: UInt32, row: Int) {
    journal.append(.removed(row: UInt32(row), term: term))
    removeUnrecorded(term, row: row)
    let node = Int(term >> 8)
    if node >= inputs && uses[node].count <= 1 { suspects.append(node) }
    if row >= outputs { suspects.append(row - outputs + inputs) }
  }

  /// A new node with an empty definition.
  mutating func makeNode() -> Int {
    let node = makeNodeUnrecorded()
    journal.append(.madeNode(UInt32(node)))
    return node
  }

  /// Prices a node without uses and definition by the terms that it is to be the sum of.
  mutating func price(_ node: Int, as terms: [PackedTerm]) {
    guard prices.needsForms else { return }
    journal.append(.pricedNode(UInt32(node)))
    prices.price(node, row: definition(node), as: terms)
  }

  /// Prices the row of an output, which is empty still, by its terms.
  mutating func price(output: Int, as terms: [PackedTerm]) {
    prices.price(output: output, as: terms)
  }

  /// Takes the factor 2^shift out of a node's value; it has no uses and no definition at this moment.
  mutating func rescale(_ node: Int, by shift: Int) {
    guard prices.needsForms else { return }
    journal.append(.rescaledNode(UInt32(node), by: Int32(shift)))
    prices.rescale(node, row: definition(node), by: shift)
  }

  /// Gives up a node without uses and definition.
  mutating func freeNode(_ node: Int) {
    journal.append(.freedNode(UInt32(node)))
    isLive[node - inputs] = false
    freeNodes.append(node)
  }

  // MARK: Depth

  /// Keeps all rows, which are empty yet, within `depth` levels; nodes at the given levels.
  mutating func limitDepth(to depth: Int, levels: [Int]) {
    maxDepth = depth
    self.levels = levels.map { UInt8($0) }
    fill = [Int](repeating: 0, count: outputs + nodeSlots)
  }

  /// The level of a node; 0 when depth does not matter.
  func level(_ node: Int) -> Int { maxDepth == nil ? 0 : Int(levels[node]) }

  /// Sets the level of a node that has no uses.
  mutating func setLevel(_ level: Int, of node: Int) {
    guard maxDepth != nil else { return }
    while levels.count <= node { levels.append(0) }
    while fill.count <= definition(node) { fill.append(0) }
    journal.append(.releveled(node: UInt32(node), from: levels[node]))
    levels[node] = UInt8(level)
  }

  /// What a row can still take, in 2^level.
  func room(_ row: Int) -> Int {
    guard let maxDepth else { return .max }
    return 1 << (row < outputs ? maxDepth : Int(levels[row - outputs + inputs])) - fill[row]
  }

  /// Whether every row is within its levels.
  var keepsDepth: Bool { overfull.allSatisfy { room($0) >= 0 } }

  private mutating func makeNodeUnrecorded() -> Int {
    if let node = freeNodes.popLast() {
      isLive[node - inputs] = true
      return node
    }
    if nodeSlots == nodeCapacity { grow() }
    let node = inputs + nodeSlots
    (rows + outputs + nodeSlots).initialize(to: WordList())
    (uses + node).initialize(to: WordList())
    nodeSlots += 1
    prices.appendNode()
    isLive.append(true)
    return node
  }

  private mutating func grow() {
    let capacity = 2 * nodeCapacity
    let (newRows, newUses) = (
      UnsafeMutablePointer<WordList>.allocate(capacity: outputs + capacity),
      UnsafeMutablePointer<WordList>.allocate(capacity: inputs + capacity)
    )
    newRows.moveInitialize(from: rows, count: outputs + nodeSlots)
    newUses.moveInitialize(from: uses, count: inputs + nodeSlots)
    rows.deallocate()
    uses.deallocate()
    (rows, uses, nodeCapacity) = (newRows, newUses, capacity)
  }

  private mutating func insertUnrecorded(_ term: UInt32, row: Int, collects: Bool) {
    let count = rows[row].count
    let words = rows[row].words
    pairs.reserve(count)
    for index in 0..<count {
      let key = PairTable.key(term, words[index])
      if pairs.increment(key) >= 2 && collects { candidates.append(key) }
    }
    work += count + 4
    if maxDepth != nil { fill[row] += 1 << Int(levels[Int(term >> 8)]) }
    cost += price(term, row, isOnly: count == 0)
    rows[row].append(term)
    uses[Int(term >> 8)].append(UInt32(row) << 8 | term & 255)
  }

  private mutating func removeUnrecorded(_ term: UInt32, row: Int) {
    rows[row].remove(term)
    let count = rows[row].count
    let words = rows[row].words
    for index in 0..<count { pairs.decrement(PairTable.key(term, words[index])) }
    work += count + 4
    if maxDepth != nil { fill[row] -= 1 << Int(levels[Int(term >> 8)]) }
    cost -= price(term, row, isOnly: count == 0)
    uses[Int(term >> 8)].remove(UInt32(row) << 8 | term & 255)
  }

  /// What a term adds to the cost of its row.
  @inline(__always)
  private func price(_ term: UInt32, _ row: Int, isOnly: Bool) -> Int {
    let price = prices.term[Int(term >> 8)] + prices.row[row]
    return Int(isOnly ? price - prices.credit[row] : price)
  }

  // MARK: The journal

  /// Notes that a change cannot be carried out.
  mutating func spoil() { isSpoiled = true }

  /// Makes all changes up to now final.
  mutating func commit() {
    precondition(!isSpoiled && keepsDepth, "a spoilt change is taken back")
    overfull.removeAll(keepingCapacity: true)
    journal.removeAll(keepingCapacity: true)
    prices.commit()
  }

  /// Takes back all changes since the last commit. Rows are the same sets then, in some order.
  mutating func rollBack() {
    while let change = journal.popLast() {
      switch change {
      case .inserted(let row, let term): removeUnrecorded(term, row: Int(row))
      case .removed(let row, let term): insertUnrecorded(term, row: Int(row), collects: false)
      case .madeNode(let node):
        isLive[Int(node) - inputs] = false
        freeNodes.append(Int(node))
      case .freedNode(let node):
        freeNodes.removeLast()
        isLive[Int(node) - inputs] = true
      case .pricedNode(let node): prices.restore(Int(node), row: definition(Int(node)))
      case .rescaledNode(let node, let shift):
        prices.rescale(Int(node), row: definition(Int(node)), by: -Int(shift))
      case .releveled(let node, let level): levels[Int(node)] = level
      }
    }
    isSpoiled = false
    overfull.removeAll(keepingCapacity: true)
    candidates.removeAll(keepingCapacity: true)
    suspects.removeAll(keepingCapacity: true)
  }
}
