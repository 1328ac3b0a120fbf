extension AdderGraph {
  /// How long to search for fewer adders. Each level starts with the one below, so it never ends with
  /// more; the number of steps depends on the matrix alone, so results are the same everywhere.
  public enum Effort: Int, Hashable, Sendable, CaseIterable {
    /// Greedy sharing alone: milliseconds.
    case greedy = 0
    /// Tenths of a second of local search.
    case quick = 1
    /// Seconds.
    case thorough = 2
    /// Up to minutes; small matrices are searched several times over.
    case exhaustive = 3

    /// Steps of local search for each adder of the greedy solution.
    public var stepsPerAdder: Int {
      switch self {
      case .greedy: 0
      case .quick: 4
      case .thorough: 60
      case .exhaustive: 600
      }
    }

    /// Searches of which the best is taken.
    public var restarts: Int { self == .exhaustive ? 6 : 1 }
  }
}

extension AdderGraph.Options {
  /// Steps and restarts of an effort level.
  public init(effort: AdderGraph.Effort, inputBits: Int = 8) {
    self.init(
      stepsPerAdder: effort.stepsPerAdder, restarts: effort.restarts, inputBits: inputBits)
  }
}
