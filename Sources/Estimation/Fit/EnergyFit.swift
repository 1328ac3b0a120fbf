import NeuralGraph

/// What a mapped layer takes when its bits move, with what it counts: what energies are fitted to.
public struct MeasuredEnergy: Hashable, Sendable {
  public var counts: AreaCounts
  /// fJ a clock cycle without a change: clock pins, and flip-flops at rest.
  public var clock: Double
  /// fJ when every register bit changes once, with the pins that it drives.
  public var registers: Double
  /// fJ when every gate changes once.
  public var logic: Double

  public init(_ counts: AreaCounts, clock: Double, registers: Double, logic: Double) {
    self.counts = counts
    self.clock = clock
    self.registers = registers
    self.logic = logic
  }
}

/// Energies by what `FixedLayerModel` counts: least squares of the relative errors of layers.
public enum EnergyFit {
  /// A technology's energies at `activity` mean transitions a net and clock. Throws when a layer takes
  /// none: the liberty has no energies.
  public static func energies(
    _ layers: [MeasuredEnergy], activity: Double, source: String
  ) throws(Diagnostics) -> Technology.Energies {
    guard !layers.isEmpty, layers.allSatisfy({ $0.clock > 0 && $0.registers > 0 && $0.logic > 0 })
    else {
      throw Diagnostics(
        Diagnostic(
          "the library has no energies: no internal power, no capacitances",
          remedy: "give one with power tables"))
    }
    /// pJ a unit of each count, with the largest error.
    func fit(
      _ value: (MeasuredEnergy) -> Double, scale: Double, _ counts: (AreaCounts) -> [Double]
    ) -> [Quantity] {
      let rows = layers.map { layer in counts(layer.counts).map { $0 / value(layer) } }
      let solution = LeastSquares.nonNegative(rows: rows, values: rows.map { _ in 1 })
      let error = rows.map { row in abs(zip(row, solution).reduce(-1) { $0 + $1.0 * $1.1 }) }.max()
      return solution.map {
        Quantity(
          ($0 * scale * 1e-3).rounded(digits: 5), .picojoule,
          Provenance(.fitted, source, error: error?.rounded(digits: 3)))
      }
    }
    func registerBits(_ counts: AreaCounts) -> [Double] {
      [counts[.pipelineBits] + counts[.windowBits]]
    }
    let logic = fit(\.logic, scale: activity) {
      [$0.adderBits, $0[.windowBits]]
    }
    return Technology.Energies(
      registerClock: fit(\.clock, scale: 1, registerBits)[0],
      registerData: fit(\.registers, scale: activity, registerBits)[0],
      windowBit: logic[1], adderBit: logic[0], activity: activity)
  }
}
