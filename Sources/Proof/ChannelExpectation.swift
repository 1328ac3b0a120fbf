/// What one output channel is to compute: a function of one number, the channel's *sum*.
struct ChannelExpectation {
  /// Where the sum can lie, and what the code then is.
  struct Case {
    /// Border masks in this case; masks that are not here have no certain value.
    var masks: [AtomID: Int] = [:]
    /// Every sum of the case, in units of 2^shift.
    var sums: ClosedRange<Int>
    /// The code of a sum, nondecreasing unless it is a table's.
    var code: (Int) -> Int
    /// False for a table: then each sum is compared by itself.
    var isMonotone = true
  }

  /// The sum without its constant is `2^shift * sum weight * atom`, not all weights even.
  var weights: [AtomID: Int]
  var shift: Int
  var cases: [Case]
  /// Every code of the channel.
  var codes: ClosedRange<Int>

  /// `weights` as they are in the model, zeros left out; takes out common powers of two.
  init(weights: [AtomID: Int], codes: ClosedRange<Int>) {
    var weights = weights.filter { $0.value != 0 }
    shift = weights.values.reduce(Int.bitWidth) { min($0, $1.trailingZeroBitCount) }
    if weights.isEmpty { shift = 0 }
    for atom in weights.keys { weights[atom]! >>= shift }
    self.weights = weights
    self.codes = codes
    cases = []
  }
}
