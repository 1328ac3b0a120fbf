/// Rounds a layer's weights one input after the other, each error made good by the weights that are
/// still to come.
///
/// The measure is the mean square of what the change does to an output over the calibration windows,
/// its mean taken off (the bias gives that back): `d^T C d` with the inputs' covariance C. The optimal
/// answer of the other weights to an error in one is a row of the inverse of C (optimal brain surgeon:
/// Hassibi and Stork, 1993); done in one order for all outputs it is a Cholesky factor of the inverse
/// (Frantar et al., GPTQ, 2022). C is damped by a hundredth of its mean diagonal.
struct ErrorFeedback: Sendable {
  private let depth: Int
  /// The inputs in the order in which they are rounded: the liveliest first.
  let order: [Int]
  /// The upper factor U of the inverse in that order: U^T U.
  private let factor: [Double]

  /// `covariance` is `depth` x `depth`, symmetric.
  init(covariance: [Double], depth: Int) {
    self.depth = depth
    let diagonal = (0..<depth).map { covariance[$0 * depth + $0] }
    let order = (0..<depth).sorted {
      diagonal[$0] != diagonal[$1] ? diagonal[$0] > diagonal[$1] : $0 < $1
    }
    self.order = order
    var damping = diagonal.reduce(0, +) / Double(depth) / 100
    if !(damping > 1e-6) { damping = 1e-6 }
    while true {
      var matrix = [Double](repeating: 0, count: depth * depth)
      for i in 0..<depth {
        for j in 0..<depth { matrix[i * depth + j] = covariance[order[i] * depth + order[j]] }
        matrix[i * depth + i] += damping
      }
      // The inverse's upper factor is the inverse of the lower factor of the matrix read backwards.
      if let factor = Self.inverseFactor(matrix, depth) {
        self.factor = factor
        return
      }
      damping *= 10
    }
  }

  /// U with U^T U = matrix^-1, U upper triangular; nil when the matrix is not positive definite.
  private static func inverseFactor(_ matrix: [Double], _ n: Int) -> [Double]? {
    // matrix = R R^T with R upper triangular, from the last row up; then matrix^-1 = R^-T R^-1, and
    // U = R^-1 is upper triangular.
    var r = matrix
    for j in stride(from: n - 1, through: 0, by: -1) {
      var pivot = r[j * n + j]
      for k in j + 1..<max(j + 1, n) { pivot -= r[j * n + k] * r[j * n + k] }
      guard pivot > 0, pivot.isFinite else { return nil }
      let root = pivot.squareRoot()
      r[j * n + j] = root
      for i in 0..<j {
        var sum = r[i * n + j]
        for k in j + 1..<max(j + 1, n) { sum -= r[i * n + k] * r[j * n + k] }
        r[i * n + j] = sum / root
      }
    }
    // Back substitution, column by column.
    var u = [Double](repeating: 0, count: n * n)
    for j in 0..<n {
      u[j * n + j] = 1 / r[j * n + j]
      for i in stride(from: j - 1, through: 0, by: -1) {
        var sum = 0.0
        for k in i + 1...j { sum += r[i * n + k] * u[k * n + j] }
        u[i * n + j] = -sum / r[i * n + i]
      }
    }
    return u
  }

  /// The mean square that an error of 1 in the weight at `step` of the order costs when the later
  /// weights make good what they can.
  func price(_ step: Int) -> Double {
    let u = factor[step * depth + step]
    return 1 / (u * u)
  }

  /// Gives the later weights of an output (`rest`, in the order) their share of an error at `step`.
  func spread(_ error: Double, step: Int, over rest: inout [Double]) {
    let share = error / factor[step * depth + step]
    for k in step + 1..<max(step + 1, depth) { rest[k] -= share * factor[step * depth + k] }
  }

  /// `row` times the damped inverse of the covariance; both in the inputs' own order.
  func solve(_ row: [Double]) -> [Double] {
    // U^T U, in the order: first U^T, then U.
    var middle = [Double](repeating: 0, count: depth)
    for i in 0..<depth {
      var sum = 0.0
      for k in i..<depth { sum += factor[i * depth + k] * row[order[k]] }
      middle[i] = sum
    }
    var result = [Double](repeating: 0, count: depth)
    for i in 0..<depth where middle[i] != 0 {
      for k in i..<depth { result[order[k]] += factor[i * depth + k] * middle[i] }
    }
    return result
  }
}
