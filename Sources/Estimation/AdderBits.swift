import RTL

/// Bits of a layer's adders by what they take. Bits that are wires are not counted: those of a longer
/// operand below the shorter one, where nothing is carried yet.
struct AdderBits: Hashable, Sendable {
  struct Count: Hashable, Sendable {
    /// Two operands and a carry meet.
    var full = 0
    /// An operand, the sign of a shorter one, and a carry meet.
    var sign = 0
    /// A carry meets one operand, or a constant does.
    var half = 0

    var all: Int { full + sign + half }

    static func + (a: Count, b: Count) -> Count {
      Count(full: a.full + b.full, sign: a.sign + b.sign, half: a.half + b.half)
    }
  }

  /// Of weight sums.
  var sums = Count()
  /// Of what stands behind them.
  var requantizers = Count()

  init(_ layer: Layer) {
    for (index, signal) in layer.datapath.signals.enumerated() {
      let width = layer.widths.bits[index]
      let count: Count
      switch signal.operation {
      case .add(let a, let b):
        count = Self.count(a, b, width: width, layer.datapath, layer.widths)
      // Rows of the second factor's bits, added up.
      case .multiply(_, _, let bits): count = Count(full: (bits - 1) * width)
      // A comparison's carries and a selection.
      case .maximum: count = Count(full: width)
      default: continue
      }
      if Self.isRequantizer(signal.name) {
        requantizers = requantizers + count
      } else {
        sums = sums + count
      }
    }
  }

  /// True for what stands behind a weight sum, by its name (docs/verilog.md).
  private static func isRequantizer(_ name: String) -> Bool {
    ["biased", "mul", "even", "prod", "y", "total", "half", "twice"].contains(
      name.prefix { $0.isLetter })
  }

  /// The bits of one adder.
  private static func count(
    _ a: Datapath.Operand, _ b: Datapath.Operand, width: Int, _ datapath: Datapath,
    _ widths: SignalWidths
  ) -> Count {
    for (operand, other) in [(a, b), (b, a)] {
      guard let constant = constant(other, datapath) else { continue }
      if constant == 0, !operand.isNegated { return Count() }
      let start =
        operand.isNegated ? operand.shift : max(operand.shift, constant.trailingZeroBitCount)
      return Count(half: max(0, width - start))
    }
    let ends = [a, b].map { $0.shift + widths.bits[$0.signal.index] }
    let shorter = ends[0] < ends[1] ? a : b
    let both = min(width, max(a.shift, b.shift))
    let full = both..<max(both, min(ends[0], ends[1], width))
    // Nothing is carried below the first bit that both operands reach, or that a constant does.
    var start = both
    for operand in [a, b] {
      if operand.isNegated { start = min(start, operand.shift) }
      if operand.fill != 0 { start = min(start, operand.fill.trailingZeroBitCount) }
    }
    let isExtended = shorter.isNegated || datapath[shorter.signal].interval.lowerBound < 0
    if full.isEmpty, start == both, !isExtended { return Count() }
    let above = width - full.upperBound
    return Count(
      full: full.count, sign: isExtended ? above : 0,
      half: full.lowerBound - start + (isExtended ? 0 : above))
  }

  private static func constant(_ operand: Datapath.Operand, _ datapath: Datapath) -> Int? {
    guard case .constant(let value) = datapath[operand.signal].operation else { return nil }
    return value << operand.shift + operand.fill
  }
}
