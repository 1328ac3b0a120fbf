extension Staircase {
  /// What `fit` prefers.
  public struct FitOptions: Hashable, Sendable {
    /// Exponents E to try for outputs of both signs: the sign is subtracted at `shift - E`. TFLite's
    /// requantizer of exponent -E needs that E; empty tries them all, which is slower.
    public var signExponents: [Int]
    /// Bits that a multiplier may have more than the shortest one, if that saves adders.
    public var spareBits: Int
    /// Bits that a multiplier may have altogether, unless the shortest one has more.
    public var multiplierBits: Int

    public init(signExponents: [Int] = [], spareBits: Int = 4, multiplierBits: Int = 21) {
      self.signExponents = signExponents
      self.spareBits = spareBits
      self.multiplierBits = multiplierBits
    }
  }

  /// The multiplication, addition and shift that equals this staircase on its whole domain, with the
  /// cheapest multiplier in adders (then bits) found; proved before it is returned. nil when no line
  /// does it: then the two roundings have to be built as they are.
  ///
  /// `clamp` is what cuts the result off in any case (the type's range and the activation); it has to
  /// contain all values. An end of the staircase that lies inside `clamp` is reached without the cut.
  public func fit(
    clamp: ClosedRange<Int>, using multipliers: inout ConstantMultiplier,
    options: FitOptions = FitOptions()
  ) -> LinearStaircase? {
    precondition(
      clamp.contains(lowest) && clamp.contains(highest), "a clamp contains all values it cuts")
    if isConstant {
      return LinearStaircase(
        self, multiplier: 0, shift: 0, offsets: lowest...lowest, signShift: nil, clamp: clamp)
    }
    let exponents = options.signExponents.isEmpty ? Array(0...31) : options.signExponents
    for exponent in [nil] + (domain.lowerBound < 0 ? exponents : []) {
      let line = LineConstraints(self, clamp: clamp, signExponent: exponent)
      guard let slopes = line.slopes else { continue }
      if let best = cheapest(line, slopes, clamp, &multipliers, options) {
        return best
      }
    }
    return nil
  }

  /// The cheapest multiplier strictly inside a slope interval, of equally cheap ones the shortest, as a
  /// proved line.
  private func cheapest(
    _ line: LineConstraints, _ slopes: (low: Slope, high: Slope), _ clamp: ClosedRange<Int>,
    _ multipliers: inout ConstantMultiplier, _ options: FitOptions
  ) -> LinearStaircase? {
    let candidates = line.multipliers(slopes, options)
      .compactMap { line.line(self, $0, scale: $1, clamp: clamp) }
    for count in 0...5 {
      for candidate in candidates
      where multipliers.needs(atMost: count, for: candidate.multiplier)
        && candidate.equals(self)
      {
        return candidate
      }
    }
    return candidates.first { $0.equals(self) }
  }
}

/// The points that a line `(x * c + r - [x < 0] * 2^(s - E)) >> s` has to pass to equal a staircase:
/// not below level k at the threshold of k, below it one input before. Levels are in units of 2^-E, and
/// one unit higher where x is negative.
struct LineConstraints {
  /// Not below these.
  private var above: [LinePoint] = []
  /// Strictly below these.
  private var below: [LinePoint] = []
  private let signExponent: Int?
  private let width: Int

  init(_ staircase: Staircase, clamp: ClosedRange<Int>, signExponent: Int?) {
    self.signExponent = signExponent
    width = SignalWidth.bitLength(staircase.domain.upperBound - staircase.domain.lowerBound)
    let unit = 1 << (signExponent ?? 0)
    func level(_ value: Int, at x: Int) -> Int {
      value * unit + (signExponent != nil && x < 0 ? 1 : 0)
    }
    let (low, high) = (staircase.domain.lowerBound, staircase.domain.upperBound)
    if staircase.lowest > clamp.lowerBound {
      above.append(LinePoint(x: low, y: level(staircase.lowest, at: low)))
    }
    for (index, threshold) in staircase.thresholds.enumerated() {
      let value = staircase.lowest + 1 + index
      // Of several levels reached at once the highest binds from below, the lowest from above.
      if index + 1 == staircase.thresholds.count || staircase.thresholds[index + 1] > threshold {
        above.append(LinePoint(x: threshold, y: level(value, at: threshold)))
      }
      if threshold > low, index == 0 || staircase.thresholds[index - 1] < threshold {
        below.append(LinePoint(x: threshold - 1, y: level(value, at: threshold - 1)))
      }
    }
    if staircase.highest < clamp.upperBound {
      below.append(LinePoint(x: high, y: level(staircase.highest + 1, at: high)))
    }
  }

  /// The slopes, in units of 2^-E a step of x, between which a line exists; both ends excluded. nil when
  /// there is none.
  var slopes: (low: Slope, high: Slope)? {
    let zero = Slope(rise: 0, run: 1)
    let low = max(zero, Slope.steepest(from: below, to: above) ?? zero)
    // Without an upper bound the powers of two above `low` are as good as any.
    var high = Slope.flattest(from: above, to: below) ?? Slope(rise: 4 * low.rise + 4, run: low.run)
    if low == zero {
      // Any slope below `high` does; the flattest that is of use keeps the line inside one level.
      high = min(high, Slope(rise: 2 << (signExponent ?? 0), run: 1 << width))
    }
    return low < high ? (low, high) : nil
  }

  /// Multipliers c with `c / 2^scale` (in levels) inside the interval, shortest first: odd, or even with
  /// a scale of 0.
  func multipliers(
    _ slopes: (low: Slope, high: Slope), _ options: Staircase.FitOptions
  ) -> [(Int, scale: Int)] {
    let exponent = signExponent ?? 0
    var found: [(Int, scale: Int)] = []
    var scale = -32
    var last = 62
    while scale <= last && found.count < 1 << 8 {
      let (first, end) = (
        Self.floor(slopes.low, scale: scale - exponent) + 1,
        Self.ceiling(slopes.high, scale: scale - exponent) - 1
      )
      if first <= end {
        if found.isEmpty {
          let bits = SignalWidth.bitLength(Int(first))
          last = min(last, scale + min(options.spareBits, max(0, options.multiplierBits - bits)))
        }
        for candidate in first...min(end, first + 255) where candidate % 2 != 0 || scale <= -32 {
          found.append((Int(candidate), scale))
        }
      }
      scale += 1
    }
    return found.map { multiplier, scale in
      scale < 0 ? (multiplier << -scale, 0) : (multiplier, scale)
    }
  }

  /// `floor(slope * 2^scale)`.
  private static func floor(_ slope: Slope, scale: Int) -> Int128 {
    scale >= 0
      ? (Int128(slope.rise) << Int128(scale)) / Int128(slope.run)
      : Int128(slope.rise) / (Int128(slope.run) << Int128(-scale))
  }

  private static func ceiling(_ slope: Slope, scale: Int) -> Int128 {
    let (rise, run) =
      scale >= 0
      ? (Int128(slope.rise) << Int128(scale), Int128(slope.run))
      : (Int128(slope.rise), Int128(slope.run) << Int128(-scale))
    return (rise + run - 1) / run
  }

  /// The line of a multiplier with all its offsets; nil when no offset does, or 64 bits do not hold it.
  func line(
    _ staircase: Staircase, _ multiplier: Int, scale: Int, clamp: ClosedRange<Int>
  ) -> LinearStaircase? {
    var (multiplier, scale) = (Int128(multiplier), scale)
    let exponent = signExponent ?? 0
    if scale < exponent {
      multiplier <<= Int128(exponent - scale)
      scale = exponent
    }
    // Heights in units of 2^-scale; a level unit is 2^(scale - E) of them.
    let unit = Int128(1) << Int128(scale - exponent)
    let lowest = above.map { Int128($0.y) * unit - Int128($0.x) * multiplier }.max()
    let highest = below.map { Int128($0.y) * unit - 1 - Int128($0.x) * multiplier }.min()
    guard let lowest = lowest ?? highest, let highest = highest ?? lowest as Int128?,
      lowest <= highest
    else { return nil }
    let reach =
      Int128(max(staircase.domain.lowerBound.magnitude, staircase.domain.upperBound.magnitude))
      * multiplier + max(lowest.magnitude, highest.magnitude).signedValue + unit
    guard reach < 1 << 62 else { return nil }
    return LinearStaircase(
      staircase, multiplier: Int(multiplier), shift: scale, offsets: Int(lowest)...Int(highest),
      signShift: signExponent.map { scale - $0 }, clamp: clamp)
  }
}

extension UInt128 {
  fileprivate var signedValue: Int128 { Int128(truncatingIfNeeded: self) }
}
