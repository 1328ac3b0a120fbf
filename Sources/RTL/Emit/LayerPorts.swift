/// The ports of a layer's module.
extension Layer {
  /// The port that carries a pixel's channel in; `row` for a window's kernel row.
  static func inputPort(channel: Int, row: Int?) -> String {
    row.map { "p\(channel)_r\($0)" } ?? "x\(channel)"
  }

  /// The port that carries an output channel's code.
  static func outputPort(channel: Int) -> String { "q\(channel)" }

  /// The channels and kernel rows that come in, in port order.
  var pixelInputs: [(channel: Int, row: Int?)] {
    switch form {
    case .window(let geometry):
      return windowColumns(geometry).map { ($0.channel, $0.row) }
    case .serial: return []
    case .pointwise, .accumulator:
      let channels = inputs.values.compactMap { role -> Int? in
        switch role {
        case .pixel(let channel), .sum(let channel): channel
        default: nil
        }
      }
      return Set(channels).sorted().map { ($0, nil) }
    }
  }

  /// The sums that come in, by output channel.
  var sumInputs: [(channel: Int, signal: SignalID)] {
    guard case .serial = form else { return [] }
    return datapath.inputSignals.compactMap { id in
      if case .sum(let channel) = inputs[id]! { (channel, id) } else { nil }
    }
  }

  /// The module of the weights of serial sums.
  var romModule: String { module + "_rom" }

  /// The kernel rows and columns that masks are made of, ascending.
  var maskRows: [Int] {
    Set(
      inputs.values.compactMap { if case .inside(let row, _) = $0 { row } else { nil } }
    ).sorted()
  }
  var maskColumns: [Int] {
    Set(
      inputs.values.compactMap { if case .inside(_, let column) = $0 { column } else { nil } }
    ).sorted()
  }

  /// The port that says whether kernel row (column) `index` of the next window is in the image.
  static func rowPort(_ index: Int) -> String { "row\(index)" }
  static func columnPort(_ index: Int) -> String { "column\(index)" }
}
