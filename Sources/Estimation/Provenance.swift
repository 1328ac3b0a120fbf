/// Where a figure comes from. Every number of a report carries one.
public struct Provenance: Hashable, Sendable, Codable {
  /// How a figure was found, the firmest kind first.
  public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// By a tool on this very design: Yosys, OpenSTA, a simulator.
    case measured
    /// Printed by somebody else: a paper, a vendor's page.
    case published
    /// By least squares from measurements of other designs, with the fit's error.
    case fitted
    /// Chosen, with a reason; no measurement behind it.
    case stated
    /// Computed by a model from figures of other kinds.
    case modelled
    /// Carried over from another technology node.
    case scaled
  }

  public var kind: Kind
  /// What it was taken from, sorted, each once.
  public var sources: [String]
  /// Largest relative error known of it, such as a fit's worst residual; nil when not known.
  public var error: Double?

  public init(_ kind: Kind, _ sources: [String], error: Double? = nil) {
    self.kind = kind
    self.sources = Set(sources).sorted()
    self.error = error
  }

  public init(_ kind: Kind, _ source: String, error: Double? = nil) {
    self.init(kind, [source], error: error)
  }

  /// The provenance of what is computed from both: as infirm as the less firm of them, all sources,
  /// the larger of the known errors.
  public func combined(with other: Provenance) -> Provenance {
    let error = [self.error, other.error].compactMap(\.self).max()
    return Provenance(
      kind.rank >= other.kind.rank ? kind : other.kind, sources + other.sources, error: error)
  }

  /// The same, found by a step of `kind` that relies on `source`.
  public func through(_ kind: Kind, _ source: String) -> Provenance {
    combined(with: Provenance(kind, source))
  }
}

extension Provenance.Kind {
  /// Position from the firmest.
  fileprivate var rank: Int { Self.allCases.firstIndex(of: self)! }
}
