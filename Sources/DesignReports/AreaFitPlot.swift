import Estimation
import NeuralGraph

/// Modelled against synthesised areas of a fit's modules, both logarithmic, as an SVG document.
public enum AreaFitPlot {
  /// Throws when gnuplot is missing.
  public static func svg(
    _ modules: [MeasuredModule], _ fit: AreaFit, title: String
  ) async throws(Diagnostics) -> String {
    func series(_ name: String, _ isWanted: (MeasuredModule) -> Bool) -> Series {
      Series(
        title: name,
        points: modules.filter { $0.area > 0 && isWanted($0) }.map { module in
          (x: module.area, y: max(1e-6, fit.area(module.module.counts)), label: "")
        })
    }
    let ends = [modules.map(\.area).filter { $0 > 0 }.min(), modules.map(\.area).max()]
      .compactMap(\.self)
    return try await Gnuplot.svg(
      x: "synthesised, um2", y: "modelled, um2",
      [
        series("fitted layers") { AreaFit.isFitted($0) && !$0.module.isStage },
        series("fitted stages") { AreaFit.isFitted($0) && $0.module.isStage },
        series("held out layers") { !$0.isFitted && !$0.module.isStage },
        series("held out stages") { !$0.isFitted && $0.module.isStage },
        Series(title: "equal", points: ends.map { ($0, $0, "") }, isLine: true),
      ], title: title, lines: ["set logscale xy"])
  }
}
