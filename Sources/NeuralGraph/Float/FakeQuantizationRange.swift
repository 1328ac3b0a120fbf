/// The nudged grid of one fake quantization: its scale and zero point, and what it does to a
/// number. Source: TensorFlow's `Nudge` and FakeQuantWithMinMaxVars kernel, in binary32.
public struct FakeQuantizationRange: Hashable, Sendable {
  /// The codes of the grid.
  public let codes: ClosedRange<Int>
  /// The nudged scale and zero point.
  public let parameters: QuantizationParameters

  /// Nil when the bounds are not finite, not in order, or give a scale of zero.
  ///
  /// The scale is the binary32 rounding of the binary64 quotient, as TensorFlow's converter stores
  /// it. The zero point is the code nearest to 0.0's place, halves up, cut to the grid: a range
  /// beside zero moves until it touches it.
  public init?(_ grid: FakeQuantization, minimum: Float, maximum: Float) {
    guard minimum.isFinite, maximum.isFinite, minimum <= maximum else { return nil }
    codes = grid.codes
    let steps = Double(codes.upperBound - codes.lowerBound)
    let scale = Float((Double(maximum) - Double(minimum)) / steps)
    guard scale.isNormal else { return nil }
    let place = (Float(codes.lowerBound) - minimum / scale + 0.5).rounded(.down)
    let nudged = min(max(place, Float(codes.lowerBound)), Float(codes.upperBound))
    parameters = QuantizationParameters(scale: scale, zeroPoint: Int(nudged))
  }

  /// The nudged minimum: the number that the lowest code stands for.
  public var minimum: Float { Float(codes.lowerBound - parameters.zeroPoint) * parameters.scale }
  /// The nudged maximum.
  public var maximum: Float { Float(codes.upperBound - parameters.zeroPoint) * parameters.scale }

  /// The code of `x`: the distance from the nudged minimum times the rounded inverse of the scale,
  /// halves up. (Dividing by the scale gives another code for some weights on a tie.)
  public func code(_ x: Float) -> Int {
    let clamped = min(max(x, minimum), maximum)
    let steps = ((clamped - minimum) * (1 / parameters.scale) + 0.5).rounded(.down)
    let limit = Float(codes.upperBound - codes.lowerBound)
    // The comparison is false for a number that is none, which goes to the lowest code.
    return (steps > 0 ? Int(min(steps, limit)) : 0) + codes.lowerBound
  }

  /// `x` on the grid.
  public func apply(_ x: Float) -> Float {
    Float(code(x) - codes.lowerBound) * parameters.scale + minimum
  }
}
