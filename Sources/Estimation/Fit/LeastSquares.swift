/// Linear least squares whose solution has no negative entry.
///
/// Lawson and Hanson's active set method ("Solving Least Squares Problems", 1974, chapter 23) on the normal
/// equations, columns scaled to length one. Each step moves to a solution of smaller error with another
/// set of positive entries, so it ends; O(n^3) a step, n columns.
public enum LeastSquares {
  /// The x >= 0 of least |rows x - values|. Columns must be told apart by the rows (`dependent`).
  public static func nonNegative(rows: [[Double]], values: [Double]) -> [Double] {
    precondition(rows.count == values.count, "a row has a value")
    let (gram, lengths) = gram(rows)
    let columns = lengths.count
    let target = (0..<columns).map { column in
      lengths[column] == 0
        ? 0
        : zip(rows, values).reduce(0) { $0 + $1.0[column] * $1.1 } / lengths[column]
    }
    var solution = [Double](repeating: 0, count: columns)
    var positive: [Int] = []
    for _ in 0..<3 * (columns + 1) {
      let slope = (0..<columns).map { row in
        target[row] - (0..<columns).reduce(0) { $0 + gram[row][$1] * solution[$1] }
      }
      let candidates = (0..<columns).filter { !positive.contains($0) && slope[$0] > 1e-10 }
      guard let next = candidates.max(by: { slope[$0] < slope[$1] }) else { break }
      positive.append(next)
      while let wanted = solve(gram, target, positive) {
        // As far as no entry turns negative.
        let limit = zip(positive, wanted).filter { $0.1 <= 0 }
          .map { solution[$0.0] > 0 ? solution[$0.0] / (solution[$0.0] - $0.1) : 0 }.min()
        let step = limit ?? 1
        for (column, wanted) in zip(positive, wanted) {
          solution[column] += step * (wanted - solution[column])
        }
        if limit == nil { break }
        for column in positive where solution[column] <= 1e-15 { solution[column] = 0 }
        positive.removeAll { solution[$0] == 0 }
      }
    }
    return zip(solution, lengths).map { $1 == 0 ? 0 : $0 / $1 }
  }

  /// The columns that the rows do not tell from the columns before them, or that are zero.
  public static func dependent(rows: [[Double]]) -> [Int] {
    let (gram, lengths) = gram(rows)
    var kept: [Int] = []
    return lengths.indices.filter { column in
      if lengths[column] > 0, factor(gram, kept + [column]) != nil {
        kept.append(column)
        return false
      }
      return true
    }
  }

  /// Products of all pairs of columns of length one, and the columns' lengths.
  private static func gram(_ rows: [[Double]]) -> (products: [[Double]], lengths: [Double]) {
    let columns = rows.first?.count ?? 0
    let lengths = (0..<columns).map { column in
      rows.reduce(0) { $0 + $1[column] * $1[column] }.squareRoot()
    }
    let products = (0..<columns).map { a in
      (0..<columns).map { b in
        let scale = lengths[a] * lengths[b]
        return scale == 0 ? 0 : rows.reduce(0) { $0 + $1[a] * $1[b] } / scale
      }
    }
    return (products, lengths)
  }

  /// The Cholesky factor of the products of `columns`; nil when a column is a sum of others, but for a
  /// thousandth of its length.
  private static func factor(_ gram: [[Double]], _ columns: [Int]) -> [[Double]]? {
    var factor: [[Double]] = []
    for (row, column) in columns.enumerated() {
      var line: [Double] = []
      for other in 0..<row {
        let known = zip(line, factor[other]).reduce(0) { $0 + $1.0 * $1.1 }
        line.append((gram[column][columns[other]] - known) / factor[other][other])
      }
      let rest = gram[column][column] - line.reduce(0) { $0 + $1 * $1 }
      guard rest > 1e-6 else { return nil }
      factor.append(line + [rest.squareRoot()])
    }
    return factor
  }

  /// The solution with entries in `columns` alone.
  private static func solve(_ gram: [[Double]], _ target: [Double], _ columns: [Int]) -> [Double]? {
    guard let factor = factor(gram, columns) else { return nil }
    var forward: [Double] = []
    for row in columns.indices {
      let known = zip(factor[row], forward).reduce(0) { $0 + $1.0 * $1.1 }
      forward.append((target[columns[row]] - known) / factor[row][row])
    }
    var solution = forward
    for row in columns.indices.reversed() {
      let known = (row + 1..<columns.count).reduce(0) { $0 + factor[$1][row] * solution[$1] }
      solution[row] = (forward[row] - known) / factor[row][row]
    }
    return solution
  }
}
