import NeuralGraph

extension Layer {
  /// Fills in what is counted on the finished datapath.
  mutating func countCost() {
    for (index, signal) in datapath.signals.enumerated() {
      if case .table(_, let table) = signal.operation {
        cost.tables = (cost.tables ?? 0) + 1
        cost.tableDecisions = (cost.tableDecisions ?? 0) + table.decisions
      }
      if case .multiply(_, _, let bits) = signal.operation {
        // Rows of the second factor's bits, added up.
        cost.adderBits += (bits - 1) * widths.bits[index]
        cost.adderBits32 += (bits - 1) * 32
        cost.maximumWidth = max(cost.maximumWidth, widths.bits[index])
      }
      guard case .add = signal.operation else { continue }
      cost.adderBits += widths.bits[index]
      cost.adderBits32 += 32
      cost.maximumWidth = max(cost.maximumWidth, widths.bits[index])
    }
    cost.registerBits = RegisterWidths(datapath, widths, schedule).total
    cost.constantChannels = output.channels.count { $0.isConstant }
    switch form {
    case .pointwise: break
    case .serial(let sums):
      cost.multipliers = sums.multipliers
      cost.romBits = sums.words * sums.wordBits
    case .window(let geometry):
      cost.windowRegisterBits = windowColumns(geometry).reduce(0) {
        $0 + $1.columns.count * input.channels[$1.channel].bits
      }
      // Masks, and taps that are registered more than once.
      var seen: Set<LayerInput> = []
      for (id, role) in inputs {
        switch role {
        case .inside: cost.windowRegisterBits += 1
        case .tap:
          if !seen.insert(role).inserted { cost.windowRegisterBits += widths.bits[id.index] }
        case .pixel, .sum, .parameter: break
        }
      }
      cost.lineMemoryBits =
        (geometry.kernelHeight - 1) * geometry.dilationY * geometry.inputWidth * input.pixelBits
    case .accumulator:
      for (id, role) in inputs {
        if case .sum = role { cost.windowRegisterBits += widths.bits[id.index] }
      }
    }
  }

  /// The columns of one row of one channel's window that are registers.
  struct WindowRow: Hashable, Sendable {
    var channel: Int
    var row: Int
    /// Positions from the oldest (left) one that some tap needs to the newest.
    var columns: ClosedRange<Int>
  }

  /// The window registers that the taps need: all columns from the oldest used one to the newest.
  func windowColumns(_ geometry: WindowGeometry) -> [WindowRow] {
    var oldest: [Int: Int] = [:]
    for role in inputs.values {
      guard case .tap(let channel, let row, let column) = role else { continue }
      let key = channel * geometry.kernelHeight + row
      let position = column * geometry.dilationX
      oldest[key] = min(oldest[key] ?? position, position)
    }
    return oldest.keys.sorted().map { key in
      WindowRow(
        channel: key / geometry.kernelHeight, row: key % geometry.kernelHeight,
        columns: oldest[key]!...geometry.reachX - 1)
    }
  }
}
