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
