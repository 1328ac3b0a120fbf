import GraphPasses
import NeuralGraph

/// Bits a layer as a file: `{"default": {"weights": 8, "activations": 8}, "layers": {"NAME": {…}}}`.
/// A number that is left out is the default's, and 8 there.
public struct BitsFile: Hashable, Sendable, Codable {
  public struct Entry: Hashable, Sendable, Codable {
    public var weights: Int?
    public var activations: Int?
  }

  public var `default`: Entry?
  public var layers: [String: Entry]?

  /// The bits that these settings have.
  public init(_ settings: QuantizationSettings) {
    func entry(_ bits: QuantizationSettings.Bits) -> Entry {
      Entry(weights: bits.weights, activations: bits.activations)
    }
    self.default = entry(settings.bits)
    layers = settings.layerBits.mapValues(entry)
  }

  /// Reads a file. Throws when it is no such JSON, or says bits out of range.
  public init(path: String) throws(Diagnostics) {
    self = try StableJSON.decode(BitsFile.self, readFile(path), file: path)
    var problems: [Diagnostic] = []
    let entries =
      [("default", self.default)]
      + (layers ?? [:]).sorted { $0.key < $1.key }
      .map { ($0.key, Optional($0.value)) }
    for (name, entry) in entries {
      func check(_ bits: Int?, _ range: ClosedRange<Int>, _ what: String) {
        guard let bits, !range.contains(bits) else { return }
        problems.append(
          Diagnostic(
            "\(what) of \(bits) bits; \(range.lowerBound) to \(range.upperBound) are possible",
            file: path, node: name))
      }
      check(entry?.weights, QuantizationSettings.Bits.weightRange, "weights")
      check(entry?.activations, QuantizationSettings.Bits.activationRange, "activations")
    }
    guard problems.isEmpty else { throw Diagnostics(problems) }
  }

  /// Puts these bits into settings.
  public func apply(to settings: inout QuantizationSettings) {
    func bits(_ entry: Entry?, _ otherwise: QuantizationSettings.Bits) -> QuantizationSettings.Bits
    {
      .init(
        weights: entry?.weights ?? otherwise.weights,
        activations: entry?.activations ?? otherwise.activations)
    }
    settings.bits = bits(self.default, settings.bits)
    for (name, entry) in layers ?? [:] { settings.layerBits[name] = bits(entry, settings.bits) }
  }
}
