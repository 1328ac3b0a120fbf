import Foundation
import NeuralGraph
import Simulation

/// Points of one kind in a plot.
struct Series {
  var title: String
  var points: [(x: Double, y: Double, label: String)]
  /// Points that lie on a front are joined.
  var isLine = false
  /// Points behind all others: small and grey.
  var isGround = false
}

/// Plots drawn by gnuplot, as an SVG element.
enum Gnuplot {
  /// Draws `series`; `lines` are further commands, such as ranges. A `title` is for a plot that stands alone:
  /// it gets a white ground.
  static func svg(
    x: String, y: String, _ series: [Series], title: String? = nil, lines: [String] = []
  ) async throws(Diagnostics) -> String {
    let shown = series.filter { !$0.points.isEmpty }
    return try await ScratchFolder.with { scratch throws(Diagnostics) in
      var script = [
        "set terminal svg size 820,460 font 'sans-serif,13' name 'plot'"
          + (title == nil ? "" : " background '#ffffff'"), "set output 'plot.svg'",
        "set xlabel '\(quoted(x))'", "set ylabel '\(quoted(y))'", "set grid", "set key top left",
        "set datafile separator '\\t'",
      ]
      if let title { script.append("set title '\(quoted(title))'") }
      script += lines
      var plots: [String] = []
      for (index, series) in shown.enumerated() {
        let file = "series\(index).tsv"
        let text = series.points.map { "\($0.x)\t\($0.y)\t\(quoted($0.label))\n" }.joined()
        try scratch.write(file, Array(text.utf8))
        // Labels take colours too where gnuplot chooses them.
        let look =
          series.isGround
          ? "pt 7 ps 0.25 lc rgb '#9a9a9a'"
          : "pt \(points[index % points.count]) lc rgb '\(colours[index % colours.count])'"
        let style = (series.isLine ? "linespoints lw 2 " : "points ") + look
        plots.append("'\(file)' using 1:2 with \(style) title '\(quoted(series.title))'")
        if series.points.contains(where: { !$0.label.isEmpty }) {
          plots.append("'\(file)' using 1:2:3 with labels offset 0,0.8 font ',10' notitle")
        }
      }
      guard !plots.isEmpty else { return "" }
      script.append("plot " + plots.joined(separator: ", "))
      try scratch.write("plot.gp", Array((script.joined(separator: "\n") + "\n").utf8))
      try await Program(.gnuplot).require(["plot.gp"], in: scratch.path, timeout: .seconds(60))
      let svg = String(decoding: try readFile(scratch.path + "/plot.svg"), as: UTF8.self)
      guard let start = svg.range(of: "<svg") else {
        throw Diagnostics(Diagnostic("gnuplot wrote no SVG"))
      }
      return String(svg[start.lowerBound...])
    }
  }

  /// Distinct with most kinds of colour blindness (Okabe and Ito), on white and on black; of more series the
  /// points differ.
  private static let colours = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8d6e63",
  ]
  private static let points = [7, 5, 9, 11, 13, 4, 6, 8, 10, 12]

  /// Text between single quotes, without what gnuplot reads as commands.
  private static func quoted(_ text: String) -> String {
    text.filter { $0 != "\t" && $0 != "\n" }.replacing("'", with: "''")
      .replacing("_", with: "\\_")
  }
}
