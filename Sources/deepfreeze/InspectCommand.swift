import ArgumentParser
import GraphPasses
import ModelImport
import NeuralGraph
import RTL

/// `deepfreeze inspect`: what a model file holds, supported or not.
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Lists a model's layers: shapes, weights, multiply-accumulates, what is supported.")

  @OptionGroup var model: ModelOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Scale calibration images to the network's input size.")
  var resize = false

  func run() async throws {
    try await reportingDiagnostics(output) {
      let file = try ModelFile(path: model.model, until: model.end.until)
      let counted = try CountedListing(file, model)
      let listing = counted.listing
      let record = InspectRecord(
        counted,
        frozen: Freezable(model, resize: resize) { printToStandardError($0.description) },
        part: listing.diagnostics.isEmpty
          ? nil : UsablePart(of: file, listing, model, resize: resize))
      if output.json {
        printJSON(record)
      } else {
        print(text(counted, record))
      }
    }
  }

  /// One line a reason, with the operators that it holds for.
  private func unsupported(_ listing: ModelListing) -> [String] {
    var reasons: [String] = []
    var operators: [String: [Int]] = [:]
    for entry in listing.entries where !entry.isSupported {
      let reason = entry.reason ?? "not supported"
      if operators[reason] == nil { reasons.append(reason) }
      operators[reason, default: []].append(entry.operatorIndex)
    }
    return reasons.map { reason in
      let numbers = operators[reason, default: []]
      let shown = numbers.prefix(8).map(String.init).joined(separator: ", ")
      let more = numbers.count > 8 ? " and \(numbers.count - 8) more" : ""
      return "(!) operator \(shown)\(more): \(reason)"
    }
  }

  private func text(_ counted: CountedListing, _ record: InspectRecord) -> String {
    let listing = counted.listing
    var rows = [["#", "conv", "kind", "output", "weights", "zeros", "MACs", "name"]]
    for entry in listing.entries {
      rows.append([
        String(entry.operatorIndex), entry.convolutionNumber.map(String.init) ?? "",
        entry.kind + (entry.isSupported ? "" : " (!)"),
        entry.outputShape.map { $0.map(String.init).joined(separator: "x") } ?? "?",
        entry.weights == 0 ? "" : grouped(entry.weights),
        entry.zeroWeights == 0 ? "" : grouped(entry.zeroWeights),
        entry.multiplyAccumulates == 0 ? "" : grouped(entry.multiplyAccumulates),
        shortened(entry.name),
      ])
    }
    var lines = [
      "\(model.model.lastPathComponent): \(listing.format), input \(listing.input)",
      table(rows, left: [2, 3, 7]),
      "\(record.convolutions) convolutions, \(grouped(record.weights)) weights "
        + "(\(grouped(record.zeroWeights)) zero), \(grouped(record.multiplyAccumulates)) "
        + "multiply-accumulates",
    ]
    lines += unsupported(listing)
    if listing.diagnostics.isEmpty {
      lines.append(whole(counted))
      lines.append(record.frozen.text)
    } else {
      lines.append("The network cannot be used as a whole:")
      lines += listing.diagnostics.map(\.description)
      if let first = record.firstUnsupported { lines.append(first.text) }
      if let part = record.usablePart { lines.append(part.text) }
    }
    return lines.joined(separator: "\n")
  }
}

/// What 'conv' in the listing of a whole network means.
private func whole(_ counted: CountedListing) -> String {
  if counted.isNumbered {
    return "The whole network can be computed; 'conv' is what --fixed-layers counts."
  }
  guard let convolutions = counted.convolutions else {
    return "The whole network can be computed; 'conv' numbers the file's convolutions."
  }
  return "The whole network can be computed; --fixed-layers counts \(convolutions) convolutions, "
    + "with factors and summands a channel that are layers; 'conv' numbers the file's alone."
}

/// How much of a network can become hardware.
private struct Freezable: Encodable {
  /// The most that `--fixed-layers` can be; nil when the network does not come to integers.
  var fixedLayers: Int?
  /// What comes behind the last layer that can be fixed, or why nothing is known.
  var reason: String?

  /// `note` is given what the user should know of the model.
  init(
    _ model: ModelOptions, resize: Bool, note: (Diagnostic) -> Void = { _ in }
  ) {
    do throws(Diagnostics) {
      let graph = foldPad(try model.load(resize: resize, note: note).graph)
      let prefix = try FixedPrefix(graph, fixedLayers: nil)
      fixedLayers = prefix.layers.count { graph[$0].operation.isConvolution }
      reason = prefix.reason.map(Self.text)
    } catch {
      reason = error.all.map(Self.text).joined(separator: "; ")
    }
  }

  private static func text(_ diagnostic: Diagnostic) -> String {
    diagnostic.message + (diagnostic.remedy.map { " (\($0))" } ?? "")
  }

  var text: String {
    guard let fixedLayers else { return "What can be frozen is not known: \(reason ?? "")" }
    return "Can be frozen: up to --fixed-layers \(fixedLayers)"
      + (reason.map { "; then: \($0)" } ?? "")
  }
}

/// The network in front of what cannot be used.
private struct UsablePart: Encodable {
  /// What to give `--until`.
  var until: String
  var convolutions: Int
  var frozen: Freezable

  /// Tries to end the network at each of the last operators of the listing, as many as a few seconds allow. Of
  /// those that can be its end the one with the most convolutions counts, the last of several, that comes to
  /// integers, or else the first of them with the reason why not. Nil when no end has a convolution.
  init?(of file: ModelFile, _ listing: ModelListing, _ model: ModelOptions, resize: Bool) {
    let cost = file.bytes.count + 4096 * listing.entries.count
    let attempts = max(2, min(40, 400_000_000 / max(1, cost)))
    let ends = listing.entries.filter(\.isSupported).reversed().prefix(attempts).compactMap {
      Self.end(at: $0, of: file, imageSize: model.imageSize)
    }
    let best = ends.enumerated().sorted {
      ($1.element.convolutions, $0.offset) < ($0.element.convolutions, $1.offset)
    }
    var first: UsablePart?
    for (_, end) in best.prefix(8) {
      var model = model
      model.end.until = [end.until]
      guard
        let cut = try? ModelFile(path: file.path, bytes: file.bytes, until: [end.until]),
        let counted = try? CountedListing(cut, model)
      else { continue }
      let part = UsablePart(
        until: end.until, convolutions: counted.convolutions ?? end.convolutions,
        frozen: Freezable(model, resize: resize))
      if part.frozen.fixedLayers != nil {
        self = part
        return
      }
      first = first ?? part
      if model.calibrate == nil,
        case .float(let graph)? = try? cut.imported(imageSize: model.imageSize),
        !graph.isFakeQuantized
      {
        break
      }
    }
    guard let first else { return nil }
    self = first
  }

  private init(until: String, convolutions: Int, frozen: Freezable) {
    self.until = until
    self.convolutions = convolutions
    self.frozen = frozen
  }

  /// The name that ends the network at an operator, and the convolutions before it; nil when the network cannot
  /// be used up to there or has no convolution.
  private static func end(
    at entry: ModelListing.Entry, of file: ModelFile, imageSize: ImageSize?
  ) -> (until: String, convolutions: Int)? {
    let (name, number) = entry.quantizer ?? (entry.name, entry.operatorIndex)
    // The table shortens long names, and a shell reads these quotes.
    let isPlain =
      name.count <= 60 && !name.unicodeScalars.contains { $0.value < 32 || $0 == "'" }
    for until in isPlain ? [name, "@\(number)"] : ["@\(number)"] {
      guard
        let part = try? ModelFile(path: file.path, bytes: file.bytes, until: [until]),
        let found = try? part.listing(imageSize: imageSize), found.diagnostics.isEmpty,
        found.entries.last?.operatorIndex == entry.operatorIndex
      else { continue }
      let convolutions = found.entries.count { $0.convolutionNumber != nil }
      return convolutions == 0 ? nil : (until, convolutions)
    }
    return nil
  }

  var text: String {
    "With --until '\(until)' the network up to there is taken: "
      + "\(counted(convolutions, "convolution")), as --fixed-layers counts. \(frozen.text)"
  }
}

/// Where a network ends that a model cut there would have.
private struct FirstUnsupported: Encodable {
  var op: Int
  var kind: String
  var tensor: String
  /// Convolutions, and operators, that stand before it in the file's order.
  var convolutionsBefore: Int
  var operatorsBefore: Int

  init?(_ listing: ModelListing) {
    guard let place = listing.entries.firstIndex(where: { !$0.isSupported }) else { return nil }
    op = listing.entries[place].operatorIndex
    kind = listing.entries[place].kind
    tensor = listing.entries[place].name
    operatorsBefore = place
    convolutionsBefore = listing.entries[..<place].count { $0.convolutionNumber != nil }
  }

  var text: String {
    let what = "The first operator that is not supported is number \(op), \(kind) '\(tensor)'"
    if operatorsBefore == 0 { return what + "." }
    return what + ": before it are \(counted(operatorsBefore, "operator")) with "
      + "\(counted(convolutionsBefore, "convolution"))."
  }
}

/// A listing as machines get it.
private struct InspectRecord: Encodable {
  struct Entry: Encodable {
    var op: Int
    var kind: String
    var tensor: String
    var shape: [Int]?
    var weights: Int
    var zeroWeights: Int
    var multiplyAccumulates: Int
    var convolution: Int?
    var isSupported: Bool
    var reason: String?
  }
  var format: String
  var name: String
  var input: String
  var convolutions: Int
  var weights: Int
  var zeroWeights: Int
  var multiplyAccumulates: Int
  var isUsable: Bool
  var frozen: Freezable
  /// Null when all are supported.
  var firstUnsupported: FirstUnsupported?
  /// Null when the whole network can be used, or no part with a convolution was found.
  var usablePart: UsablePart?
  /// How many convolutions `--fixed-layers` counts; null for a network that cannot be used.
  var fixedLayersCounts: Int?
  /// True when `convolution` of the operators is what `--fixed-layers` counts.
  var isNumbered: Bool
  var operators: [Entry]
  var diagnostics: [DiagnosticRecord]

  init(_ counted: CountedListing, frozen: Freezable, part: UsablePart?) {
    let listing = counted.listing
    self.frozen = frozen
    fixedLayersCounts = counted.convolutions
    isNumbered = counted.isNumbered
    usablePart = part
    firstUnsupported = FirstUnsupported(listing)
    format = listing.format
    name = listing.name
    input = listing.input
    convolutions = listing.entries.count { $0.convolutionNumber != nil }
    weights = listing.entries.reduce(0) { $0 + $1.weights }
    zeroWeights = listing.entries.reduce(0) { $0 + $1.zeroWeights }
    multiplyAccumulates = listing.entries.reduce(0) { $0 + $1.multiplyAccumulates }
    isUsable = listing.diagnostics.isEmpty
    operators = listing.entries.map {
      Entry(
        op: $0.operatorIndex, kind: $0.kind, tensor: $0.name, shape: $0.outputShape,
        weights: $0.weights, zeroWeights: $0.zeroWeights,
        multiplyAccumulates: $0.multiplyAccumulates, convolution: $0.convolutionNumber,
        isSupported: $0.isSupported, reason: $0.reason)
    }
    diagnostics = listing.diagnostics.map(DiagnosticRecord.init)
  }
}
