import Estimation
import Foundation

/// What `deepfreeze characterize` prints: every residual, and the coefficients.
struct CharacterizationReport: Encodable {
  struct Module: Encodable {
    var origin: String
    var name: String
    var isStage: Bool
    /// Of a layer, zeros included.
    var weights: Int
    /// um2 of cells, macros left out; in all and by part.
    var synthesised: Double
    var modelled: Double
    var error: Double
    var parts: [String: Part]
    /// What the model counts, by term.
    var counts: [String: Double]
    /// "fitted", "held out", or "no weights": a layer without weights is compared alone.
    var use: String
  }

  struct Part: Encodable {
    var synthesised: Double
    var modelled: Double
  }

  struct Group: Encodable {
    var title: String
    var modules: Int
    /// Of the sum of all.
    var totalError: Double
    var worstError: Double
    /// Of parts, each relative to the group's whole area.
    var partErrors: [String: Double]
  }

  var modules: [Module]
  var groups: [Group]
  /// um2.
  var coefficients: [String: Double]
  /// Modules whose registers have lost their names: their whole areas alone were fitted.
  var modulesWithoutParts: Int

  /// Layers of more weights than this are those that the model is judged by.
  static let large = 500

  init(_ measured: [MeasuredModule], _ fit: AreaFit) {
    modules = measured.map { module in
      Module(
        origin: module.origin, name: module.module.name, isStage: module.module.isStage,
        weights: module.module.weights, synthesised: module.area,
        modelled: fit.area(module.module.counts), error: fit.error(module),
        parts: Dictionary(
          uniqueKeysWithValues: AreaPart.allCases.compactMap { part -> (String, Part)? in
            let found = Part(
              synthesised: module.areas[part] ?? 0,
              modelled: fit.area(module.module.counts, part))
            return found.synthesised + found.modelled > 0 ? (part.rawValue, found) : nil
          }),
        counts: Dictionary(
          uniqueKeysWithValues: AreaTerm.allCases.map {
            ($0.rawValue, module.module.counts[$0])
          }),
        use: AreaFit.isFitted(module) ? "fitted" : module.isFitted ? "no weights" : "held out")
    }
    func group(_ title: String, _ isWanted: (MeasuredModule) -> Bool) -> Group? {
      let found = measured.filter { $0.area > 0 && isWanted($0) }
      guard !found.isEmpty else { return nil }
      let whole = found.reduce(0) { $0 + $1.area }
      return Group(
        title: title, modules: found.count, totalError: fit.totalError(found),
        worstError: found.map { abs(fit.error($0)) }.max()!,
        partErrors: Dictionary(
          uniqueKeysWithValues: AreaPart.allCases.map { part in
            let difference = found.reduce(0) {
              $0 + fit.area($1.module.counts, part) - ($1.areas[part] ?? 0)
            }
            return (part.rawValue, difference / whole)
          }))
    }
    groups = [
      group("fitted layers") { AreaFit.isFitted($0) && !$0.module.isStage },
      group("fitted stages") { AreaFit.isFitted($0) && $0.module.isStage },
      group("held out layers") { !$0.isFitted && !$0.module.isStage },
      group("held out layers over \(Self.large) weights") {
        !$0.isFitted && !$0.module.isStage && $0.module.weights > Self.large
      },
      group("held out stages") { !$0.isFitted && $0.module.isStage },
      group("all held out") { !$0.isFitted },
    ].compactMap(\.self)
    modulesWithoutParts = measured.count { $0.area > 0 && !$0.hasParts }
    coefficients = Dictionary(
      uniqueKeysWithValues: fit.coefficients.map { ($0.key.rawValue, $0.value) })
  }

  /// What a fitted figure says of where it comes from.
  func source(tool: String) -> String {
    let fitted = modules.filter { $0.use == "fitted" }
    var text =
      "deepfreeze characterize: \(fitted.count { !$0.isStage }) emitted layers and "
      + "\(fitted.count(where: \.isStage)) stages, \(tool)"
    if let held = groups.first(where: { $0.title == "held out layers" }) {
      text +=
        "; \(held.modules) layers held out: total \(Self.percent(held.totalError)), worst "
        + Self.percent(held.worstError, isSigned: false)
    }
    return text
  }

  private var withoutParts: String {
    modulesWithoutParts == 0
      ? ""
      : "; registers of \(modulesWithoutParts) modules have lost their names, so parts mean nothing "
        + "there and whole areas were fitted"
  }

  private static func percent(_ value: Double, isSigned: Bool = true) -> String {
    String(format: isSigned ? "%+.1f %%" : "%.1f %%", 100 * value)
  }

  var text: String {
    var rows = [["from", "module", "weights", "synthesised um2", "modelled", "error", ""]]
    for module in modules {
      rows.append([
        shortened(module.origin, to: 30), shortened(module.name, to: 40),
        module.isStage ? "" : grouped(module.weights), PPAReport.area(module.synthesised),
        PPAReport.area(module.modelled),
        module.synthesised > 0 ? Self.percent(module.error) : "",
        module.use == "fitted" ? "" : module.use,
      ])
    }
    var sums = [["", "modules", "total", "worst"] + PPAReport.parts { _ in false }.map(\.title)]
    for group in groups {
      sums.append(
        [
          group.title, grouped(group.modules), Self.percent(group.totalError),
          Self.percent(group.worstError, isSigned: false),
        ]
          + PPAReport.parts { _ in false }.map {
            Self.percent(group.partErrors[$0.part.rawValue] ?? 0)
          })
    }
    let figures = AreaCoefficient.allCases.map { coefficient in
      [coefficient.rawValue, String(format: "%.4f", coefficients[coefficient.rawValue] ?? 0)]
    }
    return """
      \(table(rows, left: [0, 1, 6]))

      errors; of parts relative to all of their modules' area\(withoutParts)
      \(table(sums, left: [0]))

      \(table([["coefficient", "um2"]] + figures, left: [0]))
      """
  }
}
