import NeuralGraph

/// What a layer module's input port carries, as its stage connects it.
package enum PortRole: Hashable, Sendable {
  case clock
  /// The enable of window registers, or of accumulators.
  case step
  /// Load the accumulators, do not add.
  case accumulateFirst
  /// Whether kernel row (column) `index` of the next window lies inside the image.
  case row(Int)
  case column(Int)
  /// A channel of the input map; of a window at kernel row `row`.
  case pixel(channel: Int, row: Int?)
}

/// Where a layer's numbers come from: its ports, its window, and what its input channels can be.
struct LayerFront: Sendable {
  enum Form: Hashable, Sendable {
    case pointwise
    case window(WindowGeometry)
    /// Sums over this many pixels.
    case accumulator(count: Int)
  }

  var form: Form
  var roles: [String: PortRole]
  /// By input channel: every code that it takes.
  var codes: [ClosedRange<Int>]
  /// What a tap is outside the image; nil when any number will do that changes nothing.
  var outside: Int?
}

/// Where a window's taps lie inside the image: output positions fall into classes, and a mask is a
/// function of the class.
struct WindowClasses: Hashable, Sendable {
  /// The different ranges of kernel rows (columns) that output rows (columns) have inside.
  let rows: [Range<Int>]
  let columns: [Range<Int>]

  init(_ geometry: WindowGeometry) {
    rows = Self.distinct((0..<geometry.outputHeight).lazy.map { geometry.rowTaps($0) })
    columns = Self.distinct((0..<geometry.outputWidth).lazy.map { geometry.columnTaps($0) })
  }

  private static func distinct(_ ranges: some Sequence<Range<Int>>) -> [Range<Int>] {
    var seen: Set<Range<Int>> = []
    return ranges.filter { seen.insert($0).inserted }
  }

  /// Both dimensions' classes together.
  var all: [(rows: Range<Int>, columns: Range<Int>)] {
    rows.flatMap { rows in columns.map { (rows, $0) } }
  }

  /// The mask that is 1 where all these kernel rows and columns are inside. Two masks that agree
  /// on all output positions are equal.
  func mask(rows wantedRows: Set<Int>, columns wantedColumns: Set<Int>) -> WindowMask {
    let mask = WindowMask(
      rows: rows.map { range in wantedRows.allSatisfy(range.contains) },
      columns: columns.map { range in wantedColumns.allSatisfy(range.contains) })
    return mask.isNever ? .never : mask
  }

  func mask(tapRow row: Int, column: Int) -> WindowMask { mask(rows: [row], columns: [column]) }
}

/// A bit that depends on the output position alone: by class of rows and of columns; 1 where both
/// say so.
struct WindowMask: Hashable, Sendable {
  var rows: [Bool]
  var columns: [Bool]

  static let never = WindowMask(rows: [], columns: [])

  var isNever: Bool { !rows.contains(true) || !columns.contains(true) }
  var isAlways: Bool { !isNever && !rows.contains(false) && !columns.contains(false) }
}
