import NeuralGraph

/// Integers of any type, row-major: shapes, axes, paddings, flags.
struct KnownIntegers: Hashable {
  var shape: TensorShape
  var values: [Int]

  /// The values, when the rank is 0 or 1.
  var list: [Int]? { shape.rank <= 1 ? values : nil }

  static func vector(_ values: [Int]) -> KnownIntegers {
    KnownIntegers(shape: TensorShape([values.count]), values: values)
  }

  static func scalar(_ value: Int) -> KnownIntegers {
    KnownIntegers(shape: TensorShape([]), values: [value])
  }
}

extension KnownIntegers {
  /// Why arithmetic on known integers has no result.
  struct Impossible: Error {
    var message: String
  }

  /// Sums, products, quotients and extremes of equally long lists, or of a list and one number.
  /// Quotients are cut towards zero.
  static func combine(
    _ operation: BinaryOperation, _ a: KnownIntegers, _ b: KnownIntegers
  ) throws(Impossible) -> KnownIntegers {
    let (left, right) = (a.values.count, b.values.count)
    guard a.shape == b.shape || left == 1 || right == 1 else {
      throw Impossible(message: "\(a.shape) and \(b.shape) do not match")
    }
    let shape =
      left == right
      ? (a.shape.rank >= b.shape.rank ? a.shape : b.shape) : (right == 1 ? a.shape : b.shape)
    var values: [Int] = []
    values.reserveCapacity(shape.elementCount)
    for index in 0..<shape.elementCount {
      let x = left == 1 ? a.values[0] : a.values[index]
      let y = right == 1 ? b.values[0] : b.values[index]
      let (value, overflow): (Int, Bool) =
        switch operation {
        case .add: x.addingReportingOverflow(y)
        case .subtract: x.subtractingReportingOverflow(y)
        case .multiply: x.multipliedReportingOverflow(by: y)
        case .minimum: (min(x, y), false)
        case .maximum: (max(x, y), false)
        case .divide: x.dividedReportingOverflow(by: y)
        }
      guard !overflow else {
        throw Impossible(message: "integer \(operation.rawValue) of \(x) and \(y) is not possible")
      }
      values.append(value)
    }
    return KnownIntegers(shape: shape, values: values)
  }

  /// The product of all values.
  func product() throws(Impossible) -> Int {
    var result = 1
    for value in values {
      let (product, overflow) = result.multipliedReportingOverflow(by: value)
      guard !overflow else { throw Impossible(message: "the product leaves 64 bits") }
      result = product
    }
    return result
  }
}
