import NeuralGraph

/// A technology node by its name in nanometres, and how area, delay and energy scale between nodes.
///
/// Source: A. Stillmaker and B. Baas, "Scaling equations for the accurate prediction of CMOS device
/// performance from 180 nm to 7 nm", Integration 58 (2017): a table of areas, and polynomials in the
/// supply voltage V: delay a3 V^3 + a2 V^2 + a1 V + a0, energy b2 V^2 + b1 V + b0. 45, 16 and 7 nm are
/// the high-performance variants.
public struct ProcessNode: Hashable, Sendable {
  /// Nanometres.
  public var size: Int
  /// An area of this node as a multiple of the same design's at 16 nm, inverted: multiply by it to
  /// come to 16 nm.
  let areaTo16: Double
  /// a3, a2, a1, a0; nil where the project has no polynomial.
  let delay: [Double]?
  /// b2, b1, b0.
  let energy: [Double]?
  /// The supply that figures are scaled to at this node when nobody says another, volts.
  let usualVoltage: Double?

  /// The paper, as figures cite it.
  public static let source = "Stillmaker and Baas, Integration 58, 2017"

  /// All nodes that areas can be scaled between, the coarsest first.
  public static let all: [ProcessNode] = [
    ProcessNode(
      size: 180, areaTo16: 0.010, delay: [0, 97.09, -356.7, 406.5],
      energy: [24.64, -17.98, 0], usualVoltage: 1.8),
    ProcessNode(
      size: 130, areaTo16: 0.030, delay: [-76.65, 334.9, -493.4, 275.8],
      energy: [7.171, -6.709, 2.904], usualVoltage: 1.2),
    ProcessNode(size: 90, areaTo16: 0.067),
    ProcessNode(size: 65, areaTo16: 0.13),
    ProcessNode(
      size: 45, areaTo16: 0.19, delay: [-501.6, 1567, -1619, 566.1],
      energy: [1.018, -0.3107, 0.1539], usualVoltage: 1.0),
    ProcessNode(size: 32, areaTo16: 0.41),
    ProcessNode(size: 20, areaTo16: 0.89),
    ProcessNode(
      size: 16, areaTo16: 1, delay: [0, 24.8, -47.52, 28.87],
      energy: [0.2958, -0.1241, 0.03024], usualVoltage: 0.8),
    ProcessNode(size: 14, areaTo16: 1.1),
    ProcessNode(size: 10, areaTo16: 1.9),
    ProcessNode(
      size: 7, areaTo16: 3.2, delay: [-28.58, 76.6, -70.26, 24.69],
      energy: [0.1776, -0.09097, 0.02447], usualVoltage: 0.7),
  ]

  private init(
    size: Int, areaTo16: Double, delay: [Double]? = nil, energy: [Double]? = nil,
    usualVoltage: Double? = nil
  ) {
    self.size = size
    self.areaTo16 = areaTo16
    self.delay = delay
    self.energy = energy
    self.usualVoltage = usualVoltage
  }

  /// The node of this size; a diagnostic names those that there are.
  public init(_ size: Int) throws(Diagnostics) {
    guard let node = Self.all.first(where: { $0.size == size }) else {
      throw Diagnostics(
        Diagnostic(
          "\(size) nm is not a node that figures can be scaled to",
          remedy: "the nodes are "
            + Self.all.map { String($0.size) }.joined(separator: ", ") + " nm"))
    }
    self = node
  }

  /// The node at a supply voltage: what delay and energy depend on.
  public struct Operation: Hashable, Sendable {
    public let node: ProcessNode
    /// Volts.
    public let voltage: Double
    /// The polynomials' values at that voltage; only ratios of them mean anything.
    let delayFactor: Double
    let energyFactor: Double
  }

  /// The node at `voltage`, or at its usual one. Throws when there is no polynomial for the node, and
  /// for a voltage where the delay polynomial is not positive or has turned up: more than 5 % above
  /// its least value at any lower voltage (45 nm: above 1.0 V).
  public func operation(voltage: Double? = nil) throws(Diagnostics) -> Operation {
    guard let delay, let energy, let usualVoltage else {
      let known = Self.all.filter { $0.delay != nil }.map { String($0.size) }
      throw Diagnostics(
        Diagnostic(
          "delay and energy cannot be scaled to \(size) nm: only areas are tabled for it",
          remedy: "choose one of \(known.joined(separator: ", ")) nm"))
    }
    let voltage = voltage ?? usualVoltage
    guard (0.1...10).contains(voltage) else {
      throw Diagnostics(Diagnostic("\(voltage) V is no supply voltage of \(size) nm"))
    }
    let delayFactor = Self.value(delay, voltage)
    let energyFactor = Self.value(energy, voltage)
    let least = stride(from: 0.5 * usualVoltage, through: voltage, by: 0.01)
      .map { Self.value(delay, $0) }.filter { $0 > 0 }.min()
    guard delayFactor > 0, energyFactor > 0, let least, delayFactor <= 1.05 * least else {
      throw Diagnostics(
        Diagnostic(
          "\(voltage) V lies outside the delay polynomial of \(size) nm",
          remedy: "scale from \(usualVoltage) V and say so"))
    }
    return Operation(
      node: self, voltage: voltage, delayFactor: delayFactor, energyFactor: energyFactor)
  }

  /// Multiplies an area of this node to that of `target`.
  public func areaFactor(to target: ProcessNode) -> Double { areaTo16 / target.areaTo16 }

  private static func value(_ coefficients: [Double], _ voltage: Double) -> Double {
    coefficients.reduce(0) { $0 * voltage + $1 }
  }
}

extension ProcessNode.Operation {
  /// Multiplies a delay at this operation to that at `target`.
  public func delayFactor(to target: Self) -> Double { target.delayFactor / delayFactor }
  /// Multiplies an energy at this operation to that at `target`.
  public func energyFactor(to target: Self) -> Double { target.energyFactor / energyFactor }
}

extension Quantity {
  /// The quantity at `target`, of a figure at `origin`: unchanged where they are the same, else by
  /// the scaling tables, and marked as scaled. Areas need no operation, energies and delays do.
  public func scaled(from origin: ProcessNode.Operation, to target: ProcessNode.Operation)
    -> Quantity
  {
    guard origin != target else { return self }
    let factor: Double
    switch unit {
    case .squareMicrometre, .squareMillimetre: factor = origin.node.areaFactor(to: target.node)
    case .nanosecond: factor = origin.delayFactor(to: target)
    case .picojoule, .microjoule: factor = origin.energyFactor(to: target)
    case .milliwatt, .framesPerSecond, .teraOperationsPerWatt:
      preconditionFailure("\(unit.rawValue) is computed from scaled figures, never scaled itself")
    }
    var scaled = self * factor
    if origin.node != target.node || unit == .nanosecond || unit == .picojoule
      || unit == .microjoule
    {
      scaled.provenance = provenance.through(.scaled, ProcessNode.source)
    }
    return scaled
  }
}
