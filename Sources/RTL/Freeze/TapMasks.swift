import NeuralGraph

/// The masks of a window's taps, each made once for all channels of a layer: which taps lie inside
/// the image, and how many.
struct TapMasks {
  let geometry: WindowGeometry
  private let reach: WindowReach
  private var masks: [MaskKey: SignalID] = [:]
  private var rowCountIs: [Int: SignalID] = [:]
  private var columnCountIs: [Int: SignalID] = [:]

  init(_ geometry: WindowGeometry) {
    self.geometry = geometry
    self.reach = WindowReach(geometry)
  }

  /// True when the tap lies outside the image for some output position.
  func canLeave(_ row: Int, _ column: Int) -> Bool { reach.canLeave(row: row, column: column) }

  /// The 1-bit signal that says whether the tap lies inside the image; only for one that can leave.
  mutating func inside(_ row: Int, _ column: Int, _ builder: inout DatapathBuilder) -> SignalID {
    mask(
      row: reach.rowCanLeave[row] ? row : nil, column: reach.columnCanLeave[column] ? column : nil,
      &builder)
  }

  /// The tap's code; `outside` where it lies outside the image.
  mutating func tap(
    of channel: Int, _ row: Int, _ column: Int, _ interval: Interval, outside: Int,
    _ builder: inout DatapathBuilder
  ) -> SignalID {
    // A constant channel has no hardware.
    let signal =
      interval.lowerBound == interval.upperBound
      ? builder.constant(interval.lowerBound)
      : builder.input(
        .tap(channel: channel, row: row, column: column), "x\(channel)_r\(row)c\(column)", interval)
    guard canLeave(row, column) else { return signal }
    return builder.append(
      "t\(channel)_r\(row)c\(column)",
      .select(inside(row, column, &builder), signal, builder.constant(outside)),
      interval.union(outside...outside))
  }

  /// All taps of a channel, row by row.
  mutating func taps(
    of channel: Int, _ interval: Interval, outside: Int, _ builder: inout DatapathBuilder
  ) -> [SignalID] {
    var taps: [SignalID] = []
    for row in 0..<geometry.kernelHeight {
      for column in 0..<geometry.kernelWidth {
        taps.append(tap(of: channel, row, column, interval, outside: outside, &builder))
      }
    }
    return taps
  }

  /// The numbers of rows and of columns that windows have inside the image, ascending.
  var counts: (rows: [Int], columns: [Int]) {
    func counts(_ taps: Int, _ dilation: Int, _ pad: Int, _ stride: Int, _ out: Int, _ size: Int)
      -> [Int]
    {
      Set(
        (0..<out).map { position in
          (0..<taps).count { (0..<size).contains(position * stride - pad + $0 * dilation) }
        }
      ).sorted()
    }
    return (
      counts(
        geometry.kernelHeight, geometry.dilationY, geometry.padTop, geometry.strideY,
        geometry.outputHeight, geometry.inputHeight),
      counts(
        geometry.kernelWidth, geometry.dilationX, geometry.padLeft, geometry.strideX,
        geometry.outputWidth, geometry.inputWidth)
    )
  }

  /// The alternative for the window's numbers of rows and columns inside the image.
  mutating func select(
    _ builder: inout DatapathBuilder, name: String,
    _ alternative: (_ rows: Int, _ columns: Int) -> SignalID
  ) -> SignalID {
    let counts = counts
    prepareCounts(counts, &builder)
    var number = 0
    func choose(_ alternatives: [(SignalID?, SignalID)]) -> SignalID {
      var result = alternatives[0].1
      for (condition, value) in alternatives.dropFirst() where value != result {
        number += 1
        result = builder.append(
          "\(name)_\(number)", .select(condition!, value, result),
          builder.datapath[value].interval.union(builder.datapath[result].interval))
      }
      return result
    }
    let byRow = counts.rows.map { rows in
      (
        rowCountIs[rows],
        choose(counts.columns.map { (columnCountIs[$0], alternative(rows, $0)) })
      )
    }
    return choose(byRow)
  }

  /// Makes the signals "the window has n rows (columns) inside", for all but the smallest n.
  private mutating func prepareCounts(
    _ counts: (rows: [Int], columns: [Int]), _ builder: inout DatapathBuilder
  ) {
    guard rowCountIs.isEmpty, columnCountIs.isEmpty else { return }
    func prepare(_ values: [Int], _ total: Int, _ masks: [SignalID], _ name: String) -> [Int:
      SignalID]
    {
      guard values.count > 1 else { return [:] }
      let fixed = total - masks.count
      var sum = masks[0]
      for (index, mask) in masks.dropFirst().enumerated() {
        sum = builder.append(
          "\(name)s\(index + 1)", .add(.init(sum), .init(mask)), 0...index + 2)
        builder.cost.sumAdders += 1
      }
      var result: [Int: SignalID] = [:]
      for value in values.dropFirst() {
        result[value] = builder.append("\(name)s_is\(value)", .equals(sum, value - fixed), 0...1)
      }
      return result
    }
    let rowMasks = (0..<geometry.kernelHeight).filter { reach.rowCanLeave[$0] }
      .map { mask(row: $0, column: nil, &builder) }
    let columnMasks = (0..<geometry.kernelWidth).filter { reach.columnCanLeave[$0] }
      .map { mask(row: nil, column: $0, &builder) }
    rowCountIs = prepare(counts.rows, geometry.kernelHeight, rowMasks, "row")
    columnCountIs = prepare(counts.columns, geometry.kernelWidth, columnMasks, "column")
  }

  private mutating func mask(row: Int?, column: Int?, _ builder: inout DatapathBuilder)
    -> SignalID
  {
    let key = MaskKey(row: row, column: column)
    if let signal = masks[key] { return signal }
    precondition(row != nil || column != nil, "a tap that never leaves the image needs no mask")
    let name = "in" + (row.map { "_r\($0)" } ?? "") + (column.map { "_c\($0)" } ?? "")
    let signal = builder.input(.inside(row: row, column: column), name, 0...1)
    masks[key] = signal
    return signal
  }
}

private struct MaskKey: Hashable {
  var row: Int?
  var column: Int?
}
