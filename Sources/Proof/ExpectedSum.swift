import NeuralGraph
import RTL

/// A sum of two maps as the model has it, and a plane over both codes that equals it: `SumForm`, whose
/// every value is compared with the model's rule here, on all pairs of codes of a channel.
struct ExpectedSum: Sendable {
  private let add: QuantizedAdd
  private let zeroPoints: (Int, Int)
  private let zeroPoint: Int
  /// The input channel of the second operand, less that of the first; 0 for a map added to itself.
  private let secondChannel: Int
  private let inputs: [ClosedRange<Int>]
  /// Nil where no plane is known.
  private let form: SumForm?

  /// `inputs` are the codes of the operands' channels, `taken` those that the design takes inputs and
  /// outputs to have: the plane that it has is the one that is sought on these.
  init(
    _ add: QuantizedAdd, zeroPoints: [Int], secondChannel: Int, zeroPoint: Int,
    inputs: [ClosedRange<Int>], taken: (inputs: [ClosedRange<Int>], outputs: [ClosedRange<Int>])
  ) {
    self.add = add
    self.zeroPoints = (zeroPoints[0], zeroPoints[1])
    self.zeroPoint = zeroPoint
    self.secondChannel = secondChannel
    self.inputs = inputs
    // On all codes of all channels that are not constant.
    var hull: (ClosedRange<Int>, ClosedRange<Int>)?
    for (channel, codes) in taken.outputs.enumerated() where codes.lowerBound < codes.upperBound {
      let (a, b) = (taken.inputs[channel], taken.inputs[channel + secondChannel])
      hull =
        hull.map { known in
          (
            min(known.0.lowerBound, a.lowerBound)...max(known.0.upperBound, a.upperBound),
            min(known.1.lowerBound, b.lowerBound)...max(known.1.upperBound, b.upperBound)
          )
        } ?? (a, b)
    }
    let zeros = (zeroPoints[0], zeroPoints[1])
    form = hull.flatMap { a, b in
      SumForm.find(add, a, b) { add.code($0, $1, zeroPoints: zeros, output: zeroPoint) }
    }
  }

  /// What a channel is to be: the plane's sum of the codes that are in hardware, shifted and clamped.
  /// Throws when there is no plane, or when it is not the model's sum.
  func expectation(
    of channel: Int, codes: ClosedRange<Int>, live: Set<Int>, node: String,
    _ atom: (Int) -> AtomID
  ) throws(Diagnostic) -> ChannelExpectation {
    guard let form else {
      throw Diagnostic(
        "a sum that no plane over both codes equals is not covered by this proof", node: node)
    }
    let sources = (channel, channel + secondChannel)
    let (first, second) = (inputs[sources.0], inputs[sources.1])
    for a in first {
      for b in secondChannel == 0 ? a...a : second {
        let code = form.code(form.first * a + form.second * b, add.clamp)
        guard code == add.code(a, b, zeroPoints: zeroPoints, output: zeroPoint) else {
          throw Diagnostic("its plane is not the sum of \(a) and \(b)", node: node)
        }
      }
    }
    var weights: [AtomID: Int] = [:]
    var fixed = 0
    var (low, high) = (0, 0)
    for (source, weight) in [(sources.0, form.first), (sources.1, form.second)] where weight != 0 {
      let codes = inputs[source]
      guard live.contains(source) else {
        guard codes.lowerBound == codes.upperBound else {
          throw Diagnostic(
            "input channel \(source) can be \(codes.lowerBound) to \(codes.upperBound) and is not "
              + "there", node: node)
        }
        fixed += weight * codes.lowerBound
        continue
      }
      low += weight * (weight < 0 ? codes.upperBound : codes.lowerBound)
      high += weight * (weight < 0 ? codes.lowerBound : codes.upperBound)
      weights[atom(source), default: 0] += weight
    }
    var result = ChannelExpectation(weights: weights, codes: codes)
    let shift = result.shift
    let clamp = add.clamp
    result.cases = [
      .init(sums: low >> shift...high >> shift) { form.code($0 << shift + fixed, clamp) }
    ]
    return result
  }
}
