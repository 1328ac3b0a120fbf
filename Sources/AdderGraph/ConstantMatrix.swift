/// The integer weights of a constant matrix-vector multiplication, `y[o] = sum over i of x[i] w[i][o]`.
public struct ConstantMatrix: Equatable, Sendable {
  /// Number of rows: elements of x.
  public let inputs: Int
  /// Number of columns: elements of y.
  public let outputs: Int
  /// Row-major, `inputs` x `outputs`.
  public let values: [Int]

  /// Magnitudes have to stay below this, so that signed digits, partial sums and their proofs are
  /// exact in 64 bits.
  public static let magnitudeLimit = 1 << 60

  /// A matrix of row-major values, `inputs` x `outputs` of them, each below `magnitudeLimit`.
  public init(inputs: Int, outputs: Int, values: [Int]) {
    precondition(
      inputs >= 0 && outputs >= 0 && values.count == inputs * outputs,
      "a constant matrix has inputs x outputs values")
    precondition(
      values.allSatisfy { $0.magnitude < Self.magnitudeLimit.magnitude },
      "a weight is smaller than 2^60")
    self.inputs = inputs
    self.outputs = outputs
    self.values = values
  }

  /// The weight from an input to an output.
  public subscript(input: Int, output: Int) -> Int { values[input * outputs + output] }

  /// The weights of one output, one an input.
  public func column(_ output: Int) -> [Int] { (0..<inputs).map { self[$0, output] } }

  /// The matrix of one output alone: one depthwise filter, say.
  public func columnMatrix(_ output: Int) -> ConstantMatrix {
    ConstantMatrix(inputs: inputs, outputs: 1, values: column(output))
  }

  /// Number of weights that are zero.
  public var zeroCount: Int { values.lazy.filter { $0 == 0 }.count }

  /// Adders when every output sums the canonical signed digits of its weights and nothing is shared.
  public var unsharedAdderCount: Int {
    var digits = [Int](repeating: 0, count: outputs)
    for input in 0..<inputs {
      for output in 0..<outputs { digits[output] += SignedDigits(self[input, output]).count }
    }
    return digits.reduce(0) { $0 + max(0, $1 - 1) }
  }

  /// Whether the magnitudes of every output's weights add up to less than 2^bits.
  func sumsFit(bits: Int) -> Bool {
    guard bits > 0 else { return false }
    for output in 0..<outputs {
      var total = 0
      for input in 0..<inputs {
        let (sum, overflow) = total.addingReportingOverflow(abs(self[input, output]))
        if overflow || sum >> bits != 0 { return false }
        total = sum
      }
    }
    return true
  }
}
