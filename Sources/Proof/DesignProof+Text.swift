extension DesignProof: CustomStringConvertible {
  /// A line for each layer, then what is not proved, then the verdict.
  public var description: String {
    var rows = [
      [
        "layer", "what", "channels", "constant", "proved", "coefficients", "intervals", "clocks",
        "",
      ]
    ]
    for layer in layers {
      rows.append([
        layer.name, layer.kind, "\(layer.channels)", "\(layer.constantChannels)",
        "\(layer.provedChannels)", "\(layer.coefficients)", "\(layer.intervals)", "\(layer.ranks)",
        layer.isProved ? "proved" : "NOT PROVED",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var text = ""
    for row in rows {
      var line = ""
      for (column, cell) in row.enumerated() {
        let space = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + (column < 2 ? cell + space : space + cell)
      }
      while line.last == " " { line.removeLast() }
      text += line + "\n"
    }
    for problem in problems { text += problem + "\n" }
    text +=
      isProved
      ? "\(design): proved: every output of the text is the model's, for every input\n"
      : "\(design): not proved\n"
    if isProved { text += "given that " + assumed.joined(separator: ", ") + "\n" }
    return text
  }

  /// All that is not proved, a line each: connections first, then layers in order.
  public var problems: [String] {
    wiring
      + layers.flatMap { layer in
        layer.failures.map { failure in
          let channels = failure.channels
          let who =
            channels.isEmpty
            ? ""
            : channels.count == 1
              ? ", channel \(channels[0])"
              : ", channels " + channels.prefix(8).map(String.init).joined(separator: ", ")
                + (channels.count > 8 ? " and \(channels.count - 8) more" : "")
          let place = failure.source.isEmpty ? "" : " (\(failure.source))"
          return "\(layer.name)\(who): \(failure.message)\(place)"
        }
      }
  }
}
