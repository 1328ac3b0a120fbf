/// Real numbers in binary32, row-major, innermost dimension last.
public struct FloatTensor: Hashable, Sendable {
  public let shape: TensorShape
  public let values: [Float]

  /// Traps unless there is one value an element.
  public init(shape: TensorShape, values: [Float]) {
    precondition(shape.elementCount == values.count, "a tensor needs one value an element")
    self.shape = shape
    self.values = values
  }

  /// A tensor of rank 0.
  public init(scalar: Float) { self.init(shape: TensorShape([]), values: [scalar]) }

  /// A tensor of rank 1.
  public init(vector: [Float]) { self.init(shape: TensorShape([vector.count]), values: vector) }

  /// The same values in another shape of the same element count.
  public func reshaped(to shape: TensorShape) -> FloatTensor {
    FloatTensor(shape: shape, values: values)
  }

  /// Index of the first value that is infinite or not a number, or nil.
  public var firstNonFinite: Int? { values.firstIndex { !$0.isFinite } }
}
