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
    /// Up to two minutes a matrix, searched several times over.
    case exhaustive = 3

    /// Steps of local search for each adder of the greedy solution, or for a thousand at least.
    public var stepsPerAdder: Int {
      switch self {
      case .greedy: 0
      case .quick: 4
      case .thorough: 60
      case .exhaustive: 5_000
      }
    }

    /// The most pairs of terms that a search counts: about 10, 40 and 70 seconds of large matrices.
    public var work: Int {
      switch self {
      case .greedy: 0
      case .quick: 250_000_000
      case .thorough: 1_000_000_000
      case .exhaustive: 2_000_000_000
      }
    }

    /// Searches of which the best is taken.
    public var restarts: Int { self == .exhaustive ? 6 : 1 }
  }
}

extension AdderGraph.Options {
  /// Steps and restarts of an effort level.
  public init(
    effort: AdderGraph.Effort, inputBits: Int = 8,
    objective: AdderGraph.Objective = .adders
  ) {
    self.init(
      stepsPerAdder: effort.stepsPerAdder, work: effort.work, restarts: effort.restarts,
      inputBits: inputBits, objective: objective)
  }
}
